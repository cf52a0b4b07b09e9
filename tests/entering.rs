//! Ways into an account: more than one hop, and an operator that is a role session itself.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, ConditionType};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::support::{
    aws::{Base, MANAGER_EXTERNAL_ID, policy},
    life::Life,
    wait::eventually,
};

#[tokio::test]
async fn a_chain_of_two_hops_with_an_external_id_each_leads_into_the_account() -> Result<()> {
    let life = Life::new("hops").await?;
    let aws = &life.scenario.aws;
    let trust = |principal: &str, external_id: &str| {
        policy(&json!({
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal},
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }))
    };
    let may_assume = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": aws.manager_arn}));
    let hub = aws.source.create_role("hub", &trust(&aws.operator.arn, "first"), &may_assume).await?;
    let manager = aws.target.iam().update_assume_role_policy().role_name("crossaccount-manager");
    manager.policy_document(trust(&hub, MANAGER_EXTERNAL_ID).to_string()).send().await?;
    let chain = json!([
        {"roleArn": hub, "externalId": "first"},
        {"roleArn": aws.manager_arn, "externalId": MANAGER_EXTERNAL_ID},
    ]);
    let accounts: Api<AWSAccount> = Api::all(life.scenario.kube.clone());
    let patch = Patch::Merge(json!({"spec": {"access": {"chain": chain}}}));
    accounts.patch(&life.scenario.namespace, &PatchParams::default(), &patch).await?;

    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    let hops: Vec<Option<String>> =
        life.proxy.calls().into_iter().filter(|c| c.action == "AssumeRole").map(|c| c.role).take(2).collect();
    assert_eq!(hops, [Some("hub".to_owned()), Some("crossaccount-manager".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn an_operator_on_a_role_session_is_trusted_by_its_role_and_held_to_an_hour() -> Result<()> {
    let life = Life::with_base("session", Base::RoleSession).await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    let role = life.scenario.aws.target.role(&life.iam_name("reader")).await?.context("there is no such role")?;
    assert_eq!(role.trust["Statement"][0]["Principal"]["AWS"], json!(life.scenario.aws.operator.arn));

    let mut long = life.scenario.role("long");
    long.spec.session.duration_seconds = 7200;
    life.roles.create(&PostParams::default(), &long).await?;
    eventually("it is refused up front", async || {
        let conditions = life.roles.get("long").await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == ConditionType::Ready.to_string());
        let ready = ready.context("there is no condition Ready")?;
        ensure!(ready.reason == "RoleChainingLimit" && ready.message.contains("7200"), "{}", ready.message);
        Ok(())
    })
    .await?;
    let name = Some(life.iam_name("long"));
    assert!(!life.proxy.calls().iter().any(|call| call.action == "AssumeRole" && call.role == name));
    Ok(())
}

#[tokio::test]
async fn a_session_longer_than_an_hour_raises_the_role_first_and_carries_tags_and_a_source_identity() -> Result<()> {
    let life = Life::new("options").await?;
    let _operator = life.start().await?;
    let mut role = life.scenario.role("reader");
    role.spec.session.duration_seconds = 43_200;
    role.spec.session.tags = [("project".to_owned(), "reports".to_owned())].into();
    role.spec.session.kubernetes_tags = true;
    role.spec.session.source_identity = Some("reports".to_owned());
    life.roles.create(&PostParams::default(), &role).await?;
    let role = life.settled("reader").await?;

    let found = life.scenario.aws.target.role(&life.iam_name("reader")).await?.context("there is no such role")?;
    assert_eq!(found.max_session_duration, Some(43_200));
    let set = role.status.and_then(|status| status.credentials).context("no credentials")?;
    let (issued, expires) = (set.issued_at.context("no time")?.0, set.expires_at.context("no time")?.0);
    let life_time = expires.duration_since(issued).as_secs();
    assert!((43_190..=43_210).contains(&life_time), "{life_time}");
    assert!(set.packed_policy_size_percent.is_some_and(|percent| percent > 0));
    Ok(())
}
