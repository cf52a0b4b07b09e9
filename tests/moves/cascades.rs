//! Deletions as GitOps tools and `kubectl` do them: in the foreground or background, several objects in any order.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use kube::api::{DeleteParams, PostParams, PropagationPolicy};
use serde_json::json;

use super::{OBJECT, role_of};
use crate::account::deletion::{delete_namespace, everything_is_gone};
use lab::{env::TestEnv, tester::Tester, wait::eventually};

const OBJECTS: [&str; 3] = ["one", "two", "three"];

/// What is deleted.
#[derive(Clone, Copy)]
enum Part {
    Account,
    Objects,
    Namespace,
}

/// An object that went with its namespace need not be deleted.
fn gone_or<T>(deleted: kube::Result<T>) -> kube::Result<()> {
    match deleted {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map(drop),
    }
}

async fn delete(env: &TestEnv, part: Part, how: &DeleteParams) -> Result<()> {
    match part {
        Part::Account => drop(env.accounts.delete(&env.namespace, how).await?),
        Part::Objects => {
            drop(try_join_all(OBJECTS.map(async |name| gone_or(env.roles.delete(name, how).await))).await?);
        }
        Part::Namespace => delete_namespace(env).await?,
    }
    Ok(())
}

/// Three objects with their roles.
async fn are_settled(env: &TestEnv) -> Result<()> {
    for name in OBJECTS {
        env.create(&env.role(name)).await?;
    }
    for name in OBJECTS {
        env.settled(name).await?;
    }
    Ok(())
}

/// Deletes account and objects in the same moment, as Argo CD prunes a wave, and waits until they are gone.
async fn are_pruned_at_once(name: &str, how: PropagationPolicy) -> Result<()> {
    let env = TestEnv::new(name).await?;
    let _operator = env.start().await?;
    are_settled(&env).await?;
    let how = DeleteParams { propagation_policy: Some(how), ..DeleteParams::default() };
    tokio::try_join!(delete(&env, Part::Account, &how), delete(&env, Part::Objects, &how))?;
    for name in OBJECTS {
        env.is_gone_with_its_role(name).await?;
    }
    eventually("the account is gone", async || {
        ensure!(env.accounts.get_opt(&env.namespace).await?.is_none(), "it is there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_account_and_its_objects_are_pruned_at_once_in_the_foreground() -> Result<()> {
    are_pruned_at_once("foreground-wave", PropagationPolicy::Foreground).await
}

#[tokio::test]
async fn an_account_and_its_objects_are_pruned_at_once_in_the_background() -> Result<()> {
    are_pruned_at_once("background-wave", PropagationPolicy::Background).await
}

/// Deletes the parts one right after the other, and waits until nothing is left.
async fn is_deleted_in_order(name: &str, order: [Part; 3], how: PropagationPolicy) -> Result<()> {
    let env = TestEnv::new(name).await?;
    let _operator = env.start().await?;
    are_settled(&env).await?;
    let how = DeleteParams { propagation_policy: Some(how), ..DeleteParams::default() };
    for part in order {
        delete(&env, part, &how).await?;
    }
    for name in OBJECTS {
        everything_is_gone(&env, name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn objects_then_account_then_namespace_are_deleted_in_the_foreground() -> Result<()> {
    let order = [Part::Objects, Part::Account, Part::Namespace];
    is_deleted_in_order("foreground-prune", order, PropagationPolicy::Foreground).await
}

#[tokio::test]
async fn an_account_then_objects_then_namespace_are_deleted_in_the_foreground() -> Result<()> {
    let order = [Part::Account, Part::Objects, Part::Namespace];
    is_deleted_in_order("foreground-account", order, PropagationPolicy::Foreground).await
}

#[tokio::test]
async fn a_namespace_then_account_then_objects_are_deleted_in_the_background() -> Result<()> {
    let order = [Part::Namespace, Part::Account, Part::Objects];
    is_deleted_in_order("background-namespace", order, PropagationPolicy::Background).await
}

#[tokio::test]
async fn an_account_then_namespace_then_objects_are_deleted_in_the_background() -> Result<()> {
    let order = [Part::Account, Part::Namespace, Part::Objects];
    is_deleted_in_order("background-account", order, PropagationPolicy::Background).await
}

#[tokio::test]
async fn an_object_that_is_deleted_without_its_dependents_leaves_neither_role_nor_credentials() -> Result<()> {
    let env = TestEnv::new("orphaning").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    let orphan = DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
    env.roles.delete(OBJECT, &orphan).await?;
    env.is_gone_with_its_role(OBJECT).await?;
    eventually("the Secret is gone", async || {
        ensure!(env.secrets.get_opt(OBJECT).await?.is_none(), "it is there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_account_that_was_deleted_by_mistake_is_abandoned_and_applied_again() -> Result<()> {
    let env = TestEnv::new("mistake").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let before = role_of(&env, OBJECT).await?;
    env.accounts.delete(&env.namespace, &DeleteParams::default()).await?;
    env.is_closed(OBJECT).await?;
    env.shows(OBJECT, "False", "NotAllowed").await?;
    let abandon = json!({"metadata": {"annotations": {"iam.crossaccount.dev/abandon": "true"}}});
    env.patch_any_account(&env.namespace, abandon).await?;
    eventually("the account is gone", async || {
        ensure!(env.accounts.get_opt(&env.namespace).await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    env.accounts.create(&PostParams::default(), &env.account()).await?;
    env.settled(OBJECT).await?;
    ensure!(role_of(&env, OBJECT).await?.id == before.id, "the role was made again");
    ensure!(tester.works(&env.copied(OBJECT).await?).await?, "the set that was published is denied");
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await
}
