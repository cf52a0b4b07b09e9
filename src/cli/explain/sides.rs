//! From a condition to a step: what its reason means, and on which side that is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::step::{Side, Step};
use crate::api::{Outlook, Reason};

/// The step that a condition reports on. `generation` is the present one of the object.
#[must_use]
pub fn reported(title: &'static str, condition: Option<&Condition>, generation: Option<i64>) -> Step {
    let Some(condition) = condition else {
        return Step::waits(title, "the operator has not come to this yet");
    };
    if condition.observed_generation != generation {
        return Step::waits(title, "the operator has not yet looked at the latest change");
    }
    let Condition { status, message, .. } = condition;
    let reason = cause(condition);
    match reason.map(Reason::outlook) {
        Some(Outlook::Works) if status == "True" => Step::works(title, message),
        Some(Outlook::OnTheWay) => Step::waits(title, message),
        _ => Step::fails(title, message).by(reason.and_then(side), reason.map(Reason::doc)),
    }
}

/// Why the condition is so. One that is softened, because the last credentials still work, begins with the cause.
#[must_use]
pub fn cause(condition: &Condition) -> Option<Reason> {
    let reason = condition.reason.parse().ok();
    match reason {
        Some(Reason::Degraded | Reason::Expired) => {
            let text = condition.message.strip_prefix("The credentials expired. ").unwrap_or(&condition.message);
            text.split_once(": ").and_then(|(word, _)| word.parse().ok()).or(reason)
        }
        _ => reason,
    }
}

/// Who has to change something.
fn side(reason: Reason) -> Option<Side> {
    Some(match reason {
        Reason::InvalidSpec
        | Reason::Conflict
        | Reason::RoleNotOwned
        | Reason::SecretNotOwned
        | Reason::WorkloadNotFound
        | Reason::Suspended
        | Reason::RestartNeeded
        | Reason::NotSupported => Side::Declaration,
        Reason::NotAllowed | Reason::AccountNotReady | Reason::Revoked | Reason::Abandoned => Side::Platform,
        Reason::IdentityDenied
        | Reason::BaseIdentityUnavailable
        | Reason::RoleChainingLimit
        | Reason::WrongIdentity
        | Reason::KubernetesDenied => Side::Operator,
        Reason::RoleNotFound
        | Reason::TrustDenied
        | Reason::ManagerDenied
        | Reason::ExternalIdNotEnforced
        | Reason::PrincipalNotFound
        | Reason::PolicyNotFound
        | Reason::LimitExceeded
        | Reason::DurationExceedsRole
        | Reason::RegionDisabled => Side::Target,
        Reason::Available
        | Reason::Degraded
        | Reason::Observed
        | Reason::Progressing
        | Reason::Propagating
        | Reason::Throttled
        | Reason::Deleting
        | Reason::Expired => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::step::State;
    use super::*;

    fn condition(status: &str, reason: &str, message: &str) -> Condition {
        serde_json::from_value(json!({
            "type": "CredentialsReady", "status": status, "reason": reason, "message": message, "observedGeneration": 2,
            "lastTransitionTime": "2027-01-15T08:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn a_condition_says_how_its_step_is_and_on_which_side_it_fails() {
        for (status, reason, message, generation, state, side) in [
            ("True", "Available", "good", 2, State::Works, None),
            ("True", "Available", "good", 3, State::Waits, None),
            ("False", "Propagating", "new", 2, State::Waits, None),
            ("False", "TrustDenied", "no", 2, State::Fails, Some(Side::Target)),
            ("False", "IdentityDenied", "no", 2, State::Fails, Some(Side::Operator)),
            ("False", "NotAllowed", "no", 2, State::Fails, Some(Side::Platform)),
            ("False", "Conflict", "no", 2, State::Fails, Some(Side::Declaration)),
            ("True", "Degraded", "IdentityDenied: no. The last…", 2, State::Fails, Some(Side::Operator)),
            ("False", "Expired", "TrustDenied: no", 2, State::Fails, Some(Side::Target)),
            ("False", "Expired", "The credentials expired. TrustDenied: no", 2, State::Fails, Some(Side::Target)),
            ("True", "Degraded", "Throttled: later. The last…", 2, State::Waits, None),
        ] {
            let step = reported("step", Some(&condition(status, reason, message)), Some(generation));
            assert_eq!((step.state, step.side), (state, side), "{reason}: {message}");
        }
        assert_eq!(reported("step", None, Some(2)).state, State::Waits);
    }
}
