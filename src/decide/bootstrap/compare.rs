//! Compares what policies say with what they should say, right by right, so that it does not matter how rights are spread over
//! statements and policies.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::found::FoundPolicy;
use super::rights::{Exclusions, Right, rights};
use crate::domain::policy::PolicyDocument;

/// What is wrong with something in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
pub enum Kind {
    /// The operator cannot do something that it needs.
    #[strum(serialize = "missing")]
    Missing,
    /// More is possible than the operator needs.
    #[strum(serialize = "too wide")]
    TooWide,
    /// It is otherwise than it is set up.
    #[strum(serialize = "differs")]
    Differs,
    /// It could not be read, so nothing is said about it.
    #[strum(serialize = "not read")]
    NotRead,
}

/// One line of what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What is wrong.
    pub kind: Kind,
    /// Where, and with what.
    pub message: String,
}

impl Finding {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Something that could not be read.
    #[must_use]
    pub fn not_read(message: impl Into<String>) -> Self {
        Self::new(Kind::NotRead, message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

/// How a right is said.
#[derive(Clone, Copy)]
pub(super) enum Words {
    /// It is about what an identity may do.
    Permissions,
    /// It is about who may assume a role.
    Trust,
}

/// What `policies` lack together, and what each of them gives beyond `expected`. `subject` names all of them.
pub(super) fn compare(
    subject: &str,
    words: Words,
    expected: &PolicyDocument,
    policies: &[FoundPolicy],
) -> Vec<Finding> {
    let found = |allowed, exclusions| -> Vec<Right> {
        policies.iter().flat_map(|policy| rights(&policy.document, allowed, exclusions)).collect()
    };
    let (given, denied) = (found(true, Exclusions::AsNothing), found(false, Exclusions::AsNothing));
    let wanted = |allowed| rights(expected, allowed, Exclusions::AsEverything);
    let (may, may_not) = (wanted(true), wanted(false));
    let mut lines = Lines { words, groups: BTreeMap::new() };

    for right in may.iter().filter(|right| !given.iter().any(|given| given.covers(right))) {
        let others: Vec<&Right> = given.iter().filter(|given| given.reaches(right)).collect();
        lines.add(subject, Says::DoesNotAllow, right, only_under(right, &others));
    }
    for right in may_not.iter().filter(|right| !denied.iter().any(|denied| denied.covers(right))) {
        lines.add(subject, Says::DoesNotDeny, right, String::new());
    }
    for policy in policies {
        for right in rights(&policy.document, true, Exclusions::AsEverything) {
            if !may.iter().any(|wanted| wanted.covers(&right)) {
                lines.add(&policy.what, Says::Allows, &right, without(&right, &may));
            }
        }
        for right in rights(&policy.document, false, Exclusions::AsEverything) {
            if !may_not.iter().any(|wanted| wanted.covers(&right)) {
                lines.add(&policy.what, Says::Denies, &right, String::new());
            }
        }
    }
    lines.into_findings()
}

/// The conditions under which alone a right is given, where it is given at all.
fn only_under(wanted: &Right, given: &[&Right]) -> String {
    let fewest = given.iter().map(|given| given.conditions_beyond(wanted)).min_by_key(Vec::len).unwrap_or_default();
    if fewest.is_empty() { String::new() } else { format!(" unless {}", fewest.join(" and ")) }
}

/// The conditions that a right lacks, where it is wanted with conditions.
fn without(right: &Right, wanted: &[Right]) -> String {
    let lacks = wanted.iter().filter(|wanted| wanted.reaches(right)).map(|wanted| wanted.conditions_beyond(right));
    let fewest = lacks.min_by_key(Vec::len).unwrap_or_default();
    if fewest.is_empty() { String::new() } else { format!(" without the condition {}", fewest.join(" and ")) }
}

/// What a policy says of a right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
enum Says {
    #[strum(serialize = "does not allow")]
    DoesNotAllow,
    #[strum(serialize = "allows")]
    Allows,
    #[strum(serialize = "does not deny")]
    DoesNotDeny,
    #[strum(serialize = "denies")]
    Denies,
}

impl Says {
    fn kind(self) -> Kind {
        match self {
            Self::DoesNotAllow => Kind::Missing,
            Self::Allows | Self::DoesNotDeny => Kind::TooWide,
            Self::Denies => Kind::Differs,
        }
    }
}

/// Lines in the making: actions of which the same is said share one.
struct Lines {
    words: Words,
    groups: BTreeMap<(Says, String, String, String), BTreeSet<String>>,
}

impl Lines {
    fn add(&mut self, what: &str, says: Says, right: &Right, note: String) {
        let group = (says, what.to_owned(), right.object.clone(), note);
        self.groups.entry(group).or_default().insert(right.action.clone());
    }

    fn into_findings(self) -> Vec<Finding> {
        let on = match self.words {
            Words::Permissions => "on",
            Words::Trust => "to",
        };
        let line = |((says, what, object, note), actions): (_, BTreeSet<String>)| {
            let says: Says = says;
            let actions = actions.into_iter().collect::<Vec<_>>().join(", ");
            Finding::new(says.kind(), format!("{what} {says} {actions} {on} {object}{note}"))
        };
        self.groups.into_iter().map(line).collect()
    }
}
