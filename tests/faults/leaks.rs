//! Nothing secret is seen outside the data of a Secret, whatever happens: in good and in bad lives, at the most talkative log
//! level.

pub mod canary;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::annotation;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;
use serde_json::json;

use lab::{
    aws::Identity,
    aws_proxy::AwsError,
    env::TestEnv,
    operator::Operator,
    otlp::{Behaviour, Collector},
    wait::eventually,
};

use self::canary::Canary;

/// What AWS quotes of requests in its errors.
const ECHOED: [(&str, &str); 4] = [
    ("an echoed access key id", "CANARYKEYOFANECHO"),
    ("an echoed secret", "CANARYSECRETOFANECHO"),
    ("an echoed signature", "CANARYSIGNATUREOFANECHO"),
    ("an echoed token", "CANARYTOKENOFANECHO"),
];

/// Lives that go wrong: which call fails, how, and which code the status then tells.
fn bad_lives() -> Vec<(&'static str, AwsError)> {
    let header = "AWS4-HMAC-SHA256 Credential=CANARYKEYOFANECHO/20270115/eu-west-1/sts/aws4_request, \
                  SignedHeaders=host;x-amz-security-token, Signature=CANARYSIGNATUREOFANECHO";
    let canonical = "The Canonical String for this request should have been 'POST\n/\n\nhost:sts.amazonaws.com\n\
                     x-amz-security-token:CANARYTOKENOFANECHO\n\nhost\nabc' and the String-to-Sign should have been \
                     'AWS4-HMAC-SHA256\nCANARYSECRETOFANECHO'";
    let quoted = format!(
        "Syntax errors in policy; the request was Authorization: {header}, X-Amz-Security-Token: CANARYTOKENOFANECHO"
    );
    vec![
        ("AssumeRole", AwsError::new(403, "AccessDenied", format!("User is not authorized; Authorization: {header}"))),
        ("AssumeRole", AwsError::throttling()),
        ("AssumeRole", AwsError::new(400, "IncompleteSignature", format!("not a valid key=value pair in '{header}'"))),
        ("AssumeRole", AwsError::new(403, "SignatureDoesNotMatch", canonical)),
        ("CreateRole", AwsError::new(500, "ServiceFailure", format!("failed on {header}"))),
        ("PutRolePolicy", AwsError::new(400, "MalformedPolicyDocument", quoted)),
    ]
}

/// The words of one set of credentials.
pub fn words_of(whose: &str, identity: &Identity) -> Vec<Canary> {
    let set = &identity.credentials;
    let parts = [
        ("access key id", Some(set.access_key_id())),
        ("secret", Some(set.secret_access_key())),
        ("token", set.session_token()),
    ];
    parts.into_iter().filter_map(|(part, word)| Some(Canary::new(format!("the {part} of {whose}"), word?))).collect()
}

/// Makes an object that issues once more on request. Gives the words of both sets.
async fn words_of_two_sets(env: &TestEnv, name: &str, request: &str) -> Result<Vec<Canary>> {
    let before = env.ready_role(name).await?;
    let mut words = words_of(&format!("the first set of {name}"), &env.copied(name).await?);
    let issued_at = before.status.as_ref().and_then(|status| status.credentials.as_ref()?.issued_at.as_ref());
    env.a_second_after(issued_at).await?;
    let now = Timestamp::now().to_string();
    env.patch(name, json!({"metadata": {"annotations": {request: now}}})).await?;
    env.issued_again(name, &before).await?;
    words.extend(words_of(&format!("the second set of {name}"), &env.copied(name).await?));
    Ok(words)
}

async fn external_ids(env: &TestEnv) -> Result<Vec<Canary>> {
    let roles = env.roles.list(&ListParams::default()).await?;
    let ids: Vec<Canary> = roles
        .iter()
        .filter_map(|role| Some(Canary::new("an external id", role.status.as_ref()?.external_id.as_ref()?)))
        .collect();
    ensure!(!ids.is_empty(), "no object has an external id");
    Ok(ids)
}

/// A Secret without its data.
fn outside(secret: Secret) -> String {
    format!("{:?}", Secret { data: None, ..secret })
}

/// Everything that people, or machines for them, can read, apart from the data of Secrets.
async fn everything_told(env: &TestEnv, operator: &Operator) -> Result<Vec<(&'static str, String)>> {
    let kubectl = async |what: &[&str]| {
        let mut command = env.control_plane.kubectl();
        lab::run(command.args(["get", "-o", "yaml", "--show-managed-fields"]).args(what)).await
    };
    let secrets = env.secrets.list(&ListParams::default()).await?;
    Ok(vec![
        ("the log", operator.log().read()),
        ("the metrics", operator.get("/metrics").await?.1),
        ("the readiness answer", operator.get("/readyz").await?.1),
        ("an object", kubectl(&["-n", &env.namespace, "crossaccountroles"]).await?),
        ("an Event", kubectl(&["-n", &env.namespace, "events.events.k8s.io,events"]).await?),
        ("an Event about the account", kubectl(&["-n", "default", "events.events.k8s.io"]).await?),
        ("the account", kubectl(&["awsaccount", &env.namespace]).await?),
        ("a Secret outside its data", secrets.into_iter().map(outside).collect()),
    ])
}

#[tokio::test]
async fn no_part_of_a_credential_is_seen_in_any_form_in_good_and_in_bad_lives() -> Result<()> {
    let mut env = TestEnv::new("leaks").await?;
    let collector = Collector::start(Behaviour::Takes)?;
    env.settings = env.settings.flag("--log-level=trace").quiet();
    env.settings = env.settings.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
    let operator = env.start().await?;
    let mut canaries: Vec<Canary> = ECHOED.iter().map(|(name, word)| Canary::new(*name, word)).collect();
    canaries.extend(words_of("the operator", &env.aws.operator));

    for (name, request) in [("renewed", annotation::RENEW_REQUESTED_AT), ("revoked", annotation::REVOKE_REQUESTED_AT)] {
        canaries.extend(words_of_two_sets(&env, name, request).await?);
    }
    for (n, (action, error)) in bad_lives().into_iter().enumerate() {
        let name = format!("bad-{n}");
        let told = error.code.clone();
        env.proxy.on(action).role(&env.iam_name(&name)).error(error.status, &error.code, &error.message);
        env.create(&env.role(&name)).await?;
        eventually(&format!("the status of {name} tells of {told}"), async || {
            let shown = env.told(&name).await?;
            ensure!(shown.contains(&told) || shown.contains("Propagating"), "{shown}");
            Ok(())
        })
        .await?;
    }
    for key in env.proxy.calls().iter().filter_map(|call| call.access_key.clone()) {
        canaries.push(Canary::new("the access key id of a call", &key));
    }

    let mut told = everything_told(&env, &operator).await?;
    // An external id is no credential, and status shows it; but a collector is no place for it either.
    let external_ids = external_ids(&env).await?;
    operator.stop().await?; // sends the last spans
    let traces = collector.raw();
    ensure!(traces.contains("STS.AssumeRole") && traces.contains("MalformedPolicyDocument"), "{traces}");
    ensure!(external_ids.iter().all(|id| id.found_in(&traces).is_none()), "an external id is in the traces");
    told.push(("the traces", traces));
    for (place, text) in &told {
        ensure!(text.len() > 20, "{place} is empty: {text}");
        for canary in &canaries {
            let found = canary.found_in(text);
            ensure!(found.is_none(), "{} is in {place}: {}", canary.name, found.unwrap_or_default());
        }
        for element in ["<SecretAccessKey>", "<SessionToken>"] {
            ensure!(!text.contains(element), "an answer of STS is in {place}");
        }
    }
    let log = told.first().context("there is no log")?;
    ensure!(log.1.contains("TRACE"), "the log does not tell everything");
    Ok(())
}
