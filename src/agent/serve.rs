//! The server of `crossaccount-agent serve`.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpListener;
use tracing::{debug, info, warn};

use super::{
    answer::{Authorization, Refused, set_body},
    loopback::Loopback,
    mounted::MountedSet,
};
use crate::host::{
    error_chain::ErrorChain,
    shutdown::{Overrun, Shutdown},
};

/// Where the credentials are.
pub const PATH: &str = "/v1/credentials";

/// Where one can ask whether the agent runs. Says nothing of the credentials: a restart would not make them better.
pub const HEALTH: &str = "/healthz";

/// How long requests in flight may take after a shutdown. Each is one read of a small file.
const DRAIN: Duration = Duration::from_secs(1);

/// The server cannot run.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}; choose another --http-addr")]
    Bind {
        /// The address asked for.
        addr: Loopback,
        /// What the system said.
        source: io::Error,
    },
    /// The server stopped although nobody asked it to.
    #[error("the server stopped")]
    Serve(#[source] io::Error),
    /// Requests in flight did not end.
    #[error(transparent)]
    Overrun(#[from] Overrun),
}

/// What is served, and to whom.
#[derive(Debug)]
pub struct Service {
    /// The mounted set.
    pub credentials_file: PathBuf,
    /// Who may ask for it.
    pub authorization: Authorization,
    /// The role that it is of, where somebody said so.
    pub role_arn: Option<String>,
}

/// A bound server.
#[derive(Debug)]
pub struct Server(TcpListener);

impl Server {
    /// Listens on `addr`; port 0 picks a free one. The log names the address.
    pub async fn bind(addr: Loopback) -> Result<Self, ServeError> {
        let bind = |source| ServeError::Bind { addr, source };
        let listener = TcpListener::bind(addr.addr()).await.map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        info!(%addr, "agent listening");
        Ok(Self(listener))
    }

    /// Answers until the end is asked for, and then only what is in flight.
    pub async fn serve(self, service: Service, shutdown: &Shutdown) -> Result<(), ServeError> {
        let requested = shutdown.clone();
        let answering =
            axum::serve(self.0, router(service)).with_graceful_shutdown(async move { requested.requested().await });
        shutdown.bounded(DRAIN, answering.into_future()).await?.map_err(ServeError::Serve)
    }
}

fn router(service: Service) -> Router {
    Router::new()
        .route(PATH, get(credentials))
        .route(HEALTH, get(async || "ok\n"))
        .fallback(async || Refused::NoSuchPath)
        .method_not_allowed_fallback(async || Refused::NoSuchMethod)
        .with_state(Arc::new(service))
}

/// Files on a Secret volume or an emptyDir are in memory or nearly so, and small: reading them is no wait to speak of.
async fn credentials(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<Response, Refused> {
    let Service { credentials_file, authorization, role_arn } = &*service;
    authorization.admit(headers.get(AUTHORIZATION).map(HeaderValue::as_bytes))?;
    let MountedSet { credentials, text: _ } = MountedSet::read(credentials_file, Timestamp::now())?;
    debug!(expires_at = %credentials.expires_at, "credentials served");
    Ok(json(StatusCode::OK, &set_body(&credentials, role_arn.as_deref())))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        warn!(status = self.status().as_u16(), "refused: {}", ErrorChain(&self));
        json(self.status(), &self.body())
    }
}

fn json(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
