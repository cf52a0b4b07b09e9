//! How often the API server is asked while grants are given.

use anyhow::{Result, ensure};
use crossaccount::api::SourceGrant;
use lab::kube_proxy::Verb;

use super::stage::{granting, lab, may_assume, to_user, user};

/// Objects, and the principals that each of them gives permission to.
const OBJECTS: usize = 10;
const PRINCIPALS: usize = 4;

#[tokio::test]
async fn many_grants_cost_few_lists_of_all_objects() -> Result<()> {
    let env = lab("grant-lists").await?;
    let users: Vec<String> = (0..PRINCIPALS).map(|n| format!("deployer-{n}")).collect();
    for name in &users {
        user(&env, name).await?;
    }
    let grants: Vec<SourceGrant> = users.iter().map(|name| to_user(&env, name)).collect();
    for n in 0..OBJECTS {
        env.create(&granting(&env, &format!("reader-{n}"), grants.clone())).await?;
    }
    let _operator = env.start().await?;
    for n in 0..OBJECTS {
        env.settled(&format!("reader-{n}")).await?;
    }
    for name in &users {
        let given = may_assume(&env, name).await?.unwrap_or_default().len();
        ensure!(given == OBJECTS, "{name} has {given} of {OBJECTS} grants");
    }
    let lists = |resource| env.kube_proxy.count(Verb::List, resource);
    let (of_roles, of_accounts) = (lists("crossaccountroles"), lists("awsaccounts"));
    let all = OBJECTS * PRINCIPALS;
    assert!(
        of_roles < all && of_accounts < all,
        "{all} grants: {of_roles} LISTs of objects, {of_accounts} of accounts"
    );
    Ok(())
}
