//! Workloads, restarted by an annotation on their pod template.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::Cluster;
use crate::api::{CrossAccountRole, FIELD_MANAGER, RolloutRestart, WorkloadKind, annotation};
use crate::decide::workloads::rollouts::Workload;

/// A workload as found.
#[derive(Clone, Debug)]
pub struct ObservedWorkload {
    /// What its restart is decided by.
    pub state: Workload,
    resource_version: Option<String>,
}

impl Cluster {
    /// A workload in the namespace of its object; none if there is no such workload.
    pub async fn workload(
        &self,
        role: &CrossAccountRole,
        declared: &RolloutRestart,
    ) -> kube::Result<Option<ObservedWorkload>> {
        let found = self.workloads_of(role, declared.kind).get_opt(&declared.name).await?;
        Ok(found.map(|workload| {
            let annotations = &workload.data["spec"]["template"]["metadata"]["annotations"];
            // A value that is not a time counts as absent: the workload is restarted once more and then has a valid one.
            let restarted_for = annotations[annotation::RESTARTED_FOR].as_str().and_then(|text| text.parse().ok());
            let created_at = workload.creation_timestamp().map(|time| time.0);
            let resource_version = workload.resource_version();
            ObservedWorkload { state: Workload { created_at, restarted_for }, resource_version }
        }))
    }

    /// Annotates the pod template, at which Kubernetes replaces the pods as the workload's own strategy says.
    ///
    /// A merge patch of this one key, as `kubectl rollout restart` does it, and no server-side apply: the template is
    /// somebody else's. So no field of theirs is claimed or forced, GitOps tools see none changed that they declare, and
    /// `kubectl rollout undo` takes the annotation back with the revision it belongs to. An apply would also create what was
    /// deleted meanwhile. The version that was read must still be the present one, so that a later set's time is never
    /// overwritten by an earlier one's.
    pub async fn restart(
        &self,
        role: &CrossAccountRole,
        declared: &RolloutRestart,
        found: &ObservedWorkload,
        issued_at: Timestamp,
    ) -> kube::Result<()> {
        let patch = json!({
            "metadata": {"resourceVersion": found.resource_version},
            "spec": {"template": {"metadata": {"annotations": {(annotation::RESTARTED_FOR): issued_at.to_string()}}}},
        });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.workloads_of(role, declared.kind).patch(&declared.name, &params, &Patch::Merge(patch)).await.map(drop)
    }

    fn workloads_of(&self, role: &CrossAccountRole, kind: WorkloadKind) -> Api<DynamicObject> {
        let resource = match kind {
            WorkloadKind::Deployment => ApiResource::erase::<Deployment>(&()),
            WorkloadKind::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
            WorkloadKind::DaemonSet => ApiResource::erase::<DaemonSet>(&()),
        };
        Api::namespaced_with(self.client.clone(), &role.namespace().unwrap_or_default(), &resource)
    }
}
