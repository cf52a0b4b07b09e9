//! Which Lease is at stake, who this process is, and what a Lease says about it.

use std::{env, fs, process, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use sha2::{Digest as _, Sha256};

use crate::controller::settings::Shard;

/// Where a pod finds the name of its namespace.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The operator's namespace by convention, for a process outside of a pod.
const DEFAULT_NAMESPACE: &str = "crossaccount-system";

/// Where and as whom this process runs for leadership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease: one for each shard, or one for all objects if there are no shards.
    pub lease: String,
    /// Who holds it, unique to each start of a process.
    pub identity: String,
}

impl Election {
    /// The election of this process, in the pod's own namespace unless another one is given.
    #[must_use]
    pub fn of_this_process(namespace: Option<String>, shard: Option<Shard>) -> Self {
        Self {
            namespace: namespace.unwrap_or_else(|| own_namespace(fs::read_to_string(POD_NAMESPACE).ok())),
            lease: lease_name(shard),
            identity: identity(&host(), process::id(), Timestamp::now()),
        }
    }

    /// Namespace and name of the Lease, for people.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.lease)
    }
}

fn lease_name(shard: Option<Shard>) -> String {
    match shard {
        Some(shard) => format!("crossaccount-operator-{}-of-{}", shard.index(), shard.count()),
        None => "crossaccount-operator".to_owned(),
    }
}

fn own_namespace(pod: Option<String>) -> String {
    non_blank(pod).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
}

/// A container that restarts has the same host name and the same process id as before; only the time distinguishes them.
fn identity(host: &str, pid: u32, started: Timestamp) -> String {
    format!("{host}_{pid}_{}", started.as_millisecond())
}

/// The name of the host; in a pod, that of the pod.
fn host() -> String {
    non_blank(env::var("HOSTNAME").ok())
        .or_else(|| non_blank(fs::read_to_string("/proc/sys/kernel/hostname").ok()))
        .unwrap_or_else(|| "unknown-host".to_owned())
}

fn non_blank(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Eight hexadecimal digits that tell texts apart where the text itself would be too long or has the wrong characters.
pub(super) fn short_hash(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text).into();
    let [a, b, c, d, ..] = digest;
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// What a Lease says to a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It holds the Lease, and renewed it so long ago.
    Ours { renewed_ago: Duration },
    /// It does not: the name of who does, or `nobody`.
    Other(String),
}

pub(super) fn hold(lease: &Lease, identity: &str, now: Timestamp) -> Hold {
    let spec = lease.spec.as_ref();
    match spec.and_then(|spec| spec.holder_identity.as_deref()) {
        Some(holder) if holder == identity => {
            let renewed = spec.and_then(|spec| spec.renew_time.as_ref()).map_or(Timestamp::UNIX_EPOCH, |time| time.0);
            // A renewal in the future, by a clock that was set back since, is one of just now.
            Hold::Ours { renewed_ago: now.duration_since(renewed).try_into().unwrap_or(Duration::ZERO) }
        }
        other => Hold::Other(other.unwrap_or("nobody").to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use k8s_openapi::{api::coordination::v1::LeaseSpec, apimachinery::pkg::apis::meta::v1::MicroTime};

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn lease(holder: Option<&str>, renewed_seconds_ago: i64) -> Lease {
        let spec = LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            renew_time: Some(MicroTime(NOW - SignedDuration::from_secs(renewed_seconds_ago))),
            ..LeaseSpec::default()
        };
        Lease { spec: Some(spec), ..Lease::default() }
    }

    #[test]
    fn each_shard_has_a_lease_of_its_own() {
        let name = |shard: &str| lease_name(shard.parse().ok());
        assert_eq!(lease_name(None), "crossaccount-operator");
        assert_eq!(name("0/2"), "crossaccount-operator-0-of-2");
        assert_eq!(name("1/2"), "crossaccount-operator-1-of-2");
    }

    #[test]
    fn the_lease_lives_beside_the_pod_or_in_the_operators_namespace() {
        assert_eq!(own_namespace(Some("tools\n".to_owned())), "tools");
        assert_eq!(own_namespace(Some("\n".to_owned())), DEFAULT_NAMESPACE);
        assert_eq!(own_namespace(None), DEFAULT_NAMESPACE);
    }

    #[test]
    fn a_restarted_container_runs_under_a_new_identity() {
        let first = identity("operator-0", 1, NOW);
        assert_eq!(first, "operator-0_1_1800000000000");
        assert_ne!(first, identity("operator-0", 1, NOW + SignedDuration::from_secs(9)));
    }

    #[test]
    fn the_holder_knows_how_long_ago_it_renewed() {
        let ours = |seconds| Hold::Ours { renewed_ago: Duration::from_secs(seconds) };
        assert_eq!(hold(&lease(Some("me"), 5), "me", NOW), ours(5));
        assert_eq!(hold(&lease(Some("me"), -1), "me", NOW), ours(0));
    }

    #[test]
    fn a_holder_that_never_renewed_holds_nothing_worth_keeping() {
        let mut lease = lease(Some("me"), 0);
        lease.spec.as_mut().unwrap().renew_time = None;
        let Hold::Ours { renewed_ago } = hold(&lease, "me", NOW) else { panic!("held by another") };
        assert!(renewed_ago > Duration::from_hours(24));
    }

    #[test]
    fn a_lease_of_others_or_of_nobody_is_not_held() {
        assert_eq!(hold(&lease(Some("them"), 5), "me", NOW), Hold::Other("them".to_owned()));
        assert_eq!(hold(&lease(None, 5), "me", NOW), Hold::Other("nobody".to_owned()));
        assert_eq!(hold(&Lease::default(), "me", NOW), Hold::Other("nobody".to_owned()));
    }
}
