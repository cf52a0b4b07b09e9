//! TLS before a plain server of the lab, with a certificate of an authority that nobody trusts unless the environment says so.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use anyhow::Result;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::{guard, pki::Authority};

/// A running server. It stops when dropped.
pub struct TlsFront {
    address: SocketAddr,
    authority: Authority,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// Starts one before a server. Its certificate is for these names and addresses.
    pub async fn start(behind: SocketAddr, reached_as: &[&str]) -> Result<Self> {
        let authority = Authority::new(&guard::scratch("tls")?)?;
        let pair = authority.server("server", reached_as)?;
        let certificates = CertificateDer::pem_file_iter(&pair.certificate)?.collect::<Result<Vec<_>, _>>()?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, PrivateKeyDer::from_pem_file(&pair.key)?)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, acceptor, behind).await {
                        tracing::debug!(%error, "a TLS connection ended");
                    }
                });
            }
        });
        Ok(Self { address, authority, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file with the certificate of its authority.
    pub fn authority(&self) -> PathBuf {
        self.authority.certificate()
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: TcpStream, acceptor: TlsAcceptor, behind: SocketAddr) -> std::io::Result<()> {
    let mut client = acceptor.accept(stream).await?;
    let mut server = TcpStream::connect(behind).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
