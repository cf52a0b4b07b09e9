use serde_json::json;

use super::*;

/// An object of generation 2 whose status is about `observed`, with `Ready`, the time of the set and that of the denial.
fn object(observed: i64, ready: (&str, &str), issued: Option<&str>, denied: Option<&str>) -> CrossAccountRole {
    let (status, reason) = ready;
    let set = issued.map(|at| {
        json!({"secretName": "reader", "issuedAt": at, "expiresAt": "2027-01-15T09:00:00Z",
                                     "callerArn": "arn:aws:sts::222222222222:assumed-role/reader/analytics.reader"})
    });
    serde_json::from_value(json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": "reader", "namespace": "analytics", "generation": 2},
        "spec": {"accountRef": {"name": "prod"}},
        "status": {
            "observedGeneration": observed,
            "conditions": [{"type": "Ready", "status": status, "reason": reason, "message": "words",
                            "observedGeneration": observed, "lastTransitionTime": "2027-01-15T08:00:00Z"}],
            "credentials": set,
            "role": {"created": true, "deniedBefore": denied},
        },
    }))
    .unwrap()
}

const READY: (&str, &str) = ("True", "Available");
const EARLY: Option<&str> = Some("2027-01-15T08:00:00Z");
const LATE: Option<&str> = Some("2027-01-15T08:10:00Z");

fn kind(progress: &Progress) -> &'static str {
    match progress {
        Progress::Done(_) => "done",
        Progress::Working => "working",
        Progress::Stalled(_) => "stalled",
    }
}

#[test]
fn the_operator_has_acted_when_the_status_shows_what_was_asked_for() {
    let before = object(2, READY, EARLY, None);
    let suspended = |mut object: CrossAccountRole| {
        object.spec.suspend = true;
        object
    };
    for (what, change, now, expected) in vec![
        ("the same set", Change::Renew, object(2, READY, EARLY, None), "working"),
        ("another set", Change::Renew, object(2, READY, LATE, None), "done"),
        ("no set", Change::Renew, object(2, ("False", "Progressing"), None, None), "working"),
        ("nothing denied", Change::Revoke, object(2, READY, LATE, None), "working"),
        ("denied, and the set is from before", Change::Revoke, object(2, READY, EARLY, LATE), "working"),
        ("denied, and a set from after", Change::Revoke, object(2, READY, LATE, LATE), "done"),
        ("denied, and on the way", Change::Revoke, object(2, ("False", "Propagating"), EARLY, LATE), "working"),
        ("denied, and no way to a set", Change::Revoke, object(2, ("False", "TrustDenied"), EARLY, LATE), "done"),
        ("denied while suspended", Change::Revoke, suspended(object(2, READY, EARLY, LATE)), "done"),
        ("not seen yet", Change::Suspend, object(1, READY, EARLY, None), "working"),
        ("seen", Change::Suspend, object(2, ("True", "Suspended"), EARLY, None), "done"),
        ("not seen yet", Change::Resume, object(1, ("True", "Suspended"), EARLY, None), "working"),
        ("Ready", Change::Resume, object(2, READY, EARLY, None), "done"),
        ("on the way", Change::Resume, object(2, ("False", "Progressing"), EARLY, None), "working"),
        ("needs somebody", Change::Resume, object(2, ("False", "NotAllowed"), EARLY, None), "stalled"),
    ] {
        assert_eq!(kind(&change.progress(&before, &now)), expected, "{change:?}: {what}");
    }
}

#[test]
fn what_is_reported_is_what_aws_said_of_the_new_credentials() {
    let (before, now) = (object(2, READY, EARLY, None), object(2, READY, LATE, LATE));
    let Progress::Done(text) = Change::Revoke.progress(&before, &now) else { panic!("it has acted") };
    assert_eq!(
        text,
        "analytics/reader: sessions that were issued before 2027-01-15T08:10:00Z are denied.\n\
         analytics/reader: Secret reader holds new credentials, issued at 2027-01-15T08:10:00Z and valid until \
         2027-01-15T09:00:00Z. AWS says that they are arn:aws:sts::222222222222:assumed-role/reader/analytics.reader.\n",
    );
}

#[test]
fn a_change_touches_one_field_and_nothing_else() {
    let now = "2027-01-15T08:00:00Z".parse().unwrap();
    let annotation = |key: &str| json!({"metadata": {"annotations": {key: "2027-01-15T08:00:00Z"}}});
    assert_eq!(Change::Renew.patch(now), annotation("iam.crossaccount.dev/renew-requested-at"));
    assert_eq!(Change::Revoke.patch(now), annotation("iam.crossaccount.dev/revoke-requested-at"));
    assert_eq!(Change::Suspend.patch(now), json!({"spec": {"suspend": true}}));
    assert_eq!(Change::Resume.patch(now), json!({"spec": {"suspend": false}}));
}

#[test]
fn a_suspended_object_is_not_renewed_and_one_that_is_being_deleted_is_not_changed() {
    let mut object = object(2, READY, EARLY, None);
    assert_eq!(Change::Renew.objection(&object), None);
    object.spec.suspend = true;
    assert!(Change::Renew.objection(&object).unwrap().contains("suspended"));
    assert_eq!((Change::Revoke.objection(&object), Change::Resume.objection(&object)), (None, None));
    object.metadata.deletion_timestamp = Some(Time("2027-01-15T08:00:00Z".parse().unwrap()));
    assert!(Change::Resume.objection(&object).unwrap().contains("being deleted"));
}
