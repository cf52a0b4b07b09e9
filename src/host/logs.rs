//! Logs: text or JSON lines on standard error, with a floor that no setting can lower.

use std::{
    io::{self, IsTerminal as _},
    str::FromStr,
};

use clap::ValueEnum;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{Directive, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::{SubscriberInitExt as _, TryInitError},
};

/// The least severe level each of these targets (and what lies below it) may ever log.
///
/// Below INFO the AWS SDK and the HTTP and TLS libraries log requests and responses, and so credentials. When kube cannot
/// decode a response, its client logs the whole body, which may be a Secret, as a warning; its TLS part does not. The SDK's
/// providers of credentials warn with what a credential process wrote to its standard error.
const FLOOR: [(&str, LevelFilter); 10] = [
    ("aws_", LevelFilter::INFO),
    ("aws_config", LevelFilter::ERROR),
    ("h2", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("kube_client::client", LevelFilter::ERROR),
    ("kube_client::client::tls", LevelFilter::INFO),
    ("reqwest", LevelFilter::INFO),
    ("rustls", LevelFilter::INFO),
    ("tower", LevelFilter::INFO),
    ("tungstenite", LevelFilter::INFO),
];

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// What is logged, above the floor: directives of `tracing-subscriber`, on top of INFO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(Vec<Directive>);

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|part| directive(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

/// A bare word must be a level: as a directive, a misspelt level would be a target, and would silence everything else.
fn directive(text: &str) -> Result<Directive, String> {
    let refused = |why: &dyn std::fmt::Display| {
        format!("`{text}`: {why}; write error, warn, info, debug, trace, or target=level as in crossaccount=debug")
    };
    if !text.contains(['=', '[']) {
        text.parse::<LevelFilter>().map_err(|_| refused(&"not a level"))?;
    }
    text.parse().map_err(|error| refused(&error))
}

impl LogFilter {
    fn env_filter(&self) -> EnvFilter {
        self.0.iter().cloned().fold(EnvFilter::new("info"), EnvFilter::add_directive)
    }
}

/// Sends the process's logs to standard error from here on.
pub fn init(format: LogFormat, filter: &LogFilter) -> Result<(), TryInitError> {
    subscriber(format, filter, io::stderr().is_terminal(), io::stderr).try_init()
}

fn subscriber<W>(format: LogFormat, filter: &LogFilter, ansi: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = match format {
        LogFormat::Text => fmt::layer().with_ansi(ansi).with_writer(writer).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
    };
    let floor = Targets::new().with_default(LevelFilter::TRACE).with_targets(FLOOR);
    tracing_subscriber::registry().with(floor).with(filter.env_filter()).with(lines)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, error, info, trace, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map_err(|_| io::ErrorKind::Other)?.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str, events: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = subscriber(format, &filter.parse().unwrap(), false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, events);
        String::from_utf8(captured.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn no_filter_lets_wire_logs_through() {
        for filter in ["trace", "trace,aws_smithy_runtime=trace,hyper_util=trace,kube_client::client=trace"] {
            let text = logged(LogFormat::Text, filter, || {
                trace!(target: "aws_smithy_runtime::client::http", "SECRET");
                debug!(target: "aws_sdk_sts::operation", "SECRET");
                trace!(target: "hyper::proto::h1::io", "SECRET");
                trace!(target: "hyper_util::client::legacy", "SECRET");
                trace!(target: "h2::codec", "SECRET");
                debug!(target: "rustls::client", "SECRET");
                trace!(target: "tower::buffer", "SECRET");
                warn!(target: "kube_client::client", "SECRET");
                warn!(target: "aws_config::profile::credentials", "SECRET");
                trace!(target: "crossaccount::controller", "kept");
            });
            assert!(!text.contains("SECRET"), "{text}");
            assert!(text.contains("kept"), "{text}");
        }
    }

    #[test]
    fn what_the_libraries_report_above_the_floor_is_kept() {
        let text = logged(LogFormat::Text, "info", || {
            info!(target: "aws_smithy_runtime", "first");
            error!(target: "kube_client::client::builder", "second");
            warn!(target: "kube_client::client::tls", "third");
        });
        for word in ["first", "second", "third"] {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn a_directive_for_one_target_leaves_the_rest_at_info() {
        let text = logged(LogFormat::Text, "crossaccount=debug", || {
            debug!(target: "crossaccount::controller", "ours");
            info!(target: "kube_runtime", "theirs");
            debug!(target: "kube_runtime", "noise");
        });
        assert!(text.contains("ours") && text.contains("theirs") && !text.contains("noise"), "{text}");
    }

    #[test]
    fn a_json_line_is_one_object_with_the_fields_at_the_top() {
        let text = logged(LogFormat::Json, "info", || info!(addr = "127.0.0.1:1", "admin server listening"));
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "admin server listening");
        assert_eq!(line["addr"], "127.0.0.1:1");
    }
}
