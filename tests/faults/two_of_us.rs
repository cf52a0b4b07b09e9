//! Others who do the same work: a second replica without a lease, a second cluster, and people with Terraform.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::json;

use lab::{
    aws::policy,
    aws_proxy::{AwsProxy, RecordedCall},
    effects::Effect,
    env::TestEnv,
    wait::eventually,
};

const OBJECT: &str = "reader";

/// The writes to AWS that a proxy passed on, but not those that AWS refused.
fn written(proxy: &AwsProxy, action: &str) -> Vec<RecordedCall> {
    proxy.calls_that(|call| call.action == action && call.status() == Some(200))
}

/// The writes since the journal had this length.
fn since(env: &TestEnv, before: usize) -> Vec<Effect> {
    env.effects.list().split_off(before)
}

#[tokio::test]
async fn two_replicas_without_a_lease_make_one_role_each_and_come_to_rest() -> Result<()> {
    let mut env = TestEnv::new("both").await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    let _both = (env.start().await?, env.start().await?);
    let names = ["one", "two", "three"];
    for name in names {
        env.create(&env.role(name)).await?;
    }
    let mut ids = Vec::new();
    for name in names {
        env.settled(name).await?;
        ids.push(env.standing(name).await?.0.id);
    }
    ensure!(written(&env.proxy, "CreateRole").len() == names.len(), "{:?}", written(&env.proxy, "CreateRole"));

    for name in names {
        env.patch(name, json!({"spec": {"role": {"description": "edited"}}})).await?;
    }
    for name in names {
        env.settled(name).await?;
    }
    env.allow_nobody().await?;
    for name in names {
        env.is_closed(name).await?;
    }
    env.patch_account(json!({"allowedNamespaces": {"names": [env.namespace]}})).await?;
    for name in names {
        env.settled(name).await?;
    }
    // Each replica makes each of the four states of a trust policy true at most twice: once as its own work, once because
    // it read what the other had not finished.
    let trust = written(&env.proxy, "UpdateAssumeRolePolicy").len();
    ensure!(trust <= names.len() * 2 * 4, "{trust} writes of trust policies");

    rests(&env, &names).await?;
    for (name, id) in names.iter().zip(ids) {
        ensure!(env.standing(name).await?.0.id == id, "{name} was made again");
        env.roles.delete(name, &DeleteParams::default()).await?;
    }
    for name in names {
        env.is_gone_with_its_role(name).await?;
    }
    Ok(())
}

/// Waits until no look for drift writes anything, to AWS or to the API server.
async fn rests(env: &TestEnv, names: &[&str]) -> Result<()> {
    eventually("several looks write nothing", async || {
        let before = env.effects.list().len();
        for name in names {
            env.compared_again(name, 4).await?;
        }
        let written = since(env, before);
        ensure!(written.is_empty(), "{written:#?}");
        Ok(())
    })
    .await
}

/// An operator of another cluster that works in the account of the first one.
async fn another_cluster(of: &TestEnv, name: &str) -> Result<TestEnv> {
    let mut other = TestEnv::bare(name).await?;
    let mut account = of.account();
    account.metadata.name = Some(other.namespace.clone());
    account.metadata.labels = Some(other.labels());
    let allowed = account.spec.allowed_namespaces.get_or_insert_default();
    allowed.names = Some(vec![other.namespace.clone()]);
    other.accounts.create(&PostParams::default(), &account).await?;
    other.proxy = of.proxy.beside()?;
    let settings = other.settings.credentials(&of.aws.operator.credentials);
    other.settings = settings.aws_endpoint(&other.proxy.endpoint()).flag("--cluster-name=green");
    Ok(other)
}

/// An object that names the role that both clusters want.
fn contested(env: &TestEnv) -> CrossAccountRole {
    let mut role = env.role(OBJECT);
    role.spec.role.name = Some("shared-reader".to_owned());
    role
}

#[tokio::test]
async fn of_two_clusters_that_want_one_role_the_second_leaves_it_alone_until_it_is_free() -> Result<()> {
    let mut blue = TestEnv::new("blue").await?;
    blue.settings = blue.settings.flag("--drift-interval=1s").flag("--cluster-name=blue");
    let mut green = another_cluster(&blue, "green").await?;
    green.settings = green.settings.flag("--drift-interval=1s");
    for env in [&blue, &green] {
        env.patch_account(json!({"guardrails": {"roleNames": ["shared-*", "{namespace}-*"]}})).await?;
    }
    let _blue = blue.start().await?;
    let green_operator = green.start().await?;
    blue.create(&contested(&blue)).await?;
    blue.settled(OBJECT).await?;
    green.create(&contested(&green)).await?;
    green.shows(OBJECT, "False", "RoleNotOwned").await?;
    // Each has a role of its own beside it, and takes neither for an orphan.
    for env in [&blue, &green] {
        env.ready_role("own").await?;
    }
    let target = &blue.aws.target;
    let standing = target.role("shared-reader").await?;
    let before = green_operator.all_reconciles().await?;
    green_operator.reconciled_after(before + 5).await?;
    ensure!(target.role("shared-reader").await? == standing, "the role was changed");
    let name = Some("shared-reader".to_owned());
    let reads = ["Get", "List"];
    let is_write = |call: &RecordedCall| !reads.iter().any(|read| call.action.starts_with(read));
    // IAM refused its CreateRole, which is how it learned of the role.
    let touched = |call: &RecordedCall| call.role == name && is_write(call) && call.status() == Some(200);
    ensure!(green.proxy.calls_that(touched).is_empty(), "{:#?}", green.proxy.calls_that(touched));
    for env in [&blue, &green] {
        eventually("the account has counted its orphans, and has none", async || {
            let status = env.accounts.get(&env.namespace).await?.status.context("the account has no status")?;
            ensure!(status.orphans == Some(0), "{:?}", status.orphans);
            Ok(())
        })
        .await?;
    }

    blue.roles.delete(OBJECT, &DeleteParams::default()).await?;
    blue.gone(OBJECT).await?;
    green.patch(OBJECT, json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    green.settled(OBJECT).await?;
    let tags = target.role("shared-reader").await?.context("there is no role")?.tags;
    ensure!(tags.get("crossaccount.dev/cluster").map(String::as_str) == Some("green"), "{tags:?}");
    Ok(())
}

/// How often somebody undoes what the operator did.
const EDITS: usize = 8;

#[tokio::test]
async fn somebody_who_edits_the_role_again_and_again_is_answered_once_each_time_and_named_in_events() -> Result<()> {
    let mut env = TestEnv::new("fight").await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    let (target, name) = (&env.aws.target, env.iam_name(OBJECT));
    let (standing, before) = (env.standing(OBJECT).await?, env.effects.list().len());
    let all = policy(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let everybody = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.id()}}));
    for _ in 0..EDITS {
        target.put_role_policy(&name, "terraform", &all).await?;
        target.put_role_policy(&name, "read-reports", &all).await?;
        target.tag_role(&name, "crossaccount.dev/uid", "another").await?;
        let trust = target.iam().update_assume_role_policy().role_name(&name);
        trust.policy_document(everybody.to_string()).send().await?;
        eventually("the role is as declared", async || {
            ensure!(env.standing(OBJECT).await? == standing, "it is {:?}", env.standing(OBJECT).await?);
            Ok(())
        })
        .await?;
    }
    rests(&env, &[OBJECT]).await?;
    let writes: Vec<Effect> = since(&env, before).into_iter().filter(|write| write.what.contains(&name)).collect();
    // Four things are put right each time. A look in the middle of an edit sees a part of it, and two steps of trust.
    ensure!(writes.len() <= EDITS * 8, "{} writes: {writes:#?}", writes.len());
    let events: Api<Event> = Api::namespaced(env.kube.clone(), &env.namespace);
    let events = events.list(&ListParams::default()).await?.items;
    let repaired: Vec<&Event> =
        events.iter().filter(|event| event.reason.as_deref() == Some("DriftRepaired")).collect();
    ensure!(repaired.iter().any(|event| event.note.as_ref().is_some_and(|note| note.contains("trust"))), "{events:?}");
    ensure!(repaired.len() <= EDITS * 4, "{} Events", repaired.len());
    Ok(())
}
