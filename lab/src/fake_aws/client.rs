//! A client that signs nothing and parses nothing: the least that a call can cost.

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::aws_proxy::Form;

/// Calls AWS by one key. Clones share their connections.
#[derive(Clone)]
pub struct AwsClient {
    endpoint: String,
    key: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl AwsClient {
    pub(super) fn new(endpoint: String, key: &str) -> Self {
        Self { endpoint, key: key.to_owned(), http: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// The same client with the key of a session that `answer`, of `AssumeRole`, began.
    pub fn session(&self, answer: &str) -> Result<Self> {
        let key = element(answer, "AccessKeyId").context("AssumeRole gave no key")?;
        Ok(Self { key: key.to_owned(), ..self.clone() })
    }

    /// Makes a call. An answer that refuses is an error.
    pub async fn call(&self, service: &str, parameters: &[(&str, &str)]) -> Result<String> {
        match self.ask(service, parameters).await? {
            (200, text) => Ok(text),
            (status, text) => bail!("{status}: {text}"),
        }
    }

    /// Makes a call, and gives the status and the text of any answer.
    pub async fn ask(&self, service: &str, parameters: &[(&str, &str)]) -> Result<(u16, String)> {
        let scope = format!("{}/20260101/eu-west-1/{service}/aws4_request", self.key);
        let request = Request::post(&self.endpoint)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"))
            .body(Full::from(Form::of(parameters).encode()))?;
        let answer = self.http.request(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// The text of the first element of this name in an answer.
pub fn element<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    crate::aws_proxy::element(answer, name)
}
