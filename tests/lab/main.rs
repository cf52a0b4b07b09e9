//! The lab as a program.
#[path = "../support/mod.rs"]
mod support;

use support::aws_proxy;

fn main() -> std::io::Result<()> {
    let upstream = std::env::args().nth(1).and_then(|address| address.parse().ok()).ok_or(std::io::ErrorKind::InvalidInput)?;
    let proxy = aws_proxy::AwsProxy::start(upstream)?;
    std::fs::write(std::env::args().nth(2).unwrap_or_default(), proxy.endpoint())?;
    loop {
        std::thread::park();
    }
}
