//! Programs that use the credentials: who is restarted, and whose pods still hold an earlier set.

pub mod rollouts;
pub mod stale_pods;
