//! Accounts, roles and the expiry of their credentials, computed at each scrape from the objects as they are now.
//!
//! A gauge that is set when something happens goes stale when nothing does, which is when an alert on expiry is needed. And
//! an object that is gone leaves no series.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use clap::ValueEnum;
use jiff::Timestamp;
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::{
    catalog::{ACCOUNT_READY, CLOSED_UNVERIFIED, FIRST_EXPIRY, MIN_TO_EXPIRY, NEXT_RENEWAL, OBJECT_EXPIRY, ROLES},
    encoding::{family, set},
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
    /// When the operator is to renew them; `None` if it is not to, such as while the object is suspended.
    pub renew_at: Option<Timestamp>,
    /// Whether access is to be closed and the role was not seen closed in AWS.
    pub closed_unverified: bool,
}

/// What an `AWSAccount` contributes to the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSample {
    /// Its name.
    pub name: String,
    /// Whether its condition `Ready` is `True`.
    pub ready: bool,
}

/// The objects of a process at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The objects that it reconciles.
    pub roles: Vec<RoleSample>,
    /// The accounts that it checks.
    pub accounts: Vec<AccountSample>,
}

type Source = Arc<dyn Fn() -> Snapshot + Send + Sync>;

/// Encodes the metrics of all objects; none until it has a source.
pub(super) struct Objects {
    per_object: PerObject,
    source: RwLock<Option<Source>>,
}

impl Objects {
    pub(super) fn new(per_object: PerObject) -> Self {
        Self { per_object, source: RwLock::new(None) }
    }

    pub(super) fn observe(&self, source: Source) {
        *self.source.write().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }
}

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let source = self.source.read().unwrap_or_else(PoisonError::into_inner).clone();
        match source {
            Some(source) => encode(&mut encoder, &source(), self.per_object, Timestamp::now()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("per_object", &self.per_object).finish_non_exhaustive()
    }
}

/// What the objects of one account add up to.
#[derive(Debug, Default)]
struct Sum {
    ready: i64,
    not_ready: i64,
    closed_unverified: i64,
    first_expiry: Option<Timestamp>,
    next_renewal: Option<Timestamp>,
}

impl Sum {
    fn add(&mut self, role: &RoleSample) {
        self.ready += i64::from(role.ready);
        self.not_ready += i64::from(!role.ready);
        self.closed_unverified += i64::from(role.closed_unverified);
        // What is not to be renewed is meant to expire.
        if let Some((renew_at, expires_at)) = role.renew_at.zip(role.expires_at) {
            self.next_renewal = self.next_renewal.into_iter().chain([renew_at]).min();
            self.first_expiry = self.first_expiry.into_iter().chain([expires_at]).min();
        }
    }
}

fn encode(encoder: &mut DescriptorEncoder, objects: &Snapshot, per_object: PerObject, now: Timestamp) -> fmt::Result {
    let Snapshot { roles, accounts } = objects;
    let mut ready = family(encoder, &ACCOUNT_READY)?;
    for account in accounts {
        set(&mut ready, &[("account", &account.name)], account.ready.into())?;
    }
    encode_sums(encoder, roles)?;

    if let Some(first) = roles.iter().filter_map(|role| role.expires_at).min() {
        family(encoder, &MIN_TO_EXPIRY)?.encode_gauge(&first.duration_since(now).as_secs())?;
    }

    let each = match per_object {
        PerObject::Auto => roles.len() <= PER_OBJECT_LIMIT,
        PerObject::Always => true,
        PerObject::Never => false,
    };
    if each {
        let mut family = family(encoder, &OBJECT_EXPIRY)?;
        for role in roles {
            if let Some(expires_at) = role.expires_at {
                let labels = [("namespace", role.namespace.as_str()), ("name", role.name.as_str())];
                set(&mut family, &labels, expires_at.as_second())?;
            }
        }
    }
    Ok(())
}

/// The metrics that have one series for each account.
fn encode_sums(encoder: &mut DescriptorEncoder, roles: &[RoleSample]) -> fmt::Result {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for role in roles {
        sums.entry(&role.account).or_default().add(role);
    }
    let mut counts = family(encoder, &ROLES)?;
    for (account, sum) in &sums {
        for (ready, count) in [("false", sum.not_ready), ("true", sum.ready)] {
            set(&mut counts, &[("account", account), ("ready", ready)], count)?;
        }
    }
    let mut unverified = family(encoder, &CLOSED_UNVERIFIED)?;
    for (account, sum) in &sums {
        set(&mut unverified, &[("account", account)], sum.closed_unverified)?;
    }
    let mut expiries = family(encoder, &FIRST_EXPIRY)?;
    for (account, first) in sums.iter().filter_map(|(account, sum)| Some((account, sum.first_expiry?))) {
        set(&mut expiries, &[("account", account)], first.as_second())?;
    }
    let mut renewals = family(encoder, &NEXT_RENEWAL)?;
    for (account, next) in sums.iter().filter_map(|(account, sum)| Some((account, sum.next_renewal?))) {
        set(&mut renewals, &[("account", account)], next.as_second())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    /// Encodes fixed objects at a fixed time.
    #[derive(Debug)]
    struct Fixed(Snapshot, PerObject);

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    impl Collector for Fixed {
        fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
            encode(&mut encoder, &self.0, self.1, NOW)
        }
    }

    fn role(name: &str, ready: bool, seconds_left: Option<i64>) -> RoleSample {
        RoleSample {
            namespace: "analytics".to_owned(),
            name: name.to_owned(),
            account: "prod".to_owned(),
            ready,
            expires_at: seconds_left.map(|seconds| NOW + SignedDuration::from_secs(seconds)),
            renew_at: seconds_left.map(|seconds| NOW + SignedDuration::from_secs(seconds - 1200)),
            closed_unverified: false,
        }
    }

    fn exposition(roles: Vec<RoleSample>, per_object: PerObject) -> String {
        let mut registry = Registry::with_prefix("crossaccount");
        let accounts = vec![AccountSample { name: "prod".to_owned(), ready: true }];
        registry.register_collector(Box::new(Fixed(Snapshot { roles, accounts }, per_object)));
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
    fn what_is_not_to_be_renewed_is_not_the_first_to_expire() {
        let series = |roles| {
            let exposition = exposition(roles, PerObject::Never);
            let lines = exposition.lines().filter(|line| line.contains("_timestamp_seconds{"));
            lines.map(|line| line.trim_start_matches("crossaccount_").to_owned()).collect::<Vec<_>>()
        };
        let suspended = RoleSample { renew_at: None, ..role("suspended", true, Some(60)) };
        assert!(series(vec![suspended.clone()]).is_empty());
        assert_eq!(
            series(vec![suspended, role("b", true, Some(2000)), role("c", true, Some(3000))]),
            [
                "first_expiry_timestamp_seconds{account=\"prod\"} 1800002000",
                "next_renewal_timestamp_seconds{account=\"prod\"} 1800000800",
            ]
        );
    }

    #[test]
    fn roles_that_were_not_seen_closed_are_counted_and_their_series_falls_back_to_zero() {
        let count = |closed_unverified| {
            let exposition =
                exposition(vec![RoleSample { closed_unverified, ..role("a", false, None) }], PerObject::Never);
            exposition.lines().find(|line| line.starts_with("crossaccount_closed_unverified_roles{")).map(str::to_owned)
        };
        assert_eq!(count(true), Some("crossaccount_closed_unverified_roles{account=\"prod\"} 1".to_owned()));
        assert_eq!(count(false), Some("crossaccount_closed_unverified_roles{account=\"prod\"} 0".to_owned()));
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
