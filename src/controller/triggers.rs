//! What wakes a reconcile besides the object itself: only changes that matter to it.
//!
//! An account's status changes with every role in it, and must not wake all of them each time.

use std::collections::HashMap;

use futures::TryStreamExt;
use futures::stream::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference};
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, Resource, ResourceExt};

use crate::api::{AWSAccount, ConditionType, CrossAccountRole, FIELD_MANAGER, MANAGED_BY_LABEL};

/// Names of accounts that were edited or deleted, or whose readiness changed.
pub fn accounts(client: Client) -> impl Stream<Item = String> + Send + 'static {
    let ready = |account: &AWSAccount| {
        account.condition(ConditionType::Ready).map(|ready| (ready.status.clone(), ready.observed_generation))
    };
    names(Api::<AWSAccount>::all(client), move |account| (account.metadata.generation, ready(account)))
}

/// Names of namespaces whose labels changed, or that are gone.
pub fn namespaces(client: Client) -> impl Stream<Item = String> + Send + 'static {
    names(Api::<PartialObjectMeta<Namespace>>::all(client), |namespace| namespace.labels().clone())
}

/// Objects whose Secrets somebody else changed or deleted. The operator's own writes wake nobody, but are recorded as well.
pub fn secrets(
    api: Api<PartialObjectMeta<Secret>>,
    roles: Store<CrossAccountRole>,
    record: impl Fn(&Event<PartialObjectMeta<Secret>>) + Send + 'static,
) -> impl Stream<Item = ObjectRef<CrossAccountRole>> + Send + 'static {
    let ours = watcher::Config::default().labels(&format!("{MANAGED_BY_LABEL}={FIELD_MANAGER}"));
    let mut listed_before = false;
    watch(api, ours).default_backoff().inspect_ok(move |event| record(event)).flat_map(move |event| {
        let woken = match event {
            Ok(Event::Apply(secret)) if is_edited(&secret) => owner(&secret).into_iter().collect(),
            // The end of an object takes its Secrets along.
            Ok(Event::Delete(secret)) => owner(&secret).into_iter().filter(|object| stays(&roles, object)).collect(),
            // After an interruption of the watch: what was deleted meanwhile is in no list.
            Ok(Event::InitDone) if std::mem::replace(&mut listed_before, true) => {
                roles.state().iter().map(|role| ObjectRef::from_obj(role.as_ref())).collect()
            }
            Ok(_) => Vec::new(),
            Err(error) => {
                tracing::warn!(%error, "the watch of Secrets was interrupted; it is restarted");
                Vec::new()
            }
        };
        futures::stream::iter(woken)
    })
}

/// Whether somebody else wrote to a Secret, by the managers of its fields.
fn is_edited(secret: &PartialObjectMeta<Secret>) -> bool {
    let by_operator = |entry: &ManagedFieldsEntry| {
        entry.manager.as_deref() == Some(FIELD_MANAGER) && entry.operation.as_deref() == Some("Apply")
    };
    let managers = secret.managed_fields();
    managers.is_empty() || !managers.iter().all(by_operator)
}

/// Whether an object exists and is not being deleted.
fn stays(roles: &Store<CrossAccountRole>, object: &ObjectRef<CrossAccountRole>) -> bool {
    roles.get(object).is_some_and(|role| role.metadata.deletion_timestamp.is_none())
}

fn owner(secret: &PartialObjectMeta<Secret>) -> Option<ObjectRef<CrossAccountRole>> {
    let ours = |owner: &&OwnerReference| owner.kind == CrossAccountRole::kind(&()) && owner.controller == Some(true);
    let owner = secret.owner_references().iter().find(ours)?;
    Some(ObjectRef::new(&owner.name).within(&secret.namespace()?))
}

fn names<K, D>(api: Api<K>, digest: impl Fn(&K) -> D + Send + 'static) -> impl Stream<Item = String> + Send + 'static
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    D: PartialEq + Send + 'static,
{
    let mut changes = Changes::default();
    watch(api, watcher::Config::default()).default_backoff().flat_map(move |event| {
        let names = match event {
            Ok(event) => changes.take(event, &digest),
            Err(error) => {
                tracing::warn!(%error, "a watch was interrupted; it is restarted");
                Vec::new()
            }
        };
        futures::stream::iter(names)
    })
}

/// What was last seen of each object. A list after an interruption is compared with it, so that nothing missed meanwhile
/// stays unseen; the very first list wakes nobody, since every object is reconciled at the start anyway.
struct Changes<D> {
    known: Option<HashMap<String, D>>,
    listed: HashMap<String, D>,
}

impl<D> Default for Changes<D> {
    fn default() -> Self {
        Self { known: None, listed: HashMap::new() }
    }
}

impl<D: PartialEq> Changes<D> {
    fn take<K: kube::Resource>(&mut self, event: Event<K>, digest: impl Fn(&K) -> D) -> Vec<String> {
        match event {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                self.listed.insert(object.name_any(), digest(&object));
                Vec::new()
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let changed = self.known.as_ref().map(|known| differing(known, &listed)).unwrap_or_default();
                self.known = Some(listed);
                changed
            }
            Event::Apply(object) => {
                let (name, digest) = (object.name_any(), digest(&object));
                let known = self.known.get_or_insert_default();
                if known.get(&name) == Some(&digest) {
                    return Vec::new();
                }
                known.insert(name.clone(), digest);
                vec![name]
            }
            Event::Delete(object) => {
                let name = object.name_any();
                self.known.get_or_insert_default().remove(&name);
                vec![name]
            }
        }
    }
}

fn differing<D: PartialEq>(before: &HashMap<String, D>, after: &HashMap<String, D>) -> Vec<String> {
    let changed = after.iter().filter(|(name, digest)| before.get(*name) != Some(*digest)).map(|(name, _)| name);
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    changed.chain(gone).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(name: &str, value: &str) -> Namespace {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        namespace.metadata.labels = Some([("aws".to_owned(), value.to_owned())].into());
        namespace
    }

    fn feed(changes: &mut Changes<Option<String>>, events: Vec<Event<Namespace>>) -> Vec<String> {
        let digest = |namespace: &Namespace| namespace.labels().get("aws").cloned();
        let mut woken: Vec<String> = events.into_iter().flat_map(|event| changes.take(event, digest)).collect();
        woken.sort();
        woken
    }

    fn listed(names: &[(&str, &str)]) -> Vec<Event<Namespace>> {
        let objects = names.iter().map(|(name, value)| Event::InitApply(labelled(name, value)));
        std::iter::once(Event::Init).chain(objects).chain([Event::InitDone]).collect()
    }

    #[test]
    fn the_first_list_and_repetitions_wake_nobody() {
        let mut changes = Changes::default();
        assert!(feed(&mut changes, listed(&[("a", "yes"), ("b", "yes")])).is_empty());
        assert!(feed(&mut changes, vec![Event::Apply(labelled("a", "yes"))]).is_empty());
    }

    #[test]
    fn changes_additions_and_deletions_wake() {
        let mut changes = Changes::default();
        feed(&mut changes, listed(&[("a", "yes")]));
        assert_eq!(feed(&mut changes, vec![Event::Apply(labelled("a", "no"))]), ["a"]);
        assert_eq!(feed(&mut changes, vec![Event::Apply(labelled("b", "yes"))]), ["b"]);
        assert_eq!(feed(&mut changes, vec![Event::Delete(labelled("a", "no"))]), ["a"]);
    }

    #[test]
    fn what_was_missed_while_a_watch_was_down_is_found_in_the_next_list() {
        let mut changes = Changes::default();
        feed(&mut changes, listed(&[("a", "yes"), ("b", "yes"), ("c", "yes")]));
        assert_eq!(feed(&mut changes, listed(&[("a", "yes"), ("b", "no"), ("d", "yes")])), ["b", "c", "d"]);
    }
}
