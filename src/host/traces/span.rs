//! The spans of one reconcile. Without a collector, and outside of a reconcile, all of this does nothing.

use std::borrow::Cow;
use std::sync::OnceLock;

use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};

/// What makes spans, once there is a collector for them.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

tokio::task_local! {
    /// The reconcile that the task is about.
    static CURRENT: Root;
}

/// The span of a reconcile, which is the root of a trace. It ends when it is dropped.
#[derive(Clone)]
struct Root {
    tracer: SdkTracer,
    context: Context,
}

/// What a reconcile is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Kind of the object: `CrossAccountRole` or `AWSAccount`.
    pub kind: &'static str,
    /// Its namespace; none for a cluster-scoped object.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
    /// Name of the `AWSAccount` that it uses or is.
    pub account: &'a str,
}

/// Makes spans by this tracer from here on.
pub(super) fn export_by(tracer: SdkTracer) {
    // An error means that the process has one already, and keeps it.
    let _: Result<(), SdkTracer> = TRACER.set(tracer);
}

/// Runs a reconcile as a trace of its own.
pub async fn reconcile<W: Future>(subject: Subject<'_>, work: W) -> W::Output {
    match TRACER.get() {
        Some(tracer) => CURRENT.scope(Root::of(tracer, subject), work).await,
        None => work.await,
    }
}

impl Root {
    fn of(tracer: &SdkTracer, Subject { kind, namespace, name, account }: Subject<'_>) -> Self {
        let text = |key: &'static str, value: &str| KeyValue::new(key, value.to_owned());
        let mut attributes = vec![
            KeyValue::new("crossaccount.kind", kind),
            text("crossaccount.name", name),
            text("crossaccount.account", account),
        ];
        attributes.extend(namespace.map(|namespace| text("crossaccount.namespace", namespace)));
        let builder = tracer.span_builder(format!("reconcile {kind}")).with_kind(SpanKind::Internal);
        let span = builder.with_attributes(attributes).start_with_context(tracer, &Context::new());
        Self { tracer: tracer.clone(), context: Context::new().with_span(span) }
    }
}

/// Notes something about the current reconcile.
pub fn note(key: &'static str, value: impl Into<Value>) {
    current(|root| root.context.span().set_attribute(KeyValue::new(key, value)));
}

/// Notes how the current reconcile ended. It failed if it broke off.
pub fn reconcile_ended(outcome: &'static str, failed: bool) {
    note("crossaccount.outcome", outcome);
    if failed {
        current(|root| root.context.span().set_status(Status::error("")));
    }
}

/// Runs a part of the current reconcile as a span. Of an error it shows only that there was one.
pub async fn step<T, E>(name: &'static str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let mut span = Span::of_request(|| name);
    let result = work.await;
    if result.is_err() {
        span.fail();
    }
    result
}

fn current(act: impl FnOnce(&Root)) {
    // An error means that there is no reconcile, or that nobody collects its spans.
    CURRENT.try_with(act).unwrap_or_default();
}

/// A request in the current reconcile. It ends when it is dropped.
#[derive(Debug)]
pub struct Span(Option<SdkSpan>);

impl Span {
    /// Begins the span of a request to another service. Its name is made only if there is a reconcile to trace.
    #[must_use]
    pub fn of_request<N: Into<Cow<'static, str>>>(name: impl FnOnce() -> N) -> Self {
        let begun = CURRENT.try_with(|Root { tracer, context }| {
            tracer.span_builder(name()).with_kind(SpanKind::Client).start_with_context(tracer, context)
        });
        Self(begun.ok())
    }

    /// Whether anybody collects it: if not, its attributes need not be made.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.0.as_ref().is_some_and(SdkSpan::is_recording)
    }

    /// Adds an attribute. Everything here leaves the process: no value may be one that AWS or a user wrote in free text.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// Marks it as failed.
    pub fn fail(&mut self) {
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(""));
        }
    }
}
