//! The admin server: `/metrics`, `/healthz` and `/readyz`.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use thiserror::Error;
use tokio::net::TcpListener;
use tracing::info;

use crate::host::{
    health::{Health, Report},
    metrics::Metrics,
};

/// `OpenMetrics`, which is what the exposition is encoded in.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where it listens by default: on Linux the first also answers over IPv4, unless `net.ipv6.bindv6only` is set.
const DEFAULTS: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8080),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080),
];

/// The admin server cannot run.
#[derive(Debug, Error)]
pub enum AdminError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr} for /metrics, /healthz and /readyz; choose another --http-addr")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The server stopped although nobody asked it to.
    #[error("the admin server stopped")]
    Serve(#[source] io::Error),
}

/// A bound admin server.
#[derive(Debug)]
pub struct Admin(TcpListener);

impl Admin {
    /// Listens on `addr`, or on the default address if none is given; port 0 picks a free port. The log names the address.
    pub async fn bind(addr: Option<SocketAddr>) -> Result<Self, AdminError> {
        let listener = match addr {
            Some(addr) => listen(addr).await?,
            None => first_of(DEFAULTS).await?,
        };
        let asked = addr.unwrap_or(DEFAULTS[0]);
        let addr = listener.local_addr().map_err(|source| AdminError::Bind { addr: asked, source })?;
        info!(%addr, "admin server listening");
        Ok(Self(listener))
    }

    /// Answers until dropped, so also while work in flight is finished.
    pub async fn serve(self, health: Health, metrics: Metrics) -> Result<Infallible, AdminError> {
        axum::serve(self.0, router(health, metrics)).await.map_err(AdminError::Serve)?;
        Err(AdminError::Serve(io::ErrorKind::Other.into()))
    }
}

async fn listen(addr: SocketAddr) -> Result<TcpListener, AdminError> {
    TcpListener::bind(addr).await.map_err(|source| AdminError::Bind { addr, source })
}

/// The second address is for a kernel without IPv6. An address that is in use is in use, and nothing else is tried.
async fn first_of([preferred, otherwise]: [SocketAddr; 2]) -> Result<TcpListener, AdminError> {
    match listen(preferred).await {
        Err(AdminError::Bind { source, .. }) if is_missing(&source) => listen(otherwise).await,
        other => other,
    }
}

/// Whether the system does not have the family of addresses, or nothing to listen on in it.
fn is_missing(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn router(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(|State(health): State<Health>| async move { probe(health.liveness()) }))
        .route("/readyz", get(|State(health): State<Health>| async move { probe(health.readiness()) }))
        .with_state(health)
        .route("/metrics", get(|State(metrics): State<Metrics>| async move { exposition(&metrics) }))
        .with_state(metrics)
}

fn probe(Report { passed, text }: Report) -> (StatusCode, String) {
    (if passed { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, text)
}

fn exposition(metrics: &Metrics) -> Response {
    match metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot encode the metrics: {error}\n")).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;
    use crate::host::metrics::PerObject;

    async fn get(addr: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    #[tokio::test]
    async fn probes_and_metrics_are_answered() {
        let admin = Admin::bind("127.0.0.1:0".parse().ok()).await.unwrap();
        let addr = admin.0.local_addr().unwrap();
        let health = Health::default();
        tokio::spawn(admin.serve(health.clone(), Metrics::new(PerObject::Auto)));

        assert!(get(addr, "/readyz").await.starts_with("HTTP/1.1 503 "));
        health.ready("kubernetes cache");
        let readyz = get(addr, "/readyz").await;
        assert!(readyz.starts_with("HTTP/1.1 200 ") && readyz.contains("[+]kubernetes cache ok\n"), "{readyz}");
        assert!(get(addr, "/healthz").await.starts_with("HTTP/1.1 200 "));

        let metrics = get(addr, "/metrics").await;
        assert!(metrics.contains("content-type: application/openmetrics-text"), "{metrics}");
        assert!(metrics.contains("crossaccount_leader 0\n") && metrics.contains("# EOF"), "{metrics}");
        assert!(get(addr, "/").await.starts_with("HTTP/1.1 404 "));
    }

    #[tokio::test]
    async fn an_address_in_use_is_an_error_that_names_the_flag() {
        let taken = Admin::bind("127.0.0.1:0".parse().ok()).await.unwrap();
        let error = Admin::bind(taken.0.local_addr().ok()).await.unwrap_err();
        assert!(error.to_string().contains("--http-addr"), "{error}");
    }

    #[tokio::test]
    async fn where_the_preferred_address_is_not_there_the_other_one_is_used() {
        let there: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let not_there: SocketAddr = "192.0.2.1:0".parse().unwrap(); // for documentation, so nobody has it
        assert!(first_of([not_there, there]).await.unwrap().local_addr().unwrap().ip().is_loopback());
        assert!(is_missing(&io::Error::from_raw_os_error(97)));

        let taken = listen(there).await.unwrap();
        let error = first_of([taken.local_addr().unwrap(), there]).await.unwrap_err();
        assert!(matches!(error, AdminError::Bind { .. }), "{error}");
    }

    #[test]
    fn the_default_is_every_address_and_port_8080() {
        assert_eq!(DEFAULTS.map(|addr| addr.to_string()), ["[::]:8080", "0.0.0.0:8080"]);
    }
}
