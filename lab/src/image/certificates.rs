//! The authorities that an image trusts: the list of Mozilla, as in Debian's package `ca-certificates`, from a crate that `Cargo.lock`
//! pins. This machine's own list would bring its owner's authorities into the image.

use pem::{EncodeConfig, LineEnding, Pem};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// All of them as one file in PEM form.
pub fn bundle() -> String {
    let certificates: Vec<Pem> =
        TLS_SERVER_ROOT_CERTS.iter().map(|certificate| Pem::new("CERTIFICATE", certificate.to_vec())).collect();
    pem::encode_many_config(&certificates, EncodeConfig::new().set_line_ending(LineEnding::LF))
}

#[cfg(test)]
mod tests {
    use rustls::{
        RootCertStore,
        pki_types::{CertificateDer, pem::PemObject as _},
    };

    use super::*;

    #[test]
    fn the_bundle_is_a_list_of_authorities_among_which_are_those_of_aws() {
        let bundle = bundle();
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
            roots.add(certificate.expect("PEM")).expect("an authority");
        }
        assert!(roots.len() > 100, "only {} authorities", roots.len());
        let amazon = roots.roots.iter().filter(|root| root.subject.as_ref().windows(6).any(|part| part == b"Amazon"));
        assert!(amazon.count() >= 4, "Amazon Root CA 1 to 4 sign the endpoints of AWS");
    }
}
