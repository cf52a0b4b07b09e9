//! A row of the table of oracles: one field, values for it, and how its effect is seen.

use anyhow::Result;
use serde_json::Value;

use super::{field::Kind, seen::Seen};
use crate::crd_rules::object::yaml;

/// Looks for the effect of a value; `null` is a field that is not set. The error says what is seen instead.
pub type Oracle = fn(&Seen, &Value) -> Result<()>;

/// What has to happen before the effect of a field can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing but a reconcile.
    Reconcile,
    /// The object is deleted.
    Deletion,
    /// The credentials are renewed.
    Renewal,
    /// The credentials have expired, and no renewal succeeded.
    Expiry,
}

/// One field and its oracle.
pub struct Row {
    /// Kind of the object.
    pub kind: Kind,
    /// Path of the field, as in [`super::field::Field`].
    pub path: &'static str,
    /// Different good values, and what each needs beside it.
    pub samples: Vec<(&'static str, &'static str)>,
    /// Values that only the operator or AWS can refuse.
    pub wrong: Vec<&'static str>,
    /// What the field needs beside it.
    pub beside: &'static str,
    /// What a value of the field needs beside it, where that depends on the value: a merge patch of both specs.
    pub beside_value: fn(&Value) -> Value,
    /// Whether each value needs objects of its own, since the effect is seen only where they are new.
    pub fresh: bool,
    /// When the effect is seen.
    pub after: After,
    /// How it is seen.
    pub seen: Oracle,
}

impl Row {
    /// A row without samples.
    pub fn new(kind: Kind, path: &'static str, seen: Oracle) -> Self {
        let (samples, wrong) = (Vec::new(), Vec::new());
        let beside_value = |_: &Value| Value::Null;
        Self { kind, path, samples, wrong, beside: "{}", beside_value, fresh: false, after: After::Reconcile, seen }
    }

    /// A good value, in YAML.
    pub fn sample(self, value: &'static str) -> Self {
        self.sample_with(value, "{}")
    }

    /// A good value with a merge patch of both specs that it needs.
    pub fn sample_with(mut self, value: &'static str, beside: &'static str) -> Self {
        self.samples.push((value, beside));
        self
    }

    /// A value that is accepted and then refused, with the credentials kept.
    pub fn wrong(mut self, value: &'static str) -> Self {
        self.wrong.push(value);
        self
    }

    /// A merge patch of both specs that every value needs.
    pub fn beside(mut self, patch: &'static str) -> Self {
        self.beside = patch;
        self
    }

    /// A merge patch of both specs that is made for each value.
    pub fn beside_value(mut self, patch: fn(&Value) -> Value) -> Self {
        self.beside_value = patch;
        self
    }

    /// Each value needs new objects.
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// The effect is seen after something more than a reconcile.
    pub fn after(mut self, after: After) -> Self {
        self.after = after;
        self.fresh |= after == After::Deletion || after == After::Expiry;
        self
    }
}

/// What stands for the names of one test in the table.
#[derive(Clone, Debug)]
pub struct Names {
    /// `<target>`: id of the account whose roles are made.
    pub target: String,
    /// `<source>`: id of the account that the operator is at home in.
    pub source: String,
    /// `<namespace>`.
    pub namespace: String,
    /// `<account>`: the object of the target account.
    pub account: String,
}

impl Names {
    /// YAML of the table, with the names put in.
    pub fn fill(&self, text: &str) -> Value {
        let Self { target, source, namespace, account } = self;
        let names = [("<target>", target), ("<source>", source), ("<namespace>", namespace), ("<account>", account)];
        yaml(&names.into_iter().fold(text.to_owned(), |text, (place, name)| text.replace(place, name)))
    }
}
