//! The HTTP client of all calls to AWS: one connection pool, by the proxies and the certificates that the environment names.

use std::env;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::Uri;

use crate::host::proxy::is_local;
use crate::host::trust::{BundleError, trust_store};

/// The variable that names a file of certificates to trust instead of the system's (AWS CLI user guide, "Environment variables").
/// The SDK for Rust does not read it by itself.
const BUNDLE: &str = "AWS_CA_BUNDLE";

/// The client. It reads the environment once; proxies and certificates stay for the life of the process.
pub(super) fn http_client() -> Result<SharedHttpClient, BundleError> {
    let trust = trust_store(BUNDLE, env::var_os(BUNDLE))?;
    let tls = TlsContext::builder().with_trust_store(trust).build();
    let tls = tls.map_err(|source| BundleError::Tls { variable: BUNDLE, source })?;
    let direct = pool(tls.clone(), ProxyConfig::disabled());
    let by_environment = pool(tls, ProxyConfig::from_env());
    Ok(SharedHttpClient::new(Client { direct, by_environment }))
}

fn pool(tls: TlsContext, proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let builder = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(tls.clone());
        let mut builder = builder.proxy_config(proxy.clone());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.build()
    })
}

/// What goes to this machine or to a place that serves credentials never goes through a proxy.
#[derive(Debug)]
struct Client {
    direct: SharedHttpClient,
    by_environment: SharedHttpClient,
}

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(ByHost {
            direct: self.direct.http_connector(settings, components),
            by_environment: self.by_environment.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct ByHost {
    direct: SharedHttpConnector,
    by_environment: SharedHttpConnector,
}

impl HttpConnector for ByHost {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.uri().parse::<Uri>();
        let local = target.is_ok_and(|target| target.host().is_some_and(is_local));
        if local { self.direct.call(request) } else { self.by_environment.call(request) }
    }
}
