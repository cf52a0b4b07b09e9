//! Pods that are annotated after a renewal, so that they see the new set at once.
//!
//! A kubelet reads the Secrets of its pods again at each sync of a pod: about once a minute (`syncFrequency`), and whenever the
//! pod changes. Measured with the kubelet's defaults: 2 to 83 seconds without an annotation, 0.1 to 1.5 seconds with one.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, Pod};

use super::mounts::{mounts_of, part};
use crate::api::annotation;

/// By then the kubelet has read the Secret by itself, so an annotation would change nothing.
const USEFUL_FOR: SignedDuration = SignedDuration::from_mins(2);

/// Whether pods gain by an annotation for a set that was issued at that time.
#[must_use]
pub fn is_useful(issued_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(issued_at) < USEFUL_FOR
}

/// Whether a pod is to be annotated: it runs, a container mounts the Secret as a volume, and it has no annotation for this set.
///
/// A pod that takes the Secret only by variables or by a `subPath` mount sees no renewal at all.
#[must_use]
pub fn needs_nudge(pod: &Pod, secret: &str, issued_at: Timestamp) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let is_running = pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
    if !is_running || pod.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let known = pod.metadata.annotations.as_ref().and_then(|all| all.get(annotation::CREDENTIALS_ISSUED_AT));
    if known.is_some_and(|known| *known == issued_at.to_string()) {
        return false;
    }
    let is_updated = |container: &Container| mounts_of(container, spec, secret).any(|mount| part(mount).is_none());
    spec.containers.iter().chain(spec.init_containers.iter().flatten()).any(is_updated)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUED: &str = "2027-01-15T08:00:00Z";

    fn issued() -> Timestamp {
        ISSUED.parse().expect("a time")
    }

    /// A running pod whose container mounts the Secret `aws`, changed by a JSON merge patch.
    fn pod(change: Value) -> Pod {
        let mut pod = json!({
            "metadata": {"name": "app"},
            "spec": {
                "containers": [{"name": "app", "volumeMounts": [{"name": "v", "mountPath": "/aws"}]}],
                "volumes": [{"name": "v", "secret": {"secretName": "aws"}}],
            },
            "status": {"phase": "Running"},
        });
        merge(&mut pod, change);
        serde_json::from_value(pod).expect("a pod")
    }

    fn merge(target: &mut Value, change: Value) {
        match (target, change) {
            (Value::Object(target), Value::Object(change)) => {
                for (key, value) in change {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
            (target, change) => *target = change,
        }
    }

    #[test]
    fn a_running_pod_that_mounts_the_secret_is_annotated_once_for_each_set() {
        let with = |value: &str| json!({"metadata": {"annotations": {(annotation::CREDENTIALS_ISSUED_AT): value}}});
        let mount = |mount: Value| json!({"spec": {"containers": [{"name": "app", "volumeMounts": [mount]}]}});
        let sidecar = json!({"name": "agent", "volumeMounts": [{"name": "v", "mountPath": "/aws"}]});
        let projected = json!([{"name": "v", "projected": {"sources": [{"secret": {"name": "aws"}}]}}]);
        for (what, change, expected) in [
            ("as it is", json!({}), true),
            ("with the annotation of an earlier set", with("2027-01-15T07:30:00Z"), true),
            ("with the annotation of this set", with(ISSUED), false),
            ("pending", json!({"status": {"phase": "Pending"}}), false),
            ("without a status", json!({"status": null}), false),
            ("being deleted", json!({"metadata": {"deletionTimestamp": ISSUED}}), false),
            (
                "with another Secret",
                json!({"spec": {"volumes": [{"name": "v", "secret": {"secretName": "b"}}]}}),
                false,
            ),
            ("with a projected volume", json!({"spec": {"volumes": projected}}), true),
            ("mounted by a subPath", mount(json!({"name": "v", "mountPath": "/aws", "subPath": "config"})), false),
            ("with a volume that is not mounted", mount(json!({"name": "other", "mountPath": "/aws"})), false),
            (
                "mounted by a sidecar only",
                json!({"spec": {"containers": [{"name": "app"}], "initContainers": [sidecar]}}),
                true,
            ),
            (
                "with variables only",
                json!({"spec": {"containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "aws"}}]}]}}),
                false,
            ),
        ] {
            assert_eq!(needs_nudge(&pod(change), "aws", issued()), expected, "{what}");
        }
    }

    #[test]
    fn an_annotation_is_useful_until_the_kubelet_has_read_the_secret_by_itself() {
        let after = |seconds| is_useful(issued(), issued() + SignedDuration::from_secs(seconds));
        assert!(after(-1) && after(0) && after(119));
        assert!(!after(120));
    }
}
