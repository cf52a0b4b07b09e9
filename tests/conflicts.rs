//! Two objects that want what only one can have.

mod accounts;
mod observers;
mod possession;

use anyhow::{Context as _, Result};
use kube::api::DeleteParams;
use serde_json::json;

use lab::env::TestEnv;

async fn delete(env: &TestEnv, name: &str) -> Result<()> {
    env.roles.delete(name, &DeleteParams::default()).await?;
    Ok(())
}

#[tokio::test]
async fn of_two_objects_with_one_role_the_younger_makes_no_call_and_heals_when_the_older_goes() -> Result<()> {
    let env = TestEnv::new("one-role").await?;
    let _operator = env.start().await?;
    let mut role = env.role("older");
    role.spec.role.name = Some(format!("{}-shared", env.namespace));
    let older = env.create(&role).await?;
    env.settled("older").await?;
    let mut role = env.role("younger");
    role.spec.role.name = Some(format!("{}-SHARED", env.namespace));
    env.proxy.reset_counts();
    env.a_second_after(older.metadata.creation_timestamp.as_ref()).await?;
    env.create(&role).await?;
    let message = env.shows("younger", "False", "Conflict").await?;
    assert!(message.contains(&format!("{}/older", env.namespace)), "{message}");
    assert_eq!(env.actions(), Vec::<String>::new());
    assert!(env.secrets.get_opt("younger").await?.is_none());
    env.settled("older").await?;

    delete(&env, "older").await?;
    env.settled("younger").await?;
    // The emulator itself, which is asked here, does tell names by their case.
    let found = env.aws.target.role(&format!("{}-SHARED", env.namespace)).await?.context("no role")?;
    assert_eq!(found.tags["crossaccount.dev/name"], "younger");
    Ok(())
}

#[tokio::test]
async fn of_two_objects_with_one_secret_the_younger_waits_until_the_older_takes_another_name() -> Result<()> {
    let env = TestEnv::new("one-secret").await?;
    let _operator = env.start().await?;
    let mut role = env.role("older");
    role.spec.secret.name = Some("aws".into());
    let older = env.create(&role).await?;
    env.settled("older").await?;
    let mut role = env.role("younger");
    role.spec.secret.name = Some("aws".into());
    env.proxy.reset_counts();
    env.a_second_after(older.metadata.creation_timestamp.as_ref()).await?;
    env.create(&role).await?;
    let message = env.shows("younger", "False", "Conflict").await?;
    assert!(message.contains("Secret aws") && message.contains("spec.secret.name"), "{message}");
    assert_eq!(env.actions(), Vec::<String>::new());

    env.patch("older", json!({"spec": {"secret": {"name": "another"}}})).await?;
    env.settled("younger").await?;
    env.settled("older").await?;
    let owner = |secret: k8s_openapi::api::core::v1::Secret| {
        secret.metadata.owner_references.and_then(|owners| Some(owners.first()?.name.clone()))
    };
    assert_eq!(owner(env.secrets.get("aws").await?).as_deref(), Some("younger"));
    assert_eq!(owner(env.secrets.get("another").await?).as_deref(), Some("older"));
    Ok(())
}
