//! Metrics in the `OpenMetrics` text format, under the prefix `crossaccount_`.
//!
//! Labels have few values: names of objects appear only in the per-object expiry, which is bounded (see [`PerObject`]).

mod accounts;
mod catalog;
mod encoding;
mod objects;
mod outcomes;

use std::{collections::HashSet, fmt, sync::Arc};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use self::accounts::AccountCounts;
pub use self::catalog::metrics_markdown;
use self::encoding::register;
use self::objects::Objects;
pub use self::objects::{AccountSample, PerObject, RoleSample, Snapshot};
pub use self::outcomes::{AwsCall, CallOutcome, ReconcileResult};

/// From a cache hit to the longest that a reconcile may take.
const RECONCILE_BUCKETS: [f64; 11] = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
/// From a nearby endpoint to a call with all of its retries.
const AWS_REQUEST_BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// From on time, over the 20 minutes before expiry that renewal aims to keep, to the longest session.
const RENEWAL_LAG_BUCKETS: [f64; 9] = [1.0, 5.0, 15.0, 60.0, 300.0, 600.0, 1200.0, 3600.0, 43200.0];

/// Records what happens. Cheap to clone; every clone is the same record.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    objects: Arc<Objects>,
    accounts: Arc<AccountCounts>,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_seconds: Histogram,
    renewal_lag: Histogram,
    aws_request_seconds: Histogram,
    queue_depth: Gauge,
    leader: Gauge,
    shards: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    outcome: ReconcileResult,
}

impl Metrics {
    /// Empty metrics.
    #[must_use]
    pub fn new(per_object: PerObject) -> Self {
        let objects = Arc::new(Objects::new(per_object));
        let accounts = Arc::new(AccountCounts::default());
        let reconciles = Family::default();
        let reconcile_seconds = Histogram::new(RECONCILE_BUCKETS);
        let renewal_lag = Histogram::new(RENEWAL_LAG_BUCKETS);
        let aws_request_seconds = Histogram::new(AWS_REQUEST_BUCKETS);
        let queue_depth = Gauge::default();
        let leader = Gauge::default();
        let shards = Gauge::default();
        shards.set(1);

        let mut registry = Registry::with_prefix(catalog::PREFIX);
        register(&mut registry, &catalog::RECONCILES, Family::clone(&reconciles));
        register(&mut registry, &catalog::RECONCILE_SECONDS, reconcile_seconds.clone());
        register(&mut registry, &catalog::RENEWAL_LAG, renewal_lag.clone());
        register(&mut registry, &catalog::AWS_REQUEST_SECONDS, aws_request_seconds.clone());
        register(&mut registry, &catalog::QUEUE_DEPTH, queue_depth.clone());
        register(&mut registry, &catalog::LEADER, leader.clone());
        register(&mut registry, &catalog::SHARDS, shards.clone());
        registry.register_collector(Box::new(Arc::clone(&accounts)));
        registry.register_collector(Box::new(Arc::clone(&objects)));

        Self(Arc::new(Inner {
            registry,
            objects,
            accounts,
            reconciles,
            reconcile_seconds,
            renewal_lag,
            aws_request_seconds,
            queue_depth,
            leader,
            shards,
        }))
    }

    /// Says where the objects are read at each scrape; the last caller wins.
    pub fn observe(&self, source: impl Fn() -> Snapshot + Send + Sync + 'static) {
        self.0.objects.observe(Arc::new(source));
    }

    /// A reconcile ended.
    pub fn reconcile(&self, outcome: ReconcileResult, seconds: f64) {
        self.0.reconciles.get_or_create(&ReconcileLabels { outcome }).inc();
        self.0.reconcile_seconds.observe(seconds);
    }

    /// A call to AWS ended.
    pub fn aws_request(&self, call: &AwsCall<'_>) {
        self.0.accounts.call(call);
        self.0.aws_request_seconds.observe(call.seconds);
    }

    /// Renewed credentials were published this many seconds after the renewal was due; early is 0.
    pub fn renewal_lag(&self, seconds: f64) {
        self.0.renewal_lag.observe(seconds.max(0.0));
    }

    /// This many objects wait for a reconcile.
    pub fn queue_depth(&self, objects: usize) {
        self.0.queue_depth.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// Whether this process reconciles.
    pub fn leader(&self, leading: bool) {
        self.0.leader.set(i64::from(leading));
    }

    /// The objects are divided into this many shards.
    pub fn shards(&self, number: u32) {
        self.0.shards.set(number.into());
    }

    /// This many roles of an account are orphans.
    pub fn orphan_roles(&self, account: &str, number: u32) {
        self.0.accounts.orphans(account, number);
    }

    /// An object of the account was reconciled, with so many repairs of drift. Zero begins the series from which they rise.
    pub fn drift_repaired(&self, account: &str, times: u64) {
        self.0.accounts.drift_repaired(account, times);
    }

    /// Ends the series of all accounts but these.
    pub fn retain_accounts(&self, alive: &HashSet<String>) {
        self.0.accounts.retain(alive);
    }

    /// The exposition, complete with its end marker.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut exposition = String::new();
        text::encode(&mut exposition, &self.0.registry)?;
        Ok(exposition)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::{SignedDuration, Timestamp};

    use super::*;

    pub(super) const CALL: AwsCall<'_> = AwsCall {
        service: "sts",
        operation: "AssumeRole",
        outcome: CallOutcome::Throttled,
        account: "analytics-prod",
        seconds: 0.3,
    };

    fn lines(exposition: &str, metric: &str) -> Vec<String> {
        exposition.lines().filter(|line| line.starts_with(metric)).map(str::to_owned).collect()
    }

    /// Metrics with at least one series each.
    fn complete() -> Metrics {
        let metrics = Metrics::new(PerObject::Auto);
        metrics.reconcile(ReconcileResult::Settled, 0.02);
        metrics.aws_request(&CALL);
        metrics.orphan_roles("analytics-prod", 2);
        metrics.drift_repaired("analytics-prod", 1);
        metrics.observe(|| {
            let in_an_hour = Some(Timestamp::now() + SignedDuration::from_hours(1));
            let role = RoleSample {
                namespace: "analytics".to_owned(),
                name: "reports-reader".to_owned(),
                account: "analytics-prod".to_owned(),
                ready: true,
                expires_at: in_an_hour,
                renew_at: in_an_hour,
                closed_unverified: false,
            };
            let account = AccountSample { name: "analytics-prod".to_owned(), ready: true };
            Snapshot { roles: vec![role], accounts: vec![account] }
        });
        metrics
    }

    /// Names of the labels in the braces of a line.
    fn labels(line: &str) -> BTreeSet<&str> {
        let inside = line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(inside, _)| inside);
        inside.split(',').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name).collect()
    }

    #[test]
    fn what_is_exposed_is_what_the_list_of_metrics_says_with_type_and_labels() {
        let exposition = complete().render().unwrap();
        let mut seen = BTreeSet::new();
        for metric in catalog::ALL {
            let name = format!("crossaccount_{}", metric.name);
            let kind: &str = metric.kind.into();
            let family = name.strip_suffix("_total").unwrap_or(&name);
            assert!(exposition.contains(&format!("# TYPE {family} {kind}\n")), "{name} is not a {kind}:\n{exposition}");
            assert!(exposition.contains(&format!("# HELP {family} {}.\n", metric.help)), "{name}:\n{exposition}");
            let series: Vec<&str> = exposition
                .lines()
                .filter(|line| {
                    let exposed = line.split(['{', ' ']).next().unwrap_or_default();
                    let parts = ["_bucket", "_sum", "_count"].iter().find_map(|part| exposed.strip_suffix(part));
                    exposed == name || metric.kind == catalog::Kind::Histogram && parts == Some(&name)
                })
                .collect();
            assert!(!series.is_empty(), "nothing is exposed as {name}:\n{exposition}");
            for line in &series {
                let expected: BTreeSet<&str> = metric.labels.iter().copied().collect();
                let labels: BTreeSet<&str> = labels(line).into_iter().filter(|label| *label != "le").collect();
                assert_eq!(labels, expected, "{line}");
            }
            seen.extend(series);
        }
        let unlisted: Vec<&str> =
            exposition.lines().filter(|line| !line.starts_with('#') && !seen.contains(line)).collect();
        assert!(unlisted.is_empty(), "not in the list of metrics: {unlisted:?}");
    }

    #[test]
    fn the_exposition_is_as_recorded() {
        let metrics = Metrics::new(PerObject::Auto);
        metrics.reconcile(ReconcileResult::Settled, 0.02);
        metrics.reconcile(ReconcileResult::Settled, 0.02);
        metrics.aws_request(&CALL);
        metrics.renewal_lag(-3.0);
        metrics.queue_depth(12);
        metrics.leader(true);
        insta::assert_snapshot!(metrics.render().unwrap());
    }

    #[test]
    fn a_process_that_no_longer_leads_says_so() {
        let metrics = Metrics::new(PerObject::Auto);
        metrics.leader(true);
        metrics.clone().leader(false);
        assert_eq!(lines(&metrics.render().unwrap(), "crossaccount_leader"), ["crossaccount_leader 0"]);
    }
}
