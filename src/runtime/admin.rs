//! The admin server: `/metrics`, `/healthz` and `/readyz`.

use std::{convert::Infallible, io, net::SocketAddr};

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

use super::{
    health::{Health, Report},
    metrics::Metrics,
};

/// `OpenMetrics`, which is what the exposition is encoded in.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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
    /// Listens on `addr`; port 0 picks a free one. The log names the address.
    pub async fn bind(addr: SocketAddr) -> Result<Self, AdminError> {
        let bind = |source| AdminError::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        info!(%addr, "admin server listening");
        Ok(Self(listener))
    }

    /// Answers until dropped, so also while work in flight is finished.
    pub async fn serve(self, health: Health, metrics: Metrics) -> Result<Infallible, AdminError> {
        axum::serve(self.0, router(health, metrics)).await.map_err(AdminError::Serve)?;
        Err(AdminError::Serve(io::ErrorKind::Other.into()))
    }
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
    use crate::runtime::metrics::PerObject;

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
        let admin = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
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
        let taken = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = Admin::bind(taken.0.local_addr().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("--http-addr"), "{error}");
    }
}
