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
pub const CONSOLE: &str = "AWSRevokeOlderSessions";

/// No session lives longer (STS API reference, `AssumeRole`, `DurationSeconds`), so no denial is needed for longer.
const LONGEST_SESSION: SignedDuration = SignedDuration::from_hours(12);

/// Longest denial in characters without white space. It fits with every session name and role id; the declared inline policies
/// of a role, and source grants, leave that much of its quota free.
pub const RESERVED: usize = 512;

/// Which sessions of a role a policy denies. It does not matter who began them.
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
    /// The last value of `revoke-requested-at` that this denial meets, in whole seconds.
    pub request: Option<Timestamp>,
    /// Statements that somebody else wrote into the policy, as long as they deny. They stay.
    pub others: Vec<Value>,
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
        let mut others = self.others;
        others.extend(other.others.into_iter().filter(|statement| !others.contains(statement)).collect::<Vec<_>>());
        Self { everyone, own, request: self.request.max(other.request), others }
    }

    /// Whether every session that it is about has ended by itself, and the request that it meets cannot count again. `now` is
    /// AWS's time.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        let over = |moment: Timestamp| is_over(moment, now);
        let everyone = match self.everyone {
            Denied::Nobody => true,
            Denied::Before(moment) => over(moment),
            Denied::Everyone => false,
        };
        everyone
            && self.others.is_empty()
            && self.own.as_ref().is_none_or(|(_, moment)| over(*moment))
            && self.request.is_none_or(over)
    }

    /// Whether it meets a request to revoke: it denies everyone, or it was written for this very value. Values are compared
    /// for equality only: people round them, and their clocks differ.
    #[must_use]
    pub fn satisfies(&self, requested: Timestamp) -> bool {
        self.everyone == Denied::Everyone || self.request == Some(whole_seconds(requested))
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
        statements.extend(self.others.iter().cloned());
        PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements})).ok()
    }

    /// What a document denies. Whatever it allows is left out.
    #[must_use]
    pub fn read(document: &PolicyDocument) -> Self {
        let denying = document.statements().filter(|statement| !statement.allows());
        denying.fold(Self::default(), |read, statement| read.with(Self::of_statement(statement)))
    }

    fn of_statement(statement: Statement<'_>) -> Self {
        let other = || {
            let mut elements = statement.elements().clone();
            elements.remove("Sid"); // it says nothing, and must not be there twice
            Self { others: vec![Value::Object(elements)], ..Self::default() }
        };
        Self::of_own_statement(statement).unwrap_or_else(other)
    }

    /// Reads a statement as [`document`](Self::document) or the IAM console writes it; none for every other one.
    fn of_own_statement(statement: Statement<'_>) -> Option<Self> {
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
    document.map(Denial::read).unwrap_or_default()
}

/// Which sessions the inline policies of a role deny together, apart from those that the object declares: what it denies
/// itself is no revocation.
#[must_use]
pub fn denied<'a>(state: &IamRoleState, declared: impl IntoIterator<Item = &'a String>) -> Denied {
    let declared: Vec<&String> = declared.into_iter().collect();
    let others =
        state.inline.iter().filter(|(name, _)| !declared.contains(name)).filter_map(|(_, found)| found.as_ref());
    let of = |statement| Denial::of_own_statement(statement).map(|denial| denial.everyone);
    others.flat_map(PolicyDocument::statements).filter_map(of).max().unwrap_or_default()
}

/// Which sessions of one `aws:userid` the operator's denial denies besides everybody's: where a role was released, those of the
/// object that released it, and with them those of an object of its name that takes the role over.
#[must_use]
pub fn own_sessions_denied(state: &IamRoleState, user_id: &str) -> Denied {
    let own = own_denial(state).own.filter(|(denied, _)| denied == user_id);
    own.map_or(Denied::Nobody, |(_, moment)| Denied::Before(moment))
}

/// The moment before which sessions are denied at `now`: the next whole second, since AWS counts the issue of a session in
/// whole seconds and means one that was issued in this very second, too.
#[must_use]
pub fn moment_of_denial(now: Timestamp) -> Timestamp {
    whole_seconds(now) + SignedDuration::from_secs(1)
}

/// Whether every session that was issued before a moment has ended by itself.
#[must_use]
pub fn is_over(moment: Timestamp, now: Timestamp) -> bool {
    now.duration_since(moment) > LONGEST_SESSION
}

/// Whether a session is denied, by AWS's own clock: AWS issued it one lifetime before it expires.
#[must_use]
pub fn is_denied(expires_at: Timestamp, duration_seconds: i32, denied: Denied) -> bool {
    match denied {
        Denied::Nobody => false,
        Denied::Before(moment) => {
            expires_at.duration_since(moment) < SignedDuration::from_secs(duration_seconds.into())
        }
        Denied::Everyone => true,
    }
}

/// How far ahead the moment of a denial may be for a session to be requested all the same: it is over soon.
const SOON: SignedDuration = SignedDuration::from_secs(5);

/// Whether sessions that begin now or soon are denied, too.
#[must_use]
pub fn denies_new_sessions(denied: Denied, now: Timestamp) -> bool {
    match denied {
        Denied::Nobody => false,
        Denied::Before(moment) => moment > now + SOON,
        Denied::Everyone => true,
    }
}

#[cfg(test)]
mod tests;
