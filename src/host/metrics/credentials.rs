//! Roles and the expiry of their credentials, computed at each scrape from the objects as they are now.
//!
//! A gauge that is set when something happens goes stale when nothing does, which is when an alert on expiry is needed.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use clap::ValueEnum;
use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Unit,
};

/// Up to this many objects, [`PerObject::Auto`] exposes a series for each: what a scrape every 30 s carries without notice.
const PER_OBJECT_LIMIT: usize = 1_000;

/// Whether there is one expiry series per object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PerObject {
    /// For up to 1,000 objects, then for none.
    Auto,
    /// Always.
    #[value(name = "true")]
    Always,
    /// Never.
    #[value(name = "false")]
    Never,
}

/// What a `CrossAccountRole` contributes to the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSample {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Name of its `AWSAccount`.
    pub account: String,
    /// Whether its condition `Ready` is `True`.
    pub ready: bool,
    /// When the published credentials expire; `None` if there are none.
    pub expires_at: Option<Timestamp>,
}

type Source = Arc<dyn Fn() -> Vec<RoleSample> + Send + Sync>;

/// Encodes the metrics of all roles; none until it has a source.
pub(super) struct RoleCollector {
    per_object: PerObject,
    source: RwLock<Option<Source>>,
}

impl RoleCollector {
    pub(super) fn new(per_object: PerObject) -> Self {
        Self { per_object, source: RwLock::new(None) }
    }

    pub(super) fn observe(&self, source: Source) {
        *self.source.write().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }
}

impl fmt::Debug for RoleCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleCollector").field("per_object", &self.per_object).finish_non_exhaustive()
    }
}

impl Collector for RoleCollector {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let source = self.source.read().unwrap_or_else(PoisonError::into_inner).clone();
        match source {
            Some(source) => encode(encoder, &source(), self.per_object, Timestamp::now()),
            None => Ok(()),
        }
    }
}

fn encode(mut encoder: DescriptorEncoder, roles: &[RoleSample], per_object: PerObject, now: Timestamp) -> fmt::Result {
    let mut counts: BTreeMap<(&str, bool), u64> = BTreeMap::new();
    for role in roles {
        *counts.entry((&role.account, role.ready)).or_default() += 1;
    }
    let mut family = encoder.encode_descriptor(
        "roles",
        "CrossAccountRoles by AWSAccount and by their condition Ready.",
        None,
        MetricType::Gauge,
    )?;
    for ((account, ready), count) in counts {
        let labels = [("account", account), ("ready", if ready { "true" } else { "false" })];
        ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
    }

    if let Some(first) = roles.iter().filter_map(|role| role.expires_at).min() {
        let family = encoder.encode_descriptor(
            "credentials_min_seconds_to_expiry",
            "Seconds until the first of all published credentials expires; negative once it has.",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(first.duration_since(now).as_secs()).encode(family)?;
    }

    let each = match per_object {
        PerObject::Auto => roles.len() <= PER_OBJECT_LIMIT,
        PerObject::Always => true,
        PerObject::Never => false,
    };
    if each {
        let mut family = encoder.encode_descriptor(
            "credentials_expiry_timestamp",
            "When the published credentials of each object expire, in seconds since 1970.",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for role in roles {
            if let Some(expires_at) = role.expires_at {
                let labels = [("namespace", role.namespace.as_str()), ("name", role.name.as_str())];
                ConstGauge::new(expires_at.as_second()).encode(family.encode_family(&labels)?)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    /// Encodes a fixed set of roles at a fixed time.
    #[derive(Debug)]
    struct Fixed(Vec<RoleSample>, PerObject);

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    impl Collector for Fixed {
        fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
            encode(encoder, &self.0, self.1, NOW)
        }
    }

    fn role(name: &str, ready: bool, seconds_left: Option<i64>) -> RoleSample {
        RoleSample {
            namespace: "analytics".to_owned(),
            name: name.to_owned(),
            account: "prod".to_owned(),
            ready,
            expires_at: seconds_left.map(|seconds| NOW + SignedDuration::from_secs(seconds)),
        }
    }

    fn exposition(roles: Vec<RoleSample>, per_object: PerObject) -> String {
        let mut registry = Registry::with_prefix("crossaccount");
        registry.register_collector(Box::new(Fixed(roles, per_object)));
        let mut exposition = String::new();
        text::encode_registry(&mut exposition, &registry).unwrap();
        exposition
    }

    #[test]
    fn roles_are_counted_and_their_expiry_is_exposed() {
        let roles = vec![role("a", true, Some(1800)), role("b", true, Some(-60)), role("c", false, None)];
        insta::assert_snapshot!(exposition(roles, PerObject::Auto));
    }

    #[test]
    fn without_credentials_there_is_no_time_to_expiry_to_alert_on() {
        assert!(!exposition(vec![role("a", false, None)], PerObject::Auto).contains("seconds_to_expiry"));
    }

    #[test]
    fn series_per_object_end_at_the_limit_unless_asked_for() {
        let series = |count: usize, per_object| {
            let roles = (0..count).map(|n| role(&format!("role-{n}"), true, Some(60))).collect();
            exposition(roles, per_object).lines().filter(|line| line.contains("name=\"role-")).count()
        };
        assert_eq!(series(PER_OBJECT_LIMIT, PerObject::Auto), PER_OBJECT_LIMIT);
        assert_eq!(series(PER_OBJECT_LIMIT + 1, PerObject::Auto), 0);
        assert_eq!(series(PER_OBJECT_LIMIT + 1, PerObject::Always), PER_OBJECT_LIMIT + 1);
        assert_eq!(series(1, PerObject::Never), 0);
    }
}
