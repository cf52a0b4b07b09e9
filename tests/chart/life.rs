//! A release of the chart from installation to removal, with roles in use all the time. The cluster has no node, so the
//! operator is started here, as the Deployment says, with the rights of its service account.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt as _, api::PostParams};
use serde_json::{Value, json};

use lab::{
    control_plane::{OPERATOR_ACCOUNT, OwnControlPlane},
    env::TestEnv,
    helm::{Helm, RELEASE},
    operator::Operator,
    run,
    wait::eventually,
};

const OBJECTS: [&str; 2] = ["one", "two"];
const CRDS: [&str; 2] = ["awsaccounts.iam.crossaccount.dev", "crossaccountroles.iam.crossaccount.dev"];

/// A cluster of its own, with a release in it.
struct Cluster {
    plane: OwnControlPlane,
    helm: Helm,
}

impl Cluster {
    /// An empty one.
    async fn empty() -> Result<Self> {
        Ok(Self { plane: OwnControlPlane::start_empty().await?, helm: Helm::new().await? })
    }

    /// `helm install` or `helm upgrade` with these settings.
    async fn apply(&self, verb: &str, values: &Value) -> Result<String> {
        let mut command = self.helm.on(&self.plane);
        command.args([verb, RELEASE]).arg(Helm::chart()).arg("--values").arg(self.helm.values(values)?);
        if verb == "install" {
            command.arg("--create-namespace");
        }
        run(&mut command).await
    }

    /// `helm rollback` or `helm uninstall`.
    async fn helm(&self, verb: &str) -> Result<String> {
        run(self.helm.on(&self.plane).args([verb, RELEASE])).await
    }

    /// The operator as the Deployment has it now.
    async fn operator(&self, env: &TestEnv) -> Result<Operator> {
        let (namespace, account) = OPERATOR_ACCOUNT;
        let deployments: Api<Deployment> = Api::namespaced(env.kube.clone(), namespace);
        let spec = deployments.get(RELEASE).await?.spec.context("the Deployment has no spec")?;
        let pod = spec.template.spec.context("its pods have no spec")?;
        ensure!(pod.service_account_name.as_deref() == Some(account), "{:?}", pod.service_account_name);
        let kubeconfig = env.kube_proxy.kubeconfig(&self.plane.token(namespace, account).await?)?;
        let mut settings = env.settings.bare().env("KUBECONFIG", kubeconfig.to_string_lossy());
        for flag in pod.containers[0].args.iter().flatten().skip_while(|argument| *argument != "run").skip(1) {
            settings = settings.flag(flag);
        }
        let operator = settings.start().await?;
        crate::process::leading(&operator).await?;
        Ok(operator)
    }

    async fn exists(&self, crd: &str) -> Result<bool> {
        let found = run(self.plane.kubectl().args(["get", "crd", crd, "--ignore-not-found", "--output=name"])).await?;
        Ok(!found.is_empty())
    }
}

/// What must not change in roles that are in use.
#[derive(Debug, PartialEq)]
struct InUse {
    secrets: Vec<Option<String>>,
    roles: Vec<Option<String>>,
}

async fn in_use(env: &TestEnv) -> Result<InUse> {
    let (mut secrets, mut roles) = (Vec::new(), Vec::new());
    for name in OBJECTS {
        secrets.push(env.secrets.get(name).await?.resource_version());
        roles.push(env.aws.target.role(&env.iam_name(name)).await?.map(|role| role.id));
    }
    Ok(InUse { secrets, roles })
}

/// A process that starts now takes on what is there: it asks AWS for no credentials and writes nothing.
async fn takes_on(cluster: &Cluster, env: &TestEnv, before: &InUse) -> Result<Operator> {
    env.proxy.reset_counts();
    let operator = cluster.operator(env).await?;
    eventually("it has looked at all objects", async || {
        let (code, text) = operator.get("/readyz").await?;
        ensure!(code == 200, "{text}");
        ensure!(operator.all_reconciles().await? >= OBJECTS.len() as u64, "not yet");
        Ok(())
    })
    .await?;
    for name in OBJECTS {
        env.settled(name).await?;
    }
    assert_eq!(env.proxy.count("AssumeRole"), 0, "{:?}", env.actions());
    assert_eq!(&in_use(env).await?, before);
    Ok(operator)
}

#[tokio::test]
async fn a_release_is_installed_upgraded_rolled_back_and_removed_with_roles_in_use() -> Result<()> {
    let cluster = Cluster::empty().await?;
    let notes = cluster.apply("install", &json!({})).await?;
    ensure!(notes.contains("kubectl crossaccount bootstrap target"), "{notes}");

    let env = Box::pin(TestEnv::on(cluster.plane.plane(), "release")).await?;
    env.accounts.create(&PostParams::default(), &env.account()).await?;
    let operator = cluster.operator(&env).await?;
    for name in OBJECTS {
        env.ready_role(name).await?;
    }
    let before = in_use(&env).await?;
    operator.stop().await?;

    // Each new revision of the Deployment is a new process.
    cluster.apply("upgrade", &json!({"concurrency": 8, "log": {"format": "json", "level": "debug"}})).await?;
    takes_on(&cluster, &env, &before).await?.stop().await?;
    cluster.helm("rollback").await?;
    takes_on(&cluster, &env, &before).await?.stop().await?;

    // Without the release the objects, their Secrets and their roles stay as they are, for the next installation.
    let printed = cluster.helm("uninstall").await?;
    for crd in CRDS {
        ensure!(cluster.exists(crd).await?, "{crd} went with the release");
        ensure!(printed.contains(crd), "helm does not say that {crd} stays:\n{printed}");
    }
    assert_eq!(in_use(&env).await?, before);
    cluster.apply("install", &json!({})).await?;
    let operator = takes_on(&cluster, &env, &before).await?;

    // The end that leaves nothing: objects, accounts, release, CRDs.
    run(cluster.plane.kubectl().args(["delete", "crossaccountroles,awsaccounts", "--all", "--all-namespaces"])).await?;
    for name in OBJECTS {
        ensure!(env.aws.target.role(&env.iam_name(name)).await?.is_none(), "the role of {name} is still in AWS");
    }
    operator.stop().await?;
    cluster.helm("uninstall").await?;
    let mut delete = cluster.plane.kubectl();
    run(delete.args(["delete", "--timeout=30s", "crd"]).args(CRDS)).await?;
    Ok(())
}

#[tokio::test]
async fn the_demo_role_works_in_each_of_the_other_ways_to_install() -> Result<()> {
    for (name, files) in [("manifest", ["-f", "install.yaml"]), ("kustomize", ["-k", "."])] {
        let cluster = Cluster::empty().await?;
        let mut apply = cluster.plane.kubectl();
        run(apply.current_dir(lab::repository().join("deploy")).args(["apply", "--server-side"]).args(files)).await?;
        let mut wait = cluster.plane.kubectl();
        run(wait.args(["wait", "--for=condition=Established", "--timeout=30s", "crd"]).args(CRDS)).await?;

        let env = Box::pin(TestEnv::on(cluster.plane.plane(), name)).await?;
        env.accounts.create(&PostParams::default(), &env.account()).await?;
        let operator = cluster.operator(&env).await?;
        let ready: CrossAccountRole = env.ready_role("reader").await?;
        ensure!(ready.status.is_some_and(|status| status.credentials.is_some()), "no credentials");
        operator.stop().await?;
    }
    Ok(())
}
