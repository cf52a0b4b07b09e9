//! Faults: what API servers and networks do on a bad day, with the requests and watch events they happen to.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::request::{ApiRequest, Verb};
use crate::rules::{Injected, Rules};

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It takes this much longer.
    Delay(Duration),
    /// It is answered with this status, reason and message, and not carried out.
    Answer(ApiStatus),
    /// It is answered with this text and not carried out: what a kubelet would say of a pod.
    Text(String),
    /// What it builds on is too old: 410, for a watch as its first event.
    Gone,
    /// It is never answered and not carried out.
    Hang,
    /// A watch begins and never delivers anything, as over a connection that died unnoticed.
    Mute,
    /// The connection is reset and nothing is carried out.
    Reset,
    /// It is carried out, and the connection is reset before the answer.
    DropResponse,
}

/// A `Status` object of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiStatus {
    /// HTTP status.
    pub code: u16,
    /// Such as `Conflict`.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl ApiStatus {
    /// "A 410 Gone … status code" for a resource version that is compacted away (API concepts, "Resource versions").
    pub(super) fn gone() -> Self {
        Self { code: 410, reason: "Expired".to_owned(), message: "too old resource version".to_owned() }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        })
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The rules of one proxy.
#[derive(Default)]
pub(super) struct Faults {
    requests: Rules<Pattern, Fault>,
    events: Rules<EventPattern, ()>,
}

/// Which requests a rule is about.
#[derive(Debug)]
struct Pattern {
    verbs: Vec<Verb>,
    /// As [`ApiRequest::kind`]; `*` is every resource with every subresource.
    kind: String,
    namespace: Option<String>,
    name: Option<String>,
}

impl Pattern {
    fn matches(&self, request: &ApiRequest) -> bool {
        self.verbs.contains(&request.verb)
            && (self.kind == "*" || self.kind == request.kind())
            && (self.namespace.is_none() || self.namespace == request.namespace)
            && (self.name.is_none() || self.name == request.name)
    }
}

/// Which watch events a rule is about.
#[derive(Debug)]
struct EventPattern {
    resource: String,
    kind: Option<String>,
    name: Option<String>,
}

impl EventPattern {
    fn matches(&self, resource: &str, event: &Value) -> bool {
        let is = |wanted: &Option<String>, found: &Value| wanted.is_none() || wanted.as_deref() == found.as_str();
        self.resource == resource
            && event["type"] != "BOOKMARK"
            && is(&self.kind, &event["type"])
            && is(&self.name, &event["object"]["metadata"]["name"])
    }
}

impl Faults {
    pub(super) fn on(&self, verbs: Vec<Verb>, kind: &str) -> On<'_> {
        let pattern = Pattern { verbs, kind: kind.to_owned(), namespace: None, name: None };
        On { faults: self, pattern, times: None }
    }

    pub(super) fn on_event(&self, resource: &str) -> OnEvent<'_> {
        let pattern = EventPattern { resource: resource.to_owned(), kind: None, name: None };
        OnEvent { faults: self, pattern, times: None }
    }

    /// All delays of a request, and the first other fault.
    pub(super) fn befalling(&self, request: &ApiRequest) -> (Duration, Option<Fault>) {
        let is_delay = |fault: &Fault| matches!(fault, Fault::Delay(_));
        let (mut delay, mut other) = (Duration::ZERO, None);
        for fault in self.requests.befalling(|pattern| pattern.matches(request), is_delay) {
            match fault {
                Fault::Delay(more) => delay += more,
                fault => other = Some(fault),
            }
        }
        (delay, other)
    }

    pub(super) fn drops(&self, resource: &str, event: &Value) -> bool {
        !self.events.befalling(|pattern| pattern.matches(resource, event), |()| false).is_empty()
    }
}

/// A rule being made: which requests, how often, and last what happens to them.
#[must_use]
pub struct On<'a> {
    faults: &'a Faults,
    pattern: Pattern,
    times: Option<u64>,
}

impl On<'_> {
    /// Only requests about this namespace.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.pattern.namespace = Some(namespace.to_owned());
        self
    }

    /// Only requests about the object of this name.
    pub fn name(mut self, name: &str) -> Self {
        self.pattern.name = Some(name.to_owned());
        self
    }

    /// Only the next `times` such requests.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// They take this much longer.
    pub fn delay(self, delay: Duration) -> Injected {
        self.inject(Fault::Delay(delay))
    }

    /// They are answered with this failure.
    pub fn error(self, code: u16, reason: &str, message: &str) -> Injected {
        let status = ApiStatus { code, reason: reason.to_owned(), message: message.to_owned() };
        self.inject(Fault::Answer(status))
    }

    /// They are answered with this text, as by a kubelet.
    pub fn text(self, text: &str) -> Injected {
        self.inject(Fault::Text(text.to_owned()))
    }

    /// They are told that their resource version is too old.
    pub fn gone(self) -> Injected {
        self.inject(Fault::Gone)
    }

    /// They are never answered.
    pub fn hang(self) -> Injected {
        self.inject(Fault::Hang)
    }

    /// Watches among them begin and stay silent.
    pub fn mute(self) -> Injected {
        self.inject(Fault::Mute)
    }

    /// Their connection is reset before anything is done.
    pub fn reset(self) -> Injected {
        self.inject(Fault::Reset)
    }

    /// They are carried out, but the answer is lost.
    pub fn drop_response(self) -> Injected {
        self.inject(Fault::DropResponse)
    }

    /// Puts the rule in force.
    pub fn inject(self, fault: Fault) -> Injected {
        self.faults.requests.add(self.pattern, fault, self.times)
    }
}

/// A rule about watch events being made.
#[must_use]
pub struct OnEvent<'a> {
    faults: &'a Faults,
    pattern: EventPattern,
    times: Option<u64>,
}

impl OnEvent<'_> {
    /// Only events of this type: `ADDED`, `MODIFIED` or `DELETED`.
    pub fn kind(mut self, kind: &str) -> Self {
        self.pattern.kind = Some(kind.to_owned());
        self
    }

    /// Only events of the object of this name.
    pub fn name(mut self, name: &str) -> Self {
        self.pattern.name = Some(name.to_owned());
        self
    }

    /// Only the next `times` such events.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// They are not delivered, by any watch that is open or will be.
    pub fn drop_event(self) -> Injected {
        self.faults.events.add(self.pattern, (), self.times)
    }
}
