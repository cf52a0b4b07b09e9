//! Objects that the API server is asked to create, without creating them.

use anyhow::{Result, ensure};
use futures::{StreamExt as _, stream};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, PostParams},
};
use serde_json::Value;

use super::object::{dynamic, merge, remove, set, yaml};

/// Requests on their way at the same time.
const AT_ONCE: usize = 16;

/// Where and how the API server refuses an object.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Path of the field, such as `spec.role.tags[team]`.
    pub at: String,
    /// Part of what the answer says.
    pub says: String,
}

impl Refusal {
    /// A refusal at a path.
    pub fn new(at: &str, says: impl Into<String>) -> Self {
        Self { at: at.into(), says: says.into() }
    }

    fn is_in(&self, answer: &str) -> bool {
        let names = |path: &str| answer.contains(&format!("{path}: "));
        // Rules name an entry of a map as `tags[key]`, bounds as `tags.key`.
        let with_dot = self.at.rsplit_once('[').map(|(map, key)| format!("{map}.{}", key.trim_end_matches(']')));
        (names(&self.at) || with_dot.is_some_and(|path| names(&path))) && answer.contains(&self.says)
    }
}

/// An object, and what the API server says about it.
pub struct Case {
    /// What it is about.
    pub name: String,
    /// The object.
    pub object: Value,
    /// Absent: the object is accepted.
    pub refusal: Option<Refusal>,
}

/// Cases about one kind.
pub struct Cases {
    smallest: Value,
    full: Value,
    list: Vec<Case>,
}

impl Cases {
    /// Patches will be applied to the smallest valid object; formats and bounds to one with every field set.
    pub fn of(smallest: Value, full: Value) -> Self {
        let case = |name: &str, object: &Value| Case { name: name.into(), object: object.clone(), refusal: None };
        let list = vec![case("the smallest object", &smallest), case("an object with every field", &full)];
        Self { smallest, full, list }
    }

    /// All cases.
    pub fn done(self) -> Vec<Case> {
        self.list
    }

    /// The smallest object, changed by a merge patch in YAML, is accepted.
    pub fn accepts(self, name: &str, patch: &str) -> Self {
        self.patched(name, patch, None)
    }

    /// The smallest object, changed by a merge patch in YAML, is refused.
    pub fn refuses(self, name: &str, patch: &str, at: &str, says: &str) -> Self {
        self.patched(name, patch, Some(Refusal::new(at, says)))
    }

    /// The field takes each of `good` and refuses each of `bad`.
    pub fn format(mut self, path: &str, good: &[&str], bad: &[&str], says: &str) -> Self {
        for value in good {
            self = self.with(path, format!("{path}: {value}"), *value, None);
        }
        for value in bad {
            self = self.with(path, format!("{path}: {value}"), *value, Some(says.into()));
        }
        self
    }

    /// The field takes one of these values and no other.
    pub fn one_of(self, path: &str, values: &[&str]) -> Self {
        self.format(path, values, &["Other"], "Unsupported value")
    }

    /// The field takes whole numbers from `min` to `max`.
    pub fn range(self, path: &str, min: u32, max: u32) -> Self {
        let low = format!("should be greater than or equal to {min}");
        let high = format!("should be less than or equal to {max}");
        self.with(path, format!("{path} of {min}"), min, None)
            .with(path, format!("{path} of {max}"), max, None)
            .with(path, format!("{path} below {min}"), min - 1, Some(low))
            .with(path, format!("{path} above {max}"), max + 1, Some(high))
    }

    /// The string may have `max` characters; `of` makes a valid one of a given length.
    pub fn longest(self, path: &str, max: usize, of: impl Fn(usize) -> String) -> Self {
        let says = format!("may not be more than {max} bytes");
        self.with(path, format!("{path} of {max} characters"), of(max), None).with(
            path,
            format!("{path} of more than {max} characters"),
            of(max + 1),
            Some(says),
        )
    }

    /// The list may have `max` items; `item` makes the one of a given number.
    pub fn most_items(self, path: &str, max: usize, item: impl Fn(usize) -> Value) -> Self {
        let list = |length| (0..length).map(&item).collect::<Value>();
        self.most(path, max, list)
    }

    /// The map may have `max` entries; `entry` makes the one of a given number.
    pub fn most_entries(self, path: &str, max: usize, entry: impl Fn(usize) -> (String, Value)) -> Self {
        let map = |size| (0..size).map(&entry).collect::<Value>();
        self.most(path, max, map)
    }

    fn most(self, path: &str, max: usize, of: impl Fn(usize) -> Value) -> Self {
        let says = format!("must have at most {max} items");
        self.with(path, format!("{path} of {max}"), of(max), None).with(
            path,
            format!("{path} of more than {max}"),
            of(max + 1),
            Some(says),
        )
    }

    /// The list may not hold an item twice.
    pub fn unique(mut self, path: &str, item: impl Into<Value>) -> Self {
        let item = item.into();
        let mut object = self.full.clone();
        set(&mut object, path, Value::from(vec![item.clone(), item]));
        let refusal = Refusal::new(&format!("{path}[1]"), "Duplicate value");
        self.list.push(Case { name: format!("{path} with an item twice"), object, refusal: Some(refusal) });
        self
    }

    /// The field must be there.
    pub fn required(mut self, path: &str) -> Self {
        let mut object = self.full.clone();
        remove(&mut object, path);
        let refusal = Refusal::new(path, "Required value");
        self.list.push(Case { name: format!("no {path}"), object, refusal: Some(refusal) });
        self
    }

    fn patched(mut self, name: &str, patch: &str, refusal: Option<Refusal>) -> Self {
        let mut object = self.smallest.clone();
        merge(&mut object, &yaml(patch));
        self.list.push(Case { name: name.into(), object, refusal });
        self
    }

    fn with(mut self, path: &str, name: String, value: impl Into<Value>, says: Option<String>) -> Self {
        let mut object = self.full.clone();
        set(&mut object, path, value.into());
        self.list.push(Case { name, object, refusal: says.map(|says| Refusal::new(path, says)) });
        self
    }
}

/// Asks the API server about all cases, and fails with a list of those in which it says something else.
pub async fn check(client: Client, cases: &[Case]) -> Result<()> {
    let wrong: Vec<String> = stream::iter(cases)
        .map(|case| ask(client.clone(), case))
        .buffered(AT_ONCE)
        .filter_map(async |wrong| wrong)
        .collect()
        .await;
    ensure!(wrong.is_empty(), "{} of {} cases are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    Ok(())
}

async fn ask(client: Client, case: &Case) -> Option<String> {
    let object = dynamic(&case.object);
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let answer = api(client, &object).create(&parameters, &object).await;
    verdict(&case.name, answer.map(|_| ()), case.refusal.as_ref())
}

/// The API of the object's kind, in its namespace if it has one.
pub fn api(client: Client, object: &DynamicObject) -> Api<DynamicObject> {
    let kind = GroupVersionKind::try_from(object.types.as_ref().unwrap()).unwrap();
    let resource = ApiResource::from_gvk(&kind);
    match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
}

/// What is wrong about an answer of the API server, if anything.
pub fn verdict(name: &str, answer: kube::Result<()>, refusal: Option<&Refusal>) -> Option<String> {
    match (answer, refusal) {
        (Ok(()), None) => None,
        (Ok(()), Some(refusal)) => Some(format!("- {name}: accepted, but should be refused: {refusal:?}")),
        (Err(kube::Error::Api(status)), Some(refusal)) if refusal.is_in(&status.message) => None,
        (Err(error), Some(refusal)) => Some(format!("- {name}: should be refused: {refusal:?}\n  but: {error}")),
        (Err(error), None) => Some(format!("- {name}: should be accepted, but: {error}")),
    }
}
