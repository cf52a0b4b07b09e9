//! A role that is new: its first session is requested while its policies are written, since neither needs the other.
//!
//! The session is published only after all of the role is as declared, as any other.

use super::apply::Applied;
use super::issue::Entry;
use super::outcome::Verified;
use super::pass::Pass;
use crate::controller::manager::ManagedAccount;
use crate::controller::state::objects::KnownRole;
use crate::decide::failure::{FailureContext, Verdict};
use crate::decide::role::Plan;
use crate::decide::target::desired::Desired;
use crate::domain::IamRoleState;

impl Pass<'_> {
    /// Executes a plan that creates the role.
    pub(super) async fn create(&self, account: &ManagedAccount<'_>, desired: &Desired, plan: Plan) -> Applied {
        let role = &desired.at.role_arn;
        let (creation, rest) = plan.split_creation();
        let created = self.apply(account, role, &creation, None).await;
        let Some(state) = created.state.clone().filter(|_| created.failure.is_none()) else { return created };
        let session = self.request_first_session(desired, &state);
        let (applied, first_session) = tokio::join!(self.apply(account, role, &rest, Some(state.clone())), session);
        Applied { first_session, ..created.followed_by(applied) }
    }

    /// None if the declaration asks for no session that can be requested.
    async fn request_first_session(
        &self,
        desired: &Desired,
        state: &IamRoleState,
    ) -> Option<Result<Verified, Verdict>> {
        let known = KnownRole { arn: state.role.arn.clone(), id: state.role.id.clone() };
        let entry = Entry { at: &desired.at, known: &known, request: desired.session.as_ref().ok()? };
        let context = FailureContext { propagating: true, ..FailureContext::default() };
        Some(self.request(entry, context, self.ctx.external_id_self_test).await)
    }
}
