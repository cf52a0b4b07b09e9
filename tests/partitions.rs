//! Accounts in the other partitions of AWS. The proxy states and reads ARNs as they are there, and refuses those of another
//! partition, as AWS does.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sts::error::ProvideErrorMetadata as _;
use crossaccount::api::ConditionType;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use lab::{
    aws::{OPERATOR, grants, policy},
    env::{MANAGED, TestEnv, declare::document},
    wait::eventually,
};

/// A region of each main partition, and the partition.
const REGIONS: [(&str, &str); 3] = [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")];

#[tokio::test]
async fn a_role_goes_from_apply_to_a_secret_that_works_and_to_its_end_in_each_partition() -> Result<()> {
    for (region, partition) in REGIONS {
        let env = TestEnv::in_region("partition", region).await?;
        let errand = env.errand().await?;
        let mut role = env.on_errand("reader", &errand);
        role.spec.role.managed_policy_arns = vec![format!("arn:{partition}:iam::aws:policy/AmazonS3ReadOnlyAccess")];
        let _operator = env.start().await?;
        env.create(&role).await?;
        let ready = env.settled("reader").await?;
        let shown =
            ready.status.and_then(|status| status.role).and_then(|role| role.arn).context("no ARN in status")?;
        let own = format!("arn:{partition}:iam::{}:role/crossaccount/", env.aws.target.id());
        assert_eq!(shown, format!("{own}{}", env.iam_name("reader")));

        let (data, _) = env.secret("reader").await?;
        assert!(data["config"].contains(&format!("region = {region}")), "{}", data["config"]);
        let set = env.copied("reader").await?;
        let sts = aws_sdk_sts::Client::new(&env.through_proxy(set.credentials));
        let caller = sts.get_caller_identity().send().await?;
        let arn = caller.arn().context("GetCallerIdentity gave no ARN")?;
        assert!(arn.starts_with(&format!("arn:{partition}:sts::{}:assumed-role/", env.aws.target.id())), "{arn}");
        sts.assume_role().role_arn(env.arn(&errand)).role_session_name("errand").send().await?;
        let calls = env.proxy.calls();
        assert!(calls.iter().all(|call| call.region == region), "{calls:?}");

        env.roles.delete("reader", &DeleteParams::default()).await?;
        env.is_gone_with_its_role("reader").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_source_grant_names_the_role_as_it_is_in_its_partition() -> Result<()> {
    let env = TestEnv::in_region("partition-grant", "us-gov-west-1").await?;
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    env.aws.source.create_user("deployer", &nothing).await?;
    let source = &env.aws.source;
    source.put_user_policy(OPERATOR, "grants", &grants(source, &["user/deployer"])).await?;
    env.accounts.create(&PostParams::default(), &env.source_account()).await?;
    let _operator = env.start().await?;
    let mut role = env.role("reader");
    let grant = json!([{"accountRef": {"name": format!("{}-source", env.namespace)}, "user": "deployer"}]);
    role.spec.source_grants = serde_json::from_value(grant)?;
    env.create(&role).await?;
    env.settled("reader").await?;
    let wrote = env.proxy.calls_that(|call| call.action == "PutUserPolicy");
    let written = wrote.first().and_then(|call| call.get("PolicyDocument")).context("no grant was written")?;
    assert!(
        written.contains(&env.role_arn("reader")) && env.role_arn("reader").starts_with("arn:aws-us-gov:"),
        "{written}"
    );
    Ok(())
}

#[tokio::test]
async fn a_source_account_of_another_partition_is_refused_by_name_and_the_credentials_do_not_suffer() -> Result<()> {
    let env = TestEnv::new("partition-source").await?;
    let mut source = env.source_account();
    source.spec.region = "cn-north-1".to_owned();
    env.accounts.create(&PostParams::default(), &source).await?;
    let name = format!("{}-source", env.namespace);
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let grant = json!([{"accountRef": {"name": name}, "user": "deployer"}]);
    env.patch("reader", json!({"spec": {"sourceGrants": grant}})).await?;
    let told = eventually("the grant is refused", async || {
        let role = env.roles.get("reader").await?;
        let grants = role.condition(ConditionType::SourceGrantsReady).context("it has no such condition")?;
        ensure!((grants.status.as_str(), grants.reason.as_str()) == ("False", "AccountNotReady"), "{grants:?}");
        Ok(grants.message.clone())
    })
    .await?;
    for word in [name.as_str(), "partition aws,", "partition aws-cn (spec.region cn-north-1)"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(env.roles.get("reader").await?.is_true(ConditionType::CredentialsReady));
    let there = env.proxy.calls_that(|call| call.region != "eu-west-1");
    assert!(there.is_empty(), "{there:?}");
    Ok(())
}

#[tokio::test]
async fn an_account_of_another_partition_is_refused_by_name_without_any_call_there() -> Result<()> {
    let env = TestEnv::new("partition-foreign").await?;
    let mut account = env.account();
    let gov = |arn: String| arn.replace("arn:aws:", "arn:aws-us-gov:");
    account.metadata.name = Some(format!("{}-gov", env.namespace));
    account.spec.region = "us-gov-west-1".to_owned();
    for hop in &mut account.spec.access.chain {
        hop.role_arn = gov(hop.role_arn.clone());
    }
    account.spec.guardrails.permissions_boundary = account.spec.guardrails.permissions_boundary.map(gov);
    env.accounts.create(&PostParams::default(), &account).await?;
    let mut role = env.role("reader");
    role.spec.account_ref.name = format!("{}-gov", env.namespace);
    role.spec.role.inline_policies.clear();
    env.create(&role).await?;
    let _operator = env.start().await?;

    let told = env.shows("reader", "False", "InvalidSpec").await?;
    let named = eventually("the account is refused", async || {
        let account = env.accounts.get(&format!("{}-gov", env.namespace)).await?;
        let ready = account.condition(ConditionType::Ready).cloned().context("it has no condition Ready")?;
        ensure!((ready.status.as_str(), ready.reason.as_str()) == ("False", "InvalidSpec"), "{ready:?}");
        Ok(ready.message)
    })
    .await?;
    for message in [told, named] {
        for word in
            [env.aws.operator.arn.as_str(), "partition aws,", "partition aws-us-gov (spec.region us-gov-west-1)"]
        {
            assert!(message.contains(word), "{word}: {message}");
        }
    }
    // An account that the operator reaches is served meanwhile.
    env.ready_role("writer").await?;
    let there = env.proxy.calls_that(|call| call.region != "eu-west-1");
    assert!(there.is_empty(), "{there:?}");
    env.roles.delete("reader", &DeleteParams::default()).await?;
    env.gone("reader").await
}

#[tokio::test]
async fn what_an_object_names_in_another_partition_reaches_no_call() -> Result<()> {
    let env = TestEnv::in_region("partition-field", "cn-north-1").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    env.proxy.reset_counts();
    env.patch("reader", json!({"spec": {"role": {"managedPolicyArns": [MANAGED]}}})).await?;
    let told = env.shows("reader", "True", "Degraded").await?;
    for word in ["spec.role.managedPolicyArns[0]", MANAGED, "aws-cn"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert_eq!(env.proxy.count("AttachRolePolicy"), 0);
    let reports = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}));
    let patch = json!({"managedPolicyArns": null, "inlinePolicies": {"read-reports": document(&reports)}});
    env.patch("reader", json!({"spec": {"role": patch}})).await?;
    let told = env.shows("reader", "True", "Degraded").await?;
    assert!(told.contains("spec.role.inlinePolicies.read-reports: Statement[0].Resource"), "{told}");
    assert_eq!(env.proxy.count("PutRolePolicy"), 0);
    Ok(())
}

#[tokio::test]
async fn the_aws_of_the_tests_answers_to_arns_of_another_partition_as_aws_does() -> Result<()> {
    let env = TestEnv::in_region("partition-strict", "us-gov-west-1").await?;
    let config = env.through_proxy(env.aws.target.administrator().clone());
    let (iam, sts) = (aws_sdk_iam::Client::new(&config), aws_sdk_sts::Client::new(&config));
    let trust = |principal: &str| {
        policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}})).to_string()
    };
    let own = format!("arn:aws-us-gov:iam::{}:root", env.aws.target.id());
    let made = iam.create_role().role_name("own").assume_role_policy_document(trust(&own)).send().await?;
    let role = made.role.context("no role")?;
    assert_eq!(role.arn, format!("arn:aws-us-gov:iam::{}:role/own", env.aws.target.id()));
    let shown = iam.get_role().role_name("own").send().await?.role.and_then(|role| role.assume_role_policy_document);
    assert!(
        shown.context("no trust policy")?.contains(&format!("arn%3Aaws-us-gov%3Aiam%3A%3A{}", env.aws.target.id()))
    );

    let foreign = iam.create_role().role_name("other").assume_role_policy_document(trust(&own.replace("-us-gov", "")));
    let refused = foreign.send().await.err().context("a foreign principal is taken")?;
    assert_eq!(refused.code(), Some("MalformedPolicyDocument"));
    let refused = iam.attach_role_policy().role_name("own").policy_arn(MANAGED).send().await;
    let refused = refused.err().context("a foreign policy is attached")?;
    assert_eq!((refused.code(), refused.message()), (Some("ValidationError"), Some("Invalid ARN partition")));
    let document =
        policy(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::reports"})).to_string();
    let put = iam.put_role_policy().role_name("own").policy_name("read").policy_document(document).send().await;
    let refused = put.err().context("a foreign resource is taken")?;
    assert_eq!(refused.code(), Some("MalformedPolicyDocument"));
    let into = sts.assume_role().role_arn(role.arn.replace("-us-gov", "")).role_session_name("test").send().await;
    assert_eq!(into.err().context("a foreign role is assumed")?.code(), Some("AccessDenied"));

    let elsewhere = config.into_builder().region(aws_config::Region::new("eu-west-1")).build();
    let caller = aws_sdk_sts::Client::new(&elsewhere).get_caller_identity().send().await;
    assert_eq!(caller.err().context("credentials are good in two partitions")?.code(), Some("InvalidClientTokenId"));
    Ok(())
}
