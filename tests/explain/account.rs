//! Rows about the way into an account.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

use super::{
    page::{Row, quoted, shown},
    stage::{MANAGER, account_is_good, account_says, mend_role, mend_trust, terse},
};
use lab::{
    aws::{Base, MANAGER_EXTERNAL_ID, policy},
    aws_proxy::Touch,
    emulator::aws_config,
    env::TestEnv,
    wait::eventually,
};

const ACCOUNT: &str = "AWSAccount analytics";

fn lines(env: &TestEnv, said: &Condition) -> Vec<String> {
    shown(env, ACCOUNT, said)
}

/// A chain through a role `hub` in the operator's account. The hub may assume `target`, and the manager trusts `trusted`.
async fn two_hops(env: &TestEnv, may_assume: &str, trusted: impl Fn(&str) -> String) -> Result<()> {
    let aws = &env.aws;
    let trust = |principal: &str, external_id: &str| {
        policy(&json!({
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal},
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }))
    };
    let permission = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": may_assume}));
    let hub = aws.source.create_role("hub", &trust(&aws.operator.arn, "first"), &permission).await?;
    aws.also_assume("hub", std::slice::from_ref(&hub)).await?;
    let manager = aws.target.iam().update_assume_role_policy().role_name("crossaccount-manager");
    manager.policy_document(trust(&trusted(&hub), MANAGER_EXTERNAL_ID).to_string()).send().await?;
    let chain = json!([
        {"roleArn": hub, "externalId": "first"},
        {"roleArn": aws.manager_arn, "externalId": MANAGER_EXTERNAL_ID},
    ]);
    env.patch_account(json!({"access": {"chain": chain}})).await
}

fn chain(hops: &Value) -> Value {
    json!({"access": {"chain": hops}})
}

pub async fn a_hop_is_refused_and_aws_does_not_say_by_whom() -> Result<Row> {
    let env = TestEnv::new("hop").await?;
    terse(&env);
    let aws = &env.aws;
    two_hops(&env, &aws.manager_arn, |_| aws.operator.arn.clone()).await?;
    let _operator = env.start().await?;
    let said = account_says(&env, "TrustDenied").await?;
    mend_trust(&env, MANAGER, &said).await?;
    mend_role(&aws.source, "hub", &said).await?;
    account_is_good(&env).await?;
    Ok(Row {
        title: "A hop is refused, and AWS does not say by whom",
        seen: lines(&env, &said),
        side: "the account of the hop's role, here 222222222222, or that of the hop before, here 111111111111",
        remedy: "Across accounts AWS often says no more than this, and the operator cannot read the role's trust policy before \
                 it is let in. Check both: each account must have its statement. Check the external id as well.",
    })
}

pub async fn a_hop_is_refused_by_the_trust_policy() -> Result<Row> {
    let env = TestEnv::new("hop-trust").await?;
    let hop = json!([{"roleArn": env.aws.manager_arn, "externalId": "wrong"}]);
    env.patch_account(chain(&hop)).await?;
    let _operator = env.start().await?;
    let said = account_says(&env, "TrustDenied").await?;
    mend_trust(&env, MANAGER, &said).await?;
    account_is_good(&env).await?;
    Ok(Row {
        title: "A hop is refused by its role's trust policy",
        seen: lines(&env, &said),
        side: "the account of the hop's role, here 222222222222; or the platform team, if the external id is wrong",
        remedy: "AWS said whose policy it was. Here `spec.access.chain` has another `externalId` than the trust policy.",
    })
}

pub async fn a_hop_is_refused_by_the_caller() -> Result<Row> {
    let env = TestEnv::new("hop-caller").await?;
    two_hops(&env, "arn:aws:iam::222222222222:role/another", str::to_owned).await?;
    let _operator = env.start().await?;
    let said = account_says(&env, "IdentityDenied").await?;
    mend_role(&env.aws.source, "hub", &said).await?;
    account_is_good(&env).await?;
    Ok(Row {
        title: "A hop is refused by the policies of the hop before",
        seen: lines(&env, &said),
        side: "the account of the hop before, here 111111111111",
        remedy: "Add the statement to the role of the hop before.",
    })
}

pub async fn another_account_answers_at_the_end_of_the_chain() -> Result<Row> {
    let env = TestEnv::new("elsewhere").await?;
    let other = Touch::Caller("arn:aws:iam::333333333333:user/somebody".to_owned());
    env.proxy.on("GetCallerIdentity").account(env.aws.target.id()).touch(other);
    let _operator = env.start().await?;
    Ok(Row {
        title: "Another account answers at the end of the chain",
        seen: lines(&env, &account_says(&env, "WrongIdentity").await?),
        side: "the team that runs the operator",
        remedy: "Check `AWS_ENDPOINT_URL`, and every proxy between the operator and AWS.",
    })
}

pub async fn the_operator_is_in_another_account() -> Result<Row> {
    let env = TestEnv::new("no-chain").await?;
    env.patch_account(chain(&json!([]))).await?;
    let _operator = env.start().await?;
    Ok(Row {
        title: "There is no chain, and the operator is in another account",
        seen: lines(&env, &account_says(&env, "WrongIdentity").await?),
        side: "the platform team, in the `AWSAccount`",
        remedy: "Without a chain the operator manages the account as the identity it has.",
    })
}

pub async fn the_operator_is_in_another_partition() -> Result<Row> {
    let env = TestEnv::new("partition").await?;
    let boundary = env.aws.boundary_arn.replace("arn:aws:", "arn:aws-us-gov:");
    let mut moved = chain(&json!([]));
    moved["region"] = "us-gov-west-1".into();
    moved["guardrails"] = json!({"permissionsBoundary": boundary});
    env.patch_account(moved).await?;
    let _operator = env.start().await?;
    Ok(Row {
        title: "The operator is in another partition than the account",
        seen: lines(&env, &account_says(&env, "InvalidSpec").await?),
        side: "the team that runs the operator, or the platform team, in the `AWSAccount`",
        remedy: "No call is made. Operators of two partitions run in different clusters.",
    })
}

pub async fn the_operators_key_is_gone() -> Result<Row> {
    let env = TestEnv::new("key").await?;
    let aws = &env.aws;
    let key = aws.operator.credentials.access_key_id();
    aws.source.iam().delete_access_key().user_name("crossaccount-operator").access_key_id(key).send().await?;
    let _operator = env.start().await?;
    Ok(Row {
        title: "The operator's access key is gone",
        seen: lines(&env, &account_says(&env, "BaseIdentityUnavailable").await?),
        side: "the team that runs the operator",
        remedy: "Give it a key that exists, or better none: IRSA or Pod Identity.",
    })
}

pub async fn the_operators_session_has_expired() -> Result<Row> {
    let mut env = TestEnv::with_base("expired", Base::RoleSession).await?;
    let aws = &env.aws;
    let sts = aws.source.sts(aws.operator.credentials.clone());
    // The emulator itself, unlike AWS and the proxy, gives sessions of a few seconds.
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": aws.source.id()}}));
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let role = aws.source.create_role("short", &trust, &nothing).await?;
    aws.also_assume("short", std::slice::from_ref(&role)).await?;
    let short = sts.assume_role().role_arn(role).role_session_name("operator").duration_seconds(5).send().await?;
    let session = short.credentials.context("AssumeRole gave no credentials")?;
    let credentials = aws_sdk_sts::config::Credentials::new(
        session.access_key_id,
        session.secret_access_key,
        Some(session.session_token),
        None,
        "lab",
    );
    let used = aws_sdk_sts::Client::new(&aws_config(&env.proxy.endpoint(), credentials.clone()));
    used.get_caller_identity().send().await?;
    eventually("the session has expired", async || {
        let refused = used.get_caller_identity().send().await.err().context("it is good")?;
        ensure!(format!("{refused:?}").contains("ExpiredToken"), "{refused:?}");
        Ok(())
    })
    .await?;
    env.settings = env.settings.credentials(&credentials);
    let _operator = env.start().await?;
    Ok(Row {
        title: "The operator's own session has expired",
        seen: lines(&env, &account_says(&env, "BaseIdentityUnavailable").await?),
        side: "the team that runs the operator",
        remedy: "A session that was given to the operator by hand ends with it. IRSA and Pod Identity renew theirs.",
    })
}

pub async fn the_operator_has_no_credentials() -> Result<Row> {
    let mut env = TestEnv::new("no-identity").await?;
    env.settings = env.settings.no_credentials();
    let _operator = env.start().await?;
    Ok(Row {
        title: "The operator has no credentials",
        seen: lines(&env, &account_says(&env, "BaseIdentityUnavailable").await?),
        side: "the team that runs the operator",
        remedy: "`/readyz` of the operator says the same.",
    })
}

pub async fn the_region_is_not_active() -> Result<Row> {
    let env = TestEnv::new("region").await?;
    let told = format!(
        "STS is not activated in this region for account:{}. Your account administrator can activate STS in this region using \
         the IAM Console.",
        env.aws.target.id()
    );
    // The emulator has every region active.
    env.proxy.on("AssumeRole").error(403, "RegionDisabledException", &told);
    let _operator = env.start().await?;
    Ok(Row {
        title: "STS is not active for the region",
        seen: lines(&env, &account_says(&env, "RegionDisabled").await?),
        side: "the account that AWS names, or the platform team, in the `AWSAccount`",
        remedy: "Activate the region in that account, or choose one that is active in both.",
    })
}

pub async fn the_chain_ends_in_another_account() -> Result<Row> {
    let env = TestEnv::new("mistaken").await?;
    let hop = json!([{"roleArn": format!("arn:aws:iam::{}:role/manager", env.aws.source.id())}]);
    let refused = env.patch_account(chain(&hop)).await.err().context("the API server took it")?;
    let Some(kube::Error::Api(status)) = refused.downcast_ref() else { return Err(refused) };
    Ok(Row {
        title: "Account id and role ARN disagree",
        seen: quoted(&env, &status.message),
        side: "the author of the `AWSAccount`",
        remedy: "The API server refuses the object. Where it did not, the operator says `InvalidSpec` and enters nothing.",
    })
}
