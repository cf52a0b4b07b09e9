//! Events: few, about changes, and never a reason to fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event as KubeEvent, EventType, Recorder, Reporter};

use crate::api::FIELD_MANAGER;
use crate::decide::event::Event;

/// Longest note (events.k8s.io/v1 Event, `note`: at most 1 kB).
const NOTE_MAX: usize = 1_000;

/// A repetition within this time joins the series of an Event. The recorder forgets it then.
const SERIES: Duration = Duration::from_mins(6);

/// Publishes Events; repeated ones become a series. One per process.
#[derive(Clone)]
pub struct Events {
    client: Client,
    reporter: Reporter,
    /// One recorder for each note, with the time of its last use: a recorder takes Events that differ only in their notes
    /// for one, and publishes the first note again.
    recorders: Arc<Mutex<Recorders>>,
}

struct Recorders {
    by_note: HashMap<String, (Recorder, Instant)>,
    pruned: Instant,
}

impl Events {
    /// Reports as the operator.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: std::env::var("HOSTNAME").ok() };
        let recorders = Recorders { by_note: HashMap::new(), pruned: Instant::now() };
        Self { client, reporter, recorders: Arc::new(Mutex::new(recorders)) }
    }

    fn recorder(&self, note: &str) -> Recorder {
        // A panic while locked leaves the map whole: each change is one insertion or removal.
        let mut recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        if recorders.pruned.elapsed() >= SERIES {
            recorders.by_note.retain(|_, (_, used)| used.elapsed() < SERIES);
            recorders.pruned = Instant::now(); // not at each Event: a wave has many
        }
        let new = || (Recorder::new(self.client.clone(), self.reporter.clone()), Instant::now());
        let (recorder, used) = recorders.by_note.entry(note.to_owned()).or_insert_with(new);
        *used = Instant::now();
        recorder.clone()
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
        let event = KubeEvent {
            type_: if *warning { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(note.chars().take(NOTE_MAX).collect()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder(note).publish(&event, about).await {
            tracing::warn!(namespace, name, %error, "an Event could not be published");
        }
    }
}
