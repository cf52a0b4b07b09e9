use super::*;
use crate::api::condition;
use crate::decide::failure::Retry;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn set() -> CredentialsFacts {
    CredentialsFacts {
        secret_name: "reader".into(),
        issued_at: at(0),
        expires_at: at(3600),
        renew_at: at(1700),
        caller_arn: Some("arn:aws:sts::222222222222:assumed-role/reader/s".into()),
        packed_policy_size_percent: None,
        is_first: false,
    }
}

fn failing(reason: Reason) -> Outcome {
    Outcome::Failing(Verdict { reason, message: "it fails".into(), retry: Retry::Soon })
}

fn report(role: Outcome, credentials: Outcome, published: Option<CredentialsFacts>) -> Report {
    Report { role, credentials, published, ..Report::default() }
}

fn line(status: &CrossAccountRoleStatus, kind: ConditionType) -> (String, String) {
    let condition = condition(&status.conditions, kind).expect("the condition");
    (condition.status.clone(), condition.reason.clone())
}

#[test]
fn ready_says_whether_access_works_and_why_not() {
    let now = at(100);
    let late = at(4000);
    for (what, report, now, ready, stalled, reconciling) in [
        (
            "all is well",
            report(Outcome::Done, Outcome::Done, Some(set())),
            now,
            ("True", "Available"),
            "False",
            "False",
        ),
        (
            "the role fails while the set is good",
            report(failing(Reason::ManagerDenied), Outcome::Done, Some(set())),
            now,
            ("True", "Degraded"),
            "True",
            "False",
        ),
        (
            "the renewal fails while the set is good",
            report(Outcome::Done, failing(Reason::Throttled), Some(set())),
            now,
            ("True", "Degraded"),
            "False",
            "True",
        ),
        (
            "the renewal fails and the set is gone",
            report(Outcome::Done, failing(Reason::Throttled), Some(set())),
            late,
            ("False", "Expired"),
            "False",
            "True",
        ),
        (
            "the first issue waits for AWS",
            report(Outcome::Done, failing(Reason::Propagating), None),
            now,
            ("False", "Propagating"),
            "False",
            "True",
        ),
        (
            "the first issue is denied",
            report(Outcome::Done, failing(Reason::IdentityDenied), None),
            now,
            ("False", "IdentityDenied"),
            "True",
            "False",
        ),
        (
            "not allowed, whatever still works",
            report(failing(Reason::NotAllowed), Outcome::Untouched, Some(set())),
            now,
            ("False", "NotAllowed"),
            "True",
            "False",
        ),
        (
            "not supported, whatever still works",
            report(failing(Reason::NotSupported), Outcome::Untouched, Some(set())),
            now,
            ("False", "NotSupported"),
            "True",
            "False",
        ),
        (
            "no external id enforced",
            report(Outcome::Done, failing(Reason::ExternalIdNotEnforced), Some(set())),
            now,
            ("False", "ExternalIdNotEnforced"),
            "True",
            "False",
        ),
    ] {
        let status = status(&CrossAccountRoleStatus::default(), Some(3), &report, now);
        let (value, reason) = line(&status, ConditionType::Ready);
        assert_eq!((value.as_str(), reason.as_str()), ready, "{what}");
        assert_eq!(line(&status, ConditionType::Stalled).0, stalled, "{what}: Stalled");
        assert_eq!(line(&status, ConditionType::Reconciling).0, reconciling, "{what}: Reconciling");
        assert_eq!(status.observed_generation, Some(3));
    }
}

#[test]
fn a_suspended_object_without_valid_credentials_waits_for_someone() {
    for (published, now, ready, stalled) in [
        (Some(set()), at(100), ("True", "Suspended"), "False"),
        (Some(set()), at(4000), ("False", "Expired"), "True"),
        (None, at(100), ("False", "Suspended"), "True"),
    ] {
        let report = Report { mode: Mode::Suspended, ..report(Outcome::Untouched, Outcome::Untouched, published) };
        let status = status(&CrossAccountRoleStatus::default(), Some(1), &report, now);
        let (value, reason) = line(&status, ConditionType::Ready);
        assert_eq!((value.as_str(), reason.as_str()), ready);
        assert_eq!(line(&status, ConditionType::Stalled).0, stalled, "{ready:?}: Stalled");
        assert_eq!(line(&status, ConditionType::Reconciling).0, "False", "{ready:?}: Reconciling");
    }
}

#[test]
fn a_degraded_message_says_what_fails_and_until_when_the_credentials_are_good() {
    let report = report(Outcome::Done, failing(Reason::Throttled), Some(set()));
    let status = status(&CrossAccountRoleStatus::default(), Some(1), &report, at(100));
    let message = &condition(&status.conditions, ConditionType::Ready).expect("Ready").message;
    assert!(message.contains("Throttled: it fails") && message.contains(&at(3600).to_string()), "{message}");
}

#[test]
fn what_was_not_looked_at_keeps_what_was_known() {
    let first =
        status(&CrossAccountRoleStatus::default(), Some(1), &report(Outcome::Done, Outcome::Done, Some(set())), at(10));
    let second = status(&first, Some(1), &report(Outcome::Untouched, failing(Reason::Throttled), Some(set())), at(20));
    assert_eq!(
        condition(&second.conditions, ConditionType::RoleReady),
        condition(&first.conditions, ConditionType::RoleReady)
    );
}

#[test]
fn a_warning_is_told_with_credentials_that_are_good() {
    let report = Report {
        warning: Some("spec.session.policy denies everything".into()),
        ..report(Outcome::Done, Outcome::Done, Some(set()))
    };
    let status = status(&CrossAccountRoleStatus::default(), Some(1), &report, at(100));
    assert_eq!(line(&status, ConditionType::Ready), ("True".into(), "Available".into()));
    let ready = condition(&status.conditions, ConditionType::Ready).expect("the condition");
    assert!(ready.message.ends_with("Warning: spec.session.policy denies everything."), "{}", ready.message);
}

#[test]
fn saying_the_same_again_gives_the_very_same_status() {
    let report = report(Outcome::Done, Outcome::Done, Some(set()));
    let first = status(&CrossAccountRoleStatus::default(), Some(1), &report, at(10));
    assert_eq!(status(&first, Some(1), &report, at(500)), first);
}
