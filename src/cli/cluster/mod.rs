//! The caller's cluster, with the caller's own rights and no others.

pub mod args;
mod error;
mod namespace;
mod objects;
mod permission;
mod raw;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::{Api, Client, Config, Resource};

pub use self::error::{ClusterError, RequestError};
pub use self::objects::Objects;
pub use self::permission::{Permission, Scope};

use self::args::ConnectionArgs;

/// A way to the API server.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: String,
}

impl Cluster {
    /// The cluster that the flags name, else that of the kubeconfig, else the one that this program runs in.
    pub async fn connect(args: ConnectionArgs) -> Result<Self, ClusterError> {
        let config = config(args).await.map_err(ClusterError::Connect)?;
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| ClusterError::Connect(Box::new(error)))?;
        Ok(Self { client, namespace })
    }

    /// The namespace that was asked for, or that of the context.
    #[must_use]
    pub fn namespace(&self, asked: Option<String>) -> String {
        asked.unwrap_or_else(|| self.namespace.clone())
    }

    /// The objects of one namespace.
    #[must_use]
    pub fn within<K>(&self, namespace: &str) -> Objects<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Objects::new(Api::namespaced(self.client.clone(), namespace), Scope::Namespace(namespace.to_owned()))
    }

    /// The objects of all namespaces.
    #[must_use]
    pub fn everywhere<K>(&self) -> Objects<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Objects::new(Api::all(self.client.clone()), Scope::AllNamespaces)
    }

    /// The objects of a kind without namespaces.
    #[must_use]
    pub fn wide<K>(&self) -> Objects<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    {
        Objects::new(Api::all(self.client.clone()), Scope::Cluster)
    }
}

/// The context that these flags lead to: the one that they name, else the current one of the kubeconfig.
pub fn context(args: &ConnectionArgs) -> Result<Option<String>, ClusterError> {
    let ConnectionArgs { kubeconfig, context } = args;
    if context.is_some() {
        return Ok(context.clone());
    }
    let read = kubeconfig.as_ref().map_or_else(Kubeconfig::read, Kubeconfig::read_from);
    Ok(read.map_err(|error| ClusterError::Connect(Box::new(error)))?.current_context)
}

async fn config(args: ConnectionArgs) -> Result<Config, Box<dyn std::error::Error + Send + Sync>> {
    let ConnectionArgs { kubeconfig, context } = args;
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    Ok(match kubeconfig {
        Some(file) => Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &options).await?,
        None if options.context.is_some() => Config::from_kubeconfig(&options).await?,
        None => Config::infer().await?,
    })
}
