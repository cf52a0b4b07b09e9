//! What a pod runs: `crossaccount-agent` hands the mounted credentials to programs in the two ways that AWS SDKs ask.
//!
//! `credential-process` prints them, for `credential_process` in a configuration file. `serve` answers HTTP on loopback,
//! for programs in images that have neither a shell nor this binary. Both read the mount anew each time and hand out a
//! whole set or nothing. It knows no Kubernetes and no AWS; `tests/architecture.rs` enforces it.

pub mod args;
pub mod run;

mod answer;
mod check;
mod install;
mod loopback;
mod mounted;
mod serve;
mod token;

pub use check::CheckError;
pub use install::InstallError;
pub use loopback::Loopback;
pub use mounted::{Defect, MountedSet, Unusable};
pub use serve::{HEALTH, PATH, ServeError};
pub use token::{TokenError, TokenFile};
