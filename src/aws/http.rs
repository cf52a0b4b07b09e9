//! The HTTP client of all calls to AWS: one connection pool, by the proxies and the certificates that the environment names.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::{fs, io};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector, HttpClientError};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::host::proxy::is_local;

/// The variable that names a file of certificates to trust instead of the system's (AWS CLI user guide, "Environment variables").
/// The SDK for Rust does not read it by itself.
const BUNDLE: &str = "AWS_CA_BUNDLE";

/// The environment names certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read.
    #[error("cannot read {}, which {BUNDLE} names; correct or unset the variable", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds no certificate, or something that is none.
    #[error("{}, which {BUNDLE} names, must hold certificates in PEM form: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The certificates make no TLS configuration.
    #[error("the certificates for connections to AWS cannot be used")]
    Tls(#[from] HttpClientError),
}

/// The client. It reads the environment once; proxies and certificates stay for the life of the process.
pub(super) fn http_client() -> Result<SharedHttpClient, BundleError> {
    let trust = trust_store(env::var_os(BUNDLE).filter(|path| !path.is_empty()))?;
    let tls = TlsContext::builder().with_trust_store(trust).build()?;
    let direct = pool(tls.clone(), ProxyConfig::disabled());
    let by_environment = pool(tls, ProxyConfig::from_env());
    Ok(SharedHttpClient::new(Client { direct, by_environment }))
}

fn trust_store(bundle: Option<OsString>) -> Result<TrustStore, BundleError> {
    let Some(path) = bundle.map(PathBuf::from) else { return Ok(TrustStore::default()) };
    let pem = fs::read(&path).map_err(|source| BundleError::Unreadable { path: path.clone(), source })?;
    check(&pem).map_err(|problem| BundleError::Unusable { path, problem })?;
    Ok(TrustStore::empty().with_pem_certificate(pem))
}

/// The SDK would panic at the first call.
fn check(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it has none".to_owned()) } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(content: &str) -> Result<TrustStore, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), content).expect("written");
        trust_store(Some(file.path().into())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bundle_that_is_missing_empty_or_broken_is_refused_by_name() {
        let missing = trust_store(Some("/none/bundle.pem".into())).expect_err("no such file").to_string();
        assert!(missing.contains("/none/bundle.pem") && missing.contains(BUNDLE), "{missing}");
        let broken = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
        for content in ["", "no certificate", broken] {
            let error = bundle(content).expect_err("refused");
            assert!(error.contains("PEM") && error.contains(BUNDLE), "{error}");
        }
    }
}
