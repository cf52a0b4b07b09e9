//! AWS echoes what it was sent, keys included. Nothing of that reaches a status, an Event, a metric or a log.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, CrossAccountRole};
use k8s_openapi::api::{core::v1::Event as CoreEvent, events::v1::Event};
use kube::{Api, api::ListParams};
use serde_json::json;

use lab::{env::TestEnv, operator::Operator, wait::eventually};

/// What may not be seen anywhere.
const CANARIES: [&str; 4] = ["CANARYKEY", "CANARYSECRET", "CANARYSIGNATURE", "CANARYTOKEN"];

/// An error of AWS whose text holds keys.
struct Echo {
    status: u16,
    code: &'static str,
    message: &'static str,
}

/// What STS says of a signature that it cannot read: the whole header, and in it whatever stands where the key id should.
const INCOMPLETE: Echo = Echo {
    status: 400,
    code: "IncompleteSignature",
    message: "'CANARYSECRET/20270115/eu-west-1/sts/aws4_request' not a valid key=value pair (missing equal-sign) in \
              Authorization header: 'AWS4-HMAC-SHA256 Credential=CANARYKEY/20270115/eu-west-1/sts/aws4_request, \
              SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=CANARYSIGNATURE'.",
};

/// What it says of one that does not match: the request as it was signed.
const MISMATCH: Echo = Echo {
    status: 403,
    code: "SignatureDoesNotMatch",
    message: "The request signature we calculated does not match the signature you provided. The Canonical String for this \
              request should have been 'POST\n/\n\nhost:sts.amazonaws.com\nx-amz-security-token:CANARYTOKEN\n\nhost\nabc' \
              and the String-to-Sign should have been 'AWS4-HMAC-SHA256\nCANARYSECRET'",
};

/// The same in the words of other endpoints.
const INVALID: Echo = Echo {
    status: 403,
    code: "InvalidSignatureException",
    message: "Signature expired: the header was Authorization: AWS4-HMAC-SHA256 Credential=CANARYKEY/x/aws4_request, \
              Signature=CANARYSIGNATURE, X-Amz-Security-Token: CANARYTOKEN",
};

/// A failure of no identity whose text quotes the request.
const QUOTED: Echo = Echo {
    status: 400,
    code: "ValidationError",
    message: "1 validation error detected in the request with Credential=CANARYKEY/20270115/eu-west-1/iam/aws4_request, \
              Signature=CANARYSIGNATURE and x-amz-security-token: CANARYTOKEN",
};

impl Echo {
    fn befalls(&self, env: &TestEnv, action: &str, role: &str) {
        env.proxy.on(action).role(role).error(self.status, self.code, self.message);
    }
}

/// Everything that people, or machines for them, can read about the objects of a test.
async fn everything_told(env: &TestEnv, operator: &Operator) -> Result<Vec<(&'static str, String)>> {
    let kube = &env.kube;
    let roles: Vec<CrossAccountRole> = env.roles.list(&ListParams::default()).await?.items;
    let account = Api::<AWSAccount>::all(kube.clone()).get(&env.namespace).await?;
    let events = Api::<Event>::all(kube.clone()).list(&ListParams::default()).await?.items;
    let old_events = Api::<CoreEvent>::all(kube.clone()).list(&ListParams::default()).await?.items;
    let about_this = |text: &String| text.contains(&env.namespace);
    let events = events.iter().map(|event| format!("{event:?}"));
    let events: Vec<String> =
        events.chain(old_events.iter().map(|event| format!("{event:?}"))).filter(about_this).collect();
    Ok(vec![
        ("a role's status", format!("{:?}", roles.iter().map(|role| &role.status).collect::<Vec<_>>())),
        ("the account's status", format!("{:?}", account.status)),
        ("an Event", events.join("\n")),
        ("the log", operator.log().read()),
        ("the metrics", operator.get("/metrics").await?.1),
        ("the readiness answer", operator.get("/readyz").await?.1),
    ])
}

async fn nothing_leaks(env: &TestEnv, operator: &Operator, answer: &str) -> Result<()> {
    for (place, text) in everything_told(env, operator).await? {
        for canary in CANARIES {
            let shown: String = text.lines().find(|line| line.contains(canary)).into_iter().collect();
            ensure!(
                shown.is_empty(),
                "{answer}: {canary} is in {place}: {}",
                shown.chars().take(600).collect::<String>()
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_to_the_operators_own_identity_is_told_without_what_it_echoes() -> Result<()> {
    for echo in [INCOMPLETE, MISMATCH, INVALID] {
        let env = TestEnv::new("echo-role").await?;
        echo.befalls(&env, "AssumeRole", &env.iam_name("reader"));
        let operator = env.start().await?;
        env.create(&env.role("reader")).await?;
        eventually("the status names the code", async || {
            let told = env.told("reader").await?;
            ensure!(told.contains(echo.code), "{told}");
            Ok(())
        })
        .await?;
        nothing_leaks(&env, &operator, echo.code).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_on_the_way_into_an_account_is_told_without_what_it_echoes() -> Result<()> {
    for echo in [INCOMPLETE, MISMATCH, INVALID] {
        let env = TestEnv::new("echo-account").await?;
        echo.befalls(&env, "AssumeRole", "crossaccount-manager");
        let operator = env.start().await?;
        eventually("the account names the code", async || {
            let conditions = env.accounts.get(&env.namespace).await?.status.unwrap_or_default().conditions;
            let told = conditions.into_iter().find(|c| c.type_ == "Ready").context("no condition")?.message;
            ensure!(told.contains(echo.code), "{told}");
            Ok(())
        })
        .await?;
        nothing_leaks(&env, &operator, echo.code).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_of_iam_is_told_without_the_parts_of_a_signature() -> Result<()> {
    let env = TestEnv::new("echo-iam").await?;
    QUOTED.befalls(&env, "PutRolePolicy", &env.iam_name("reader"));
    let operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    let told = eventually("the status tells the failure", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains("1 validation error detected"), "{told}");
        Ok(told)
    })
    .await?;
    assert!(told.contains("ValidationError"), "{told}");
    nothing_leaks(&env, &operator, QUOTED.code).await
}

#[tokio::test]
async fn an_identity_that_is_refused_from_the_start_is_told_without_what_aws_echoes() -> Result<()> {
    let env = TestEnv::new("echo-base").await?;
    let source = env.aws.source.id();
    env.proxy.on("GetCallerIdentity").account(source).error(INCOMPLETE.status, INCOMPLETE.code, INCOMPLETE.message);
    let operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    let told = env.shows("reader", "False", "BaseIdentityUnavailable").await?;
    assert!(told.contains(INCOMPLETE.code), "{told}");
    env.patch("reader", json!({"spec": {"role": {"description": "once more"}}})).await?;
    env.shows("reader", "False", "BaseIdentityUnavailable").await?;
    nothing_leaks(&env, &operator, INCOMPLETE.code).await
}
