//! Denials: their documents, what they add up to, and when they have done their work.

use proptest::prelude::*;

use super::*;
use crate::decide::role::fixture;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn denials() -> impl Strategy<Value = Denial> {
    let moment = || (1_800_000_000_i64..1_800_100_000).prop_map(|s| Timestamp::from_second(s).expect("a time"));
    let everyone = prop_oneof![Just(Denied::Nobody), moment().prop_map(Denied::Before), Just(Denied::Everyone),];
    let own = prop::option::of(moment().prop_map(|moment| ("AROA1:n.o".to_owned(), moment)));
    let other =
        json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:userid": "*:ci"}}});
    let others = prop::sample::subsequence(vec![other], 0..=1);
    (everyone, own, prop::option::of(moment()), others).prop_map(|(everyone, own, request, others)| {
        let request = request.filter(|_| everyone != Denied::Nobody || own.is_some());
        Denial { everyone, own, request, others }
    })
}

proptest! {
    #[test]
    fn a_denial_is_read_back_from_its_document(denial in denials()) {
        match denial.document() {
            None => prop_assert_eq!(denial, Denial::default()),
            Some(document) => {
                prop_assert!(document.only_denies() && (document.quota_size() <= RESERVED || !denial.others.is_empty()));
                prop_assert_eq!(Denial::read(&document), denial);
            }
        }
    }

    #[test]
    fn two_denials_together_deny_no_less_than_either(one in denials(), two in denials()) {
        let both = one.clone().with(two.clone());
        for denial in [one, two] {
            prop_assert!(both.everyone >= denial.everyone && both.request >= denial.request);
            prop_assert!(denial.others.iter().all(|statement| both.others.contains(statement)));
            if let Some((_, moment)) = denial.own {
                prop_assert!(both.own.as_ref().is_some_and(|(_, later)| *later >= moment));
            }
        }
    }
}

#[test]
fn the_longest_denial_fits_into_the_room_that_is_reserved() {
    let moment = at("2027-01-15T08:00:00Z");
    let user_id = format!("{}:{}", "A".repeat(32), "s".repeat(64));
    let longest = Denial {
        everyone: Denied::Before(moment),
        own: Some((user_id, moment)),
        request: Some(moment),
        others: Vec::new(),
    };
    assert!(longest.document().is_some_and(|document| document.quota_size() <= RESERVED));
}

#[test]
fn what_the_iam_console_writes_is_a_denial_of_older_sessions() {
    let mut state = fixture::state();
    let console = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2027-01-15T08:00:00.000Z"}}}]}"#;
    state.inline.insert(CONSOLE.into(), PolicyDocument::from_json(console).ok());
    assert_eq!(denied(&state, []), Denied::Before(at("2027-01-15T08:00:00Z")));
    assert_eq!(own_denial(&state), Denial::default(), "it is not the operator's");
    state.inline.insert("guard".into(), Denial::of_everyone().document());
    assert_eq!(denied(&state, []), Denied::Everyone);
}

#[test]
fn a_statement_that_somebody_else_wrote_into_the_denial_stays_and_one_that_allows_does_not() {
    for (statement, stays) in [
        (r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#, true),
        (r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#, false),
        (
            r#"{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#,
            true,
        ),
    ] {
        let text = format!(r#"{{"Statement": [{statement}, {{"Effect": "Deny", "Action": "*", "Resource": "*"}}]}}"#);
        let read = Denial::read(&PolicyDocument::from_json(&text).expect("a policy"));
        assert_eq!((read.everyone, read.others.len()), (Denied::Everyone, usize::from(stays)), "{statement}");
        let again = Denial { everyone: Denied::Nobody, ..read.clone() }.document();
        assert_eq!(again.map(|document| Denial::read(&document).others), stays.then_some(read.others), "{statement}");
    }
}

#[test]
fn a_denial_is_spent_when_the_longest_earlier_session_has_ended() {
    let denial = Denial::before(at("2027-01-15T08:00:00Z"));
    assert!(!denial.has_expired(at("2027-01-15T20:00:00Z")));
    assert!(denial.has_expired(at("2027-01-15T20:00:01Z")));
    let ahead = Denial { request: Some(at("2027-01-15T08:05:00Z")), ..denial };
    assert!(!ahead.has_expired(at("2027-01-15T20:05:00Z")), "its request would count again");
    assert!(ahead.has_expired(at("2027-01-15T20:05:01Z")));
    assert!(!Denial::of_everyone().has_expired(at("2037-01-15T20:00:01Z")));
}

#[test]
fn a_session_of_the_second_of_the_denial_is_denied_and_one_of_the_next_is_not() {
    let moment = Denied::Before(moment_of_denial(at("2027-01-15T08:00:00.25Z")));
    for (issued, expected) in [("07:59:59", true), ("08:00:00", true), ("08:00:01", false)] {
        let expires_at = at(&format!("2027-01-15T{issued}Z")) + SignedDuration::from_secs(900);
        assert_eq!(is_denied(expires_at, 900, moment), expected, "{issued}");
    }
}

#[test]
fn times_at_either_end_of_the_calendar_are_compared_like_others() {
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    assert!(is_denied(first, 3600, Denied::Before(last)) && is_denied(first, 3600, Denied::Before(first)));
    assert!(!is_denied(last, 3600, Denied::Before(first)) && is_denied(last, 3600, Denied::Before(last)));
}

#[test]
fn a_request_is_met_by_a_denial_that_was_written_for_its_value() {
    let requested = at("2027-01-15T08:03:00Z");
    assert!(!Denial::before(at("2027-01-15T08:04:00Z")).satisfies(requested), "written for something else");
    let named = Denial { request: Some(requested), ..Denial::before(at("2027-01-15T08:00:00Z")) };
    assert!(named.satisfies(requested));
    assert!(
        !named.satisfies(at("2027-01-15T08:04:00Z")) && !named.satisfies(at("2027-01-15T08:02:00Z")),
        "other values"
    );
}

#[test]
fn a_denial_meets_no_request_while_it_denies_nobody_and_every_request_while_it_denies_everyone() {
    let requested = at("2027-01-15T08:03:00Z");
    assert!(!Denial::default().satisfies(requested));
    assert!(Denial::of_everyone().satisfies(requested));
    let own = Denial { own: Some(("AROA1:n.o".into(), requested)), ..Denial::default() };
    assert!(!own.satisfies(requested), "the operator's own sessions are not all");
}

#[test]
fn a_denial_of_the_operators_own_sessions_is_spent_with_the_longest_of_them() {
    let own = Denial { own: Some(("AROA1:n.o".into(), at("2027-01-15T08:00:00Z"))), ..Denial::default() };
    assert!(!own.has_expired(at("2027-01-15T20:00:00Z")));
    assert!(own.has_expired(at("2027-01-15T20:00:01Z")));
    assert!(!own.with(Denial::before(at("2027-01-15T09:00:00Z"))).has_expired(at("2027-01-15T20:30:00Z")));
    assert!(Denial::default().has_expired(at("2027-01-15T08:00:00Z")), "nothing is denied");
}

#[test]
fn the_sessions_of_two_objects_that_released_one_role_both_stay_denied() {
    let moment = at("2027-01-15T08:00:00Z");
    let of = |user_id: &str, moment| Denial { own: Some((user_id.to_owned(), moment)), ..Denial::default() };
    let (first, second) =
        (of("AROA1:team.reader", moment), of("AROA1:other.reader", moment + SignedDuration::from_mins(5)));
    for both in [first.clone().with(second.clone()), second.clone().with(first)] {
        assert_eq!((both.everyone, both.own), (Denied::Before(moment), second.own.clone()));
    }
}

#[test]
fn a_statement_with_several_issue_times_or_a_session_without_a_time_is_somebody_elses() {
    for condition in [
        r#"{"DateLessThan": {"aws:TokenIssueTime": ["2027-01-15T08:00:00Z", "2028-01-15T08:00:00Z"]}}"#,
        r#"{"DateLessThan": {"aws:TokenIssueTime": "yesterday"}}"#,
        r#"{"DateGreaterThan": {"aws:TokenIssueTime": "2027-01-15T08:00:00Z"}}"#,
        r#"{"StringEquals": {"aws:userid": "AROA1:n.o"}}"#,
    ] {
        let statement = format!(r#"{{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {condition}}}"#);
        let document = PolicyDocument::from_json(&format!(r#"{{"Statement": {statement}}}"#)).expect("a policy");
        let Denial { everyone, own, others, .. } = Denial::read(&document);
        assert_eq!((everyone, own, others.len()), (Denied::Nobody, None, 1), "{condition}");
    }
}

#[test]
fn a_denial_with_a_sid_of_somebody_else_meets_no_request() {
    for sid in ["RequestedAtNoon", "Requested1800000000", "Mine"] {
        let text = format!(r#"{{"Statement": {{"Sid": "{sid}", "Effect": "Deny", "Action": "*", "Resource": "*"}}}}"#);
        let document = PolicyDocument::from_json(&text).expect("a policy");
        assert_eq!(Denial::read(&document), Denial::of_everyone(), "{sid}");
    }
}

#[test]
fn a_statement_of_somebody_else_never_has_the_sid_of_a_request() {
    let edited =
        r#"{"Statement": {"Sid": "RequestedAt1800000000", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}}"#;
    let read = Denial::read(&PolicyDocument::from_json(edited).expect("a policy"));
    let requested = Denial { request: Some(at("2027-01-15T08:00:00Z")), ..Denial::of_everyone() }.with(read);
    let document = requested.document().expect("a document");
    let sids = document.statements().filter_map(|statement| statement.get("Sid")).count();
    assert_eq!((document.statements().count(), sids), (2, 1));
}

#[test]
fn what_the_object_declares_is_no_revocation() {
    let mut state = fixture::state();
    state.inline.insert("mine".into(), Denial::of_everyone().document());
    assert_eq!(denied(&state, [&"mine".to_owned()]), Denied::Nobody);
    assert_eq!(denied(&state, []), Denied::Everyone);
}

#[test]
fn a_denial_that_cannot_be_read_counts_for_nobody() {
    let mut state = fixture::state();
    state.inline.insert(DENY.into(), None);
    assert_eq!((own_denial(&state), denied(&state, [])), (Denial::default(), Denied::Nobody));
    state.inline.insert(DENY.into(), Denial::of_everyone().document());
    assert_eq!((own_denial(&state), denied(&state, [])), (Denial::of_everyone(), Denied::Everyone));
}

#[test]
fn the_names_of_denials_are_the_operators_and_the_consoles() {
    for (name, is_grant_policy) in
        [(DENY, true), ("crossaccount-deny-2", true), (CONSOLE, true), ("crossaccount-blue", false), ("read", false)]
    {
        assert_eq!(is_denial_name(name), is_grant_policy, "{name}");
    }
}

#[test]
fn every_session_is_denied_by_a_denial_of_everyone_and_none_by_a_denial_of_nobody() {
    let expires_at = at("2027-01-15T09:00:00Z");
    assert!(is_denied(expires_at, 3600, Denied::Everyone));
    assert!(!is_denied(expires_at, 3600, Denied::Nobody));
}

#[test]
fn a_request_is_over_when_the_longest_earlier_session_has_ended() {
    let requested = at("2027-01-15T08:00:00Z");
    assert!(!is_over(requested, at("2027-01-15T20:00:00Z")) && is_over(requested, at("2027-01-15T20:00:01Z")));
}

#[test]
fn new_sessions_are_denied_by_a_denial_of_everyone_and_by_one_far_ahead() {
    let now = at("2027-01-15T08:00:00Z");
    for (denied, expected) in [
        (Denied::Nobody, false),
        (Denied::Before(at("2027-01-15T07:00:00Z")), false),
        (Denied::Before(at("2027-01-15T08:00:05Z")), false),
        (Denied::Before(at("2027-01-15T08:00:06Z")), true),
        (Denied::Everyone, true),
    ] {
        assert_eq!(denies_new_sessions(denied, now), expected, "{denied:?}");
    }
}

#[test]
fn a_denial_of_released_sessions_means_the_object_that_takes_the_role_over_under_the_same_name_and_no_other() {
    let moment = at("2027-01-15T08:00:00Z");
    let mut state = fixture::state();
    assert_eq!(own_sessions_denied(&state, "AROA1:team.reader"), Denied::Nobody);
    let released = Denial { own: Some(("AROA1:team.reader".to_owned(), moment)), ..Denial::default() };
    state.inline.insert(DENY.to_owned(), released.document());
    assert_eq!(own_sessions_denied(&state, "AROA1:team.reader"), Denied::Before(moment));
    assert_eq!(own_sessions_denied(&state, "AROA1:team.writer"), Denied::Nobody);
    assert_eq!(denied(&state, []), Denied::Nobody);
}
