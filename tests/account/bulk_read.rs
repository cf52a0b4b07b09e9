//! The bulk read of an account against reads of each role.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aws_sdk_iam::types::Tag;
use crossaccount::{
    aws::{AwsClients, IamClient},
    domain::{AccountAccess, AccountId, Region, RoleName},
    host::metrics::{Metrics, PerObject},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use lab::{
    aws::{Account, policy},
    env::TestEnv,
};

const NAMES: [&str; 3] = ["reader", "writer", "plain"];

/// IAM of account B as its administrator, by the operator's own client and through the strict proxy.
async fn client(env: &TestEnv) -> Result<IamClient> {
    let target = &env.aws.target;
    let config = env.through_proxy(target.administrator().clone());
    let access = AccountAccess {
        name: "target".into(),
        id: AccountId::parse(target.id()).context("no account id")?,
        region: Region::parse("eu-west-1").context("no region")?,
        chain: Vec::new(),
    };
    let clients = AwsClients::with_config(config, Metrics::new(PerObject::Auto), None);
    Ok(clients.assume_manager(&access).await?)
}

async fn create_roles(target: &Account, boundary: &str) -> Result<()> {
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.id()}}));
    let read = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a+b c/*"}));
    let attached = target.create_policy("list", &read).await?;
    for name in NAMES {
        let create = target.iam().create_role().path("/crossaccount/").role_name(name);
        let create = create.assume_role_policy_document(trust.to_string());
        if name == "plain" {
            create.send().await?;
            continue;
        }
        let tag = Tag::builder().key("team").value(name).build()?;
        let create = create.description(format!("the {name}")).max_session_duration(7200).tags(tag);
        create.permissions_boundary(boundary).send().await?;
        target.put_role_policy(name, "first", &read).await?;
        target
            .put_role_policy(name, "second", &policy(&json!([{"Effect": "Deny", "Action": "*", "Resource": "*"}])))
            .await?;
        target.iam().attach_role_policy().role_name(name).policy_arn(&attached).send().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_bulk_read_shows_each_role_as_a_read_of_that_one_does() -> Result<()> {
    let env = TestEnv::new("bulk").await?;
    let aws = &env.aws;
    create_roles(&aws.target, &aws.boundary_arn).await?;

    let iam = client(&env).await?;
    let roles = iam.all_roles().await?;

    for name in NAMES {
        let name = RoleName::parse(name)?;
        let single = iam.role_state(&name).await?.context("there is no such role")?;
        let bulk = roles.iter().find(|state| state.role.arn.name == name).context("the bulk read lacks it")?;
        assert_eq!(bulk, &single);
        assert_eq!(single.inline.len(), if name.as_str() == "plain" { 0 } else { 2 });
    }
    let counts: BTreeMap<_, _> = [("GetAccountAuthorizationDetails", 1), ("ListRoles", 1)].into();
    for (action, calls) in counts {
        assert_eq!(env.proxy.count(action), calls, "{action}");
    }
    Ok(())
}

#[tokio::test]
async fn a_thousand_roles_are_read_in_at_most_twelve_calls_over_several_pages() -> Result<()> {
    const ROLES: usize = 1_000;
    let env = TestEnv::new("many").await?;
    let target = &env.aws.target;
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.id()}}));
    let read = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}));
    let created =
        stream::iter(0..ROLES).map(async |number| target.create_role(&format!("many-{number}"), &trust, &read).await);
    created.buffer_unordered(16).try_collect::<Vec<_>>().await?;

    let roles = client(&env).await?.all_roles().await?;

    let ours = roles.iter().filter(|state| state.role.arn.name.as_str().starts_with("many-"));
    let whole = ours.filter(|state| state.inline.values().all(Option::is_some) && state.inline.len() == 1).count();
    assert_eq!(whole, ROLES, "each is there once, with its policy");
    let calls = env.proxy.count("GetAccountAuthorizationDetails") + env.proxy.count("ListRoles");
    assert!(calls > 2, "the account is larger than a page");
    assert!(calls <= 12, "{calls} calls");
    assert_eq!(env.proxy.count("GetRole"), 0);
    Ok(())
}
