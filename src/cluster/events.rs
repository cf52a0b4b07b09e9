//! Events: few, about changes, and never a reason to fail.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::api::FIELD_MANAGER;

/// Longest note (events.k8s.io/v1 Event, `note`: at most 1 kB).
const NOTE_MAX: usize = 1_000;

/// Something worth telling the people around an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether it needs attention.
    pub warning: bool,
    /// One word, such as `DriftRepaired`.
    pub reason: String,
    /// One sentence.
    pub note: String,
}

impl Notice {
    /// Something went as it should.
    #[must_use]
    pub fn normal(reason: &str, note: impl Into<String>) -> Self {
        Self { warning: false, reason: reason.to_owned(), note: note.into() }
    }

    /// Something needs attention.
    #[must_use]
    pub fn warning(reason: &str, note: impl Into<String>) -> Self {
        Self { warning: true, reason: reason.to_owned(), note: note.into() }
    }
}

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
    pub async fn publish(&self, about: &ObjectReference, notice: &Notice) {
        let Notice { warning, reason, note } = notice;
        let (namespace, name) =
            (about.namespace.as_deref().unwrap_or_default(), about.name.as_deref().unwrap_or_default());
        if *warning {
            tracing::warn!(namespace, name, reason, "{note}");
        } else {
            tracing::info!(namespace, name, reason, "{note}");
        }
        let event = Event {
            type_: if *warning { EventType::Warning } else { EventType::Normal },
            reason: reason.clone(),
            note: Some(note.chars().take(NOTE_MAX).collect()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, about).await {
            tracing::warn!(namespace, name, %error, "an Event could not be published");
        }
    }
}
