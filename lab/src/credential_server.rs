//! A server of credentials as pods, instances and laptops find it: the container endpoint of ECS and EKS Pod Identity, the instance
//! metadata service of EC2, and the portal of IAM Identity Center.

use std::{io, net::SocketAddr};

use aws_sdk_sts::config::Credentials;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Bytes, body::Incoming, header::AUTHORIZATION, header::HeaderValue,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::loopback::{Answering, Loopback};

/// What the container endpoint asks for in `Authorization`.
pub const TOKEN: &str = "pod-identity-token";

/// What the portal asks for: the access token of a login (IAM Identity Center portal API reference, `GetRoleCredentials`).
pub const LOGIN: &str = "login-token";

/// The session token of instance metadata (EC2 user guide, `IMDSv2`).
const METADATA_TOKEN: &str = "metadata-token";

/// A running server. It stops when dropped.
pub struct CredentialServer(Loopback);

impl CredentialServer {
    /// Starts one that gives these credentials for an hour.
    pub fn start(credentials: &Credentials) -> io::Result<Self> {
        let expires = Timestamp::now() + SignedDuration::from_hours(1);
        let document = json!({
            "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": Timestamp::now().to_string(),
            "AccessKeyId": credentials.access_key_id(), "SecretAccessKey": credentials.secret_access_key(),
            "Token": credentials.session_token().unwrap_or_default(), "Expiration": expires.to_string(),
        })
        .to_string();
        let of_portal = json!({"roleCredentials": {
            "accessKeyId": credentials.access_key_id(), "secretAccessKey": credentials.secret_access_key(),
            "sessionToken": credentials.session_token().unwrap_or_default(), "expiration": expires.as_millisecond(),
        }})
        .to_string();
        let (loopback, ()) = Loopback::start("credentials", || {
            let answer = move |request: Request<Incoming>| -> Answering<Full<Bytes>> {
                let (status, text) = answer(&request, &document, &of_portal);
                Box::pin(async move {
                    let mut response = Response::new(Full::new(Bytes::from(text)));
                    *response.status_mut() = status;
                    response
                        .headers_mut()
                        .insert("x-aws-ec2-metadata-token-ttl-seconds", HeaderValue::from_static("21600"));
                    Ok(response)
                })
            };
            io::Result::Ok(((), answer))
        })?;
        Ok(Self(loopback))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

fn answer(request: &Request<Incoming>, document: &str, of_portal: &str) -> (StatusCode, String) {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let role = "/latest/meta-data/iam/security-credentials/";
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/credentials") if header(AUTHORIZATION.as_str()) == TOKEN => {
            (StatusCode::OK, document.to_owned())
        }
        (&Method::GET, "/credentials") => (StatusCode::UNAUTHORIZED, String::new()),
        (&Method::GET, "/federation/credentials") if header("x-amz-sso_bearer_token") == LOGIN => {
            (StatusCode::OK, of_portal.to_owned())
        }
        (&Method::GET, "/federation/credentials") => (StatusCode::UNAUTHORIZED, String::new()),
        (&Method::PUT, "/latest/api/token") => (StatusCode::OK, METADATA_TOKEN.to_owned()),
        _ if header("x-aws-ec2-metadata-token") != METADATA_TOKEN => (StatusCode::UNAUTHORIZED, String::new()),
        (&Method::GET, path) if path == role => (StatusCode::OK, "operator".to_owned()),
        (&Method::GET, path) if path.strip_prefix(role) == Some("operator") => (StatusCode::OK, document.to_owned()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    }
}
