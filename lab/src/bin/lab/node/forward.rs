//! Carries connections from one address to another. A socket in the file system belongs to no network namespace, so two
//! forwards that meet at one lead into a namespace, or out of it.

use std::{io, net::SocketAddr, path::PathBuf, str::FromStr};

use anyhow::{Context as _, Error, Result};
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// Where a connection comes from or goes to. Written as `127.0.0.1:80`, or as the path of a socket.
#[derive(Debug, Clone)]
pub enum Address {
    /// A TCP port.
    Port(SocketAddr),
    /// A socket in the file system.
    Socket(PathBuf),
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.contains('/') {
            return Ok(Self::Socket(text.into()));
        }
        let port = text.parse().with_context(|| format!("{text} is neither an address with a port nor a path"))?;
        Ok(Self::Port(port))
    }
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

enum Listener {
    Port(TcpListener),
    Socket(UnixListener),
}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Connection>> {
        Ok(match self {
            Self::Port(listener) => Box::new(listener.accept().await?.0),
            Self::Socket(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// Takes connections already, and carries them once it is run.
pub struct Forward {
    listener: Listener,
    to: Address,
}

impl Forward {
    /// Listens at `from` for connections to `to`.
    pub async fn listen(from: &Address, to: Address) -> Result<Self> {
        let listener = match from {
            Address::Port(port) => TcpListener::bind(port).await.map(Listener::Port),
            Address::Socket(path) => UnixListener::bind(path).map(Listener::Socket),
        };
        let listener = listener.with_context(|| format!("cannot listen at {from:?}"))?;
        Ok(Self { listener, to })
    }

    /// As [`listen`](Self::listen), from a text `<from>=<to>`.
    pub async fn parse(text: &str) -> Result<Self> {
        let (from, to) = text.split_once('=').with_context(|| format!("{text} is not <from>=<to>"))?;
        Self::listen(&from.parse()?, to.parse()?).await
    }

    /// Carries connections until dropped.
    pub async fn run(self) {
        loop {
            match self.listener.accept().await {
                Ok(connection) => drop(tokio::spawn(carry(connection, self.to.clone()))),
                Err(error) => tracing::warn!(%error, "a forward could not accept a connection"),
            }
        }
    }
}

/// Carries one connection to its end. Who waits at either end sees the failure as a closed connection.
async fn carry(mut connection: Box<dyn Connection>, to: Address) {
    let carried = async {
        let mut onward: Box<dyn Connection> = match &to {
            Address::Port(port) => Box::new(TcpStream::connect(port).await?),
            Address::Socket(path) => Box::new(UnixStream::connect(path).await?),
        };
        copy_bidirectional(&mut connection, &mut onward).await
    };
    if let Err(error) = carried.await {
        tracing::debug!(%error, ?to, "a forwarded connection broke off");
    }
}
