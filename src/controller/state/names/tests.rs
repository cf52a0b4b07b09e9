//! Who comes first, and who is woken when that changes.

use serde_json::{Value, json};

use super::*;
use crate::api::Reason;

fn role(name: &str, second: u32, spec: &Value) -> CrossAccountRole {
    let mut whole = json!({"accountRef": {"name": "analytics"}});
    whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
    serde_json::from_value(json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": name, "namespace": "team", "uid": format!("uid-{name}"),
                     "creationTimestamp": format!("2027-01-15T08:00:{second:02}Z")},
        "spec": whole,
    }))
    .expect("a role")
}

fn names(refs: &[ObjectRef<CrossAccountRole>]) -> Vec<&str> {
    refs.iter().map(|reference| reference.name.as_str()).collect()
}

#[test]
fn the_older_one_has_the_role_whatever_the_case_and_the_order_of_arrival() {
    let older = role("older", 1, &json!({"role": {"name": "Reports"}}));
    let younger = role("younger", 2, &json!({"role": {"name": "rePORTS"}}));
    for order in [[&older, &younger], [&younger, &older]] {
        let index = NameIndex::default();
        for role in order {
            index.update(role);
        }
        assert!(index.conflict(&older).is_none());
        let refusal = index.conflict(&younger).expect("a conflict");
        assert_eq!(refusal.reason, Reason::Conflict);
        assert!(refusal.message.contains("team/older") && refusal.message.contains("spec.role.name"), "{refusal:?}");
    }
}

#[test]
fn of_two_of_one_second_the_one_that_has_a_role_keeps_it() {
    let index = NameIndex::default();
    let early = role("b", 1, &json!({"role": {"name": "reports"}}));
    let late = role("a", 1, &json!({"role": {"name": "reports"}}));
    index.update(&early);
    index.update(&late);
    assert!(index.conflict(&late).is_none() && index.conflict(&early).is_some(), "by name, as long as neither has one");
    let mut has_it = early.clone();
    has_it.status = serde_json::from_value(json!({"role": {"arn": "arn:aws:iam::222222222222:role/reports"}})).ok();
    assert_eq!(names(&index.update(&has_it)), ["a"]);
    assert!(index.conflict(&has_it).is_none() && index.conflict(&late).is_some());
    assert!(index.conflict(&early).is_none(), "an earlier state of the same object has no rival in itself");
}

#[test]
fn a_secret_has_one_owner_in_its_namespace() {
    let index = NameIndex::default();
    let older = role("older", 1, &json!({"secret": {"name": "aws"}}));
    let younger = role("aws", 2, &json!({}));
    index.update(&older);
    index.update(&younger);
    let refusal = index.conflict(&younger).expect("a conflict");
    assert!(refusal.message.contains("Secret aws"), "{}", refusal.message);
    let mut elsewhere = younger.clone();
    elsewhere.metadata.namespace = Some("other".into());
    assert!(index.conflict(&elsewhere).is_none());
}

#[test]
fn the_younger_one_is_woken_when_the_older_one_goes_or_changes_its_name() {
    let index = NameIndex::default();
    let older = role("older", 1, &json!({"secret": {"name": "aws"}}));
    let younger = role("younger", 2, &json!({"secret": {"name": "aws"}}));
    index.update(&older);
    assert!(index.update(&younger).is_empty());
    assert_eq!(names(&index.update(&role("older", 1, &json!({"secret": {"name": "own"}})))), ["younger"]);
    assert!(index.conflict(&younger).is_none());
    index.update(&older);
    assert_eq!(names(&index.forget("uid-older")), ["younger"]);
    assert!(index.conflict(&younger).is_none());
}

#[test]
fn who_is_not_allowed_keeps_nobody_from_a_name() {
    let index = NameIndex::default();
    let mut squatter = role("squatter", 1, &json!({"role": {"name": "reports"}}));
    let tenant = role("tenant", 2, &json!({"role": {"name": "reports"}}));
    index.update(&squatter);
    index.update(&tenant);
    assert!(index.conflict(&tenant).is_some(), "it may be allowed: nobody has looked yet");
    let refused = json!({"conditions": [{"type": "Ready", "status": "False", "reason": "NotAllowed", "message": "",
                                         "lastTransitionTime": "2027-01-15T08:00:00Z"}]});
    squatter.status = serde_json::from_value(refused).expect("a status");
    assert_eq!(names(&index.update(&squatter)), ["tenant"]);
    assert!(index.conflict(&tenant).is_none());
}

#[test]
fn the_true_owner_comes_before_an_older_object_that_only_names_its_role_or_secret() {
    for (spec, kind) in
        [(json!({"role": {"name": "reports"}}), Kind::Role), (json!({"secret": {"name": "aws"}}), Kind::Secret)]
    {
        let index = NameIndex::default();
        let (older, owner) = (role("older", 1, &spec), role("owner", 2, &spec));
        index.update(&older);
        index.update(&owner);
        assert!(index.conflict(&owner).is_some(), "nobody has looked yet");
        assert_eq!(names(&index.saw(&older, kind, false)), ["owner"]);
        assert!(index.conflict(&owner).is_none());
        index.saw(&owner, kind, true);
        assert!(index.conflict(&owner).is_none());
        let refusal = index.conflict(&older).expect("the other has it");
        assert!(refusal.message.contains("team/owner, which has it"), "{}", refusal.message);
        let by_tags = refusal.message.contains("crossaccount.dev/name");
        assert_eq!(by_tags, kind == Kind::Role, "a Secret has no tags: {}", refusal.message);
        index.forget("uid-owner");
        assert!(index.conflict(&older).is_none());
    }
}

#[test]
fn two_accounts_of_one_id_share_their_role_names() {
    let index = NameIndex::default();
    let older = role("older", 1, &json!({"role": {"name": "r"}}));
    let younger = role("younger", 2, &json!({"accountRef": {"name": "same"}, "role": {"name": "r"}}));
    index.update(&older);
    index.update(&younger);
    assert_eq!(names(&index.record_account("analytics", "222222222222")), ["older"]);
    assert!(index.conflict(&younger).is_none(), "the id of its account is not known yet");
    assert_eq!(names(&index.record_account("same", "222222222222")), ["younger"]);
    assert!(index.record_account("same", "222222222222").is_empty());
    assert!(index.conflict(&younger).is_some() && index.conflict(&older).is_none());
}

#[test]
fn what_a_new_list_no_longer_has_is_forgotten() {
    let index = NameIndex::default();
    let (older, younger) =
        (role("older", 1, &json!({"role": {"name": "r"}})), role("younger", 2, &json!({"role": {"name": "r"}})));
    index.update(&older);
    index.update(&younger);
    assert_eq!(names(&index.retain(&HashSet::from(["uid-younger".to_owned()]))), ["younger"]);
    assert!(index.conflict(&younger).is_none());
}

#[test]
fn an_account_that_nobody_declared_has_no_id_so_an_invented_name_is_no_lane_of_its_own() {
    let index = NameIndex::default();
    index.update(&role("reader", 1, &json!({"accountRef": {"name": "invented"}})));
    index.record_account("analytics", "222222222222");
    assert_eq!(index.account_id("invented"), None);
    assert_eq!(index.account_id("analytics").as_deref(), Some("222222222222"));
}
