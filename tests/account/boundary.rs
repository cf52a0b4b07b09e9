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
