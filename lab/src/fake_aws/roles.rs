//! What stands in the accounts: roles, and who signs with which key.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::HOME;

/// A role that exists before the operator comes.
#[derive(Clone, Copy, Debug)]
pub struct NewRole<'a> {
    /// Account of the role.
    pub account: &'a str,
    /// Its path, with a slash at either end.
    pub path: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The external id that its trust policy asks for.
    pub external_id: Option<&'a str>,
}

/// Everything that is kept.
#[derive(Default)]
pub(super) struct State {
    accounts: HashMap<String, Roles>,
    callers: HashMap<String, Caller>,
    serial: u64,
}

/// The roles of an account by their names in lower case: IAM compares names without case.
pub(super) type Roles = BTreeMap<String, Role>;

/// One role.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) path: String,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) created: Timestamp,
    pub(super) trust: String,
    pub(super) description: String,
    pub(super) max_session: String,
    pub(super) boundary: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) inline: BTreeMap<String, String>,
    pub(super) attached: BTreeSet<String>,
}

/// Who signs with a key.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) arn: String,
    pub(super) user_id: String,
}

impl State {
    pub(super) fn caller(&self, key: Option<&str>) -> Option<&Caller> {
        self.callers.get(key?)
    }

    pub(super) fn add_caller(&mut self, key: &str, account: &str, arn: &str, user_id: &str) {
        let caller = Caller { account: account.to_owned(), arn: arn.to_owned(), user_id: user_id.to_owned() };
        self.callers.insert(key.to_owned(), caller);
    }

    pub(super) fn roles(&mut self, account: &str) -> &mut Roles {
        self.accounts.entry(account.to_owned()).or_default()
    }

    pub(super) fn role(&self, account: &str, name: &str) -> Option<&Role> {
        self.accounts.get(account)?.get(&name.to_lowercase())
    }

    pub(super) fn count(&self) -> usize {
        self.accounts.values().map(BTreeMap::len).sum()
    }

    pub(super) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(super) fn add_role(&mut self, new: NewRole<'_>) -> String {
        let NewRole { account, path, name, external_id } = new;
        let id = format!("AROA{:016}", self.next());
        let mut role = Role::new(account, path, name, id);
        role.trust = trust(external_id).to_string();
        let arn = role.arn.clone();
        self.roles(account).insert(name.to_lowercase(), role);
        arn
    }

    pub(super) fn add_role_with_policies(&mut self, new: NewRole<'_>) -> String {
        let read = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]});
        let arn = self.add_role(new);
        if let Some(role) = self.roles(new.account).get_mut(&new.name.to_lowercase()) {
            role.inline.insert("read".to_owned(), read.to_string());
            role.attached.insert("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".to_owned());
        }
        arn
    }
}

impl Role {
    pub(super) fn new(account: &str, path: &str, name: &str, id: String) -> Self {
        Self {
            arn: format!("arn:aws:iam::{account}:role{path}{name}"),
            path: path.to_owned(),
            name: name.to_owned(),
            id,
            created: Timestamp::now(),
            trust: String::new(),
            description: String::new(),
            max_session: "3600".to_owned(),
            boundary: None,
            tags: BTreeMap::new(),
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
        }
    }

    /// Whether a caller with this external id may assume the role: only if that is what one of its statements asks for, or
    /// if one asks for none.
    pub(super) fn admits(&self, external_id: Option<&str>) -> bool {
        let trust: Value = serde_json::from_str(&self.trust).unwrap_or_default();
        let statements = match &trust["Statement"] {
            Value::Array(statements) => statements.iter().collect(),
            one => vec![one],
        };
        statements.into_iter().filter(|statement| statement["Effect"] == "Allow").any(|statement| {
            let asked = &statement["Condition"]["StringEquals"]["sts:ExternalId"];
            asked.is_null() || asked.as_str().or_else(|| asked[0].as_str()) == external_id
        })
    }
}

fn trust(external_id: Option<&str>) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{HOME}:user/crossaccount-operator")},
        "Action": "sts:AssumeRole",
    });
    if let Some(id) = external_id {
        statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": id}});
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}
