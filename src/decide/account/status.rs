//! What the status of an account says.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::{ConditionType, Reason};
use crate::decide::failure::Verdict;
use crate::decide::status::conditions::{Conditions, Progress};
use crate::domain::CallerIdentity;

/// The conditions after a check, or without one (None): then they stay as they were.
#[must_use]
pub fn conditions(
    before: &[Condition],
    generation: Option<i64>,
    checked: Option<&Result<CallerIdentity, Verdict>>,
    now: Timestamp,
) -> Vec<Condition> {
    let mut conditions = Conditions::after(before, generation, now);
    match checked {
        None => {
            for kind in [ConditionType::Ready, ConditionType::Stalled, ConditionType::Reconciling] {
                conditions.carry_over(kind);
            }
        }
        Some(Ok(caller)) => {
            let message = format!("Entered account {} as {}.", caller.account, caller.arn);
            conditions.set(ConditionType::Ready, true, Reason::Available, &message);
            conditions.set_progress(Progress::Settled, Reason::Available, "");
        }
        Some(Err(Verdict { reason, message, .. })) => {
            conditions.set(ConditionType::Ready, false, *reason, message);
            conditions.set_progress(Progress::of(*reason), *reason, message);
        }
    }
    conditions.into_vec()
}

/// The conditions while a deletion waits.
#[must_use]
pub fn deleting(before: &[Condition], generation: Option<i64>, message: &str, now: Timestamp) -> Vec<Condition> {
    let mut conditions = Conditions::after(before, generation, now);
    conditions.set(ConditionType::Ready, false, Reason::Deleting, message);
    conditions.set_progress(Progress::of(Reason::Deleting), Reason::Deleting, message);
    conditions.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::failure::Retry;

    fn statuses(conditions: &[Condition]) -> Vec<String> {
        conditions.iter().map(|c| format!("{}={} {}", c.type_, c.status, c.reason)).collect()
    }

    #[test]
    fn a_refusal_stalls_an_account_and_a_fault_that_passes_does_not() {
        let now = Timestamp::UNIX_EPOCH;
        let failed = |reason| Err(Verdict { reason, message: "hop 1 of 1".into(), retry: Retry::Slow });
        let denied = conditions(&[], Some(1), Some(&failed(Reason::TrustDenied)), now);
        assert_eq!(
            statuses(&denied),
            ["Ready=False TrustDenied", "Stalled=True TrustDenied", "Reconciling=False TrustDenied"]
        );
        let throttled = conditions(&denied, Some(1), Some(&failed(Reason::Throttled)), now);
        assert_eq!(
            statuses(&throttled),
            ["Ready=False Throttled", "Stalled=False Throttled", "Reconciling=True Throttled"]
        );
        assert_eq!(conditions(&throttled, Some(2), None, now), throttled, "nothing was checked");
        assert_eq!(
            statuses(&deleting(&throttled, Some(2), "waiting", now)),
            ["Ready=False Deleting", "Stalled=False Deleting", "Reconciling=True Deleting"]
        );
    }
}
