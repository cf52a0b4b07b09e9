//! Events: few, about changes, and never a reason to fail.
//!
//! kube's `Recorder` takes Events that differ only in their notes for one and publishes the first note again, and it keeps
//! each Event whole. Here an Event of which a repetition joins the series is remembered by a hash and its name.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event as KubeEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::api::FIELD_MANAGER;
use crate::decide::event::Event;

/// Longest note (events.k8s.io/v1 Event, `note`: at most 1 kB).
const NOTE_MAX: usize = 1_000;

/// A repetition within this time joins the series of an Event.
const SERIES: Duration = Duration::from_mins(6);

/// Where Events about cluster-scoped objects are.
const DEFAULT_NAMESPACE: &str = "default";

/// Publishes Events; repeated ones become a series. One per process.
#[derive(Clone)]
pub struct Events {
    client: Client,
    /// Name of the pod.
    instance: String,
    recent: Arc<Mutex<Recent>>,
}

/// The Events of the last minutes, by a hash of what they are about and what they say.
struct Recent {
    series: HashMap<u64, Series>,
    pruned: Instant,
}

/// An Event and how often it occurred.
#[derive(Clone)]
struct Series {
    name: String,
    count: i32,
    last: Instant,
}

impl Events {
    /// Reports as the operator.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let instance = std::env::var("HOSTNAME").unwrap_or_else(|_| FIELD_MANAGER.to_owned());
        let recent = Recent { series: HashMap::new(), pruned: Instant::now() };
        Self { client, instance, recent: Arc::new(Mutex::new(recent)) }
    }

    /// Publishes and logs. An Event that cannot be published is logged, and nothing else suffers.
    pub async fn publish(&self, about: &ObjectReference, event: &Event) {
        let Event { warning, reason, note } = event;
        let reason = reason.as_str();
        let (namespace, name) =
            (about.namespace.as_deref().unwrap_or_default(), about.name.as_deref().unwrap_or_default());
        if *warning {
            tracing::warn!(namespace, name, reason, "{note}");
        } else {
            tracing::info!(namespace, name, reason, "{note}");
        }
        if let Err(error) = self.send(about, event).await {
            tracing::warn!(namespace, name, %error, "an Event could not be published");
        }
    }

    async fn send(&self, about: &ObjectReference, event: &Event) -> kube::Result<()> {
        let api: Api<KubeEvent> =
            Api::namespaced(self.client.clone(), about.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE));
        let key = key(about, event);
        let now = Timestamp::now();
        let repeated = self.recent().repeated(key);
        if let Some(Series { name, count, .. }) = repeated {
            let series = json!({"series": {"count": count, "lastObservedTime": MicroTime(now)}});
            match api.patch(&name, &PatchParams::default(), &Patch::Merge(series)).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => {} // it has expired
                other => return other.map(drop),
            }
        }
        let name = format!("{}.{:x}", about.name.as_deref().unwrap_or(FIELD_MANAGER), now.as_nanosecond());
        api.create(&PostParams::default(), &self.new_event(&name, about, event, now)).await?;
        self.recent().series.insert(key, Series { name, count: 1, last: Instant::now() });
        Ok(())
    }

    fn new_event(&self, name: &str, about: &ObjectReference, event: &Event, now: Timestamp) -> KubeEvent {
        KubeEvent {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: about.namespace.clone(),
                ..ObjectMeta::default()
            },
            type_: Some(if event.warning { "Warning" } else { "Normal" }.to_owned()),
            reason: Some(event.reason.as_str().to_owned()),
            note: Some(event.note.chars().take(NOTE_MAX).collect()),
            action: Some("Reconcile".to_owned()),
            event_time: Some(MicroTime(now)),
            regarding: Some(about.clone()),
            reporting_controller: Some(FIELD_MANAGER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..KubeEvent::default()
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // A panic while locked leaves the map whole: each change is one insertion or removal.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    /// The series that an Event joins, counted, if it occurred a short while ago.
    fn repeated(&mut self, key: u64) -> Option<Series> {
        if self.pruned.elapsed() >= SERIES {
            self.series.retain(|_, series| series.last.elapsed() < SERIES);
            self.pruned = Instant::now(); // not at each Event: a wave has many
        }
        let series = self.series.get_mut(&key).filter(|series| series.last.elapsed() < SERIES)?;
        (series.count, series.last) = (series.count.saturating_add(1), Instant::now());
        Some(series.clone())
    }
}

fn key(about: &ObjectReference, Event { warning, reason, note }: &Event) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&about.kind, &about.namespace, &about.name, &about.uid, warning, reason.as_str(), note).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::event::EventReason;

    #[test]
    fn only_an_event_about_the_same_object_that_says_the_same_joins_a_series() {
        let about = |uid: &str| ObjectReference { uid: Some(uid.into()), ..ObjectReference::default() };
        let event = |note: &str| Event::normal(EventReason::RoleRetained, note);
        let first = key(&about("one"), &event("gone"));
        assert_eq!(key(&about("one"), &event("gone")), first);
        assert_ne!(key(&about("two"), &event("gone")), first);
        assert_ne!(key(&about("one"), &event("gone, too")), first);
        assert_ne!(key(&about("one"), &Event::warning(EventReason::RoleRetained, "gone")), first);
    }

    #[test]
    fn a_series_is_counted_from_two_on() {
        let mut recent = Recent { series: HashMap::new(), pruned: Instant::now() };
        assert!(recent.repeated(1).is_none());
        recent.series.insert(1, Series { name: "a".into(), count: 1, last: Instant::now() });
        let counts = [recent.repeated(1), recent.repeated(1)].map(|series| series.map(|series| series.count));
        assert_eq!(counts, [Some(2), Some(3)]);
    }
}
