//! Events: few, about changes, and never a reason to fail.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event as KubeEvent, EventType, Recorder, Reporter};

use crate::api::FIELD_MANAGER;
use crate::decide::event::Event;

/// Longest note (events.k8s.io/v1 Event, `note`: at most 1 kB).
const NOTE_MAX: usize = 1_000;

/// Publishes Events; repeated ones become a series. One per process.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// Reports as the operator.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: std::env::var("HOSTNAME").ok() };
        Self { recorder: Recorder::new(client, reporter) }
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
        if let Err(error) = self.recorder.publish(&event, about).await {
            tracing::warn!(namespace, name, %error, "an Event could not be published");
        }
    }
}
