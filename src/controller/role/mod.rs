//! One pass over a `CrossAccountRole`: read what Kubernetes says, decide the target, reach it in AWS, publish.
//!
//! [`reconcile`] is the driver. [`pass`] carries what every step needs. Then one file per part, in the order in which they
//! run: [`iam_role`], [`grants`], [`credentials`], [`workloads`], [`usage`], [`publish`]; and [`cleanup`] for an object that is deleted.

mod apply;
mod cleanup;
mod close;
mod comparison;
mod confirm;
mod credentials;
mod first_session;
pub mod grants;
mod iam_role;
mod issue;
#[cfg(test)]
mod model;
mod nudge;
mod outcome;
mod pass;
mod publish;
pub mod reconcile;
mod references;
mod secret_cleanup;
mod usage;
mod workloads;
