//! Programs that use the credentials: which workloads are restarted, which pods still hold an earlier set, and which pods are
//! annotated so that they get the new one at once.

pub mod mounts;
pub mod nudges;
pub mod rollouts;
pub mod stale_pods;
