//! Whether and where traces are sent, by the variables that all programs with OpenTelemetry read.
//!
//! OpenTelemetry specification, "OpenTelemetry Protocol Exporter" and "Environment Variable Specification". The sampler, the queue
//! and the resource have variables of their own, which the SDK reads.

use std::time::Duration;

use http::Uri;

/// The certificate of the collector, in a file.
pub(super) const CERTIFICATE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
const ENDPOINT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const COMPRESSION: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];
const TIMEOUT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];

/// How long one request may take, unless a variable says otherwise: the default of the specification.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where traces are sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Whole URL of the collector.
    pub endpoint: Uri,
    /// How long one request may take.
    pub timeout: Duration,
}

/// A variable that the operator cannot do as it says. Its value is not shown: a URL may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// An endpoint that is no URL.
    #[error("{0} must be a URL that begins with http:// or https://, such as http://otel-collector.monitoring:4318")]
    Endpoint(&'static str),
    /// Another protocol than that of HTTP and Protobuf.
    #[error("{0} must be http/protobuf or unset; collectors usually take that at port 4318, and gRPC at port 4317")]
    Protocol(&'static str),
    /// Compressed requests.
    #[error("{0} must be none or unset; the operator does not compress traces")]
    Compression(&'static str),
    /// A time that is no number of milliseconds.
    #[error("{0} must be a number of milliseconds")]
    Timeout(&'static str),
}

impl Settings {
    /// What the variables say; none if no variable names a collector, or if one switches traces off.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Unusable> {
        let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let exported_nowhere = variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let Some((name, url)) = first(&variable, ENDPOINT).filter(|_| !disabled && !exported_nowhere) else {
            return Ok(None);
        };
        if let Some((name, _)) = first(&variable, PROTOCOL).filter(|(_, value)| value != "http/protobuf") {
            return Err(Unusable::Protocol(name));
        }
        if let Some((name, _)) = first(&variable, COMPRESSION).filter(|(_, value)| value != "none") {
            return Err(Unusable::Compression(name));
        }
        let timeout = match first(&variable, TIMEOUT) {
            Some((name, text)) => Duration::from_millis(text.parse().map_err(|_| Unusable::Timeout(name))?),
            None => DEFAULT_TIMEOUT,
        };
        // The variable for all signals names a base; that for traces a whole URL.
        let url = if name == ENDPOINT[0] { url } else { format!("{}/v1/traces", url.trim_end_matches('/')) };
        let endpoint = url.parse::<Uri>().ok().filter(is_http).ok_or(Unusable::Endpoint(name))?;
        Ok(Some(Self { endpoint, timeout }))
    }
}

/// The variable for traces, or else the one for all signals. An empty value counts as unset.
pub(super) fn first(
    variable: impl Fn(&str) -> Option<String>,
    names: [&'static str; 2],
) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, variable(name).filter(|value| !value.is_empty())?)))
}

fn is_http(url: &Uri) -> bool {
    matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, Unusable> {
        Settings::read(|name| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
    }

    fn endpoint(variables: &[(&str, &str)]) -> String {
        read(variables).expect("usable").expect("on").endpoint.to_string()
    }

    #[test]
    fn nothing_is_sent_unless_a_variable_names_a_collector() {
        let named = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert!(read(&[named]).expect("usable").is_some());
        for off in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
            &[("OTEL_TRACES_EXPORTER", "otlp")],
            &[named, ("OTEL_SDK_DISABLED", "True")],
            &[named, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert_eq!(read(off), Ok(None), "{off:?}");
        }
    }

    #[test]
    fn the_variable_for_traces_is_a_whole_url_and_that_for_all_signals_a_base() {
        for base in ["http://collector:4318", "http://collector:4318/"] {
            assert_eq!(endpoint(&[(ENDPOINT[1], base)]), "http://collector:4318/v1/traces");
        }
        let both = [(ENDPOINT[1], "http://other:4318"), (ENDPOINT[0], "https://collector/in/traces")];
        assert_eq!(endpoint(&both), "https://collector/in/traces");
    }

    #[test]
    fn a_variable_that_cannot_be_followed_is_refused_by_name_and_without_its_value() {
        let named = (ENDPOINT[0], "http://collector:4318");
        for (variables, error) in [
            (&[(ENDPOINT[1], "collector:4318")][..], Unusable::Endpoint(ENDPOINT[1])),
            (&[(ENDPOINT[0], "grpc://user:canary@collector:4317")], Unusable::Endpoint(ENDPOINT[0])),
            (&[named, (PROTOCOL[1], "grpc")], Unusable::Protocol(PROTOCOL[1])),
            (&[named, (PROTOCOL[0], "http/json"), (PROTOCOL[1], "http/protobuf")], Unusable::Protocol(PROTOCOL[0])),
            (&[named, (COMPRESSION[1], "gzip")], Unusable::Compression(COMPRESSION[1])),
            (&[named, (TIMEOUT[1], "10s")], Unusable::Timeout(TIMEOUT[1])),
        ] {
            let refused = read(variables).expect_err("refused");
            assert_eq!(refused, error, "{variables:?}");
            assert!(!refused.to_string().contains("canary"), "{refused}");
        }
    }

    #[test]
    fn a_request_takes_ten_seconds_at_most_or_what_the_variable_says() {
        let named = (ENDPOINT[0], "http://collector:4318");
        let timeout = |variables: &[(&str, &str)]| read(variables).expect("usable").expect("on").timeout;
        assert_eq!(timeout(&[named]), Duration::from_secs(10));
        assert_eq!(timeout(&[named, (TIMEOUT[1], "2500")]), Duration::from_millis(2500));
    }
}
