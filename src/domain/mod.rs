//! Pure values that cannot be wrong: a value is checked when it is made, and not again.
//!
//! Nothing here is async, reads a clock or knows a client; `tests/architecture.rs` enforces it.

mod access;
mod account;
mod arn;
mod aws_failure;
mod caller;
mod credentials;
mod external_id;
mod glob;
mod grantee;
mod hash;
mod iam_role;
mod identity;
mod ownership;
mod partition;
mod principal;
mod session;
mod time;
mod usage;

pub mod kubernetes;
pub mod policy;
pub mod tag;

pub use access::{AccountAccess, Hop};
pub use account::{AccountId, Region};
pub use arn::{Arn, ArnError, PolicyArn, RoleArn, RoleName, RolePath};
pub use aws_failure::{AwsFailure, FailureKind};
pub use caller::{BaseIdentity, CallerIdentity};
pub use credentials::{Credentials, SecretText};
pub use external_id::ExternalId;
pub use glob::glob_covers;
pub use grantee::{Grantee, GranteeKey, GranteeKind};
pub use hash::{digest_hex, jitter, truncate_with_hash};
pub use iam_role::{DesiredRole, INLINE_QUOTA_OF_ROLE, IamRole, IamRoleState, RoleSettings};
pub use identity::{ObjectIdentity, default_role_name};
pub use ownership::{Owner, Ownership, RoleTags};
pub use partition::{Partition, partition_of_arn};
pub use principal::{Principal, is_unique_id};
pub use session::{SessionName, SessionRequest};
pub use time::whole_seconds;
pub use usage::{UsageReport, UsedService};
