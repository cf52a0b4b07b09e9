//! Which certificates a connection trusts: those of a file that a variable names, else those of the system.

use std::ffi::OsString;
use std::path::PathBuf;
use std::{fs, io};

use aws_smithy_http_client::tls::TrustStore;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The environment names certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read.
    #[error("cannot read {}, which {variable} names; correct or unset the variable", path.display())]
    Unreadable {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds no certificate, or something that is none.
    #[error("{}, which {variable} names, must hold certificates in PEM form: {problem}", path.display())]
    Unusable {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The certificates make no TLS configuration.
    #[error("the certificates that {variable} names, or those of the system, cannot be used")]
    Tls {
        /// The variable.
        variable: &'static str,
        /// Why.
        source: aws_smithy_http_client::HttpClientError,
    },
}

/// The certificates of the file that `variable` is set to. An empty value counts as none: the system's certificates.
pub fn trust_store(variable: &'static str, value: Option<OsString>) -> Result<TrustStore, BundleError> {
    let Some(path) = value.filter(|path| !path.is_empty()).map(PathBuf::from) else { return Ok(TrustStore::default()) };
    let pem = fs::read(&path).map_err(|source| BundleError::Unreadable { variable, path: path.clone(), source })?;
    check(&pem).map_err(|problem| BundleError::Unusable { variable, path, problem })?;
    Ok(TrustStore::empty().with_pem_certificate(pem))
}

/// The HTTP client of the AWS SDK panics at the first call if a certificate is broken.
fn check(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it has none".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLE: &str = "AWS_CA_BUNDLE";

    fn bundle(content: &str) -> Result<TrustStore, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), content).expect("written");
        trust_store(VARIABLE, Some(file.path().into())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bundle_that_is_missing_empty_or_broken_is_refused_by_name() {
        let missing = trust_store(VARIABLE, Some("/none/bundle.pem".into())).expect_err("no such file").to_string();
        assert!(missing.contains("/none/bundle.pem") && missing.contains(VARIABLE), "{missing}");
        let broken = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
        for content in ["", "no certificate", broken] {
            let error = bundle(content).expect_err("refused");
            assert!(error.contains("PEM") && error.contains(VARIABLE), "{error}");
        }
    }
}
