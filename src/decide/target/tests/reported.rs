//! Status is a hint: whatever stands in it, the same is allowed, and nothing panics over it.

use proptest::prelude::*;

use super::*;
use crate::api::CrossAccountRoleStatus;
use crate::decide::role::compliance::reported_as;
use crate::decide::role::denial::denied;
use crate::decide::role::{Goal, fixture, plan};
use crate::decide::status::{CredentialsFacts, Report, next_pass, status, transition};

/// Times as a status may hold them, the first and the last that there are among them.
fn times() -> impl Strategy<Value = String> {
    let ends = ["0000-01-01T00:00:00Z", "9999-12-30T00:00:00Z", "2027-01-15T08:00:00Z", "1970-01-01T00:00:00.5Z"];
    let any =
        (0_i64..200_000_000_000).prop_map(|second| jiff::Timestamp::from_second(second).expect("a time").to_string());
    prop_oneof![prop::sample::select(ends.to_vec()).prop_map(str::to_owned), any]
}

fn words() -> impl Strategy<Value = String> {
    let known = [
        "Ready",
        "RoleReady",
        "CredentialsReady",
        "True",
        "False",
        "NotAllowed",
        "Conflict",
        "Available",
        "read",
        "hash",
    ];
    let arn = "arn:aws:iam::222222222222:role/crossaccount/team-reader";
    prop_oneof![4 => prop::sample::select([&known[..], &[arn]].concat()).prop_map(str::to_owned), 1 => any::<String>()]
}

/// Any status that the schema of the CRD accepts, and some that it does not.
fn statuses() -> impl Strategy<Value = Value> {
    let condition = (words(), words(), words(), words(), times(), any::<Option<i64>>()).prop_map(
        |(kind, state, reason, message, at, generation)| {
            json!({"type": kind, "status": state, "reason": reason, "message": message, "lastTransitionTime": at,
                   "observedGeneration": generation})
        },
    );
    let names = || prop::collection::vec(words(), 0..4);
    let role = (words(), words(), times(), names(), names(), words(), any::<bool>()).prop_map(
        |(arn, id, at, inline, tags, hash, created)| {
            json!({"arn": arn, "id": id, "created": created, "lastUsed": at, "deniedBefore": at, "inlinePolicies": inline,
                   "tagKeys": tags, "declarationHash": hash})
        },
    );
    let credentials = (words(), times(), times(), times(), any::<Option<u32>>()).prop_map(
        |(name, issued, expires, renew, percent)| {
            json!({"secretName": name, "issuedAt": issued, "expiresAt": expires, "renewAt": renew,
               "packedPolicySizePercent": percent})
        },
    );
    let conditions = prop::collection::vec(condition, 0..4);
    let parts =
        (prop::option::of(role), prop::option::of(credentials), conditions, words(), names(), any::<Option<i64>>());
    parts.prop_map(|(role, credentials, conditions, external_id, changes, generation)| {
        json!({"role": role, "credentials": credentials, "conditions": conditions, "externalId": external_id,
               "plannedChanges": changes, "observedGeneration": generation})
    })
}

fn facts(status: &CrossAccountRoleStatus) -> Option<CredentialsFacts> {
    let set = status.credentials.clone()?;
    Some(CredentialsFacts {
        secret_name: set.secret_name?,
        issued_at: set.issued_at?.0,
        expires_at: set.expires_at?.0,
        renew_at: set.renew_at?.0,
        caller_arn: set.caller_arn,
        packed_policy_size_percent: set.packed_policy_size_percent,
        is_first: false,
    })
}

proptest! {
    #[test]
    fn whatever_status_says_the_target_is_the_same_and_nothing_panics(reported in statuses(), suspended in any::<bool>()) {
        let Ok(reported) = serde_json::from_value::<CrossAccountRoleStatus>(reported) else { return Ok(()) };
        let mut world = world(&json!({"suspend": suspended}), &json!({}));
        let without = world.in_words();
        world.role.status = Some(reported.clone());
        prop_assert_eq!(world.in_words(), without);
        let now: jiff::Timestamp = "2027-01-15T08:00:00Z".parse().expect("a time");
        let report = Report { published: facts(&reported), ..Report::default() };
        let after = status(&reported, Some(1), &report, now);
        let _ = (transition(&reported.conditions, &after.conditions), reported_as(&world.role, "hash"));
        prop_assert!(next_pass(&report, 3, "uid-1", now + jiff::SignedDuration::from_hours(1), now) > now);
    }

    #[test]
    fn whatever_status_says_a_plan_keeps_a_denial_of_everyone_that_is_to_stay(reported in statuses()) {
        let Ok(reported) = serde_json::from_value::<CrossAccountRoleStatus>(reported) else { return Ok(()) };
        let reported = reported.role.unwrap_or_default();
        let (object, boundary) = (fixture::object(), fixture::arn("boundary"));
        let mut given = fixture::given(&object, &boundary);
        (given.declared_inline, given.declared_tags) = (&reported.inline_policies, &reported.tag_keys);
        let closed = plan(Goal::Closed, &given, Some(&fixture::state())).expect("a plan").result(Some(&fixture::state()));
        for goal in [Goal::Kept, Goal::Closed] {
            let planned = plan(goal, &given, closed.as_ref()).expect("a plan");
            prop_assert!(planned.is_empty(), "{planned:?}");
        }
        let open = plan(Goal::Declared(&fixture::desired()), &given, closed.as_ref()).expect("a plan").result(closed.as_ref());
        prop_assert!(denied(&open.expect("a role"), []) < crate::decide::role::denial::Denied::Everyone);
    }
}
