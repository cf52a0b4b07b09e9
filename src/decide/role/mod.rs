//! The IAM role: what it is to become, and the writes that lead there.
//!
//! [`plan`] is the one place that decides about writes to a role, whatever the target: as declared, kept as it is, closed,
//! gone or released. [`denial`] is how sessions lose access, [`trust`] who may begin one.

pub mod change_reason;
pub mod compliance;
pub mod denial;
pub mod describe;
pub mod due;
#[cfg(test)]
pub(crate) mod fixture;
pub mod goal;
pub mod plan;
pub mod step;
pub mod trust;

pub use goal::{Given, Goal, Plan};
pub use plan::plan;
pub use step::Step;
