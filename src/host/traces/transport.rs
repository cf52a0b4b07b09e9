//! Sends batches of spans by the HTTP client of the AWS SDK, which is in the program anyway: there is one HTTP and one TLS stack.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use http::Uri;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::settings::Settings;
use crate::host::error_chain::ErrorChain;
use crate::host::proxy::is_local;

/// The time between two warnings about a collector.
const WARNING_INTERVAL: Duration = Duration::from_mins(5);

/// Most bytes that are read of an answer. They are read only so that the connection can be used again.
const ANSWER_MAX: usize = 64 * 1024;

/// The way to one collector.
#[derive(Debug)]
pub(super) struct Transport {
    connector: SharedHttpConnector,
    timeout: Duration,
    /// The exporter has a thread of its own. Connections live on the runtime of the process.
    runtime: Handle,
    collector: String,
    warned: Mutex<Option<Instant>>,
}

impl Transport {
    /// Connects later, and by the proxies that the environment names. Must be called on the runtime.
    pub fn new(settings: &Settings, tls: TlsContext) -> Self {
        let Settings { endpoint, timeout } = settings;
        let direct = endpoint.host().is_none_or(is_local);
        let proxy = if direct { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
        let builder = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(tls);
        Self {
            connector: SharedHttpConnector::new(builder.proxy_config(proxy).build()),
            timeout: *timeout,
            runtime: Handle::current(),
            collector: address(endpoint),
            warned: Mutex::default(),
        }
    }

    /// Says that spans are lost, but not for every batch.
    fn warn(&self, problem: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_some_and(|before| before.elapsed() < WARNING_INTERVAL) {
            return;
        }
        *warned = Some(Instant::now());
        tracing::warn!(
            collector = self.collector,
            problem,
            "the collector does not take traces; reconciles go on, and spans are dropped meanwhile"
        );
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (limit, exchange) = (self.timeout, exchange(self.connector.clone(), request));
        let sent = self.runtime.spawn(async move { timeout(limit, exchange).await.map_err(|_| "no answer in time")? });
        let answer = sent.await.unwrap_or_else(|ended| Err(ended.into()));
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.warn(&format!("it answers {}", answer.status())),
            Err(error) => self.warn(&ErrorChain(error.as_ref()).to_string()),
        }
        answer
    }
}

/// One request, and its answer without what it says: the status is all that is acted on.
async fn exchange(connector: SharedHttpConnector, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let request = HttpRequest::try_from(request.map(SdkBody::from))?;
    let answer = connector.call(request).await?;
    let mut response = Response::builder().status(answer.status().as_u16());
    if let Some(seconds) = answer.headers().get("retry-after") {
        response = response.header("retry-after", seconds);
    }
    let (mut body, mut read) = (ByteStream::new(answer.into_body()), 0);
    while let Some(part) = body.next().await.transpose()?.filter(|_| read < ANSWER_MAX) {
        read += part.len();
    }
    Ok(response.body(Bytes::new())?)
}

/// Host and port of a URL, without a user or a password.
pub(super) fn address(url: &Uri) -> String {
    let host = url.host().unwrap_or_default();
    url.port_u16().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_without_user_and_password() {
        for (url, named) in [
            ("http://user:canary@collector.example:4318/v1/traces", "collector.example:4318"),
            ("https://collector.example/v1/traces", "collector.example"),
        ] {
            assert_eq!(address(&Uri::from_static(url)), named);
        }
    }
}
