//! From the first span to the last one that is sent.

use std::env;
use std::time::Duration;

use aws_smithy_http_client::tls::TlsContext;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::settings::{CERTIFICATE, Settings, Unusable, first};
use super::span;
use super::transport::{Transport, address};
use crate::host::error_chain::ErrorChain;
use crate::host::trust::{BundleError, trust_store};

/// How long the end of the process may wait for the spans that are queued.
const FLUSH: Duration = Duration::from_secs(2);

/// The name of the service, unless the environment gives one.
const SERVICE: &str = "crossaccount-operator";

/// Why traces cannot be sent, although the environment names a collector.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    Certificates(#[from] BundleError),
    #[error("the exporter cannot be set up")]
    Exporter(#[from] ExporterBuildError),
}

/// What sends the spans, until it is finished.
#[derive(Debug)]
#[must_use]
pub struct Exporting(Option<SdkTracerProvider>);

/// Sends spans from here on if the environment names a collector. Where that cannot be done, the log says why, and the process
/// works without traces.
pub fn start() -> Exporting {
    let started = match Settings::read(|name| env::var(name).ok()) {
        Ok(Some(settings)) => provider(&settings).map(|provider| Some((settings, provider))),
        Ok(None) => Ok(None),
        Err(unusable) => Err(unusable.into()),
    };
    match started {
        Ok(Some((settings, provider))) => {
            span::export_by(provider.tracer("crossaccount"));
            tracing::info!(collector = address(&settings.endpoint), "sending traces");
            Exporting(Some(provider))
        }
        Ok(None) => Exporting(None),
        Err(error) => {
            tracing::warn!(error = %ErrorChain(&error), "traces are not sent");
            Exporting(None)
        }
    }
}

/// The queue is the SDK's: 2,048 spans, sent every 5 seconds by a thread of its own. A span that finds it full is dropped
/// (OpenTelemetry specification, "Batching processor"; `OTEL_BSP_…`).
fn provider(settings: &Settings) -> Result<SdkTracerProvider, StartError> {
    let (variable, file) = first(|name| env::var(name).ok(), CERTIFICATE).unwrap_or((CERTIFICATE[1], String::new()));
    let tls = TlsContext::builder().with_trust_store(trust_store(variable, Some(file.into()))?).build();
    let tls = tls.map_err(|source| BundleError::Tls { variable, source })?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(settings.endpoint.to_string())
        .with_timeout(settings.timeout)
        .with_http_client(Transport::new(settings, tls))
        .build()?;
    Ok(SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build())
}

/// `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and what the program knows of itself.
fn resource() -> Resource {
    let given = Resource::builder().build();
    let name = given.get(&Key::from_static_str("service.name")).map(|name| name.to_string()).unwrap_or_default();
    let name = if name.starts_with("unknown_service") { SERVICE.to_owned() } else { name };
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    Resource::builder().with_service_name(name).with_attribute(version).build()
}

impl Exporting {
    /// Sends what is queued, for two seconds at most.
    pub async fn finish(self) {
        let Some(provider) = self.0 else { return };
        let finished = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        if !matches!(finished, Ok(Ok(()))) {
            tracing::warn!("the last spans could not be sent within {FLUSH:?} and are lost");
        }
    }
}
