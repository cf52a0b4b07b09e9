//! An AWS for benchmarks: it answers the calls that the operator makes from memory, in microseconds, and judges almost
//! nothing.
//!
//! The emulator of the tests enforces signatures and policies. It is a Python process that would compete with the operator
//! for the same cores, and it has no limits per account. This one checks no signature and no permission. It keeps
//! roles as IAM does, it refuses `AssumeRole` without the right external id, and it has the limits and failures that
//! decide how an operator behaves under load: see [`Faults`].
//!
//! ```ignore
//! let aws = FakeAws::start()?;
//! let manager = aws.open_account("200000000000");
//! aws.faults().latency(Duration::from_millis(20));
//! aws.faults().limit(Some(Rate { per_second: 10.0, burst: 20.0 }));
//! ```

mod bucket;
mod client;
mod faults;
mod iam;
mod roles;
mod server;
mod sts;
mod tally;
#[cfg(test)]
mod tests;
mod words;

use std::{io, sync::Arc};

use aws_sdk_sts::config::Credentials;

pub use self::{
    bucket::Rate,
    client::{AwsClient, element},
    faults::{Faults, Mood},
    roles::NewRole,
    tally::{AwsCalls, CallKey},
};
use self::{roles::State, tally::Tally};
use super::{loopback::Loopback, rules::locked};

/// The account of the operator.
pub const HOME: &str = "100000000000";
/// The access key of the operator's own identity.
const OPERATOR_KEY: &str = "AKIAOPERATOR00000000";
/// Name of the role by which the operator manages an account.
pub const MANAGER: &str = "crossaccount-manager";
/// What that role asks from those who assume it.
pub const MANAGER_EXTERNAL_ID: &str = "7d1f0a";

/// A running server. It stops when dropped.
pub struct FakeAws {
    shared: Arc<Shared>,
    loopback: Loopback,
}

/// What the handle and the server both hold.
#[derive(Default)]
struct Shared {
    state: std::sync::Mutex<State>,
    faults: Faults,
    tally: Tally,
}

impl FakeAws {
    /// Starts one on a free loopback port, with the operator's own identity and no other account.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start() -> io::Result<Self> {
        let (loopback, shared) = Loopback::start("fake-aws", || {
            let shared = Arc::new(Shared::default());
            io::Result::Ok((shared.clone(), server::answering(shared)))
        })?;
        let operator = format!("arn:aws:iam::{HOME}:user/crossaccount-operator");
        locked(&shared.state).add_caller(OPERATOR_KEY, HOME, &operator, "AIDAOPERATOR00000000");
        Ok(Self { shared, loopback })
    }

    /// The URL to give to clients as `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.loopback.address())
    }

    /// The operator's own identity.
    pub fn operator(&self) -> Credentials {
        Credentials::new(OPERATOR_KEY, "secret", None, None, "bench")
    }

    /// A client that signs nothing and parses nothing, for what the same calls cost without an operator.
    pub fn client(&self) -> AwsClient {
        AwsClient::new(self.endpoint(), OPERATOR_KEY)
    }

    /// Makes an account with a manager role, and gives the ARN of that role.
    pub fn open_account(&self, account: &str) -> String {
        let manager = NewRole { account, path: "/", name: MANAGER, external_id: Some(MANAGER_EXTERNAL_ID) };
        locked(&self.shared.state).add_role(manager)
    }

    /// Makes a role as somebody else would, with one inline and one managed policy, and gives its ARN.
    pub fn add_role(&self, role: NewRole<'_>) -> String {
        locked(&self.shared.state).add_role_with_policies(role)
    }

    /// Number of roles in all accounts, managers included.
    pub fn roles(&self) -> usize {
        locked(&self.shared.state).count()
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The calls since the start or the last [`reset_calls`](Self::reset_calls).
    pub fn calls(&self) -> AwsCalls {
        self.shared.tally.calls()
    }

    /// Forgets the calls so far.
    pub fn reset_calls(&self) {
        self.shared.tally.clear();
    }
}
