//! One account in trouble costs the others nothing, and the operator little.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use crossaccount::api::{AWSAccount, CrossAccountRole, SourceGrant};
use kube::{Api, api::PostParams};
use serde_json::json;

use lab::{
    aws::Account,
    aws_proxy::Outcome,
    emulator::{accounts, emulator},
    env::TestEnv,
    kube_proxy::Verb,
    operator::Operator,
    wait::eventually,
};

use crate::grants::stage::{grants_ready, lab, may_assume, to_user, user};

/// More than there are workers for one account.
const CROWD: usize = 20;

/// A second account whose roles the operator manages.
async fn second_account(env: &TestEnv) -> Result<(Account, AWSAccount)> {
    let [id, _] = accounts();
    let account = Account::open(emulator().await?.endpoint(), &id).await?;
    let managed = env.aws.also_work_in(&account).await?;
    let object = env.managed_account(&format!("{}-second", env.namespace), &id, &managed);
    Ok((account, env.accounts.create(&PostParams::default(), &object).await?))
}

fn in_account(env: &TestEnv, name: &str, account: &AWSAccount) -> CrossAccountRole {
    let mut role = env.role(name);
    role.spec.account_ref.name = account.metadata.name.clone().unwrap_or_default();
    role
}

async fn accounts_are_ready(env: &TestEnv, number: usize) -> Result<()> {
    let accounts: Api<AWSAccount> = Api::all(env.kube.clone());
    eventually("the accounts are Ready", async || {
        let list = accounts.list(&kube::api::ListParams::default().labels(&format!("test={}", env.namespace))).await?;
        let ready = |account: &&AWSAccount| account.is_true(crossaccount::api::ConditionType::Ready);
        let ready = list.iter().filter(ready).count();
        ensure!(ready == number, "{ready} of {number}");
        Ok(())
    })
    .await
}

/// Creates more objects of an account than it has workers, and waits until it has taken all that it can get.
async fn crowd(env: &TestEnv, account: &AWSAccount) -> Result<()> {
    for n in 0..CROWD {
        env.create(&in_account(env, &format!("crowd-{n}"), account)).await?;
    }
    eventually("the account has all that it may have", async || {
        let hung = env.proxy.calls_that(|call| call.outcome == Outcome::Pending).len();
        ensure!(hung >= 10, "{hung} calls hang");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_account_that_hangs_holds_up_no_role_of_another() -> Result<()> {
    let env = TestEnv::new("hung").await?;
    let (second, object) = second_account(&env).await?;
    let operator = env.start().await?;
    accounts_are_ready(&env, 2).await?;
    let hang = env.proxy.on("*").account(second.id()).hang();
    crowd(&env, &object).await?;

    env.create(&env.role("reader")).await?;
    env.settled("reader").await?;
    let still_hung = env.proxy.calls_that(|call| call.outcome == Outcome::Pending).len();
    assert!(still_hung >= 10, "the other role was made while {still_hung} calls hung");
    paused(&operator).await?;

    hang.release();
    for n in 0..CROWD {
        env.settled(&format!("crowd-{n}")).await?;
    }
    Ok(())
}

/// Waits until calls are no longer sent into an account.
async fn paused(operator: &Operator) -> Result<()> {
    eventually("calls into the account are paused", async || {
        ensure!(operator.log().read().contains("calls to this account are paused"), "they are not");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn while_an_account_does_not_answer_only_single_calls_are_sent_there() -> Result<()> {
    let env = TestEnv::new("paused").await?;
    let operator = env.start().await?;
    accounts_are_ready(&env, 1).await?;
    let target = env.aws.target.id().to_owned();
    let hang = env.proxy.on("*").account(&target).hang();
    crowd(&env, &env.accounts.get(&env.namespace).await?).await?;
    paused(&operator).await?;

    env.proxy.reset_counts();
    let into_target = || env.proxy.calls_that(|call| call.account.as_deref() == Some(&target));
    eventually("a single call looks whether AWS answers again", async || {
        ensure!(!into_target().is_empty(), "none yet");
        Ok(())
    })
    .await?;
    let pending = into_target().iter().filter(|call| call.outcome == Outcome::Pending).count();
    assert!(pending <= 1, "{pending} calls at once");

    hang.release();
    for n in 0..CROWD {
        env.settled(&format!("crowd-{n}")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_source_account_that_hangs_delays_no_other_grant_of_the_object() -> Result<()> {
    let env = lab("grant-hung").await?;
    let (second, object) = second_account(&env).await?;
    user(&env, "deployer").await?;
    let _operator = env.start().await?;
    accounts_are_ready(&env, 3).await?;
    let hang = env.proxy.on("*").account(second.id()).hang();

    let mut role = env.role("reader");
    let elsewhere = SourceGrant {
        account_ref: in_account(&env, "x", &object).spec.account_ref,
        user: Some("nobody".into()),
        ..SourceGrant::default()
    };
    role.spec.source_grants = vec![elsewhere, to_user(&env, "deployer")];
    env.create(&role).await?;
    let message = eventually("the other grant is given", async || {
        let lines = may_assume(&env, "deployer").await?;
        ensure!(lines.is_some(), "not yet: {}", env.told("reader").await?);
        grants_ready(&env, "reader", "False", "Progressing").await
    })
    .await?;
    assert!(message.contains("did not answer"), "{message}");
    hang.release();
    Ok(())
}

#[tokio::test]
async fn calls_that_aws_throttles_at_random_still_succeed() -> Result<()> {
    let env = TestEnv::new("throttled").await?;
    let _operator = env.start().await?;
    accounts_are_ready(&env, 1).await?;
    for action in ["CreateRole", "PutRolePolicy", "AssumeRole", "GetCallerIdentity"] {
        env.proxy.on(action).times(2).throttle();
    }
    let role = env.ready_role("reader").await?;
    let reasons: Vec<String> = role.conditions().iter().map(|condition| condition.reason.clone()).collect();
    assert!(!reasons.contains(&"Throttled".to_owned()), "{reasons:?}");
    Ok(())
}

/// The requests about objects so far, counted. Watches, Events and the status of accounts are left out.
fn requests(env: &TestEnv) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for recorded in env.kube_proxy.requests() {
        let (verb, kind) = (recorded.request.verb, recorded.request.kind());
        if verb != Verb::Watch && kind != "events" && kind != "awsaccounts/status" {
            *counts.entry(format!("{verb} {kind}")).or_default() += 1;
        }
    }
    counts
}

fn expected<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, usize> {
    counts.map(|(what, times)| (what.to_owned(), times)).into()
}

#[tokio::test]
async fn an_object_is_reconciled_once_for_each_event_and_each_thing_read_and_written_once() -> Result<()> {
    let env = TestEnv::new("once").await?;
    let operator = env.start().await?;
    accounts_are_ready(&env, 1).await?;
    env.ready_role("first").await?; // the account has its finalizer now
    eventually("the account has counted it", async || {
        let counted = env.accounts.get(&env.namespace).await?.status.and_then(|status| status.roles);
        ensure!(counted == Some(1), "{counted:?}");
        Ok(())
    })
    .await?;

    let before = operator.all_reconciles().await?;
    env.kube_proxy.reset_counts();
    let made = env.ready_role("reader").await?;
    let create = [
        ("get awsaccounts", 1),
        ("get namespaces", 1),
        ("apply crossaccountroles", 1), // the finalizer
        ("apply crossaccountroles/status", 1),
        ("get secrets", 1),
        ("apply secrets", 1),
    ];
    assert_eq!(requests(&env), expected(create));

    let issued_at = made.status.clone().and_then(|status| status.credentials?.issued_at);
    env.a_second_after(issued_at.as_ref()).await?;
    env.kube_proxy.reset_counts();
    env.patch("reader", json!({"spec": {"session": {"durationSeconds": 1800}}})).await?;
    env.issued_again("reader", &made).await?;
    let renew = [
        ("get awsaccounts", 1),
        ("get namespaces", 1),
        ("get secrets", 1),
        ("get crossaccountroles", 1), // is the object still what the cache said?
        ("apply secrets", 1),
        ("list pods", 1),
        ("apply crossaccountroles/status", 1),
    ];
    assert_eq!(requests(&env), expected(renew));
    operator.reconciled_after(before + 1).await?;
    env.wake(&operator, "reader").await?; // had there been others, they would have come before this one
    assert_eq!(operator.all_reconciles().await? - before, 3, "one for each event");
    Ok(())
}
