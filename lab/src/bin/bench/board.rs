//! The objects as they change, from a watch: when each became Ready, and when each got its last credentials.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crossaccount::api::{ConditionType, CrossAccountRole};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use kube::{
    Api, ResourceExt as _,
    api::{WatchEvent, WatchParams},
};
use tokio::task::JoinHandle;

/// How often a condition on the objects is looked at. Their times are those of the watch.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is known of one object.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// When it was first seen Ready.
    pub ready: Option<Instant>,
    /// The issue time of its credentials, and when that was first seen.
    pub issued: Option<(Timestamp, Instant)>,
}

/// A watch of all objects of one namespace. It ends when dropped.
pub struct Board {
    seen: Arc<Mutex<HashMap<String, Seen>>>,
    watch: JoinHandle<()>,
}

impl Board {
    /// Begins to watch.
    pub fn of(roles: Api<CrossAccountRole>) -> Self {
        let seen = Arc::<Mutex<HashMap<String, Seen>>>::default();
        let watch = tokio::spawn(watch(roles, seen.clone()));
        Self { seen, watch }
    }

    /// What is known of the objects now.
    pub fn seen(&self) -> HashMap<String, Seen> {
        lock(&self.seen).clone()
    }

    /// Waits until this holds, for at most this long. Gives whether it does.
    pub async fn until(&self, within: Duration, holds: impl Fn(&HashMap<String, Seen>) -> bool) -> bool {
        let deadline = Instant::now() + within;
        while !holds(&lock(&self.seen)) {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        true
    }

    /// Waits until these are Ready, for at most this long. Gives how many are.
    pub async fn until_ready<'a>(
        &self,
        names: impl IntoIterator<Item = &'a String> + Clone,
        within: Duration,
    ) -> usize {
        let number = |seen: &HashMap<String, Seen>| {
            let ready = |name: &&String| seen.get(*name).is_some_and(|seen| seen.ready.is_some());
            names.clone().into_iter().filter(ready).count()
        };
        let all = names.clone().into_iter().count();
        self.until(within, |seen| number(seen) == all).await;
        number(&lock(&self.seen))
    }

    /// How long each of these took to become Ready, where it did.
    pub fn times_to_ready(&self, created: &BTreeMap<String, Instant>) -> Vec<Duration> {
        let seen = lock(&self.seen);
        let time = |(name, begin): (&String, &Instant)| Some(seen.get(name)?.ready?.saturating_duration_since(*begin));
        created.iter().filter_map(time).collect()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Watches on, from the beginning whenever a watch fails.
async fn watch(roles: Api<CrossAccountRole>, seen: Arc<Mutex<HashMap<String, Seen>>>) {
    let mut version = "0".to_owned();
    loop {
        let Ok(events) = roles.watch(&WatchParams::default(), &version).await else {
            "0".clone_into(&mut version);
            continue;
        };
        let mut events = events.boxed();
        loop {
            match events.try_next().await {
                Ok(Some(event)) => match noted(event, &seen) {
                    Some(latest) => version = latest,
                    None => "0".clone_into(&mut version),
                },
                Ok(None) => break,
                Err(_) => {
                    "0".clone_into(&mut version);
                    break;
                }
            }
        }
    }
}

/// Gives the version from which to watch on, if the watch goes on.
fn noted(event: WatchEvent<CrossAccountRole>, seen: &Mutex<HashMap<String, Seen>>) -> Option<String> {
    match event {
        WatchEvent::Added(role) | WatchEvent::Modified(role) => {
            let status = role.status.clone().unwrap_or_default();
            let is_ready = |c: &_| is_ready(c);
            let mut seen = lock(seen);
            let known = seen.entry(role.name_any()).or_default();
            if status.conditions.iter().any(is_ready) {
                known.ready.get_or_insert_with(Instant::now);
            }
            let issued = status.credentials.and_then(|set| set.issued_at).map(|time| time.0);
            if let Some(issued) = issued.filter(|issued| known.issued.is_none_or(|(before, _)| before != *issued)) {
                known.issued = Some((issued, Instant::now()));
            }
            role.resource_version()
        }
        WatchEvent::Deleted(role) => {
            lock(seen).remove(&role.name_any());
            role.resource_version()
        }
        WatchEvent::Bookmark(bookmark) => Some(bookmark.metadata.resource_version),
        WatchEvent::Error(_) => None,
    }
}

fn is_ready(condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition) -> bool {
    condition.type_ == ConditionType::Ready.to_string() && condition.status == "True"
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
