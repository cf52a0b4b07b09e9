//! Every metric of the operator, once: the registry and the page of metrics are made from this list.

use std::fmt::Write as _;

use prometheus_client::registry::Unit;
use strum::{EnumMessage, IntoEnumIterator};

use super::outcomes::{CallOutcome, ReconcileResult};

/// What every name begins with.
pub(super) const PREFIX: &str = "crossaccount";

/// What kind of metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Description {
    /// Name as a query has it, without the prefix.
    pub name: &'static str,
    pub kind: Kind,
    /// What a value of it counts or measures.
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    /// What it means, in one sentence without its full stop.
    pub help: &'static str,
}

impl Description {
    /// The name that the library is given: it appends the unit, and `_total` to a counter.
    pub fn stem(&self) -> &'static str {
        let stem = self.name.strip_suffix("_total").unwrap_or(self.name);
        stem.strip_suffix("_seconds").unwrap_or(stem)
    }

    /// The unit that the library appends.
    pub fn suffix(&self) -> Option<&'static Unit> {
        static SECONDS: Unit = Unit::Seconds;
        self.name.ends_with("_seconds").then_some(&SECONDS)
    }
}

/// Writes the list: a constant for each metric, and [`ALL`] of them in the order of the page.
macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident, $unit:literal, $labels:expr, $help:literal;)*) => {
        $(pub(super) static $constant: Description = Description {
            name: $name, kind: Kind::$kind, unit: $unit, labels: &$labels, help: $help,
        };)*
        /// Every metric.
        pub(super) static ALL: &[&Description] = &[$(&$constant),*];
    };
}

metrics! {
    ROLES = "roles", Gauge, "CrossAccountRoles", ["account", "ready"],
        "CrossAccountRoles by AWSAccount and by their condition Ready";
    OBJECT_EXPIRY = "credentials_expiry_timestamp_seconds", Gauge, "seconds since 1970", ["namespace", "name"],
        "When the published credentials of each object expire. --per-object-metrics says whether there are such series";
    MIN_TO_EXPIRY = "credentials_min_seconds_to_expiry", Gauge, "seconds", [],
        "Time until the first of all published credentials expires; negative once it has";
    FIRST_EXPIRY = "first_expiry_timestamp_seconds", Gauge, "seconds since 1970", ["account"],
        "When the first credentials in the account expire, of those that the operator is to renew";
    NEXT_RENEWAL = "next_renewal_timestamp_seconds", Gauge, "seconds since 1970", ["account"],
        "When the next renewal in the account is due. A time in the past is a renewal that is late";
    CLOSED_UNVERIFIED = "closed_unverified_roles", Gauge, "CrossAccountRoles", ["account"],
        "CrossAccountRoles whose access is to be closed, and whose role was not seen closed in AWS";
    ACCOUNT_READY = "account_ready", Gauge, "0 or 1", ["account"],
        "1 while the condition Ready of the AWSAccount is True, else 0";
    ORPHAN_ROLES = "orphan_roles", Gauge, "IAM roles", ["account"],
        "Roles with this cluster's tags whose CrossAccountRole does not exist, at the last look for drift";
    DRIFT_REPAIRS = "drift_repairs_total", Counter, "repairs", ["account"],
        "Repairs of what somebody else had changed in AWS, by the account of the CrossAccountRole";
    AWS_REQUESTS = "aws_requests_total", Counter, "calls", ["service", "operation", "outcome", "account"],
        "Finished calls to AWS. A call counts once, whatever the number of its retries";
    AWS_REQUEST_SECONDS = "aws_request_seconds", Histogram, "seconds", [],
        "Duration of a call to AWS with its retries";
    RECONCILES = "reconciles_total", Counter, "reconciles", ["outcome"],
        "Finished reconciles of CrossAccountRoles";
    RECONCILE_SECONDS = "reconcile_seconds", Histogram, "seconds", [],
        "Duration of a reconcile";
    RENEWAL_LAG = "renewal_lag_seconds", Histogram, "seconds", [],
        "How long after its due time a renewal was published";
    QUEUE_DEPTH = "queue_depth", Gauge, "CrossAccountRoles", [],
        "CrossAccountRoles that wait for a reconcile";
    LEADER = "leader", Gauge, "0 or 1", [],
        "1 while this process reconciles, 0 while another one has the lease";
    SHARDS = "shards", Gauge, "shards", [],
        "Shards that the objects are divided into, 1 without --shard. Each has one leader";
}

/// What each label says. Its values are bounded by what is in the last column.
const LABELS: [(&str, &str, &str); 7] = [
    ("account", "name of an AWSAccount; empty for calls of the operator's own identity", "AWSAccounts"),
    ("namespace", "namespace of a CrossAccountRole", "1,000 objects, unless `--per-object-metrics` is `true`"),
    ("name", "name of a CrossAccountRole", "the same"),
    ("ready", "`true` or `false`", "2"),
    ("service", "`iam` or `sts`", "2"),
    ("operation", "name of the call in the API reference of AWS", "the calls in the manager's policy"),
    ("outcome", "see below", "4 and 5"),
];

/// The page that lists all metrics, in Markdown.
#[must_use]
pub fn metrics_markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Each process serves its metrics at `/metrics`, port 8080, in the OpenMetrics text format. Every name begins with\n\
         `crossaccount_`. Only the process that leads has series about objects and accounts: a query adds up all processes.\n\
         [monitoring.md](monitoring.md) shows how to scrape them, and has the alerts and the dashboard.\n\n\
         The series of an account or an object end when it is deleted. Labels never hold credentials.\n\n\
         | metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n",
    );
    // Writing to a String cannot fail.
    for Description { name, kind, unit, labels, help } in ALL {
        let kind: &str = kind.into();
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = labels.join(", ");
        let _ = writeln!(page, "| `{PREFIX}_{name}` | {kind} | {unit} | {labels} | {help}. |");
    }
    page.push_str("\n## Labels\n\n| label | value | number of values |\n|---|---|---|\n");
    for (label, value, number) in LABELS {
        let _ = writeln!(page, "| `{label}` | {value} | {number} |");
    }
    let _ = write!(page, "\n## Outcomes of a reconcile\n\n{}", outcomes::<ReconcileResult>());
    let _ = write!(page, "\n## Outcomes of a call to AWS\n\n{}", outcomes::<CallOutcome>());
    page
}

/// A table of the values of a label.
fn outcomes<T: IntoEnumIterator + EnumMessage + Into<&'static str>>() -> String {
    let mut table = String::from("| `outcome` | meaning |\n|---|---|\n");
    for outcome in T::iter() {
        let meaning = outcome.get_documentation().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(table, "| `{}` | {meaning} |", outcome.into());
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_committed_page_of_metrics_is_what_the_registry_says() {
        crate::api::committed::check("docs/metrics.md", &metrics_markdown());
    }

    #[test]
    fn names_and_units_are_as_prometheus_asks_for() {
        for Description { name, kind, unit, help, .. } in ALL {
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            let in_seconds = unit.starts_with("seconds");
            assert_eq!(name.contains("seconds"), in_seconds, "{name} in {unit}");
            assert_eq!(name.ends_with("_timestamp_seconds"), unit.contains("1970"), "{name} in {unit}");
            assert!(!help.ends_with('.') && !help.contains('|'), "{name}: {help}");
        }
    }

    #[test]
    fn every_label_is_explained_and_every_explained_label_is_used() {
        let used: BTreeSet<&str> = ALL.iter().flat_map(|metric| metric.labels).copied().collect();
        assert_eq!(used, LABELS.iter().map(|(label, ..)| *label).collect());
    }
}
