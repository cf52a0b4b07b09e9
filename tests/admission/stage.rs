//! A namespace with one object of each kind, and the people who try to change them.

use std::fs;

use anyhow::{Result, bail};
use crossaccount::api::{GROUP, SECRET_TYPE};
use kube::{
    Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::{
    manifest::{credentials, held_role, pod, role, secret, workload},
    write::{Kind, Write},
};
use lab::{control_plane::OPERATOR_ACCOUNT, env::TestEnv, guard, run, wait::eventually};

const RBAC: &str = "rbac.authorization.k8s.io";

/// Who tries something.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// The operator, by its own token. RBAC allows it everything in the namespace.
    Operator,
    /// Somebody with the built-in role `edit`, who may also write `CrossAccountRole`s and, by mistake, every status.
    Tenant,
    /// The same with the verb `publish`: a tool that restores backups.
    Publisher,
}

/// Which policy refuses something, and some of its words.
#[derive(Clone, Copy)]
pub struct Refusal {
    /// Its name.
    pub policy: &'static str,
    /// A part of its message.
    pub words: &'static str,
}

/// The namespace, and the people.
pub struct Stage {
    env: TestEnv,
    operator: Client,
    tenant: Client,
    publisher: Client,
}

impl Stage {
    /// Makes it.
    pub async fn new(name: &str) -> Result<Self> {
        let env = TestEnv::bare(name).await?;
        let file = guard::scratch("rights")?.join("rights.json");
        fs::write(&file, rights(&env.namespace).to_string())?;
        let mut kubectl = env.control_plane.kubectl();
        run(kubectl.args(["apply", "--server-side", "--namespace", &env.namespace, "--filename"]).arg(file)).await?;
        make_objects(&env).await?;
        let client = async |namespace: &str, account: &str| -> Result<Client> {
            env.control_plane.client_as(&env.control_plane.token(namespace, account).await?).await
        };
        Ok(Self {
            operator: client(OPERATOR_ACCOUNT.0, OPERATOR_ACCOUNT.1).await?,
            tenant: client(&env.namespace, "tenant").await?,
            publisher: client(&env.namespace, "publisher").await?,
            env,
        })
    }

    /// Fails unless a policy refuses all of this to somebody.
    pub async fn refuses<const N: usize>(
        &self,
        who: Who,
        refusal: Refusal,
        rows: [(&'static str, Write); N],
    ) -> Result<()> {
        let Refusal { policy, words } = refusal;
        let policy = format!("ValidatingAdmissionPolicy '{policy}'");
        for (what, write) in rows {
            // The API server acts on rights and policies some time after it has taken them.
            eventually(&format!("{who:?} is refused: {what}"), async || match self.attempt(who, &write).await {
                Err(kube::Error::Api(status))
                    if status.code == 403 && status.message.contains(&policy) && status.message.contains(words) =>
                {
                    Ok(())
                }
                answer => bail!("{write:?} was answered with {answer:?}"),
            })
            .await?;
        }
        Ok(())
    }

    /// Fails unless the API server takes all of this from somebody.
    pub async fn takes<const N: usize>(&self, who: Who, rows: [(&'static str, Write); N]) -> Result<()> {
        for (what, write) in rows {
            eventually(&format!("{who:?} does this: {what}"), async || Ok(self.attempt(who, &write).await?)).await?;
        }
        Ok(())
    }

    async fn attempt(&self, who: Who, write: &Write) -> kube::Result<()> {
        let client = match who {
            Who::Operator => &self.operator,
            Who::Tenant => &self.tenant,
            Who::Publisher => &self.publisher,
        };
        write.try_as(client, &self.env.namespace).await
    }
}

/// The verbs of a tenant on its own objects, and by mistake on every status.
const VERBS: [&str; 5] = ["create", "get", "patch", "update", "delete"];

/// Who may do what, as a list of manifests.
fn rights(namespace: &str) -> Value {
    let (home, operator) = OPERATOR_ACCOUNT;
    let account = |name: &str, namespace: &str| json!({"kind": "ServiceAccount", "name": name, "namespace": namespace});
    let bound = |kind: &str, name: &str, to: &str, subject: &Value| {
        let role = json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": to});
        manifest(&format!("{RBAC}/v1"), kind, name, &json!({"roleRef": role, "subjects": [subject]}))
    };
    let mut items = vec![bound("RoleBinding", "operator", "cluster-admin", &account(operator, home))];
    for (name, verbs) in [("tenant", VERBS.to_vec()), ("publisher", [&VERBS[..], &["publish"]].concat())] {
        let (subject, own) = (account(name, namespace), format!("{namespace}-{name}"));
        let resources = ["crossaccountroles", "crossaccountroles/status", "awsaccounts", "awsaccounts/status"];
        let rule = json!({"apiGroups": [GROUP], "resources": resources, "verbs": verbs});
        items.extend([
            manifest("v1", "ServiceAccount", name, &json!({})),
            bound("RoleBinding", name, "edit", &subject),
            manifest(&format!("{RBAC}/v1"), "ClusterRole", &own, &json!({"rules": [rule]})),
            bound("ClusterRoleBinding", &own, &own, &subject),
        ]);
    }
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn manifest(api_version: &str, kind: &str, name: &str, rest: &Value) -> Value {
    let mut manifest = rest.clone();
    manifest["apiVersion"] = json!(api_version);
    manifest["kind"] = json!(kind);
    manifest["metadata"] = json!({"name": name});
    manifest
}

async fn make_objects(env: &TestEnv) -> Result<()> {
    let mut account = env.account();
    account.metadata.name = Some(format!("{}-shared", env.namespace));
    let objects = [
        (Kind::Account, serde_json::to_value(account)?),
        (Kind::Secret, credentials("credentials")),
        (Kind::Secret, secret("unlabelled", SECRET_TYPE, None)),
        (Kind::Secret, secret("password", "Opaque", None)),
        (Kind::Role, role("reader")),
        (Kind::Role, held_role("held")),
        (Kind::Deployment, workload(Kind::Deployment, "app")),
        (Kind::StatefulSet, workload(Kind::StatefulSet, "app")),
        (Kind::DaemonSet, workload(Kind::DaemonSet, "app")),
        (Kind::Pod, pod("app")),
    ];
    for (kind, object) in objects {
        kind.api(&env.kube, &env.namespace).create(&PostParams::default(), &kind.object(&object)?).await?;
    }
    let known = Patch::Merge(json!({"status": {"externalId": "known"}}));
    env.roles.patch_status("reader", &PatchParams::default(), &known).await?;
    let counted = Patch::Merge(json!({"status": {"roles": 1}}));
    env.accounts.patch_status(&format!("{}-shared", env.namespace), &PatchParams::default(), &counted).await?;
    Ok(())
}
