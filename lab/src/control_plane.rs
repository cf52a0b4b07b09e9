//! A real Kubernetes control plane on loopback: etcd, kube-apiserver with RBAC, kube-controller-manager.

mod manifests;
mod own;
mod programs;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, anyhow};
use hyper::Request;
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{
    Api, Client, Config,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use tokio::{process::Command, sync::OnceCell};

pub use self::own::OwnControlPlane;
use super::{
    guard::{self, Guarded},
    http,
    pki::{self, Authority},
    script,
};

/// The namespace and the `ServiceAccount` of the operator in `deploy/rbac.yaml`.
pub const OPERATOR_ACCOUNT: (&str, &str) = ("crossaccount-system", "crossaccount-operator");

/// A start is tried this often when another process took one of its ports in the meantime.
const TRIES: usize = 3;
/// The longest life of a token that the lab asks for, seconds: longer than any test run.
const TOKEN_SECONDS: i64 = 6 * 3600;

/// A running control plane. Ends when dropped, or with this process.
#[derive(Debug)]
pub struct ControlPlane {
    programs: PathBuf,
    folder: PathBuf,
    server: String,
    authority: Authority,
    /// Clients of a server before the server.
    processes: Mutex<Vec<Guarded>>,
}

/// What a new control plane has of this project.
#[derive(Debug, Clone, Copy)]
enum Contents {
    /// CRDs, RBAC and admission policies.
    Manifests,
    /// Nothing.
    Nothing,
}

/// The control plane that all tests of this process share, started by the first that asks.
pub async fn control_plane() -> Result<&'static ControlPlane> {
    static SHARED: OnceCell<Result<ControlPlane, String>> = OnceCell::const_new();
    // The failure is kept too: a lab that cannot start should fail the run at once, not once per test.
    let shared = SHARED.get_or_init(async || ControlPlane::start().await.map_err(|error| format!("{error:#}"))).await;
    shared.as_ref().map_err(|error| anyhow!("the control plane did not start: {error}"))
}

impl ControlPlane {
    /// Starts one, in about five seconds.
    pub async fn start() -> Result<Self> {
        Self::start_with(Contents::Manifests).await
    }

    /// Starts one without them, for those who install the operator themselves.
    pub async fn start_empty() -> Result<Self> {
        Self::start_with(Contents::Nothing).await
    }

    async fn start_with(contents: Contents) -> Result<Self> {
        let programs = script("control-plane.sh").await?;
        let mut tries = 1;
        loop {
            match Self::start_in(guard::scratch("control-plane")?, &programs, contents).await {
                Err(error) if guard::port_clash(&error) && tries < TRIES => tries += 1,
                result => return result,
            }
        }
    }

    async fn start_in(folder: PathBuf, programs: &Path, contents: Contents) -> Result<Self> {
        let [etcd_port, peer_port, port, health_port] = guard::free_ports()?;
        let server = format!("https://127.0.0.1:{port}");
        let authority = Authority::new(&folder)?;
        for name in ["admin", "controller-manager"] {
            let user = pki::certificate_user(&authority.master(name)?);
            pki::write_kubeconfig(&kubeconfig(&folder, name), &server, Some(&authority.certificate()), &user)?;
        }

        let mut etcd = programs::etcd(&folder, programs, etcd_port, peer_port)?;
        let mut apiserver = programs::apiserver(&folder, programs, &authority, port, etcd_port)?;
        let etcd_health = format!("http://127.0.0.1:{etcd_port}/health");
        etcd.ready(async || http::get_ok(&etcd_health).await).await?;
        let admin = probing_client(&folder, "admin", port).await?;
        apiserver.ready(async || get(&admin, "/readyz").await).await?;

        // Before the controller manager, whose garbage collector learns of new kinds only every 30 s.
        if let Contents::Manifests = contents {
            manifests::apply(&folder, programs).await?;
        }
        let mut controller_manager = programs::controller_manager(&folder, programs, &authority, health_port)?;
        let health = probing_client(&folder, "controller-manager", health_port).await?;
        controller_manager.ready(async || get(&health, "/healthz").await).await?;

        Ok(Self {
            programs: programs.to_owned(),
            folder,
            server,
            authority,
            processes: Mutex::new(vec![controller_manager, apiserver, etcd]),
        })
    }

    /// Ends its processes, one after the other.
    fn end(&self) {
        let processes = std::mem::take(&mut *self.processes.lock().unwrap_or_else(PoisonError::into_inner));
        processes.into_iter().for_each(drop);
    }

    /// `https://127.0.0.1:<port>`
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The certificate authority of [`server`](Self::server) and of its users.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A kubeconfig file of an administrator.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        kubeconfig(&self.folder, "admin")
    }

    /// A client of an administrator. Clients belong to the runtime they were made in, so each test makes its own.
    pub async fn admin(&self) -> Result<Client> {
        Ok(Client::try_from(config(&self.admin_kubeconfig()).await?)?)
    }

    /// A client of the bearer of a token.
    pub async fn client_as(&self, token: &str) -> Result<Client> {
        Ok(Client::try_from(config(&self.kubeconfig_of_token(token)?).await?)?)
    }

    /// A new token of a `ServiceAccount`, as the kubelet would get it for a pod.
    pub async fn token(&self, namespace: &str, account: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin().await?, namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = accounts.create_token_request(account, &PostParams::default(), &request).await?;
        Ok(answer.status.context("the TokenRequest has no status")?.token)
    }

    /// A kubeconfig file of a `ServiceAccount`.
    pub async fn service_account_kubeconfig(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        self.kubeconfig_of_token(&self.token(namespace, account).await?)
    }

    fn kubeconfig_of_token(&self, token: &str) -> Result<PathBuf> {
        let file = kubeconfig(&guard::scratch("kubeconfig")?, "token");
        pki::write_kubeconfig(&file, &self.server, Some(&self.authority.certificate()), &pki::token_user(token))?;
        Ok(file)
    }

    /// The configuration of a client without an identity, for a proxy whose clients bring their own.
    pub async fn anonymous_config(&self) -> Result<Config> {
        let file = kubeconfig(&guard::scratch("kubeconfig")?, "anonymous");
        pki::write_kubeconfig(&file, &self.server, Some(&self.authority.certificate()), &json!({}))?;
        config(&file).await
    }

    /// The folder of `kubectl` and the others.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// `kubectl` of an administrator, with its caches in a temporary folder.
    pub fn kubectl(&self) -> Command {
        kubectl(&self.folder, &self.programs)
    }
}

fn kubeconfig(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.kubeconfig"))
}

async fn config(kubeconfig: &Path) -> Result<Config> {
    Ok(Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &KubeConfigOptions::default()).await?)
}

/// A client that asks once and takes any certificate: the controller manager serves one that it signed itself.
async fn probing_client(folder: &Path, user: &str, port: u16) -> Result<Client> {
    let mut config = config(&kubeconfig(folder, user)).await?;
    config.cluster_url = format!("https://127.0.0.1:{port}").parse()?;
    config.accept_invalid_certs = true;
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

async fn get(client: &Client, path: &str) -> Result<()> {
    client.request_text(Request::get(path).body(Vec::new())?).await?;
    Ok(())
}

fn kubectl(folder: &Path, programs: &Path) -> Command {
    let mut kubectl = Command::new(programs.join("kubectl"));
    kubectl.env("KUBECONFIG", kubeconfig(folder, "admin")).env("HOME", folder);
    kubectl
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
    use kube::api::{DeleteParams, ListParams, ObjectMeta};

    use anyhow::ensure;

    use super::*;
    use crate::wait::eventually;

    #[tokio::test]
    async fn the_operators_service_account_lists_secrets_but_not_config_maps() -> Result<()> {
        let control_plane = control_plane().await?;
        let (namespace, account) = OPERATOR_ACCOUNT;
        let client = control_plane.client_as(&control_plane.token(namespace, account).await?).await?;

        let secrets: Api<Secret> = Api::all(client.clone());
        secrets.list(&ListParams::default()).await?;

        let config_maps: Api<ConfigMap> = Api::all(client);
        match config_maps.list(&ListParams::default()).await {
            Err(kube::Error::Api(status)) => assert!(status.is_forbidden(), "{status:?}"),
            answer => panic!("not refused: {answer:?}"),
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_deleted_namespace_goes_with_all_that_is_in_it() -> Result<()> {
        let client = control_plane().await?.admin().await?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let metadata = ObjectMeta { name: Some("soon-gone".to_owned()), ..ObjectMeta::default() };
        namespaces
            .create(&PostParams::default(), &Namespace { metadata: metadata.clone(), ..Namespace::default() })
            .await?;
        let secrets: Api<Secret> = Api::namespaced(client, "soon-gone");
        secrets.create(&PostParams::default(), &Secret { metadata, ..Secret::default() }).await?;

        namespaces.delete("soon-gone", &DeleteParams::default()).await?;

        eventually("the namespace is gone", async || {
            ensure!(namespaces.get_opt("soon-gone").await?.is_none(), "it is there");
            Ok(())
        })
        .await?;
        assert!(secrets.get_opt("soon-gone").await?.is_none());
        Ok(())
    }
}
