//! What is counted for each account. All of it is forgotten at once when the account is gone, so that no series outlives it.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::counter::ConstCounter,
};

use super::{
    catalog::{AWS_REQUESTS, DRIFT_REPAIRS, ORPHAN_ROLES},
    encoding::{family, set},
    outcomes::{AwsCall, CallOutcome},
};

/// The calls of one account that ended in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Calls {
    service: &'static str,
    operation: &'static str,
    outcome: CallOutcome,
}

/// What is counted for one account.
#[derive(Debug, Default)]
struct Counted {
    calls: BTreeMap<Calls, u64>,
    /// None until an object of the account was reconciled.
    drift_repairs: Option<u64>,
    /// None until the account was looked at for drift.
    orphans: Option<u32>,
}

/// The counts of all accounts, by the name of the `AWSAccount`; empty is the operator's own identity.
#[derive(Debug, Default)]
pub(super) struct AccountCounts(Mutex<BTreeMap<String, Counted>>);

impl AccountCounts {
    pub fn call(&self, call: &AwsCall<'_>) {
        let AwsCall { service, operation, outcome, account, seconds: _ } = *call;
        *self
            .lock()
            .entry(account.to_owned())
            .or_default()
            .calls
            .entry(Calls { service, operation, outcome })
            .or_default() += 1;
    }

    pub fn drift_repaired(&self, account: &str, times: u64) {
        *self.lock().entry(account.to_owned()).or_default().drift_repairs.get_or_insert_default() += times;
    }

    pub fn orphans(&self, account: &str, number: u32) {
        self.lock().entry(account.to_owned()).or_default().orphans = Some(number);
    }

    /// Forgets all accounts but these and the operator's own identity.
    pub fn retain(&self, alive: &HashSet<String>) {
        self.lock().retain(|account, _| account.is_empty() || alive.contains(account));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Counted>> {
        // A panic while locked leaves the map whole: each change is of one plain value.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for AccountCounts {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let accounts = self.lock();
        let mut requests = family(&mut encoder, &AWS_REQUESTS)?;
        for (account, counted) in accounts.iter() {
            for (Calls { service, operation, outcome }, number) in &counted.calls {
                let labels = [
                    ("service", *service),
                    ("operation", *operation),
                    ("outcome", outcome.into()),
                    ("account", account.as_str()),
                ];
                ConstCounter::new(*number).encode(requests.encode_family(&labels)?)?;
            }
        }
        let mut repairs = family(&mut encoder, &DRIFT_REPAIRS)?;
        for (account, counted) in accounts.iter() {
            if let Some(number) = counted.drift_repairs {
                ConstCounter::new(number).encode(repairs.encode_family(&[("account", account.as_str())])?)?;
            }
        }
        let mut orphans = family(&mut encoder, &ORPHAN_ROLES)?;
        for (account, counted) in accounts.iter() {
            if let Some(number) = counted.orphans {
                set(&mut orphans, &[("account", account)], number.into())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::metrics::{Metrics, PerObject, tests::CALL};

    #[test]
    fn no_series_of_an_account_outlives_it() {
        let metrics = Metrics::new(PerObject::Auto);
        for account in ["gone", "prod", ""] {
            metrics.aws_request(&AwsCall { account, ..CALL });
        }
        metrics.drift_repaired("gone", 1);
        metrics.orphan_roles("gone", 2);
        assert_eq!(metrics.render().unwrap().matches("account=\"gone\"").count(), 3);
        metrics.retain_accounts(&HashSet::from(["prod".to_owned()]));
        let exposition = metrics.render().unwrap();
        assert!(!exposition.contains("gone"), "{exposition}");
        assert!(exposition.contains("account=\"prod\"") && exposition.contains("account=\"\""), "{exposition}");
    }

    #[test]
    fn an_account_without_drift_has_a_series_that_can_rise_from_zero() {
        let metrics = Metrics::new(PerObject::Auto);
        let series = || {
            let exposition = metrics.render().unwrap();
            exposition
                .lines()
                .filter(|line| line.starts_with("crossaccount_drift_repairs_total"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert!(series().is_empty());
        metrics.drift_repaired("prod", 0);
        assert_eq!(series(), ["crossaccount_drift_repairs_total{account=\"prod\"} 0"]);
        metrics.drift_repaired("prod", 2);
        assert_eq!(series(), ["crossaccount_drift_repairs_total{account=\"prod\"} 2"]);
    }
}
