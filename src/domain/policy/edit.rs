//! From one policy document to another without a moment in which more is allowed than before or after.
//!
//! IAM replaces a document as a whole, and other policies of the same role change beside it. So an edit has two halves: the
//! first only takes away, the second only gives. Between them stands what both documents allow and what either denies.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::PolicyDocument;
use super::canonical::canonical_statement;
use super::statement::Statement;
use crate::domain::{Arn, glob_covers};

/// What is written for one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// This document.
    Put(PolicyDocument),
    /// Nothing: the document is deleted.
    Delete,
}

/// An edit in two halves. A half that changes nothing is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// Takes away, and gives nothing.
    pub narrowing: Option<Write>,
    /// Gives, and takes nothing away.
    pub widening: Option<Write>,
}

/// The edit that leads from `old` to `new`; none stands for no document.
#[must_use]
pub fn edit(old: Option<&PolicyDocument>, new: Option<&PolicyDocument>) -> Edit {
    if old == new {
        return Edit::default();
    }
    let common = common(old, new);
    let write = |document: Option<&PolicyDocument>| document.map_or(Write::Delete, |d| Write::Put(d.clone()));
    Edit {
        narrowing: (common.as_ref() != old).then(|| write(common.as_ref())),
        widening: (common.as_ref() != new).then(|| write(new)),
    }
}

/// What both documents allow and what either denies. It is `new` itself or `old` itself where that is enough, so that a plain
/// narrowing or a plain widening is one write.
#[must_use]
pub fn common(old: Option<&PolicyDocument>, new: Option<&PolicyDocument>) -> Option<PolicyDocument> {
    let (before, after) = (Parts::of(old), Parts::of(new));
    if after.allowed_by(&before) && before.denials.is_subset(&after.denials) {
        return new.cloned();
    }
    if before.allowed_by(&after) && after.denials.is_subset(&before.denials) {
        return old.cloned();
    }
    let denials: Vec<Value> =
        before.denials.union(&after.denials).filter_map(|s| serde_json::from_str(s).ok()).collect();
    let pairs = before.allowing.iter().flat_map(|b| after.allowing.iter().map(move |a| (*b, *a)));
    let mut allowing: Vec<Value> = pairs.filter_map(|(b, a)| both(b, a)).collect();
    allowing.sort_by_cached_key(Value::to_string);
    allowing.dedup();
    let whole = document(&[denials.as_slice(), &allowing].concat());
    // Pairs may add up to more than IAM takes; then less is allowed for a moment.
    let room = old.into_iter().chain(new).map(PolicyDocument::quota_size).max().unwrap_or_default();
    whole.filter(|document| document.quota_size() <= room).or_else(|| document(&denials))
}

struct Parts<'a> {
    allowing: Vec<Statement<'a>>,
    /// In canonical form.
    denials: BTreeSet<String>,
}

impl<'a> Parts<'a> {
    fn of(document: Option<&'a PolicyDocument>) -> Self {
        let (allowing, denying): (Vec<_>, Vec<_>) =
            document.into_iter().flat_map(PolicyDocument::statements).partition(Statement::allows);
        let denials = denying.into_iter().map(|s| Value::Object(s.elements().clone()).to_string()).collect();
        Self { allowing, denials }
    }

    fn allowed_by(&self, other: &Self) -> bool {
        self.allowing.iter().all(|statement| other.allowing.iter().any(|wider| covers(*wider, *statement)))
    }
}

fn document(statements: &[Value]) -> Option<PolicyDocument> {
    PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements})).ok()
}

/// Whether everything that `narrow` allows, `wide` allows. When in doubt, the answer is no.
fn covers(wide: Statement<'_>, narrow: Statement<'_>) -> bool {
    let (Some(wide_shape), Some(narrow_shape)) = (Shape::of(wide), Shape::of(narrow)) else {
        return canonical_statement(wide.elements()) == canonical_statement(narrow.elements());
    };
    let same_condition = wide_shape.condition == narrow_shape.condition || wide_shape.condition.is_none();
    same_condition
        && narrow_shape.actions.iter().all(|a| wide_shape.actions.iter().any(|w| covers_action(w, a)))
        && narrow_shape.targets.iter().all(|t| wide_shape.targets.iter().any(|w| w.covers(t)))
}

/// What both statements allow; none if that is nothing.
fn both(one: Statement<'_>, other: Statement<'_>) -> Option<Value> {
    if covers(one, other) {
        return Some(Value::Object(other.elements().clone()));
    }
    if covers(other, one) {
        return Some(Value::Object(one.elements().clone()));
    }
    let (a, b) = (Shape::of(one)?, Shape::of(other)?);
    let condition = match (&a.condition, &b.condition) {
        (x, y) if x == y => one.get("Condition"),
        (None, Some(_)) => other.get("Condition"),
        (Some(_), None) => one.get("Condition"),
        _ => return None,
    };
    let actions = meet(&a.actions, &b.actions, |wide, narrow| covers_action(wide, narrow));
    let targets = meet(&a.targets, &b.targets, Target::covers);
    let mut statement = Map::from_iter([("Effect".to_owned(), "Allow".into()), ("Action".to_owned(), json!(actions))]);
    let resources: Vec<&str> = targets.iter().filter_map(Target::resource).collect();
    let principals: Vec<&str> = targets.iter().filter_map(Target::principal).collect();
    match (resources.is_empty(), principals.is_empty()) {
        (false, _) => statement.insert("Resource".to_owned(), json!(resources)),
        (true, false) => statement.insert("Principal".to_owned(), json!({"AWS": principals})),
        (true, true) => return None,
    };
    if let Some(condition) = condition {
        statement.insert("Condition".to_owned(), condition.clone());
    }
    (!actions.is_empty()).then_some(Value::Object(statement))
}

fn meet<T: Clone + PartialEq>(a: &[T], b: &[T], covers: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let narrower = |these: &[T], those: &[T]| {
        these.iter().filter(|this| those.iter().any(|that| covers(that, this))).cloned().collect::<Vec<_>>()
    };
    let mut found = narrower(a, b);
    for one in narrower(b, a) {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn covers_action(wide: &str, narrow: &str) -> bool {
    glob_covers(&wide.to_ascii_lowercase(), &narrow.to_ascii_lowercase())
}

/// A statement that lists actions on resources, or actions for principals of AWS. Others are compared as a whole.
struct Shape<'a> {
    actions: Vec<&'a str>,
    targets: Vec<Target<'a>>,
    condition: Option<Value>,
}

#[derive(Clone, Copy, PartialEq)]
enum Target<'a> {
    Resource(&'a str),
    Principal(&'a str),
}

impl<'a> Target<'a> {
    fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            // A policy variable stands for a text that is not known here.
            (Self::Resource(wide), Self::Resource(narrow)) => {
                wide == narrow || (!wide.contains('$') && glob_covers(wide, narrow))
            }
            (Self::Principal(wide), Self::Principal(narrow)) => account(wide) == account(narrow),
            _ => false,
        }
    }

    fn resource(&self) -> Option<&'a str> {
        match self {
            Self::Resource(resource) => Some(resource),
            Self::Principal(_) => None,
        }
    }

    fn principal(&self) -> Option<&'a str> {
        match self {
            Self::Principal(principal) => Some(principal),
            Self::Resource(_) => None,
        }
    }
}

/// An account id and the ARN of its root are one principal.
fn account(principal: &str) -> &str {
    Arn::split(principal).and_then(|arn| arn.root_account()).unwrap_or(principal)
}

impl<'a> Shape<'a> {
    fn of(statement: Statement<'a>) -> Option<Self> {
        let known = ["Sid", "Effect", "Action", "Resource", "Principal", "Condition"];
        if statement.elements().keys().any(|element| !known.contains(&element.as_str())) {
            return None;
        }
        let targets: Vec<Target<'a>> = match (statement.get("Resource"), statement.get("Principal")) {
            (Some(_), None) => statement.texts("Resource").into_iter().map(Target::Resource).collect(),
            (None, Some(Value::Object(kinds))) if kinds.keys().eq(["AWS"]) => {
                statement.principals().into_iter().map(Target::Principal).collect()
            }
            _ => return None,
        };
        let canonical = canonical_statement(statement.elements());
        Some(Self { actions: statement.texts("Action"), targets, condition: canonical.get("Condition").cloned() })
    }
}

#[cfg(test)]
mod tests;
