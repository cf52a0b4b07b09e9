//! Several operators that share the objects of one cluster.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use crossaccount::{
    api::{ConditionType, CrossAccountRole},
    controller::settings::Shard,
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use lab::{aws_proxy::AwsProxy, env::TestEnv, wait::eventually};

/// Names of the roles that were written to through a proxy by this action.
fn written(proxy: &AwsProxy, action: &str) -> BTreeSet<String> {
    proxy.calls().into_iter().filter(|call| call.action == action).filter_map(|call| call.role).collect()
}

async fn patch(roles: &Api<CrossAccountRole>, name: &str, patch: Value) -> Result<()> {
    roles.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

async fn settled(roles: &Api<CrossAccountRole>, name: &str) -> Result<()> {
    eventually(&format!("{name} is Ready"), async || {
        let role = roles.get(name).await?;
        let status = role.status.unwrap_or_default();
        let ready = status.conditions.iter().find(|c| c.type_ == ConditionType::Ready.to_string());
        let ready = ready.context("it has no condition Ready")?;
        ensure!(status.observed_generation == role.metadata.generation, "it is at another generation");
        ensure!(ready.status == "True", "{}: {}", ready.reason, ready.message);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_object_is_reconciled_by_the_operator_of_its_shard_and_labels_do_not_move_it() -> Result<()> {
    let env = TestEnv::new("shards").await?;
    let mut namespaces = env.namespaces_of_two_shards().await?;
    env.patch_account(json!({"allowedNamespaces": {"names": namespaces}})).await?;
    let mut shards = ["0/2", "1/2"];
    // The first operator is that of the account.
    if !shards[0].parse::<Shard>().is_ok_and(|shard| shard.has_account(env.aws.target.id())) {
        namespaces.reverse();
        shards.reverse();
    }
    let [here, there] = &namespaces;
    let (mine, other) = (&env.proxy, env.proxy.beside()?);
    let both = env.settings.clone().flag(format!("--watch-namespaces={here},{there}"));
    let [first, second] = shards.map(|shard| both.clone().flag(format!("--shard={shard}")));
    let operator = first.start().await?;
    let _other = second.aws_endpoint(&other.endpoint()).start().await?;

    let mut all = Vec::new();
    for namespace in &namespaces {
        let roles: Api<CrossAccountRole> = Api::namespaced(env.kube.clone(), namespace);
        for name in ["one", "two"] {
            let mut role = env.role(name);
            role.metadata.namespace = Some(namespace.clone());
            roles.create(&PostParams::default(), &role).await?;
            all.push((roles.clone(), name));
        }
    }
    for (roles, name) in &all {
        settled(roles, name).await?;
    }
    let names = |namespace: &str| BTreeSet::from(["one", "two"].map(|name| format!("{namespace}-{name}")));
    assert_eq!((written(mine, "CreateRole"), written(&other, "CreateRole")), (names(here), names(there)));

    for (roles, name) in &all {
        patch(roles, name, json!({"metadata": {"labels": {"shard": "another", "team": "b"}}})).await?;
        patch(roles, name, json!({"spec": {"role": {"description": "with other labels"}}})).await?;
    }
    for (roles, name) in &all {
        settled(roles, name).await?;
    }
    assert_eq!((written(mine, "UpdateRole"), written(&other, "UpdateRole")), (names(here), names(there)));

    // The account is in the shard of the operator that is stopped now: the other one sees the edit and leaves it alone.
    operator.stop().await?;
    env.patch_account(json!({"guardrails": {"maxSessionDurationSeconds": 43_200}})).await?;
    let (roles, name) = all.last().context("there are no roles")?;
    patch(roles, name, json!({"spec": {"role": {"description": "while nobody checks the account"}}})).await?;
    eventually("the role waits for the check of its account", async || {
        let conditions = roles.get(name).await?.status.unwrap_or_default().conditions;
        let told = conditions.iter().any(|c| c.message.contains("it was edited and is being checked"));
        ensure!(told, "{conditions:?}");
        Ok(())
    })
    .await?;
    let _operator = first.start().await?;
    settled(roles, name).await?;
    Ok(())
}

/// A role in each of these namespaces, Ready.
async fn one_role_in_each(env: &TestEnv, namespaces: &[String]) -> Result<Vec<Api<CrossAccountRole>>> {
    let mut all = Vec::new();
    for namespace in namespaces {
        let roles: Api<CrossAccountRole> = Api::namespaced(env.kube.clone(), namespace);
        let mut role = env.role("one");
        role.metadata.namespace = Some(namespace.clone());
        roles.create(&PostParams::default(), &role).await?;
        all.push(roles);
    }
    for roles in &all {
        settled(roles, "one").await?;
    }
    Ok(all)
}

#[tokio::test]
async fn two_shards_grow_to_three_and_every_object_has_one_operator_that_issues_nothing_again() -> Result<()> {
    let env = TestEnv::new("grow").await?;
    let mut namespaces = Vec::new();
    for index in 0..3 {
        let shard = Shard::new(index, 3).context("no such shard")?;
        let of_shard = |suffix: &u32| shard.has_namespace(&format!("{}-{suffix}", env.namespace));
        for suffix in (0..).filter(of_shard).take(2) {
            namespaces.push(env.add_namespace(&suffix.to_string()).await?);
        }
    }
    env.patch_account(json!({"allowedNamespaces": {"names": namespaces}})).await?;
    let settings = env.settings.clone().flag(format!("--watch-namespaces={}", namespaces.join(",")));
    let shard = |index, count| settings.clone().flag(format!("--shard={index}/{count}"));
    let two = [shard(0, 2).start().await?, shard(1, 2).start().await?];
    let all = one_role_in_each(&env, &namespaces).await?;
    for operator in two {
        operator.stop().await?;
    }

    let proxies = [env.proxy.beside()?, env.proxy.beside()?, env.proxy.beside()?];
    let mut three = Vec::new();
    for (index, proxy) in proxies.iter().enumerate() {
        three.push(shard(index, 3).aws_endpoint(&proxy.endpoint()).start().await?);
    }
    for roles in &all {
        patch(roles, "one", json!({"spec": {"role": {"description": "by its new operator"}}})).await?;
    }
    for roles in &all {
        settled(roles, "one").await?;
    }
    for (index, (proxy, of_shard)) in proxies.iter().zip(namespaces.chunks(2)).enumerate() {
        let names: BTreeSet<String> = of_shard.iter().map(|namespace| format!("{namespace}-one")).collect();
        assert_eq!(written(proxy, "UpdateRole"), names, "shard {index}");
        let issued = proxy.calls_that(|call| {
            call.role.as_ref().is_some_and(|role| names.contains(role)) && call.get("ExternalId").is_some()
        });
        assert!(issued.is_empty(), "shard {index} issues again what is good: {issued:?}");
    }
    Ok(())
}
