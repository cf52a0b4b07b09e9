//! Whether an account can be worked in at present.

use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Reason};
use crate::decide::failure::{FailureContext, Phase, Retry, Verdict, verdict};
use crate::domain::AwsFailure;

/// Whether the account can be managed at present. If not, roles in it are left as they are; sessions of roles that are
/// known go on being renewed, for which the account's manager is not needed.
pub fn manageable(account: &AWSAccount) -> Result<(), Verdict> {
    let name = account.metadata.name.as_deref().unwrap_or_default();
    let (reason, retry, why) = match account.condition(ConditionType::Ready) {
        Some(ready) if ready.observed_generation != account.metadata.generation => {
            (Reason::Progressing, Retry::Soon, "it was edited and is being checked".to_owned())
        }
        Some(ready) if ready.status == "True" => return Ok(()),
        Some(ready) => (Reason::AccountNotReady, Retry::Slow, format!("{}: {}", ready.reason, ready.message)),
        None => (Reason::Progressing, Retry::Soon, "it was not checked yet".to_owned()),
    };
    Err(Verdict { reason, message: format!("AWSAccount {name} is not Ready: {why}"), retry })
}

/// Whether an object needs an account to clean up in AWS: it may have a role there, or a source grant.
#[must_use]
pub fn needs(role: &CrossAccountRole, account: &str) -> bool {
    let by_role = role.spec.account_ref.name == account;
    let by_grant = role.spec.source_grants.iter().any(|grant| grant.account_ref.name == account);
    role.has_finalizer() && (by_role || by_grant) || role.reported_grants().iter().any(|grant| grant.account == account)
}

/// The operator has no identity of its own to begin with.
#[must_use]
pub fn unusable(failure: &AwsFailure) -> Verdict {
    let verdict = verdict(Phase::Enter, failure, FailureContext::default());
    Verdict {
        reason: Reason::BaseIdentityUnavailable,
        message: format!("the operator's own AWS identity is not usable: {}", verdict.message),
        retry: Retry::Slow,
    }
}

/// The operator's own principal could not be read. Roles stay as they are, and sessions are renewed.
#[must_use]
pub fn unknown_principal(failure: &AwsFailure) -> Verdict {
    let message = format!(
        "the path of the operator's own role is not known: {failure}. It is read again in seconds; to do without, give the role's \
         ARN as --principal-arn"
    );
    Verdict { reason: Reason::BaseIdentityUnavailable, message, retry: Retry::Soon }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_account_is_manageable_once_it_is_ready_for_its_present_declaration() {
        let account = |status: Value| -> AWSAccount {
            serde_json::from_value(json!({
                "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount",
                "metadata": {"name": "analytics", "generation": 2},
                "spec": {"accountId": "222222222222", "region": "eu-west-1"}, "status": status,
            }))
            .expect("an account")
        };
        let ready = |status: &str, generation: i64| {
            account(json!({"conditions": [{"type": "Ready", "status": status, "reason": "TrustDenied",
                "message": "hop 1 of 1", "lastTransitionTime": "2027-01-01T00:00:00Z", "observedGeneration": generation}]}))
        };
        assert_eq!(manageable(&ready("True", 2)), Ok(()));
        for (account, why) in [
            (ready("True", 1), "edited"),
            (ready("False", 2), "TrustDenied: hop 1 of 1"),
            (account(json!({"conditions": []})), "not checked yet"),
        ] {
            let message = manageable(&account).expect_err(why).message;
            assert!(message.contains(why) && message.contains("analytics"), "{message}");
        }
    }
}
