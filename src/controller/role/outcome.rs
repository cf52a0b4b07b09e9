//! What the part of a pass that is about the role leaves to the parts after it.

use crate::aws::IssuedSession;
use crate::controller::state::objects::KnownRole;
use crate::decide::Refusal;
use crate::decide::failure::Verdict;
use crate::decide::role::denial::Denied;
use crate::domain::IamRoleState;

/// A session that AWS confirmed to be what was asked for.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The session.
    pub session: IssuedSession,
    /// The caller by AWS's word.
    pub caller_arn: String,
}

/// What was found and done.
#[derive(Debug, Default)]
pub struct RoleOutcome {
    /// The role, if it may be assumed.
    pub known: Option<KnownRole>,
    /// The role in AWS, if it was read in this pass.
    pub read: Option<IamRoleState>,
    /// Whether the trust policy was compared in this pass, and is as declared.
    pub trust_verified: bool,
    /// Whether a problem of the role keeps new credentials from being issued.
    pub role_failing: bool,
    /// Which sessions are denied, as far as this process knows.
    pub denied: Denied,
    /// The session that was requested while the policies of a new role were written, or why there is none.
    pub first_session: Option<Result<Verified, Verdict>>,
    /// Why access is closed, if it is.
    pub closed: Option<Refusal>,
    /// Whether it is to be closed, and the role was not seen closed in AWS.
    pub unclosed: bool,
}
