//! A session, asked for and verified.

use jiff::SignedDuration;

use super::credentials::{Views, Wanted};
use super::{Defect, Run};
use crate::api::Reason;
use crate::controller::role::model::effects::{Cut, Trouble};
use crate::controller::role::model::iam::failure;
use crate::controller::state::objects::KnownRole;
use crate::decide::credentials::checks::is_expected;
use crate::decide::credentials::proof::Proof;
use crate::decide::failure::{FailureContext, Phase, Retry, Verdict, verdict};
use crate::domain::{AccountId, CallerIdentity, Credentials, FailureKind, SecretText};

impl Run<'_> {
    /// Mirrors `Pass::assume`. The access key id says of which role the session really is, the token whether it is denied.
    pub(super) fn assume(
        &mut self,
        views: Views<'_>,
        Wanted { known, request }: Wanted<'_>,
        context: FailureContext,
    ) -> Result<Credentials, Cut> {
        let iam = &self.world.iam;
        let external_id = &views.desired.at.external_id;
        let issued = self.effects.attempt(|| {
            let role = iam.role.as_ref().filter(|_| iam.admits_operator(Some(external_id)));
            role.map(|state| state.role.id.clone()).ok_or(FailureKind::Denied)
        });
        let role_id = match issued {
            Ok(role_id) => role_id,
            Err(Trouble::Died) => return Err(Cut::Died),
            Err(Trouble::Failed(kind)) => {
                if kind == FailureKind::Denied && !context.trust_verified {
                    self.pass.compare_again();
                }
                return Err(verdict(Phase::Assume, &failure(kind), context).into());
            }
        };
        let caller = CallerIdentity {
            account: AccountId::parse("222222222222").expect("an account"),
            arn: format!("arn:aws:sts::222222222222:assumed-role/{}/session", known.arn.name),
            user_id: format!("{role_id}:session"),
        };
        if let Err(verdict) = is_expected(&caller, &known.arn, &known.id)
            && !self.is(Defect::PublishesUnverified)
        {
            self.pass.compare_again();
            return Err(verdict.into());
        }
        let text = |text: &str| SecretText::new(text.to_owned());
        Ok(Credentials {
            access_key_id: text(&role_id),
            secret_access_key: text("secret"),
            session_token: text(if self.world.iam.denies_everyone() { "denied" } else { "open" }),
            expires_at: self.pass.now + SignedDuration::from_secs(request.duration_seconds.into()),
        })
    }

    /// Mirrors `Pass::prove_refusal`.
    pub(super) fn prove_refusal(&mut self, views: Views<'_>, known: &KnownRole) -> Result<(), Cut> {
        let propagating = self.step(views).context().propagating;
        let iam = &self.world.iam;
        let answer = self.effects.attempt(|| if iam.admits_operator(None) { Ok(()) } else { Err(FailureKind::Denied) });
        let refused = answer == Err(Trouble::Failed(FailureKind::Denied));
        self.pass.remember(|state| state.proof = if refused { Proof::Proven } else { Proof::Due });
        match answer {
            Err(_) if refused => Ok(()),
            Err(trouble) => Err(trouble.of_aws()),
            Ok(()) => {
                self.pass.compare_again();
                let reason = if propagating { Reason::Propagating } else { Reason::ExternalIdNotEnforced };
                let message = format!("role {} does not require its external id", known.arn);
                Err(Verdict { reason, message, retry: if propagating { Retry::Soon } else { Retry::Slow } }.into())
            }
        }
    }
}
