//! Certificates and kubeconfig files of a control plane.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};

/// A certificate authority with its folder: `ca.crt`, and `<name>.crt` and `<name>.key` for all that it signed.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The files of a certificate and its private key, both PEM.
#[derive(Debug)]
pub struct Pair {
    /// `<name>.crt`
    pub certificate: PathBuf,
    /// `<name>.key`, PKCS #8
    pub key: PathBuf,
}

impl Authority {
    /// A new authority in `folder`.
    pub fn new(folder: &Path) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, "lab-ca");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let authority = Self { folder: folder.to_owned(), issuer };
        fs::write(authority.certificate(), authority.issuer.pem())?;
        Ok(authority)
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// A certificate for a server reached under these names and addresses.
    pub fn server(&self, name: &str, reached_as: &[&str]) -> Result<Pair> {
        let names: Vec<String> = reached_as.iter().map(ToString::to_string).collect();
        self.sign(name, CertificateParams::new(names)?, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a Kubernetes user of group `system:masters`, who may do everything.
    pub fn master(&self, name: &str) -> Result<Pair> {
        self.client(name, "system:masters")
    }

    /// A certificate for a Kubernetes user of a group.
    pub fn client(&self, name: &str, group: &str) -> Result<Pair> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::OrganizationName, group);
        self.sign(name, params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, name: &str, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Result<Pair> {
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let pair =
            Pair { certificate: self.folder.join(format!("{name}.crt")), key: self.folder.join(format!("{name}.key")) };
        fs::write(&pair.certificate, certificate.pem())?;
        fs::write(&pair.key, key.serialize_pem())?;
        Ok(pair)
    }
}

/// The kubeconfig `user` of a client certificate.
pub fn certificate_user(pair: &Pair) -> Value {
    json!({ "client-certificate": pair.certificate, "client-key": pair.key })
}

/// The kubeconfig `user` of a bearer token.
pub fn token_user(token: &str) -> Value {
    json!({ "token": token })
}

/// Writes a kubeconfig file. JSON is YAML too, and every reader of such files takes it. A server without TLS needs no
/// authority.
pub fn write_kubeconfig(file: &Path, server: &str, authority: Option<&Path>, user: &Value) -> Result<()> {
    let mut cluster = json!({ "server": server });
    if let Some(authority) = authority {
        cluster["certificate-authority"] = json!(authority);
    }
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{ "name": "lab", "context": { "cluster": "lab", "user": "lab" } }],
        "clusters": [{ "name": "lab", "cluster": cluster }],
        "users": [{ "name": "lab", "user": user }],
    });
    fs::write(file, config.to_string())?;
    Ok(())
}
