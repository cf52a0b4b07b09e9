//! The programs of a control plane and their flags.

use std::{fs, path::Path};

use anyhow::Result;
use rcgen::KeyPair;

use crate::{
    guard::{self, Guarded},
    pki::Authority,
};

/// The service network: `ServiceAccount` tokens and certificates name the first address of it.
const SERVICES: &str = "10.254.0.0/24";
const ISSUER: &str = "https://kubernetes.default.svc";
/// The key that signs the tokens of service accounts.
const SIGNING_KEY: &str = "service-accounts.key";

/// etcd without fsync: what it stores need not survive the machine.
pub fn etcd(folder: &Path, programs: &Path, port: u16, peer_port: u16) -> Result<Guarded> {
    let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut command = guard::command(programs.join("etcd"));
    command
        .arg(format!("--data-dir={}", folder.join("etcd").display()))
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        .args(["--unsafe-no-fsync", "--log-level=warn"]);
    Guarded::spawn("etcd", folder, command)
}

/// The API server. It may be started together with etcd, and waits for it.
pub fn apiserver(folder: &Path, programs: &Path, authority: &Authority, port: u16, etcd_port: u16) -> Result<Guarded> {
    let names = ["127.0.0.1", "localhost", "10.254.0.1", "kubernetes.default.svc"];
    let serving = authority.server("kube-apiserver", &names)?;
    let kubelets = authority.master("kube-apiserver-kubelet-client")?;
    let signing = KeyPair::generate()?;
    fs::write(folder.join(SIGNING_KEY), signing.serialize_pem())?;
    fs::write(folder.join("service-accounts.pub"), signing.public_key_pem())?;

    let mut command = guard::command(programs.join("kube-apiserver"));
    command
        .current_dir(folder)
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd_port}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        .arg(format!("--secure-port={port}"))
        .arg(format!("--tls-cert-file={}", serving.certificate.display()))
        .arg(format!("--tls-private-key-file={}", serving.key.display()))
        .arg(format!("--client-ca-file={}", authority.certificate().display()))
        .arg(format!("--service-account-issuer={ISSUER}"))
        .arg(format!("--service-account-signing-key-file={SIGNING_KEY}"))
        .arg("--service-account-key-file=service-accounts.pub")
        .arg(format!("--service-cluster-ip-range={SERVICES}"))
        .arg(format!("--kubelet-client-certificate={}", kubelets.certificate.display()))
        .arg(format!("--kubelet-client-key={}", kubelets.key.display()))
        .args(["--authorization-mode=Node,RBAC", "--allow-privileged=true"])
        // No Endpoints of the API server itself: a loopback address is not allowed there.
        .arg("--endpoint-reconciler-type=none");
    Guarded::spawn("kube-apiserver", folder, command)
}

/// The controllers: garbage collection, namespaces, service accounts and the rest.
pub fn controller_manager(folder: &Path, programs: &Path, authority: &Authority, port: u16) -> Result<Guarded> {
    let kubeconfig = folder.join("controller-manager.kubeconfig");
    let mut command = guard::command(programs.join("kube-controller-manager"));
    command.current_dir(folder);
    for flag in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
        command.arg(format!("--{flag}={}", kubeconfig.display()));
    }
    command
        .arg(format!("--secure-port={port}"))
        .args(["--bind-address=127.0.0.1", "--leader-elect=false", "--use-service-account-credentials"])
        .arg(format!("--service-account-private-key-file={SIGNING_KEY}"))
        .arg(format!("--root-ca-file={}", authority.certificate().display()))
        // The default of 20 requests per second is meant for large clusters; tests delete many namespaces at once.
        .args(["--kube-api-qps=200", "--kube-api-burst=400"]);
    Guarded::spawn("kube-controller-manager", folder, command)
}
