//! The API server behind the proxy. The client's own credentials go with each request.

use anyhow::Result;
use hyper::{
    Request, Response, Uri,
    body::Bytes,
    header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
    http::request::Parts,
};
use kube::{Client, Config, client::Body};

/// A client of one API server, without an identity of its own.
pub(super) struct Upstream(Client);

impl Upstream {
    /// To be called in the runtime that will use it.
    pub(super) fn new(mut config: Config) -> Result<Self> {
        // A proxy waits as long as its clients do.
        (config.connect_timeout, config.read_timeout, config.write_timeout) = (None, None, None);
        config.default_retry = false;
        Ok(Self(Client::try_from(config)?))
    }

    /// Sends a request on.
    pub(super) async fn forward(&self, parts: &Parts, body: Bytes) -> Result<Response<Body>, kube::Error> {
        let mut parts = parts.clone();
        for header in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, ACCEPT_ENCODING] {
            parts.headers.remove(header);
        }
        let path = parts.uri.path_and_query().cloned();
        parts.uri = path.map(Uri::from).unwrap_or_default();
        let mut answer = self.0.send(Request::from_parts(parts, Body::from(body))).await?;
        for header in [CONNECTION, TRANSFER_ENCODING] {
            answer.headers_mut().remove(header);
        }
        Ok(answer)
    }
}
