//! Which Secrets may belong to which object, by the watch of Secrets. A deletion then needs no list of the whole namespace.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;

use crate::api::{CrossAccountRole, annotation};
use crate::domain::RoleArn;

/// The operator's Secrets in the watched namespaces.
#[derive(Debug, Default)]
pub struct SecretIndex(Mutex<HashMap<Option<String>, Watched>>);

/// What the watch of one scope (a namespace, or all) shows.
#[derive(Debug, Default)]
struct Watched {
    /// None until the first list has arrived.
    known: Option<SecretNames>,
    listing: SecretNames,
}

/// Names of Secrets, by what says whose they are.
#[derive(Debug, Default)]
pub struct SecretNames(HashMap<Holder, Vec<String>>);

#[derive(Debug, PartialEq, Eq, Hash)]
enum Holder {
    /// The object of this UID is its controller.
    Object(String),
    /// It has no owner, as after a restore from a backup, and holds credentials of a role of this name, in lower case.
    Role { namespace: String, role: String },
}

impl SecretIndex {
    /// Takes note of an event of the watch.
    pub fn record(&self, scope: Option<&str>, event: &Event<PartialObjectMeta<Secret>>) {
        let mut watched = self.lock();
        let watched = watched.entry(scope.map(str::to_owned)).or_default();
        match event {
            Event::Init => watched.listing = SecretNames::default(),
            Event::InitApply(secret) => watched.listing.add(secret),
            Event::InitDone => watched.known = Some(std::mem::take(&mut watched.listing)),
            Event::Apply(secret) => watched.known.get_or_insert_default().add(secret),
            Event::Delete(secret) => watched.known.get_or_insert_default().remove(secret),
        }
    }

    /// Names of the Secrets that may belong to an object. None if the Secrets of its namespace have not been listed yet.
    pub fn of(&self, role: &CrossAccountRole) -> Option<Vec<String>> {
        let watched = self.lock();
        let scope = watched.get(&role.namespace()).or_else(|| watched.get(&None))?;
        Some(scope.known.as_ref()?.of(role))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<String>, Watched>> {
        // A panic while locked leaves at worst one Secret out, until the next list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretNames {
    /// Names of the Secrets that may belong to an object. What a Secret holds is looked at before it is touched.
    #[must_use]
    pub fn of(&self, role: &CrossAccountRole) -> Vec<String> {
        let object = role.uid().map(Holder::Object);
        let left = Holder::of_role(role.namespace(), &role.iam_role_name());
        object.into_iter().chain([left]).filter_map(|holder| self.0.get(&holder)).flatten().cloned().collect()
    }

    fn add(&mut self, secret: &PartialObjectMeta<Secret>) {
        self.remove(secret); // it may have got its owner just now
        let Some(holder) = Holder::of(secret) else { return };
        self.0.entry(holder).or_default().push(secret.name_any());
    }

    fn remove(&mut self, secret: &PartialObjectMeta<Secret>) {
        let name = secret.name_any();
        for holder in Holder::owner(secret).into_iter().chain(Holder::by_content(secret)) {
            let Some(names) = self.0.get_mut(&holder) else { continue };
            names.retain(|other| *other != name);
            if names.is_empty() {
                self.0.remove(&holder);
            }
        }
    }
}

impl FromIterator<PartialObjectMeta<Secret>> for SecretNames {
    fn from_iter<I: IntoIterator<Item = PartialObjectMeta<Secret>>>(secrets: I) -> Self {
        let mut names = Self::default();
        secrets.into_iter().for_each(|secret| names.add(&secret));
        names
    }
}

impl Holder {
    fn of(secret: &PartialObjectMeta<Secret>) -> Option<Self> {
        match secret.owner_references() {
            [] => Self::by_content(secret),
            _ => Self::owner(secret),
        }
    }

    fn owner(secret: &PartialObjectMeta<Secret>) -> Option<Self> {
        let controller = secret.owner_references().iter().find(|owner| owner.controller == Some(true))?;
        Some(Self::Object(controller.uid.clone()))
    }

    fn by_content(secret: &PartialObjectMeta<Secret>) -> Option<Self> {
        let arn = RoleArn::parse(secret.annotations().get(annotation::ROLE_ARN)?).ok()?;
        Some(Self::of_role(secret.namespace(), arn.name.as_str()))
    }

    fn of_role(namespace: Option<String>, role: &str) -> Self {
        Self::Role { namespace: namespace.unwrap_or_default(), role: role.to_lowercase() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(namespace: &str, uid: &str) -> CrossAccountRole {
        serde_json::from_value(json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": "reader", "namespace": namespace, "uid": uid},
            "spec": {"accountRef": {"name": "a"}, "role": {"name": "reports"}},
        }))
        .expect("a role")
    }

    fn secret(name: &str, owner: Option<&str>, role: &str) -> PartialObjectMeta<Secret> {
        let reference =
            |uid| json!([{"apiVersion": "v", "kind": "k", "name": "reader", "uid": uid, "controller": true}]);
        let arn = format!("arn:aws:iam::222222222222:role/{role}");
        serde_json::from_value(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {
            "name": name, "namespace": "team", "annotations": {annotation::ROLE_ARN: arn},
            "ownerReferences": owner.map_or_else(|| json!([]), reference),
        }}))
        .expect("a Secret")
    }

    fn listed(index: &SecretIndex, scope: Option<&str>, secrets: Vec<PartialObjectMeta<Secret>>) {
        let events = secrets.into_iter().map(Event::InitApply);
        for event in std::iter::once(Event::Init).chain(events).chain([Event::InitDone]) {
            index.record(scope, &event);
        }
    }

    #[test]
    fn nothing_is_known_of_a_namespace_before_its_list_is_complete() {
        let index = SecretIndex::default();
        let object = role("team", "uid-1");
        assert_eq!(index.of(&object), None);
        index.record(Some("team"), &Event::Init);
        index.record(Some("team"), &Event::InitApply(secret("one", Some("uid-1"), "reports")));
        assert_eq!(index.of(&object), None);
        index.record(Some("team"), &Event::InitDone);
        assert_eq!(index.of(&object), Some(vec!["one".to_owned()]));
        assert_eq!(index.of(&role("other", "uid-1")), None, "this namespace is not watched");
    }

    #[test]
    fn a_secret_belongs_to_its_controller_or_else_to_the_object_whose_role_it_names() {
        let index = SecretIndex::default();
        let (owned, left) = (secret("owned", Some("uid-1"), "gone"), secret("left", None, "path/Reports"));
        listed(&index, None, vec![owned, left, secret("another", Some("uid-0"), "reports")]);
        assert_eq!(index.of(&role("team", "uid-1")), Some(vec!["owned".to_owned(), "left".to_owned()]));
        assert_eq!(index.of(&role("other", "uid-2")), Some(Vec::new()), "of another namespace");
    }

    #[test]
    fn a_secret_is_known_once_also_when_it_gets_an_owner_and_not_at_all_when_it_is_gone() {
        let index = SecretIndex::default();
        listed(&index, None, vec![secret("one", None, "reports")]);
        index.record(None, &Event::Apply(secret("one", Some("uid-1"), "reports")));
        index.record(None, &Event::Apply(secret("one", Some("uid-1"), "reports")));
        assert_eq!(index.of(&role("team", "uid-1")), Some(vec!["one".to_owned()]));
        assert_eq!(index.of(&role("team", "uid-2")), Some(Vec::new()));
        index.record(None, &Event::Delete(secret("one", Some("uid-1"), "reports")));
        assert_eq!(index.of(&role("team", "uid-1")), Some(Vec::new()));
    }

    #[test]
    fn a_list_after_an_interruption_replaces_what_was_known() {
        let index = SecretIndex::default();
        listed(&index, None, vec![secret("one", Some("uid-1"), "reports")]);
        listed(&index, None, vec![secret("two", Some("uid-1"), "reports")]);
        assert_eq!(index.of(&role("team", "uid-1")), Some(vec!["two".to_owned()]));
    }
}
