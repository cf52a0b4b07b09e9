//! The denial: the inline policy by which sessions of a role lose everything.
//!
//! A session outlives the trust policy that let it in, for up to 12 hours. Only a Deny reaches it (IAM user guide, "Revoking
//! IAM role temporary security credentials").

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::domain::policy::{PolicyDocument, Statement};
use crate::domain::{IamRoleState, whole_seconds};

/// Name of the inline policy that holds the operator's denial.
pub const DENY: &str = "crossaccount-deny";

/// Name of the inline policy that the IAM console writes for "Revoke active sessions".
const CONSOLE: &str = "AWSRevokeOlderSessions";

/// No session lives longer (STS API reference, `AssumeRole`, `DurationSeconds`), so no denial is needed for longer.
const LONGEST_SESSION: SignedDuration = SignedDuration::from_hours(12);

/// Longest denial in characters without white space. It fits with every session name and role id; the declared inline policies
/// of a role, and source grants, leave that much of its quota free.
pub const RESERVED: usize = 512;

/// Which sessions of a role a policy denies, whoever began them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// None.
    #[default]
    Nobody,
    /// Those that were issued before this moment.
    Before(Timestamp),
    /// All, also those that are issued later.
    Everyone,
}

/// What the operator's denial says. Denials only add up: [`Denial::with`] never denies less than either.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denial {
    /// Whoever began the session.
    pub everyone: Denied,
    /// Sessions of one `aws:userid` (`<role id>:<session name>`) that were issued before a moment: the operator's own, where
    /// the role stays with others who use it.
    pub own: Option<(String, Timestamp)>,
    /// The latest request to revoke that this denial meets, in whole seconds.
    pub request: Option<Timestamp>,
}

impl Denial {
    /// Denies everyone.
    #[must_use]
    pub fn of_everyone() -> Self {
        Self { everyone: Denied::Everyone, ..Self::default() }
    }

    /// Denies sessions issued before a moment.
    #[must_use]
    pub fn before(moment: Timestamp) -> Self {
        Self { everyone: Denied::Before(whole_seconds(moment)), ..Self::default() }
    }

    /// Denies what either denies.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let (own, earlier) = match (self.own, other.own) {
            (Some(one), Some(two)) if one.0 == two.0 => (Some(one.max(two)), None),
            // There is room for one: of two, the sessions of the earlier one are denied with everybody's.
            (Some(one), Some(two)) if one.1 >= two.1 => (Some(one), Some(two.1)),
            (Some(one), Some(two)) => (Some(two), Some(one.1)),
            (one, two) => (one.or(two), None),
        };
        let everyone = self.everyone.max(other.everyone).max(earlier.map_or(Denied::Nobody, Denied::Before));
        Self { everyone, own, request: self.request.max(other.request) }
    }

    /// Whether every session that it is about has ended by itself. `now` is AWS's time.
    #[must_use]
    pub fn is_spent(&self, now: Timestamp) -> bool {
        let over = |moment: Timestamp| now.duration_since(moment) > LONGEST_SESSION;
        let everyone = match self.everyone {
            Denied::Nobody => true,
            Denied::Before(moment) => over(moment),
            Denied::Everyone => false,
        };
        everyone && self.own.as_ref().is_none_or(|(_, moment)| over(*moment))
    }

    /// Whether it meets a request to revoke.
    #[must_use]
    pub fn meets(&self, requested: Timestamp) -> bool {
        let since = match self.everyone {
            Denied::Nobody => false,
            Denied::Before(moment) => moment >= requested,
            Denied::Everyone => true,
        };
        since || self.request.is_some_and(|met| met >= whole_seconds(requested))
    }

    /// The policy document. None if it denies nobody.
    #[must_use]
    pub fn document(&self) -> Option<PolicyDocument> {
        let deny = |condition: Option<Value>| {
            let mut statement = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        };
        let older = |moment: &Timestamp| json!({"aws:TokenIssueTime": moment.to_string()});
        let mut statements = Vec::new();
        match self.everyone {
            Denied::Nobody => {}
            Denied::Before(moment) => statements.push(deny(Some(json!({"DateLessThan": older(&moment)})))),
            Denied::Everyone => statements.push(deny(None)),
        }
        if let Some((user_id, moment)) = &self.own {
            let condition = json!({"DateLessThan": older(moment), "StringEquals": {"aws:userid": user_id}});
            statements.push(deny(Some(condition)));
        }
        if let (Some(request), Some(first)) = (self.request, statements.first_mut()) {
            first["Sid"] = format!("{REQUESTED}{}", request.as_second()).into();
        }
        PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements})).ok()
    }

    /// Reads a document that [`document`](Self::document) or the IAM console wrote; none for every other one.
    #[must_use]
    pub fn read(document: &PolicyDocument) -> Option<Self> {
        let mut statements = document.statements();
        statements.try_fold(Self::default(), |read, statement| Some(read.with(Self::of_statement(statement)?)))
    }

    fn of_statement(statement: Statement<'_>) -> Option<Self> {
        if statement.allows() || !statement.is_about_everything() {
            return None;
        }
        let (mut moment, mut user_id) = (None, None);
        for (operator, key, values) in statement.conditions() {
            let [value] = values[..] else { return None };
            match (operator, key.to_ascii_lowercase().as_str()) {
                ("DateLessThan", "aws:tokenissuetime") => moment = Some(value.parse().ok()?),
                ("StringEquals", "aws:userid") => user_id = Some(value.to_owned()),
                _ => return None,
            }
        }
        let sid = statement.get("Sid").and_then(Value::as_str).and_then(|sid| sid.strip_prefix(REQUESTED));
        let request = sid.and_then(|second| Timestamp::from_second(second.parse().ok()?).ok());
        let read = match (user_id, moment) {
            (None, None) => Self::of_everyone(),
            (None, Some(moment)) => Self { everyone: Denied::Before(moment), ..Self::default() },
            (Some(user_id), Some(moment)) => Self { own: Some((user_id, moment)), ..Self::default() },
            (Some(_), None) => return None,
        };
        Some(Self { request, ..read })
    }
}

/// How the `Sid` of a denial begins that meets a request; the request's time in seconds since 1970 follows.
const REQUESTED: &str = "RequestedAt";

/// Whether an inline policy of this name is a denial that nobody declares: the operator's own, or the IAM console's.
#[must_use]
pub fn is_denial_name(name: &str) -> bool {
    name.starts_with(DENY) || name == CONSOLE
}

/// The denial of ours on a role, as far as it can be read.
#[must_use]
pub fn own_denial(state: &IamRoleState) -> Denial {
    let document = state.inline.get(DENY).and_then(Option::as_ref);
    document.and_then(Denial::read).unwrap_or_default()
}

/// Which sessions the inline policies of a role deny together, whoever wrote them.
#[must_use]
pub fn denied(state: &IamRoleState) -> Denied {
    let statements = state.inline.values().flatten().flat_map(PolicyDocument::statements);
    let of = |statement| Denial::of_statement(statement).map(|denial| denial.everyone);
    statements.filter_map(of).max().unwrap_or_default()
}

/// The moment before which sessions are denied at `now`: the next whole second, since AWS counts the issue of a session in
/// whole seconds and means one that was issued in this very second, too.
#[must_use]
pub fn moment_of_denial(now: Timestamp) -> Timestamp {
    whole_seconds(now) + SignedDuration::from_secs(1)
}

/// Whether a request is so old that no earlier session is left.
#[must_use]
pub fn is_over(requested: Timestamp, now: Timestamp) -> bool {
    now.duration_since(requested) > LONGEST_SESSION
}

/// Whether a session is denied, by AWS's own clock: AWS issued it one lifetime before it expires.
#[must_use]
pub fn is_denied(expires_at: Timestamp, duration_seconds: i32, denied: Denied) -> bool {
    match denied {
        Denied::Nobody => false,
        Denied::Before(moment) => expires_at - SignedDuration::from_secs(duration_seconds.into()) < moment,
        Denied::Everyone => true,
    }
}

#[cfg(test)]
mod tests {
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
        (everyone, own, prop::option::of(moment())).prop_map(|(everyone, own, request)| Denial {
            everyone,
            own,
            request,
        })
    }

    proptest! {
        #[test]
        fn a_denial_is_read_back_from_its_document(denial in denials()) {
            match denial.document() {
                None => prop_assert_eq!((denial.everyone, denial.own), (Denied::Nobody, None)),
                Some(document) => {
                    prop_assert!(document.only_denies() && document.quota_size() <= RESERVED);
                    prop_assert_eq!(Denial::read(&document), Some(denial));
                }
            }
        }

        #[test]
        fn two_denials_together_deny_no_less_than_either(one in denials(), two in denials()) {
            let both = one.clone().with(two.clone());
            for denial in [one, two] {
                prop_assert!(both.everyone >= denial.everyone && both.request >= denial.request);
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
        let longest = Denial { everyone: Denied::Before(moment), own: Some((user_id, moment)), request: Some(moment) };
        assert!(longest.document().is_some_and(|document| document.quota_size() <= RESERVED));
    }

    #[test]
    fn what_the_iam_console_writes_is_a_denial_of_older_sessions() {
        let mut state = fixture::state();
        let console = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": ["*"],
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2027-01-15T08:00:00.000Z"}}}]}"#;
        state.inline.insert(CONSOLE.into(), PolicyDocument::from_json(console).ok());
        assert_eq!(denied(&state), Denied::Before(at("2027-01-15T08:00:00Z")));
        assert_eq!(own_denial(&state), Denial::default(), "it is not the operator's");
        state.inline.insert("guard".into(), Denial::of_everyone().document());
        assert_eq!(denied(&state), Denied::Everyone);
    }

    #[test]
    fn a_denial_of_something_or_on_another_condition_is_none_of_ours() {
        for statement in [
            r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#,
            r#"{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#,
        ] {
            let document = PolicyDocument::from_json(&format!(r#"{{"Statement": {statement}}}"#)).expect("a policy");
            assert_eq!(Denial::read(&document), None, "{statement}");
        }
    }

    #[test]
    fn a_denial_is_spent_when_the_longest_session_of_before_has_ended() {
        let denial = Denial::before(at("2027-01-15T08:00:00Z"));
        assert!(!denial.is_spent(at("2027-01-15T20:00:00Z")));
        assert!(denial.is_spent(at("2027-01-15T20:00:01Z")));
        assert!(!Denial::of_everyone().is_spent(at("2037-01-15T20:00:01Z")));
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
    fn a_request_is_met_by_a_later_denial_or_by_one_that_names_it() {
        let requested = at("2027-01-15T08:03:00Z");
        assert!(Denial::before(at("2027-01-15T08:03:00Z")).meets(requested));
        assert!(!Denial::before(at("2027-01-15T08:00:00Z")).meets(requested));
        let named = Denial { request: Some(requested), ..Denial::before(at("2027-01-15T08:00:00Z")) };
        assert!(named.meets(requested) && !named.meets(at("2027-01-15T08:04:00Z")));
    }

    #[test]
    fn a_denial_meets_no_request_while_it_denies_nobody_and_every_request_while_it_denies_everyone() {
        let requested = at("2027-01-15T08:03:00Z");
        assert!(!Denial::default().meets(requested));
        assert!(Denial::of_everyone().meets(requested));
        let own = Denial { own: Some(("AROA1:n.o".into(), requested)), ..Denial::default() };
        assert!(!own.meets(requested), "the operator's own sessions are not all");
    }

    #[test]
    fn a_denial_of_the_operators_own_sessions_is_spent_with_the_longest_of_them() {
        let own = Denial { own: Some(("AROA1:n.o".into(), at("2027-01-15T08:00:00Z"))), ..Denial::default() };
        assert!(!own.is_spent(at("2027-01-15T20:00:00Z")));
        assert!(own.is_spent(at("2027-01-15T20:00:01Z")));
        assert!(!own.with(Denial::before(at("2027-01-15T09:00:00Z"))).is_spent(at("2027-01-15T20:30:00Z")));
        assert!(Denial::default().is_spent(at("2027-01-15T08:00:00Z")), "nothing is denied");
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
    fn an_issue_time_with_several_values_or_a_session_without_a_time_is_none_of_ours() {
        for condition in [
            r#"{"DateLessThan": {"aws:TokenIssueTime": ["2027-01-15T08:00:00Z", "2028-01-15T08:00:00Z"]}}"#,
            r#"{"DateLessThan": {"aws:TokenIssueTime": "yesterday"}}"#,
            r#"{"DateGreaterThan": {"aws:TokenIssueTime": "2027-01-15T08:00:00Z"}}"#,
            r#"{"StringEquals": {"aws:userid": "AROA1:n.o"}}"#,
        ] {
            let statement =
                format!(r#"{{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {condition}}}"#);
            let document = PolicyDocument::from_json(&format!(r#"{{"Statement": {statement}}}"#)).expect("a policy");
            assert_eq!(Denial::read(&document), None, "{condition}");
        }
    }

    #[test]
    fn a_denial_with_a_sid_of_somebody_else_meets_no_request() {
        for sid in ["RequestedAtNoon", "Requested1800000000", "Mine"] {
            let text =
                format!(r#"{{"Statement": {{"Sid": "{sid}", "Effect": "Deny", "Action": "*", "Resource": "*"}}}}"#);
            let document = PolicyDocument::from_json(&text).expect("a policy");
            assert_eq!(Denial::read(&document), Some(Denial::of_everyone()), "{sid}");
        }
    }

    #[test]
    fn a_denial_that_cannot_be_read_counts_for_nobody() {
        let mut state = fixture::state();
        state.inline.insert(DENY.into(), None);
        assert_eq!((own_denial(&state), denied(&state)), (Denial::default(), Denied::Nobody));
        state.inline.insert(DENY.into(), Denial::of_everyone().document());
        assert_eq!((own_denial(&state), denied(&state)), (Denial::of_everyone(), Denied::Everyone));
    }

    #[test]
    fn the_names_of_denials_are_the_operators_and_the_consoles() {
        for (name, is_one) in [
            (DENY, true),
            ("crossaccount-deny-2", true),
            (CONSOLE, true),
            ("crossaccount-blue", false),
            ("read", false),
        ] {
            assert_eq!(is_denial_name(name), is_one, "{name}");
        }
    }

    #[test]
    fn every_session_is_denied_by_a_denial_of_everyone_and_none_by_a_denial_of_nobody() {
        let expires_at = at("2027-01-15T09:00:00Z");
        assert!(is_denied(expires_at, 3600, Denied::Everyone));
        assert!(!is_denied(expires_at, 3600, Denied::Nobody));
    }

    #[test]
    fn a_request_is_over_when_the_longest_session_of_before_has_ended() {
        let requested = at("2027-01-15T08:00:00Z");
        assert!(!is_over(requested, at("2027-01-15T20:00:00Z")) && is_over(requested, at("2027-01-15T20:00:01Z")));
    }
}
