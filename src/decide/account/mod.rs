//! An `AWSAccount`: the way into it, who may use it, and whether it can be worked in.

pub mod access;
pub mod allowed;
pub mod orphans;
pub mod partition;
pub mod readiness;
pub mod status;
