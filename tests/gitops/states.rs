//! Every state that a pass can report, judged by kstatus and by the health script for Argo CD.

use anyhow::{Context as _, Result, ensure};
use crossaccount::{
    api::{ConditionType, CrossAccountRoleStatus, Outlook, Reason, condition},
    decide::{
        account::status::conditions,
        failure::{Retry, Verdict},
        status::{CredentialsFacts, Mode, Outcome, Report, status},
    },
    domain::{AccountId, CallerIdentity},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::judges::{health_script, judge};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const GENERATION: i64 = 3;

/// What is in the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Valid,
    Expired,
    Absent,
}

/// Which part of the work a problem is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Role,
    Credentials,
    Grants,
    Remarks,
}

/// One state, as a pass finds it.
#[derive(Clone, Copy, Debug)]
struct State {
    mode: Mode,
    set: Set,
    problem: Option<(Part, Reason)>,
}

/// Every mode, with every set, without a problem and with one of each kind in each part.
fn states() -> Vec<State> {
    let parts = [Part::Role, Part::Credentials, Part::Grants, Part::Remarks];
    let reasons = || Reason::all().filter(|reason| reason.outlook() != Outlook::Works);
    let problems: Vec<_> = parts.into_iter().flat_map(|part| reasons().map(move |reason| (part, reason))).collect();
    let mut states = Vec::new();
    for mode in [Mode::Managed, Mode::Observed, Mode::Suspended] {
        for set in [Set::Valid, Set::Expired, Set::Absent] {
            states.push(State { mode, set, problem: None });
            states.extend(problems.iter().map(|problem| State { mode, set, problem: Some(*problem) }));
        }
    }
    states
}

impl State {
    fn status(self) -> CrossAccountRoleStatus {
        let published = |expires_at| CredentialsFacts {
            secret_name: "reader".into(),
            issued_at: NOW - SignedDuration::from_hours(2),
            expires_at,
            renew_at: NOW,
            caller_arn: None,
            packed_policy_size_percent: None,
            is_first: false,
        };
        let done = if self.mode == Mode::Suspended { Outcome::Untouched } else { Outcome::Done };
        let mut report = Report { mode: self.mode, role: done.clone(), credentials: done, ..Report::default() };
        report.published = match self.set {
            Set::Valid => Some(published(NOW + SignedDuration::from_hours(1))),
            Set::Expired => Some(published(NOW - SignedDuration::from_hours(1))),
            Set::Absent => None,
        };
        if let Some((part, reason)) = self.problem {
            let failing = Outcome::Failing(Verdict { reason, message: "it fails".into(), retry: Retry::Soon });
            match part {
                Part::Role => report.role = failing,
                Part::Credentials => report.credentials = failing,
                Part::Grants => report.grants = failing,
                Part::Remarks => report.remarks = failing,
            }
        }
        status(&CrossAccountRoleStatus::default(), Some(GENERATION), &report, NOW)
    }

    /// The words of kstatus and of Argo CD, from what the pass found: not from conditions.
    fn expected(self, status: &CrossAccountRoleStatus) -> (&'static str, &'static str) {
        let lost = condition(&status.conditions, ConditionType::Ready)
            .is_some_and(|ready| ["Expired", "Revoked"].contains(&ready.reason.as_str()));
        match (self.problem.map(|(_, reason)| reason.outlook()), self.set, self.mode) {
            (Some(Outlook::NeedsSomeone), _, _) => ("Failed", "Degraded"),
            (Some(_), _, _) if lost => ("InProgress", "Degraded"),
            (Some(_), _, _) => ("InProgress", "Progressing"),
            (None, Set::Valid, Mode::Suspended) => ("Current", "Suspended"),
            (None, Set::Valid, _) => ("Current", "Healthy"),
            (None, Set::Expired, Mode::Suspended) => ("Failed", "Degraded"),
            (None, Set::Absent, Mode::Suspended) => ("Failed", "Suspended"),
            (None, _, _) => ("InProgress", "Progressing"),
        }
    }
}

fn object(kind: &str, status: &impl serde::Serialize) -> Value {
    json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": kind,
        "metadata": {"name": "reader", "namespace": "analytics", "generation": GENERATION}, "status": status,
    })
}

fn ready_message(status: &CrossAccountRoleStatus) -> Option<String> {
    condition(&status.conditions, ConditionType::Ready).map(|ready| ready.message.clone())
}

#[tokio::test]
async fn kstatus_and_argo_cd_say_of_every_state_what_it_is() -> Result<()> {
    let states = states();
    ensure!(states.len() > 1000, "only {} states", states.len());
    let statuses: Vec<_> = states.iter().map(|state| state.status()).collect();
    let objects: Vec<_> = statuses.iter().map(|status| object("CrossAccountRole", status)).collect();
    let judgements = judge("CrossAccountRole", &objects).await?;
    for ((state, status), judgements) in states.iter().zip(&statuses).zip(judgements) {
        ensure!(judgements.words() == state.expected(status), "{state:?}: {judgements:?}\n{status:#?}");
        ensure!(Some(&judgements.argo.message) == ready_message(status).as_ref(), "{state:?}: {judgements:?}");
    }
    Ok(())
}

#[tokio::test]
async fn kstatus_and_argo_cd_wait_while_a_status_is_of_an_earlier_declaration() -> Result<()> {
    let mut objects: Vec<_> = states().into_iter().map(|state| object("CrossAccountRole", &state.status())).collect();
    for object in &mut objects {
        object["metadata"]["generation"] = json!(GENERATION + 1);
    }
    objects.push(object("CrossAccountRole", &json!({"observedGeneration": -1})));
    for (object, judgements) in objects.iter().zip(judge("CrossAccountRole", &objects).await?) {
        ensure!(judgements.words() == ("InProgress", "Progressing"), "{judgements:?}\n{object:#}");
    }
    Ok(())
}

#[tokio::test]
async fn kstatus_and_argo_cd_wait_for_a_deletion() -> Result<()> {
    let mut objects: Vec<_> = states().into_iter().map(|state| object("CrossAccountRole", &state.status())).collect();
    for object in &mut objects {
        object["metadata"]["deletionTimestamp"] = json!("2027-01-15T08:00:00Z");
    }
    for (object, judgements) in objects.iter().zip(judge("CrossAccountRole", &objects).await?) {
        ensure!(judgements.words() == ("Terminating", "Progressing"), "{judgements:?}\n{object:#}");
    }
    Ok(())
}

/// Every status of an account: not checked yet, entered, and not entered for each reason.
fn accounts() -> Result<Vec<(Value, (&'static str, &'static str))>> {
    let caller = CallerIdentity {
        account: AccountId::parse("222222222222").context("no account id")?,
        arn: "arn".into(),
        user_id: "AIDA".into(),
    };
    let failed = |reason| Err(Verdict { reason, message: "hop 1 of 1".into(), retry: Retry::Slow });
    let mut checks = vec![(Ok(caller), ("Current", "Healthy"))];
    for reason in Reason::all() {
        match reason.outlook() {
            Outlook::OnTheWay => checks.push((failed(reason), ("InProgress", "Progressing"))),
            Outlook::NeedsSomeone => checks.push((failed(reason), ("Failed", "Degraded"))),
            Outlook::Works | Outlook::Lost => {} // of credentials
        }
    }
    let statuses = checks.into_iter().map(|(check, words)| {
        let conditions = conditions(&[], Some(GENERATION), Some(&check), NOW);
        (json!({"observedGeneration": GENERATION, "conditions": conditions}), words)
    });
    let unseen = (json!({"observedGeneration": -1}), ("InProgress", "Progressing"));
    Ok(statuses.chain([unseen]).map(|(status, words)| (object("AWSAccount", &status), words)).collect())
}

#[tokio::test]
async fn kstatus_and_argo_cd_say_of_every_account_what_it_is() -> Result<()> {
    let [of_account, of_role] = ["AWSAccount", "CrossAccountRole"].map(|kind| format!("iam.crossaccount.dev_{kind}"));
    ensure!(health_script(&of_account)? == health_script(&of_role)?, "the two scripts differ");
    let (objects, expected): (Vec<_>, Vec<_>) = accounts()?.into_iter().unzip();
    for ((object, expected), judgements) in objects.iter().zip(expected).zip(judge("AWSAccount", &objects).await?) {
        ensure!(judgements.words() == expected, "{judgements:?}\n{object:#}");
    }
    Ok(())
}
