//! The checks against real AWS (`make test-aws`), against the lab's AWS: what they say of AWS is so here, and they leave nothing.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result};

use lab::{
    env::TestEnv,
    real_aws::{Names, Place, check, left, parts},
    wait::WITHIN,
};

/// The two accounts of an environment, as their administrators meet AWS through the proxy.
async fn place(env: &TestEnv, patience: Duration) -> Result<Place> {
    let [source, target] =
        [&env.aws.source, &env.aws.target].map(|account| env.through_proxy(account.administrator().clone()));
    let names = Names::new("/crossaccount-test/", "t-")?.of_run(&env.namespace)?;
    Place::new(source, target, names, patience).await
}

async fn nothing_is_left(place: &Place) -> Result<()> {
    for account in [&place.source, &place.target] {
        assert_eq!(left(account, &place.names).await?, [""; 0]);
    }
    Ok(())
}

#[tokio::test]
async fn what_real_aws_is_asked_holds_in_the_lab_makes_the_calls_that_were_announced_and_leaves_nothing() -> Result<()>
{
    let env = TestEnv::bare("real").await?;
    let place = place(&env, WITHIN).await?;
    env.proxy.reset_counts();
    let made: RefCell<BTreeMap<String, BTreeSet<String>>> = RefCell::default();
    let tell = |line: &str| {
        let calls = env.proxy.calls().into_iter().map(|call| format!("{}:{}", call.service, call.action)).collect();
        env.proxy.reset_counts();
        let title = line.trim().trim_start_matches("ok").trim().to_owned();
        made.borrow_mut().insert(title, calls);
    };
    check(&place, env.control_plane, &tell).await?;
    nothing_is_left(&place).await?;

    let mut made = made.into_inner();
    let (parts, mut unmade) = (parts(), BTreeMap::new());
    for part in &parts {
        let calls = made.remove(&part.title).with_context(|| format!("nothing was told of {}", part.title))?;
        let announced: BTreeSet<String> = part.calls.iter().map(|&call| call.to_owned()).collect();
        let silent: Vec<_> = calls.difference(&announced).collect();
        assert!(silent.is_empty(), "{} makes calls that were not announced: {silent:?}", part.title);
        unmade.insert(&part.title, announced.difference(&calls).cloned().collect::<Vec<_>>());
    }
    // What is removed at the end depends on what there is.
    let cleaning = &parts[parts.len() - 2..];
    unmade.retain(|title, calls| !calls.is_empty() && cleaning.iter().all(|part| part.title != **title));
    assert!(unmade.is_empty(), "announced and not made: {unmade:?}");
    assert!(made.is_empty(), "not announced: {:?}", made.keys());
    Ok(())
}

#[tokio::test]
async fn a_check_of_real_aws_that_fails_is_named_and_all_that_was_made_is_removed() -> Result<()> {
    let env = TestEnv::bare("unlike").await?;
    let place = place(&env, Duration::from_secs(1)).await?;
    let fault = env.proxy.on("UpdateRole").error(409, "LimitExceeded", "not today");
    let told = RefCell::new(Vec::new());
    let result = check(&place, env.control_plane, &|line| told.borrow_mut().push(line.to_owned())).await;
    let failed = format!("{:#}", result.err().context("a broken AWS passes")?);
    assert!(fault.hits() > 0 && failed.contains("an empty description clears it"), "{failed}");
    let told = told.into_inner();
    assert!(told.iter().any(|line| line.contains("FAIL") && line.contains("not today")), "{told:?}");
    nothing_is_left(&place).await
}
