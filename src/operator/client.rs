//! The connections to the API server.

use std::{env, ffi::OsString, time::Duration};

use kube::{Client, Config, config::InferConfigError};
use thiserror::Error;

/// How long the API server may take to answer a request about the lease: well below the life of a lease.
const LEASE_TIMEOUT: Duration = Duration::from_secs(4);

/// There is no usable way to the API server.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Neither a kubeconfig nor a service account.
    #[error(
        "no Kubernetes cluster is configured: tried the kubeconfig ({kubeconfig}), then the service account of a pod; \
         set KUBECONFIG, or run in a pod whose service account token is mounted"
    )]
    NotConfigured {
        /// Which kubeconfig was tried.
        kubeconfig: String,
        /// What was wrong with both.
        source: Box<InferConfigError>,
    },
    /// A configuration that makes no client, such as a broken certificate.
    #[error("the Kubernetes configuration for {server} is unusable")]
    Unusable {
        /// URL of the API server.
        server: String,
        /// What is wrong.
        source: Box<kube::Error>,
    },
}

/// Clients of one API server.
#[derive(Clone)]
pub struct Clients {
    /// For the controllers. Reads have no time limit, because watches are long; callers set their own.
    pub controllers: Client,
    /// For the lease. It fails fast, and repeats nothing by itself: the holder must learn of trouble in time.
    pub lease: Client,
}

/// Makes clients from kube's own settings: `KUBECONFIG`, `~/.kube/config`, or the service account of the pod.
///
/// Nothing is sent yet: an API server that cannot be reached is no error here.
pub async fn connect() -> Result<Clients, ConnectError> {
    let config = Config::infer().await.map_err(|source| ConnectError::NotConfigured {
        kubeconfig: tried(env::var_os("KUBECONFIG")),
        source: Box::new(source),
    })?;
    let mut lease = config.clone();
    lease.connect_timeout = Some(LEASE_TIMEOUT);
    lease.write_timeout = Some(LEASE_TIMEOUT);
    lease.read_timeout = Some(LEASE_TIMEOUT);
    lease.reset_reader_on_write = true;
    lease.default_retry = false;
    Ok(Clients { controllers: client(config)?, lease: client(lease)? })
}

fn client(config: Config) -> Result<Client, ConnectError> {
    let server = config.cluster_url.to_string();
    Client::try_from(config).map_err(|source| ConnectError::Unusable { server, source: Box::new(source) })
}

fn tried(kubeconfig: Option<OsString>) -> String {
    match kubeconfig {
        Some(files) => format!("KUBECONFIG={}", files.display()),
        None => "~/.kube/config, because KUBECONFIG is not set".to_owned(),
    }
}
