//! Effects on AWS: the calls we make, who we make them as, and what their errors mean.
//!
//! [`Iam`], [`GranteeIam`] and [`Sts`] hold exactly the calls in use. [`Gateway`] hands them out: as the operator's base identity, or
//! as the manager of an account at the end of its chain of roles.

mod api;
mod base_identity;
mod call;
mod chain;
mod config;
mod error_codes;
mod gateway;
mod grantee;
mod iam;
mod sts;

pub use api::{AssumeRole, Iam, IssuedSession, Sts};
pub use chain::ChainFailure;
pub use gateway::Gateway;
pub use grantee::{GranteeIam, InlinePolicy};
