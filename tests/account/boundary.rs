//! The boundary that the platform team demands is on every role of the operator, whatever its object declares meanwhile.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use lab::{aws::policy, env::TestEnv, tester::Tester, wait::eventually};

/// Makes a role that may be unbounded, declares something else of its object, and then demands a boundary by which it may
/// do nothing.
async fn a_boundary_reaches(name: &str, then: Value, (status, reason): (&str, &str)) -> Result<()> {
    let env = TestEnv::new(name).await?;
    let tester = Tester::new(&env).await?;
    let free = json!({"permissionsBoundary": null, "allowUnbounded": true, "lifecycles": ["Create", "Observe"]});
    env.patch_account(json!({ "guardrails": free })).await?;
    env.aws.allow_unbounded().await?;
    let _operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    ensure!(env.standing("reader").await?.0.boundary.is_none(), "the role is bounded from the start");
    env.patch("reader", then).await?;
    env.shows("reader", status, reason).await?;
    let set = tester.has_a_working_set("reader").await?;

    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let strict = env.aws.target.create_policy("strict", &nothing).await?;
    let demanded = json!({"permissionsBoundary": strict, "allowUnbounded": false});
    env.patch_account(json!({ "guardrails": demanded })).await?;
    eventually("the role has the boundary", async || {
        let (role, _) = env.standing("reader").await?;
        ensure!(role.boundary.as_ref() == Some(&strict), "its boundary is {:?}", role.boundary);
        Ok(())
    })
    .await?;
    tester.is_denied("what the boundary does not allow", &set).await
}

#[tokio::test]
async fn a_boundary_reaches_a_role_that_was_made_and_is_declared_observed() -> Result<()> {
    let observed = json!({"spec": {"role": {"lifecycle": "Observe"}}});
    a_boundary_reaches("bound-observed", observed, ("True", "Observed")).await
}

#[tokio::test]
async fn a_boundary_reaches_a_role_whose_object_is_suspended() -> Result<()> {
    a_boundary_reaches("bound-suspended", json!({"spec": {"suspend": true}}), ("True", "Suspended")).await
}

#[tokio::test]
async fn a_role_is_closed_on_which_a_demanded_boundary_cannot_be_put() -> Result<()> {
    let env = TestEnv::new("unboundable").await?;
    env.patch_account(json!({"guardrails": {"permissionsBoundary": null, "allowUnbounded": true}})).await?;
    env.aws.allow_unbounded().await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    ensure!(env.standing("reader").await?.0.boundary.is_none(), "the role is bounded from the start");
    let denied = "not authorized to perform: iam:PutRolePermissionsBoundary";
    env.proxy.on("PutRolePermissionsBoundary").error(403, "AccessDenied", denied);

    let demanded = json!({"permissionsBoundary": env.aws.boundary_arn, "allowUnbounded": false});
    env.patch_account(json!({ "guardrails": demanded })).await?;
    env.is_closed("reader").await?;
    let message = env.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains("permissionsBoundary"), "{message}");

    env.proxy.reset_counts();
    for _ in 0..3 {
        env.wake(&operator, "reader").await?;
    }
    assert!(env.proxy.count("PutRolePermissionsBoundary") > 0, "it was not tried again");
    let closings = env.proxy.count("PutRolePolicy") + env.proxy.count("UpdateAssumeRolePolicy");
    assert_eq!(closings, 0, "a role that is closed is closed once");
    Ok(())
}

#[tokio::test]
async fn a_bounded_role_stays_open_while_the_boundary_that_is_to_replace_its_own_does_not_exist() -> Result<()> {
    let env = TestEnv::new("no-boundary").await?;
    let tester = Tester::new(&env).await?;
    let operator = env.start().await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    let absent = format!("arn:aws:iam::{}:policy/absent", env.aws.target.id());
    env.aws.also_bound_by(&absent).await?;
    env.patch_account(json!({"guardrails": {"permissionsBoundary": absent}})).await?;
    eventually("the missing boundary is told", async || {
        let message = env.shows("reader", "True", "Degraded").await?;
        ensure!(message.contains("PolicyNotFound"), "{message}");
        Ok(())
    })
    .await?;
    for _ in 0..3 {
        env.wake(&operator, "reader").await?;
    }
    let (role, inline) = env.standing("reader").await?;
    assert_eq!(role.boundary.as_ref(), Some(&env.aws.boundary_arn), "it keeps the boundary that it has");
    assert!(!inline.contains_key("crossaccount-deny"), "{inline:?}");
    tester.has_a_working_set("reader").await?;
    Ok(())
}
