//! The limits of an account, put before the HTTP client that all accounts share.

use std::sync::Arc;
use std::time::Instant;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::ServiceLimits;
use crate::aws::config::ATTEMPT;
use crate::aws::error_codes::is_throttling;

/// The client of one service of one account.
pub fn limited(client: SharedHttpClient, limits: Arc<ServiceLimits>) -> SharedHttpClient {
    SharedHttpClient::new(LimitedClient { client, limits })
}

#[derive(Debug)]
struct LimitedClient {
    client: SharedHttpClient,
    limits: Arc<ServiceLimits>,
}

impl HttpClient for LimitedClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let Self { client, limits } = self;
        let connector = client.http_connector(settings, components);
        SharedHttpConnector::new(LimitedConnector { connector, limits: Arc::clone(limits) })
    }
}

#[derive(Debug)]
struct LimitedConnector {
    connector: SharedHttpConnector,
    limits: Arc<ServiceLimits>,
}

impl HttpConnector for LimitedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, limits) = (self.connector.clone(), Arc::clone(&self.limits));
        HttpConnectorFuture::new(async move {
            let mut attempt = limits.enter().await.map_err(|paused| ConnectorError::user(paused.into()))?;
            let sent = Instant::now();
            let answer = tokio::time::timeout(ATTEMPT, async {
                let mut answer = connector.call(request).await?;
                let throttled = is_throttled(&mut answer).await?;
                Ok((answer, throttled))
            });
            let answer = answer.await.unwrap_or_else(|late| Err(ConnectorError::timeout(late.into())));
            attempt.answered = answer.is_ok();
            let (answer, throttled) = answer?;
            limits.answered(sent, throttled);
            Ok(answer)
        })
    }
}

/// Whether AWS refused the call because of its rate. Reads the body of a failure, and puts it back.
async fn is_throttled(answer: &mut HttpResponse) -> Result<bool, ConnectorError> {
    if answer.status().is_success() {
        return Ok(false);
    }
    let body = ByteStream::new(answer.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let code = String::from_utf8_lossy(&body).split_once("<Code>").and_then(|(_, rest)| {
        let (code, _) = rest.split_once("</Code>")?;
        Some(code.to_owned())
    });
    *answer.body_mut() = SdkBody::from(body);
    Ok(code.is_some_and(|code| is_throttling(&code)))
}
