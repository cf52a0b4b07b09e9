//! Each reconcile is a trace; each call to AWS is a span of it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use lab::{
    aws_proxy::RecordedCall,
    env::TestEnv,
    otlp::{Behaviour, Collector, Span},
    wait::eventually,
};

use super::{names, reconciled, sending_to, well_formed};

/// The spans of calls to AWS.
fn is_call(span: &Span) -> bool {
    span.get("rpc.system") == "aws-api"
}

/// A call as its span is named.
fn named(call: &RecordedCall) -> String {
    format!("{}.{}", call.service.to_uppercase(), call.action)
}

#[tokio::test]
async fn a_role_that_becomes_ready_is_one_trace_with_the_calls_that_aws_saw() -> Result<()> {
    let env = TestEnv::new("traced").await?;
    let collector = Collector::start(Behaviour::Takes)?;
    let _operator = sending_to(&env, &collector.endpoint()).start().await?;
    reconciled(&collector, &env.namespace, "settled").await?; // the account, before the calls are counted
    env.proxy.reset_counts();
    env.ready_role("reader").await?;

    let root = reconciled(&collector, "reader", "settled").await?;
    assert_eq!(root.name, "reconcile CrossAccountRole");
    for (key, value) in [
        ("crossaccount.kind", "CrossAccountRole"),
        ("crossaccount.namespace", env.namespace.as_str()),
        ("crossaccount.account", env.namespace.as_str()),
        ("crossaccount.reason", ""),
    ] {
        assert_eq!(root.get(key), value, "{key}");
    }
    assert_eq!(root.resource["service.name"], "crossaccount-operator");
    assert!(!root.is_error);

    let about_role = |call: &RecordedCall| call.role.as_deref().is_some_and(|role| role == env.iam_name("reader"));
    let (journal, spans) = eventually("every call is a span, and every such span a call", async || {
        let journal: Vec<RecordedCall> = env.proxy.calls();
        let mut called: Vec<String> = journal.iter().map(named).collect();
        called.sort();
        let spans: Vec<Span> = collector.spans().into_iter().filter(is_call).collect();
        let of_roles = |span: &&Span| roots(&collector, "CrossAccountRole").iter().any(|root| root.trace == span.trace);
        let of_roles: Vec<Span> = spans.iter().filter(of_roles).cloned().collect();
        ensure!(names(&of_roles) == called, "{:?} and {called:?}", names(&of_roles));
        Ok((journal, of_roles))
    })
    .await?;
    assert!(journal.iter().any(about_role), "the journal has nothing of the role");
    let first: Vec<Span> = spans.into_iter().filter(|span| span.trace == root.trace).collect();
    let expected = ["IAM.AttachRolePolicy", "IAM.CreateRole", "IAM.PutRolePolicy", "STS.AssumeRole", "STS.AssumeRole"];
    assert_eq!(names(&first), [&expected[..], &["STS.GetCallerIdentity"]].concat());

    let created = first.iter().find(|span| span.name == "IAM.CreateRole").context("no CreateRole")?;
    for (key, value) in [
        ("rpc.service", "IAM"),
        ("rpc.method", "CreateRole"),
        ("cloud.account.id", env.aws.target.id()),
        ("error.type", ""),
    ] {
        assert_eq!(created.get(key), value, "{key}");
    }
    assert!(!created.get("aws.request_id").is_empty(), "{created:?}");
    let others: Vec<Span> = collector.children(&root).into_iter().filter(|span| !is_call(span)).collect();
    assert!(names(&others).contains(&"write Secret".to_owned()) && names(&others).contains(&"write status".to_owned()));
    assert!(collector.spans().iter().all(|span| span.is_root() || is_call(span) || span.name.starts_with("write ")));
    well_formed(&collector)
}

fn roots(collector: &Collector, kind: &str) -> Vec<Span> {
    collector.spans().into_iter().filter(|span| span.is_root() && span.get("crossaccount.kind") == kind).collect()
}

#[tokio::test]
async fn a_refused_call_is_an_error_with_its_code_and_without_the_words_of_aws() -> Result<()> {
    let env = TestEnv::new("traced-denial").await?;
    let collector = Collector::start(Behaviour::Takes)?;
    let words = "canary-words of a refusal";
    env.proxy.on("CreateRole").error(403, "AccessDenied", words);
    let _operator = sending_to(&env, &collector.endpoint()).start().await?;
    env.create(&env.role("reader")).await?;

    let root = reconciled(&collector, "reader", "stalled").await?;
    assert_eq!(root.get("crossaccount.reason"), "ManagerDenied");
    assert!(!root.is_error, "the reconcile itself did what it should: {root:?}");
    let calls = collector.children(&root);
    let refused = calls.iter().find(|span| span.name == "IAM.CreateRole").with_context(|| format!("{calls:?}"))?;
    assert!(refused.is_error && refused.status_message.is_empty(), "{refused:?}");
    assert_eq!((refused.get("error.type"), refused.get("crossaccount.failure")), ("AccessDenied", "Denied"));
    ensure!(!collector.raw().contains("canary"), "the words of AWS were sent");
    well_formed(&collector)
}

#[tokio::test]
async fn what_is_queued_at_the_end_is_sent_before_the_process_ends() -> Result<()> {
    let env = TestEnv::new("traced-end").await?;
    let collector = Collector::start(Behaviour::Takes)?;
    // So late that only the end can send them.
    let settings = sending_to(&env, &collector.endpoint()).env("OTEL_BSP_SCHEDULE_DELAY", "3600000");
    let operator = settings.start().await?;
    env.ready_role("reader").await?;
    assert_eq!(collector.requests(), 0);

    let (status, took) = operator.stop().await?;
    assert!(status.success() && took < Duration::from_secs(8), "{status} after {took:?}");
    let roots = roots(&collector, "CrossAccountRole");
    assert!(roots.iter().any(|root| root.get("crossaccount.name") == "reader"), "{:?}", collector.spans());
    well_formed(&collector)
}

#[tokio::test]
async fn the_sampler_that_the_environment_names_decides_what_is_sent() -> Result<()> {
    let env = TestEnv::new("traced-not").await?;
    let collector = Collector::start(Behaviour::Takes)?;
    let settings = sending_to(&env, &collector.endpoint());
    let settings = settings.env("OTEL_TRACES_SAMPLER", "parentbased_traceidratio").env("OTEL_TRACES_SAMPLER_ARG", "0");
    let operator = settings.start().await?;
    env.ready_role("reader").await?;
    operator.stop().await?;
    assert_eq!(collector.requests(), 0, "{:?}", collector.spans());
    Ok(())
}
