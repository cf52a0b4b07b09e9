//! Traces over OTLP, off by default: each reconcile is a trace, with a span for each call to AWS and each write to Kubernetes.
//!
//! Spans are made by these functions alone. Those of the libraries, which may hold requests and so credentials, never reach the
//! exporter, and the logs stay as they are.

mod export;
mod settings;
mod span;
mod transport;

pub use export::{Exporting, start};
pub use span::{Span, Subject, note, reconcile, reconcile_ended, step};
