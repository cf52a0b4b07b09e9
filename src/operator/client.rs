//! The connections to the API server.

use std::{env, ffi::OsString, time::Duration};

use http::Uri;
use kube::{
    Client, Config,
    config::{InferConfigError, Kubeconfig},
};
use thiserror::Error;

use crate::host::proxy::proxy_for;

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
    /// A proxy that is reached by another protocol than HTTP.
    #[error("the proxy to the API server is a {scheme} proxy; name one that begins with http:// or https://")]
    Proxy {
        /// The protocol.
        scheme: String,
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
    let mut config = Config::infer().await.map_err(|source| ConnectError::NotConfigured {
        kubeconfig: tried(env::var_os("KUBECONFIG")),
        source: Box::new(source),
    })?;
    config.proxy_url = proxy(&config.cluster_url)?;
    let mut lease = config.clone();
    lease.connect_timeout = Some(LEASE_TIMEOUT);
    lease.write_timeout = Some(LEASE_TIMEOUT);
    lease.read_timeout = Some(LEASE_TIMEOUT);
    lease.reset_reader_on_write = true;
    lease.default_retry = false;
    Ok(Clients { controllers: client(config)?, lease: client(lease)? })
}

/// The proxy that the kubeconfig names, as it is, or else the environment's, as client-go has it. kube itself compares `NO_PROXY`
/// with the address of the proxy, and reads no variable in a pod.
fn proxy(server: &Uri) -> Result<Option<Uri>, ConnectError> {
    let written = Kubeconfig::read().ok().and_then(|kubeconfig| of_kubeconfig(&kubeconfig));
    let proxy = written.and_then(|url| url.parse().ok()).or_else(|| proxy_for(server));
    let scheme = proxy.as_ref().map(|proxy| proxy.scheme_str().unwrap_or("nameless").to_owned());
    match scheme {
        Some(scheme) if !["http", "https"].contains(&scheme.as_str()) => Err(ConnectError::Proxy { scheme }),
        _ => Ok(proxy),
    }
}

/// `proxy-url` of the cluster in use.
fn of_kubeconfig(kubeconfig: &Kubeconfig) -> Option<String> {
    let context =
        kubeconfig.contexts.iter().find(|context| Some(&context.name) == kubeconfig.current_context.as_ref())?;
    let name = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == *name)?;
    cluster.cluster.as_ref()?.proxy_url.clone().filter(|url| !url.is_empty())
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
