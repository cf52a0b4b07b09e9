//! `kubectl crossaccount uninstall` on a cluster of its own.

use anyhow::{Context as _, Result, ensure};
use kube::api::{DeleteParams, PostParams};
use tokio::process::Command;

use lab::{control_plane::OwnControlPlane, env::TestEnv, operator::Operator, run, shipped_program, wait::eventually};

const OBJECT: &str = "reader";

/// A cluster of its own, since the command is about all objects of one, with a role that is ready.
struct Cluster {
    // Dropped in this order.
    operator: Operator,
    env: TestEnv,
    plane: OwnControlPlane,
}

impl Cluster {
    async fn new(name: &str) -> Result<Self> {
        let plane = OwnControlPlane::start().await?;
        let env = Box::pin(TestEnv::on(plane.plane(), name)).await?;
        env.accounts.create(&PostParams::default(), &env.account()).await?;
        // The lease that the command looks at is the one in the operator's own namespace.
        let operator = env.settings.clone().flag("--leader-elect=true").start().await?;
        crate::process::leading(&operator).await?;
        env.ready_role(OBJECT).await?;
        Ok(Self { operator, env, plane })
    }

    /// `analytics/reports-reader`
    fn full_name(&self) -> String {
        format!("{}/{OBJECT}", self.env.namespace)
    }
}

async fn uninstall(env: &TestEnv, flags: &[&str]) -> Result<String> {
    let mut command = Command::new(shipped_program("kubectl-crossaccount")?);
    command.env_clear().env("KUBECONFIG", env.control_plane.admin_kubeconfig());
    run(command.arg("uninstall").args(flags)).await
}

async fn role_exists(env: &TestEnv) -> Result<bool> {
    Ok(env.aws.target.role(&env.iam_name(OBJECT)).await?.is_some())
}

#[tokio::test]
async fn without_flags_it_lists_what_is_in_aws_and_changes_nothing() -> Result<()> {
    let cluster = Cluster::new("uninstall-list").await?;
    let printed = uninstall(&cluster.env, &[]).await?;
    let line = format!("{}  {}  the operator deletes it\n", cluster.full_name(), cluster.env.role_arn(OBJECT));
    ensure!(printed.contains(&line), "no line {line:?} in:\n{printed}");
    ensure!(printed.contains("Nothing was changed"), "{printed}");
    ensure!(role_exists(&cluster.env).await?, "the role is gone");
    cluster.env.settled(OBJECT).await?;
    Ok(())
}

#[tokio::test]
async fn with_delete_nothing_is_left_in_the_cluster_nor_in_aws() -> Result<()> {
    let cluster = Cluster::new("uninstall-delete").await?;
    let printed = uninstall(&cluster.env, &["--delete"]).await?;
    ensure!(printed.starts_with("1 CrossAccountRole, 1 AWSAccount are deleted"), "{printed}");
    ensure!(!role_exists(&cluster.env).await?, "the role is still in AWS");
    ensure!(cluster.env.roles.get_opt(OBJECT).await?.is_none(), "the object is still there");
    ensure!(cluster.env.accounts.get_opt(&cluster.env.namespace).await?.is_none(), "the account is still there");
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_waits_for_aws_names_the_object_and_why() -> Result<()> {
    let cluster = Cluster::new("uninstall-wait").await?;
    cluster.env.proxy.on("DeleteRole").error(403, "AccessDenied", "not authorized to perform: iam:DeleteRole");
    let refused =
        uninstall(&cluster.env, &["--delete", "--timeout=5s"]).await.err().context("it succeeded")?.to_string();
    ensure!(refused.contains("after 5 s these objects are not gone"), "{refused}");
    ensure!(refused.contains(&format!("{}: ", cluster.full_name())) && refused.contains("DeleteRole"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn where_the_operator_is_gone_nothing_waits_for_it_any_more_and_the_rest_in_aws_is_named() -> Result<()> {
    let cluster = Cluster::new("uninstall-leave").await?;
    let refused = uninstall(&cluster.env, &["--leave-in-aws"]).await.err().context("an operator runs")?.to_string();
    ensure!(refused.contains("holds the operator's lease"), "{refused}");

    let Cluster { operator, env, plane: _plane } = cluster;
    operator.stop().await?;
    let printed = uninstall(&env, &["--leave-in-aws"]).await?;
    ensure!(printed.contains(&format!("{}  stays; its sessions work", env.role_arn(OBJECT))), "{printed}");
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.accounts.delete(&env.namespace, &DeleteParams::default()).await?;
    eventually("both objects are gone without an operator", async || {
        ensure!(env.roles.get_opt(OBJECT).await?.is_none() && env.accounts.get_opt(&env.namespace).await?.is_none());
        Ok(())
    })
    .await?;
    ensure!(role_exists(&env).await?, "the role went, although nobody could delete it");
    Ok(())
}
