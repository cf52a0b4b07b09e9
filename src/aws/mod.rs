//! Effects on AWS: the calls we make, who we make them as, and what their errors mean.
//!
//! [`IamClient`] and [`StsClient`] hold exactly the calls in use. [`AwsClients`] hands them out: as the operator's base
//! identity, as the manager of an account at the end of its chain of roles, or as a session that was just issued.

mod all_roles;
mod base_identity;
mod call;
mod cause;
mod clients;
mod clock;
mod config;
mod error_codes;
mod grantee;
mod http;
mod iam;
mod iam_answers;
mod identity_policies;
mod limits;
mod own_credentials;
mod redact;
mod role_chain;
mod sts;
mod usage;

pub use clients::AwsClients;
pub use grantee::InlinePolicy;
pub use iam::IamClient;
pub use redact::redact;
pub use role_chain::ChainFailure;
pub use sts::{AssumeRole, IssuedSession, StsClient};
