//! Pods that mount the Secret are annotated after a renewal, beside the pass: nothing waits for it, and nothing fails with it.

use std::time::Duration;

use jiff::Timestamp;

use super::pass::Pass;
use crate::controller::answer_of;

/// After that time the kubelets have read the Secret by themselves.
const TIME_LIMIT: Duration = Duration::from_mins(1);

impl Pass<'_> {
    /// Begins to annotate pods. Each is tried once for a set; what fails is logged once for all of them.
    pub(super) fn nudge(&self, pods: Vec<String>, issued_at: Timestamp) {
        if pods.is_empty() {
            return;
        }
        let (cluster, object, count) = (self.ctx.cluster.clone(), self.object.clone(), pods.len());
        tokio::spawn(async move {
            let (namespace, name) = (object.namespace.as_str(), object.name.as_str());
            let Ok(failures) = tokio::time::timeout(TIME_LIMIT, cluster.nudge(namespace, pods, issued_at)).await else {
                let seconds = TIME_LIMIT.as_secs();
                tracing::warn!(namespace, name, count, seconds, "annotating pods took too long and was given up");
                return;
            };
            if let Some(error) = failures.first().map(answer_of) {
                let failed = failures.len();
                tracing::warn!(
                    namespace,
                    name,
                    failed,
                    count,
                    error,
                    "pods were not annotated; they see the new credentials in about 90 seconds. Allow the operator to patch pods, or \
                     set --nudge-pods=false"
                );
            } else {
                tracing::debug!(namespace, name, count, "pods were annotated");
            }
        });
    }
}
