//! The MiniStack behind the proxy: forwarding to it, and asking it as an account's root.

use std::{collections::HashMap, net::SocketAddr, sync::Mutex};

use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Request, Response, Uri,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
    http::{request::Parts, uri::PathAndQuery},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::{call::Form, locked, reply::Reply, xml};
use crate::loopback::BoxError;

/// Body of a forwarded request, or of an answer.
pub(crate) type Body = BoxBody<Bytes, BoxError>;

/// Why MiniStack could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("MiniStack at {address} does not answer: {source}")]
    Unreachable { address: SocketAddr, source: hyper_util::client::legacy::Error },
    #[error("MiniStack at {address} broke off its answer: {source}")]
    CutShort { address: SocketAddr, source: hyper::Error },
    #[error("cannot send a request to MiniStack: {0}")]
    Request(#[from] hyper::http::Error),
}

/// A client of one MiniStack.
pub(crate) struct Upstream {
    address: SocketAddr,
    client: Client<HttpConnector, Body>,
    /// Account of each access key. A key never changes hands.
    accounts: Mutex<HashMap<String, String>>,
}

impl Upstream {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, client, accounts: Mutex::default() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request on with its headers as they are: `Host` and `Authorization` are part of what is signed.
    pub(crate) async fn forward(&self, mut parts: Parts, body: Body) -> Result<Response<Incoming>, UpstreamError> {
        let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        parts.uri = Uri::builder().scheme("http").authority(self.address.to_string()).path_and_query(path).build()?;
        let answer = self.client.request(Request::from_parts(parts, body)).await;
        answer.map_err(|source| UpstreamError::Unreachable { address: self.address, source })
    }

    /// Sends a request on and reads the whole answer.
    pub(crate) async fn exchange(&self, parts: Parts, body: Bytes) -> Result<Reply, UpstreamError> {
        let (answer, body) = self.forward(parts, whole(body)).await?.into_parts();
        let body = body.collect().await.map_err(|source| UpstreamError::CutShort { address: self.address, source })?;
        Ok(Reply { status: answer.status, headers: answer.headers, body: body.to_bytes() })
    }

    /// Asks as the root of an account. MiniStack takes a 12-digit key as that account's root and does not check its
    /// signature, but wants to see one.
    pub(crate) async fn as_root(
        &self,
        account: &str,
        service: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Reply, UpstreamError> {
        self.send_as_root(account, service, &Form::of(parameters)).await
    }

    /// The same, with parameters that are a form already.
    pub(crate) async fn send_as_root(&self, account: &str, service: &str, form: &Form) -> Result<Reply, UpstreamError> {
        let scope = format!("{account}/20260101/us-east-1/{service}/aws4_request");
        let request = Request::post("/")
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"))
            .body(())?;
        self.exchange(request.into_parts().0, form.encode().into()).await
    }

    /// The account an access key belongs to: read from the key of a root, else asked once with `GetAccessKeyInfo`.
    /// `None` for a key that MiniStack did not issue.
    pub(crate) async fn account_of(&self, access_key: &str) -> Result<Option<String>, UpstreamError> {
        if is_root_key(access_key) {
            return Ok(Some(access_key.to_owned()));
        }
        if let Some(account) = locked(&self.accounts).get(access_key).cloned() {
            return Ok(Some(account));
        }
        let question = [("Action", "GetAccessKeyInfo"), ("AccessKeyId", access_key)];
        let answer = self.as_root(OUTSIDER, "sts", &question).await?;
        let account = xml::element(answer.text(), "Account").map(str::to_owned);
        if let Some(account) = &account {
            locked(&self.accounts).insert(access_key.to_owned(), account.clone());
        }
        Ok(account)
    }
}

/// An account that is the proxy's own: no test uses it.
pub(crate) const OUTSIDER: &str = "000000000000";

/// Whether MiniStack takes this access key id as an account's root.
pub(crate) fn is_root_key(access_key: &str) -> bool {
    access_key.len() == 12 && access_key.bytes().all(|byte| byte.is_ascii_digit())
}

/// A body that is all there.
pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
