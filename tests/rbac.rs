//! What the operator may do in the cluster, in both modes of the chart; and the operator without one of these rights: it says in the
//! API server's own words what it may not do, does everything else, and goes on by itself once it may.

mod matrix;
mod namespaced;
mod release;
mod stage;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};

use self::stage::{Act, Place, Row, Stage};
use crate::process::{electing, leading};
use lab::{env::TestEnv, repository, wait::eventually};

const OBJECTS: [Row; 8] = [
    ("get", "crossaccountroles", Act::Edit, Place::Condition),
    ("patch", "crossaccountroles", Act::Create, Place::NewCondition),
    ("patch", "crossaccountroles/status", Act::Edit, Place::Log),
    ("get", "awsaccounts", Act::Edit, Place::Condition),
    ("patch", "awsaccounts", Act::CreateFirst, Place::NewCondition),
    ("patch", "awsaccounts/status", Act::EditAccount, Place::Log),
    // An admission policy asks for these two: without them the operator writes neither credentials nor a status.
    ("publish", "crossaccountroles", Act::Renew, Place::Log),
    ("publish", "awsaccounts", Act::EditAccount, Place::Log),
];

const AROUND: [Row; 6] = [
    ("get", "namespaces", Act::Edit, Place::Condition),
    ("create", "events", Act::Withdraw, Place::Log),
    ("get", "secrets", Act::Renew, Place::Condition),
    ("patch", "secrets", Act::Renew, Place::Condition),
    ("create", "secrets", Act::Create, Place::NewCondition),
    ("delete", "secrets", Act::Withdraw, Place::Condition),
];

const WATCHES: [Row; 8] = [
    ("watch", "crossaccountroles", Act::Watch, Place::Log),
    ("watch", "awsaccounts", Act::Watch, Place::Log),
    ("watch", "namespaces", Act::Watch, Place::Log),
    ("watch", "secrets", Act::Watch, Place::Log),
    ("list", "crossaccountroles", Act::Start, Place::Log),
    ("list", "awsaccounts", Act::Start, Place::Log),
    ("list", "namespaces", Act::Start, Place::Log),
    ("list", "secrets", Act::Start, Place::Log),
];

/// The rights that have tests elsewhere, or none: those on workloads and pods (`tests/workloads.rs`), the repetition of an Event,
/// and what only an admission plugin asks for.
const ELSEWHERE: [(&str, &str); 9] = [
    ("get", "deployments"),
    ("patch", "deployments"),
    ("get", "statefulsets"),
    ("patch", "statefulsets"),
    ("get", "daemonsets"),
    ("patch", "daemonsets"),
    ("list", "pods"),
    ("patch", "events"),
    ("update", "crossaccountroles/finalizers"),
];

#[tokio::test]
async fn each_missing_right_on_the_operators_own_objects_is_named_and_stops_nothing_else() -> Result<()> {
    Stage::new("rights-objects").await?.play(&OBJECTS).await
}

#[tokio::test]
async fn each_missing_right_on_what_is_around_an_object_is_named_and_stops_nothing_else() -> Result<()> {
    Stage::new("rights-around").await?.play(&AROUND).await
}

#[tokio::test]
async fn each_missing_right_to_list_and_watch_is_named_and_stops_nothing_else() -> Result<()> {
    Stage::new("rights-watches").await?.play(&WATCHES).await
}

#[tokio::test]
async fn a_process_that_lacks_a_right_on_leases_is_not_ready_and_leads_once_it_has_it() -> Result<()> {
    const RIGHTS: [&str; 3] = ["get", "create", "patch"];
    for lacking in RIGHTS {
        let env = TestEnv::bare("rights-lease").await?;
        let settings = electing(&env).await?;
        let others: Vec<&str> = RIGHTS.into_iter().filter(|verb| *verb != lacking).collect();
        env.set_lease_rights(&others).await?;
        let operator = settings.start().await?;
        eventually("the process says what it lacks", async || {
            let (code, text) = operator.get("/readyz").await?;
            ensure!(code != 200 && text.contains(&format!("cannot {lacking} resource \"leases\"")), "{code}: {text}");
            Ok(())
        })
        .await
        .with_context(|| format!("without {lacking}"))?;
        env.set_lease_rights(&RIGHTS).await?;
        leading(&operator).await?;
    }
    Ok(())
}

#[test]
fn every_right_of_the_operator_is_taken_away_in_a_test() -> Result<()> {
    let text = std::fs::read_to_string(repository().join("deploy/rbac.yaml"))?;
    let role = text.split("---").find(|part| part.contains("kind: ClusterRole\n")).context("no ClusterRole")?;
    let listed = |line: &str, key: &str| -> Option<Vec<String>> {
        let list = line.trim_start_matches("- ").trim().strip_prefix(key)?.trim().trim_matches(['[', ']']);
        Some(list.split(',').map(|word| word.trim().to_owned()).collect())
    };
    let known: BTreeSet<(&str, &str)> =
        [&OBJECTS[..], &AROUND[..], &WATCHES[..]].concat().iter().map(|row| (row.0, row.1)).collect();
    let (mut resources, mut rights) = (Vec::new(), 0);
    for line in role.lines() {
        resources = listed(line, "resources:").unwrap_or(resources);
        for verb in listed(line, "verbs:").unwrap_or_default() {
            for resource in &resources {
                let right = (verb.as_str(), resource.as_str());
                ensure!(known.contains(&right) || ELSEWHERE.contains(&right), "no test takes {right:?} away");
                rights += 1;
            }
        }
    }
    ensure!(rights == known.len() + ELSEWHERE.len(), "{rights} rights, and {} rows", known.len() + ELSEWHERE.len());
    Ok(())
}
