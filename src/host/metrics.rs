//! Metrics in the `OpenMetrics` text format, under the prefix `crossaccount_`.
//!
//! Labels have few values: names of objects appear only in the per-object expiry, which is bounded (see [`PerObject`]).

mod credentials;

use std::{fmt, sync::Arc};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use strum::IntoStaticStr;

use self::credentials::RoleCollector;
pub use self::credentials::{PerObject, RoleSample};

/// From a cache hit to the longest that a reconcile may take.
const RECONCILE_BUCKETS: [f64; 11] = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
/// From a nearby endpoint to a call with all of its retries.
const AWS_REQUEST_BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// From on time, over the 20 minutes before expiry that renewal aims to keep, to the longest session.
const RENEWAL_LAG_BUCKETS: [f64; 9] = [1.0, 5.0, 15.0, 60.0, 300.0, 600.0, 1200.0, 3600.0, 43200.0];

/// How a reconcile ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ReconcileResult {
    /// The object is as declared; nothing to do until the next renewal.
    Settled,
    /// On the way: it will be tried again without anybody's help.
    Progressing,
    /// Nothing will change without someone.
    Stalled,
    /// The reconcile itself broke off, for example because the status could not be written.
    Failed,
}

/// How a call to AWS ended, after the retries of the SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum CallOutcome {
    /// AWS did what was asked.
    Ok,
    /// Too many calls: `Throttling` and its kin.
    Throttled,
    /// Not permitted: `AccessDenied` and its kin.
    Denied,
    /// Any other answer that refuses the request, such as `NoSuchEntity` or `ValidationError`.
    Rejected,
    /// No usable answer: the service failed, could not be reached or took too long.
    Unavailable,
}

/// One finished call to AWS.
#[derive(Debug, Clone, Copy)]
pub struct AwsCall<'a> {
    /// The service, as in its endpoint: `iam` or `sts`.
    pub service: &'static str,
    /// The operation, as in the API reference: `AssumeRole`.
    pub operation: &'static str,
    /// How it ended.
    pub outcome: CallOutcome,
    /// Name of the `AWSAccount` on whose behalf the call was made; empty for the operator's own identity.
    pub account: &'a str,
    /// How long it took with all retries, in seconds.
    pub seconds: f64,
}

/// Records what happens. Cheap to clone; every clone is the same record.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    roles: Arc<RoleCollector>,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_seconds: Histogram,
    renewal_lag: Histogram,
    aws_requests: Family<AwsLabels, Counter>,
    aws_request_seconds: Histogram,
    queue_depth: Gauge,
    leader: Gauge,
    orphans: Family<AccountLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    outcome: ReconcileResult,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AwsLabels {
    service: &'static str,
    operation: &'static str,
    outcome: CallOutcome,
    account: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountLabels {
    account: String,
}

impl EncodeLabelValue for ReconcileResult {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        <&str>::from(self).encode(encoder)
    }
}

impl EncodeLabelValue for CallOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        <&str>::from(self).encode(encoder)
    }
}

impl Metrics {
    /// Empty metrics.
    #[must_use]
    pub fn new(per_object: PerObject) -> Self {
        let roles = Arc::new(RoleCollector::new(per_object));
        let reconciles = Family::default();
        let reconcile_seconds = Histogram::new(RECONCILE_BUCKETS);
        let renewal_lag = Histogram::new(RENEWAL_LAG_BUCKETS);
        let aws_requests = Family::default();
        let aws_request_seconds = Histogram::new(AWS_REQUEST_BUCKETS);
        let queue_depth = Gauge::default();
        let leader = Gauge::default();

        // The library appends the unit to the name, `_total` to a counter's, and a full stop to each help text.
        let mut registry = Registry::with_prefix("crossaccount");
        registry.register("reconciles", "Finished reconciles", Family::clone(&reconciles));
        registry.register_with_unit("reconcile", "Duration of a reconcile", Unit::Seconds, reconcile_seconds.clone());
        registry.register_with_unit(
            "renewal_lag",
            "How long after its due time a renewal was published",
            Unit::Seconds,
            renewal_lag.clone(),
        );
        registry.register("aws_requests", "Finished calls to AWS, retries counted once", Family::clone(&aws_requests));
        registry.register_with_unit(
            "aws_request",
            "Duration of a call to AWS with its retries",
            Unit::Seconds,
            aws_request_seconds.clone(),
        );
        registry.register("queue_depth", "Objects that wait for a reconcile", queue_depth.clone());
        registry.register("leader", "1 while this process reconciles, 0 while it stands by", leader.clone());
        let orphans = Family::default();
        let help = "Roles with this cluster's tags whose CrossAccountRole does not exist, at the last look for drift";
        registry.register("orphan_roles", help, Family::clone(&orphans));
        registry.register_collector(Box::new(Arc::clone(&roles)));

        Self(Arc::new(Inner {
            registry,
            roles,
            reconciles,
            reconcile_seconds,
            renewal_lag,
            aws_requests,
            aws_request_seconds,
            queue_depth,
            leader,
            orphans,
        }))
    }

    /// Says where the roles and the expiry of their credentials are read at each scrape; the last caller wins.
    pub fn observe_roles(&self, source: impl Fn() -> Vec<RoleSample> + Send + Sync + 'static) {
        self.0.roles.observe(Arc::new(source));
    }

    /// A reconcile ended.
    pub fn reconcile(&self, outcome: ReconcileResult, seconds: f64) {
        self.0.reconciles.get_or_create(&ReconcileLabels { outcome }).inc();
        self.0.reconcile_seconds.observe(seconds);
    }

    /// A call to AWS ended.
    pub fn aws_request(&self, call: &AwsCall<'_>) {
        let AwsCall { service, operation, outcome, account, seconds } = *call;
        let labels = AwsLabels { service, operation, outcome, account: account.to_owned() };
        self.0.aws_requests.get_or_create(&labels).inc();
        self.0.aws_request_seconds.observe(seconds);
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

    /// This many roles of an account are orphans; none once the account is gone.
    pub fn orphan_roles(&self, account: &str, number: Option<u32>) {
        let labels = AccountLabels { account: account.to_owned() };
        match number {
            Some(number) => drop(self.0.orphans.get_or_create(&labels).set(number.into())),
            None => drop(self.0.orphans.remove(&labels)),
        }
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
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    const CALL: AwsCall<'_> = AwsCall {
        service: "sts",
        operation: "AssumeRole",
        outcome: CallOutcome::Throttled,
        account: "analytics-prod",
        seconds: 0.3,
    };

    fn lines(exposition: &str, metric: &str) -> Vec<String> {
        exposition.lines().filter(|line| line.starts_with(metric)).map(str::to_owned).collect()
    }

    #[test]
    fn every_metric_has_the_documented_name() {
        let metrics = Metrics::new(PerObject::Auto);
        metrics.reconcile(ReconcileResult::Settled, 0.02);
        metrics.aws_request(&CALL);
        metrics.orphan_roles("analytics-prod", Some(2));
        metrics.observe_roles(|| {
            vec![RoleSample {
                namespace: "analytics".to_owned(),
                name: "reports-reader".to_owned(),
                account: "analytics-prod".to_owned(),
                ready: true,
                expires_at: Some(Timestamp::now() + SignedDuration::from_hours(1)),
            }]
        });
        let exposition = metrics.render().unwrap();
        let mut names: Vec<_> = exposition
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['{', ' ']).next())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(
            names,
            [
                "crossaccount_aws_request_seconds_bucket",
                "crossaccount_aws_request_seconds_count",
                "crossaccount_aws_request_seconds_sum",
                "crossaccount_aws_requests_total",
                "crossaccount_credentials_expiry_timestamp_seconds",
                "crossaccount_credentials_min_seconds_to_expiry",
                "crossaccount_leader",
                "crossaccount_orphan_roles",
                "crossaccount_queue_depth",
                "crossaccount_reconcile_seconds_bucket",
                "crossaccount_reconcile_seconds_count",
                "crossaccount_reconcile_seconds_sum",
                "crossaccount_reconciles_total",
                "crossaccount_renewal_lag_seconds_bucket",
                "crossaccount_renewal_lag_seconds_count",
                "crossaccount_renewal_lag_seconds_sum",
                "crossaccount_roles",
            ]
        );
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
