//! When a role is looked at in AWS, and whether what stands there may stay.

use crate::api::{AWSAccount, AWSAccountSpec, ConditionType, CrossAccountRole, Reason};
use crate::decide::Refusal;
use crate::decide::guardrails::{OwnedRole, within};
use crate::decide::role::Given;
use crate::domain::{IamRoleState, digest_hex};

/// Hash of what decides whether an existing role may stay: the account's guardrails, and the way to it. What was seen in another
/// account says nothing.
#[must_use]
pub fn bounds_hash(account: &AWSAccount) -> String {
    let AWSAccountSpec { account_id, access, guardrails, .. } = &account.spec;
    digest_hex(&[format!("{account_id} {access:?} {guardrails:?}").as_bytes()])
}

/// Whether status says that the role was compared with this declaration. It is a hint that saves reads after a restart: a
/// wrong one delays a comparison until the next one for drift.
#[must_use]
pub fn reported_as(role: &CrossAccountRole, hash: &str) -> bool {
    let reported = role.reported_role();
    role.is_true(ConditionType::RoleReady)
        && reported.is_some_and(|role| {
            role.declaration_hash.as_deref() == Some(hash) && role.arn.is_some() && role.id.is_some()
        })
}

/// How the plan ended after which a role is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing failed, or nothing was to be done.
    Well,
    /// A step failed by a fault that passes by itself, and did so for less than two minutes: the next try makes the role
    /// comply.
    Briefly,
    /// A step failed for another reason.
    Badly(Reason),
}

/// Whether what stands in AWS after a plan was executed may stay.
///
/// A boundary that does not exist is a mistake in the account: the roles keep the boundary that they have until it is
/// corrected. A role without any boundary is not spared.
pub fn check_compliance(
    account: &AWSAccount,
    given: &Given<'_>,
    state: &IamRoleState,
    ended: Ended,
) -> Result<(), Refusal> {
    if ended == Ended::Briefly || !given.object.ownership(&state.role.tags).is_ours() {
        return Ok(());
    }
    let mut guardrails = account.spec.guardrails.clone();
    if ended == Ended::Badly(Reason::PolicyNotFound) && state.role.boundary.is_some() {
        guardrails.permissions_boundary = None;
    }
    let of = OwnedRole { object: given.object, operator: given.operator, tags: given.declared_tags };
    within(&guardrails, state, of)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decide::role::fixture;

    fn account(guardrails: &Value) -> AWSAccount {
        let spec = json!({"accountId": "222222222222", "region": "eu-west-1", "guardrails": guardrails});
        AWSAccount::new("analytics", serde_json::from_value(spec).expect("an account"))
    }

    #[test]
    fn a_role_of_ours_may_stay_within_the_guardrails_or_while_a_passing_fault_kept_it_from_complying() {
        let (object, boundary) = (fixture::object(), fixture::arn("boundary"));
        let given = fixture::given(&object, &boundary);
        let mut foreign = fixture::state();
        foreign.role.tags.clear();
        let lets_deployer_in = account(&json!({"principals": [fixture::DEPLOYER]}));
        let lets_nobody_in = account(&json!({}));
        let denied = Ended::Badly(Reason::ManagerDenied);
        for (what, account, state, ended, stays) in [
            ("within", &lets_deployer_in, fixture::state(), Ended::Well, true),
            ("beyond", &lets_nobody_in, fixture::state(), Ended::Well, false),
            ("beyond, and the next try may help", &lets_nobody_in, fixture::state(), Ended::Briefly, true),
            ("beyond, and somebody has to help", &lets_nobody_in, fixture::state(), denied, false),
            ("somebody else's", &lets_nobody_in, foreign, Ended::Well, true),
        ] {
            assert_eq!(check_compliance(account, &given, &state, ended).is_ok(), stays, "{what}");
        }
    }

    #[test]
    fn a_role_keeps_its_boundary_while_that_of_the_account_does_not_exist_and_is_never_without_one() {
        let (object, boundary) = (fixture::object(), fixture::arn("boundary"));
        let given = fixture::given(&object, &boundary);
        let rules = |arn: &str| account(&json!({"principals": [fixture::DEPLOYER], "permissionsBoundary": arn}));
        let (same, other) = (rules(boundary.as_str()), rules(fixture::arn("absent").as_str()));
        let mut unbounded = fixture::state();
        unbounded.role.boundary = None;
        let missing = Ended::Badly(Reason::PolicyNotFound);
        let denied = Ended::Badly(Reason::ManagerDenied);
        for (what, account, state, ended, stays) in [
            ("the account's", &same, fixture::state(), Ended::Well, true),
            ("another", &other, fixture::state(), denied, false),
            ("another, and the account's does not exist", &other, fixture::state(), missing, true),
            ("none", &same, unbounded.clone(), denied, false),
            ("none, and the account's does not exist", &other, unbounded, missing, false),
        ] {
            assert_eq!(check_compliance(account, &given, &state, ended).is_ok(), stays, "{what}");
        }
    }

    #[test]
    fn another_guardrail_or_another_way_in_is_another_hash_and_an_edit_of_anything_else_is_none() {
        let before = account(&json!({"principals": ["*"]}));
        let mut moved = before.clone();
        moved.spec.region = "eu-west-2".into();
        assert_eq!(bounds_hash(&before), bounds_hash(&moved));
        assert_ne!(bounds_hash(&before), bounds_hash(&account(&json!({"principals": []}))));
        let mut another_way = before.clone();
        another_way.spec.access.chain.push(crate::api::Hop::default());
        assert_ne!(bounds_hash(&before), bounds_hash(&another_way));
    }

    #[test]
    fn status_is_a_hint_only_if_it_names_the_role_and_this_declaration_and_says_that_the_role_is_ready() {
        let role = |ready: &str, known: Value| -> CrossAccountRole {
            serde_json::from_value(json!({
                "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
                "metadata": {"name": "reader", "namespace": "team"}, "spec": {"accountRef": {"name": "analytics"}},
                "status": {"role": known, "conditions": [{"type": "RoleReady", "status": ready, "reason": "Available",
                                                          "message": "", "lastTransitionTime": "2027-01-01T00:00:00Z"}]},
            }))
            .expect("a role")
        };
        let known = json!({"arn": "arn:aws:iam::222222222222:role/reader", "id": "AROA1", "declarationHash": "hash"});
        assert!(reported_as(&role("True", known.clone()), "hash"));
        assert!(!reported_as(&role("True", known.clone()), "another hash"));
        assert!(!reported_as(&role("False", known.clone()), "hash"));
        for missing in ["arn", "id", "declarationHash"] {
            let mut known = known.clone();
            known.as_object_mut().expect("an object").remove(missing);
            assert!(!reported_as(&role("True", known), "hash"), "{missing}");
        }
    }
}
