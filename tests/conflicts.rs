//! Two objects that want what only one can have.

use anyhow::{Context as _, Result};
use kube::api::DeleteParams;
use serde_json::json;

use crate::support::life::Life;

async fn delete(life: &Life, name: &str) -> Result<()> {
    life.roles.delete(name, &DeleteParams::default()).await?;
    Ok(())
}

#[tokio::test]
async fn of_two_objects_with_one_role_the_younger_makes_no_call_and_heals_when_the_older_goes() -> Result<()> {
    let life = Life::new("one-role").await?;
    let _operator = life.start().await?;
    let mut role = life.scenario.role("older");
    role.spec.role.name = Some(format!("{}-shared", life.scenario.namespace));
    let older = life.create(&role).await?;
    life.settled("older").await?;
    let mut role = life.scenario.role("younger");
    role.spec.role.name = Some(format!("{}-SHARED", life.scenario.namespace));
    life.proxy.reset_counts();
    life.a_second_after(older.metadata.creation_timestamp.as_ref()).await?;
    life.create(&role).await?;
    let message = life.shows("younger", "False", "Conflict").await?;
    assert!(message.contains(&format!("{}/older", life.scenario.namespace)), "{message}");
    assert_eq!(life.actions(), Vec::<String>::new());
    assert!(life.secrets.get_opt("younger").await?.is_none());
    life.settled("older").await?;

    delete(&life, "older").await?;
    life.settled("younger").await?;
    // The emulator itself, which is asked here, does tell names by their case.
    let found =
        life.scenario.aws.target.role(&format!("{}-SHARED", life.scenario.namespace)).await?.context("no role")?;
    assert_eq!(found.tags["crossaccount.dev/name"], "younger");
    Ok(())
}

#[tokio::test]
async fn of_two_objects_with_one_secret_the_younger_waits_until_the_older_takes_another_name() -> Result<()> {
    let life = Life::new("one-secret").await?;
    let _operator = life.start().await?;
    let mut role = life.scenario.role("older");
    role.spec.secret.name = Some("aws".into());
    let older = life.create(&role).await?;
    life.settled("older").await?;
    let mut role = life.scenario.role("younger");
    role.spec.secret.name = Some("aws".into());
    life.proxy.reset_counts();
    life.a_second_after(older.metadata.creation_timestamp.as_ref()).await?;
    life.create(&role).await?;
    let message = life.shows("younger", "False", "Conflict").await?;
    assert!(message.contains("Secret aws") && message.contains("spec.secret.name"), "{message}");
    assert_eq!(life.actions(), Vec::<String>::new());

    life.patch("older", json!({"spec": {"secret": {"name": "another"}}})).await?;
    life.settled("younger").await?;
    life.settled("older").await?;
    let owner = |secret: k8s_openapi::api::core::v1::Secret| {
        secret.metadata.owner_references.and_then(|owners| Some(owners.first()?.name.clone()))
    };
    assert_eq!(owner(life.secrets.get("aws").await?).as_deref(), Some("younger"));
    assert_eq!(owner(life.secrets.get("another").await?).as_deref(), Some("older"));
    Ok(())
}
