//! Asks a running agent whether it runs: the kubelet cannot, because its HTTP probes do not reach loopback.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use thiserror::Error;

use super::{loopback::Loopback, serve::HEALTH};

/// How long connecting, asking and answering may take, each.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The agent does not answer as it should.
#[derive(Debug, Error)]
pub enum CheckError {
    /// Nobody answers.
    #[error("no answer at {addr}")]
    NoAnswer {
        /// Where it was looked for.
        addr: Loopback,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else answers.
    #[error("the server at {0} is not crossaccount-agent")]
    NoAgent(Loopback),
}

/// Succeeds if an agent answers at this address.
pub fn check(addr: Loopback) -> Result<(), CheckError> {
    match ask(addr) {
        Ok(answer) if answer.starts_with(b"HTTP/1.1 200 ") => Ok(()),
        Ok(_) => Err(CheckError::NoAgent(addr)),
        Err(source) => Err(CheckError::NoAnswer { addr, source }),
    }
}

fn ask(addr: Loopback) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr.addr(), TIMEOUT)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {HEALTH} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(1024).read_to_end(&mut answer)?;
    Ok(answer)
}
