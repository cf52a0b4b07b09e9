//! Who may do what, read plainly off the state of a role. The alphabet is small: a few callers, sessions and actions.

use std::collections::BTreeSet;

use super::*;
use crate::decide::role::fixture::{DEPLOYER, OPERATOR};
use crate::domain::glob_covers;
use crate::domain::policy::Statement;

/// All actions of the model.
pub const ACTIONS: [&str; 4] = ["s3:GetObject", "s3:PutObject", "ec2:RunInstances", "sts:AssumeRole"];

/// AWS's managed policy that denies everything.
pub const DENY_ALL: &str = "arn:aws:iam::aws:policy/AWSDenyAll";

/// Somebody who may try to assume the role. The operator with its external id is nobody who gains by a trust policy: it issues
/// no session while a plan fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// Its name in messages.
    pub name: &'static str,
    arn: &'static str,
    mfa: bool,
    external_id: bool,
}

const fn caller(name: &'static str, arn: &'static str, mfa: bool, external_id: bool) -> Caller {
    Caller { name, arn, mfa, external_id }
}

/// All callers of the model.
pub const CALLERS: [Caller; 5] = [
    caller("operator", OPERATOR, false, true),
    caller("anyone-as-operator", OPERATOR, false, false),
    caller("deployer", DEPLOYER, false, false),
    caller("deployer-with-mfa", DEPLOYER, true, false),
    caller("stranger", "arn:aws:iam::333333333333:root", true, false),
];

/// A session of the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Session {
    /// One that began that many minutes ago, by the operator itself or by another.
    Begun { minutes_ago: i64, own: bool },
    /// One that a caller begins later.
    Later(Caller),
}

/// All sessions of the model.
pub fn sessions() -> impl Iterator<Item = Session> {
    let begun =
        [360, 60, 0].into_iter().flat_map(|minutes_ago| [true, false].map(|own| Session::Begun { minutes_ago, own }));
    begun.chain(CALLERS.into_iter().filter(|caller| !caller.external_id).map(Session::Later))
}

/// Which session may do what.
pub fn powers(state: Option<&IamRoleState>) -> BTreeSet<(Session, &'static str)> {
    let Some(state) = state else { return BTreeSet::new() };
    let can_be = |session: &Session| match session {
        Session::Begun { .. } => true,
        Session::Later(caller) => admits(state.role.trust.as_ref(), caller),
    };
    let pairs = sessions().filter(can_be).flat_map(|session| ACTIONS.map(|action| (session, action)));
    pairs.filter(|(session, action)| allows(state, action) && !denies(state, *session, action)).collect()
}

/// Sessions that can do nothing, whatever else the role is given.
pub fn powerless(state: Option<&IamRoleState>) -> BTreeSet<Session> {
    let Some(state) = state else { return sessions().collect() };
    sessions().filter(|session| ACTIONS.iter().all(|action| denies(state, *session, action))).collect()
}

/// The callers that a trust policy lets in. One that cannot be read may let in everyone.
pub fn trusted(trust: Option<&PolicyDocument>) -> Vec<&'static str> {
    CALLERS.iter().filter(|caller| admits(trust, caller)).map(|caller| caller.name).collect()
}

fn admits(trust: Option<&PolicyDocument>, caller: &Caller) -> bool {
    let Some(trust) = trust else { return true };
    let account = caller.arn.split(':').nth(4).unwrap_or_default();
    let root = format!("arn:aws:iam::{account}:root");
    let applies = |statement: &Statement<'_>| {
        let named = statement.principals().iter().any(|name| ["*", account, root.as_str(), caller.arn].contains(name));
        let assumes = statement.texts("Action").iter().any(|action| action.eq_ignore_ascii_case("sts:AssumeRole"));
        let met = |(_, key, _): (&str, &str, Vec<&str>)| match key.to_ascii_lowercase().as_str() {
            "sts:externalid" => caller.external_id,
            "aws:multifactorauthpresent" => caller.mfa,
            "aws:principalarn" => caller.arn != OPERATOR,
            _ => panic!("the model does not know {key}"),
        };
        named && assumes && statement.conditions().all(met)
    };
    let mut applying = trust.statements().filter(applies).peekable();
    applying.peek().is_some() && applying.all(|statement| statement.allows())
}

/// Whether policies and boundary allow an action. A policy that cannot be read may allow everything.
fn allows(state: &IamRoleState, action: &str) -> bool {
    let inline = state.inline.values().any(|document| {
        document.as_ref().is_none_or(|document| document.statements().any(|one| one.allows() && is_about(one, action)))
    });
    let managed = state.attached.iter().any(|arn| match arn.as_str().rsplit('/').next() {
        Some("managed") => action == "s3:GetObject",
        Some("admin") => true,
        _ => false,
    });
    let bound =
        state.role.boundary.as_ref().is_none_or(|arn| arn != &fixture::arn("boundary") || !action.starts_with("ec2:"));
    (inline || managed) && bound
}

fn is_about(statement: Statement<'_>, action: &str) -> bool {
    statement.texts("Action").iter().any(|glob| glob_covers(&glob.to_lowercase(), &action.to_lowercase()))
}

fn denies(state: &IamRoleState, session: Session, action: &str) -> bool {
    let (issued, own) = match session {
        Session::Begun { minutes_ago: minutes, own } => (minutes_ago(minutes), own),
        Session::Later(_) => (minutes_ago(-10), false),
    };
    let met = |(_, key, values): (&str, &str, Vec<&str>)| match key.to_ascii_lowercase().as_str() {
        "aws:tokenissuetime" => {
            values.iter().any(|moment| moment.parse().is_ok_and(|moment: Timestamp| issued < moment))
        }
        "aws:userid" => own,
        _ => panic!("the model does not know {key}"),
    };
    let applies = |statement: Statement<'_>| {
        !statement.allows() && is_about(statement, action) && statement.conditions().all(met)
    };
    state.attached.iter().any(|arn| arn.as_str() == DENY_ALL)
        || state.inline.values().flatten().flat_map(PolicyDocument::statements).any(applies)
}

/// What the inline policies take up of their quota.
pub fn inline_size(state: &IamRoleState) -> usize {
    state.inline.values().flatten().map(PolicyDocument::quota_size).sum()
}
