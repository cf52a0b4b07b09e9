//! The part of a pass that is about the credentials.

use std::sync::Arc;

use super::{Defect, Run};
use crate::api::Reason;
use crate::cluster::{ObservedSecret, manifest};
use crate::controller::role::credentials::{CredentialsStep, published_before};
use crate::controller::role::model::effects::{Cut, Trouble};
use crate::controller::role::model::iam::failure;
use crate::controller::role::outcome::RoleOutcome;
use crate::controller::role::secret_cleanup::secret_stays;
use crate::controller::state::objects::KnownRole;
use crate::decide::Refusal;
use crate::decide::credentials::checks::{check_expires_later, is_expected};
use crate::decide::credentials::proof::Proof;
use crate::decide::credentials::published::PublishedCredentials;
use crate::decide::credentials::reissue::{Cause, Input, needs_new};
use crate::decide::failure::{FailureContext, Phase, Retry, Verdict, verdict};
use crate::decide::status::{CredentialsFacts, Outcome};
use crate::decide::target::desired::Desired;
use crate::domain::{AccountId, CallerIdentity, Credentials, FailureKind, SecretText, SessionRequest};
use jiff::SignedDuration;

/// Why the part ended without a set that is all right.
enum Stop {
    Kept,
    Cut(Cut),
}

impl<T: Into<Cut>> From<T> for Stop {
    fn from(cut: T) -> Self {
        Self::Cut(cut.into())
    }
}

/// What the part looks at.
#[derive(Clone, Copy)]
struct Views<'a> {
    desired: &'a Desired,
    role: &'a RoleOutcome,
    secret: &'a ObservedSecret,
}

impl Run<'_> {
    fn secret(&self) -> ObservedSecret {
        let object = self.world.objects[self.who].as_ref();
        object.map_or(ObservedSecret::Absent, |object| object.observed_secret(self.pass.role))
    }

    /// Mirrors `Pass::reconcile_credentials`.
    pub(super) fn reconcile_credentials(&mut self, desired: &Desired, role: &RoleOutcome) -> Result<(), Cut> {
        let secret = &self.secret();
        if let ObservedSecret::Foreign(why) = secret {
            self.pass.saw_secret(false);
            self.pass.report.credentials = Outcome::Failing(Refusal::new(Reason::SecretNotOwned, why.clone()).into());
            return Ok(());
        }
        let views = Views { desired, role, secret };
        let ended = self.work(views);
        let step = self.step(views);
        let (kept, waits, denied) = (step.kept(), step.request_waits(), step.holds_denied());
        match ended {
            Ok(facts) => {
                self.pass.saw_secret(true);
                self.pass.report.credentials = Outcome::Done;
                self.pass.report.published = Some(facts);
            }
            Err(Stop::Kept) if denied => self.pass.report_revoked(&desired.secret.name),
            Err(Stop::Kept) => self.pass.report.published = kept,
            Err(Stop::Cut(Cut::Failing(verdict))) => {
                self.pass.report.credentials = Outcome::Failing(verdict);
                self.pass.report.published = kept;
            }
            Err(Stop::Cut(cut)) => return Err(cut),
        }
        if matches!(secret, ObservedSecret::Ours(_)) {
            self.pass.saw_secret(true);
        }
        self.pass.report.wake_by(waits);
        if let crate::decide::role::denial::Denied::Before(moment) = role.denied {
            let now = self.pass.now;
            self.pass.report.wake_by(Some(moment).filter(|moment| *moment > now));
        }
        Ok(())
    }

    fn step<'b>(&'b self, Views { desired, role, secret }: Views<'b>) -> CredentialsStep<'b, 'b> {
        CredentialsStep { pass: &self.pass, desired, role, secret }
    }

    /// Mirrors `CredentialsStep::work` and `keep`.
    fn work(&mut self, views: Views<'_>) -> Result<CredentialsFacts, Stop> {
        let Views { desired, role, secret } = views;
        let request = desired.session.as_ref().map_err(|refusal| Verdict::from(refusal.clone()))?;
        let Some(known) = &role.known else { return Err(Stop::Kept) };
        let inputs_hash = request.fingerprint(&known.arn.to_string(), &known.id);
        let held = secret.publication();
        let cause = needs_new(&Input {
            published: held,
            secret_exists: !matches!(secret, ObservedSecret::Absent),
            inputs_hash: &inputs_hash,
            renew_at: held.map(|set| self.pass.renew_at(set)),
            denied: held.is_some_and(|set| self.step(views).is_denied(set, request)),
            renew_requested_at: desired.requests.due_renewal(self.pass.now),
            now: self.pass.now,
        });
        match (cause, held) {
            (Some(_), None) if role.role_failing => Err(Stop::Kept),
            (Some(Cause::Revoked), _) if role.role_failing => Err(Stop::Kept),
            (Some(cause), _) => self.replace(cause, views, (known, request), inputs_hash),
            (None, Some(held)) => {
                if self.step(views).proof_is_due(false) {
                    self.prove_refusal(views, known)?;
                }
                let role = self.pass.role;
                let observed = role.status.as_ref().and_then(|status| status.observed_generation);
                if observed != role.metadata.generation || !secret.shows(&desired.secret.render(held)) {
                    self.write(held, views)?;
                }
                Ok(self.pass.facts(&desired.secret.name, held))
            }
            (None, None) => Err(Stop::Kept),
        }
    }

    /// Mirrors `CredentialsStep::replace`.
    fn replace(
        &mut self,
        cause: Cause,
        views: Views<'_>,
        (known, request): (&KnownRole, &SessionRequest),
        inputs_hash: String,
    ) -> Result<CredentialsFacts, Stop> {
        let Views { desired, secret, .. } = views;
        self.ensure_current()?;
        if let Some(set) = self.step(views).unpublished(&inputs_hash, request) {
            self.write(&set, views)?;
            return Ok(self.pass.facts(&desired.secret.name, &set));
        }
        // `can_work` asks the clock.
        if crate::decide::role::denial::denies_new_sessions(views.role.denied, self.pass.now) {
            let message = "all sessions are denied".to_owned();
            return Err(Verdict { reason: Reason::Revoked, message, retry: Retry::Slow }.into());
        }
        let context = self.step(views).context();
        let credentials = self.assume(views, known, request, context)?;
        self.step(views).outlives_denial(credentials.expires_at, request)?;
        if self.step(views).proof_is_due(true) {
            self.prove_refusal(views, known)?;
        }
        let set = PublishedCredentials {
            credentials,
            role_arn: known.arn.to_string(),
            issued_at: self.pass.now,
            inputs_hash,
            answered: desired.requests.due_renewal(self.pass.now),
        };
        if let (Cause::Due | Cause::Requested, Some(held)) = (cause, secret.publication()) {
            check_expires_later(held, &set)?;
        }
        self.write(&set, views)?;
        Ok(self.pass.facts(&desired.secret.name, &set))
    }

    /// Mirrors `Pass::assume`. The access key id says of which role the session really is, the token whether it is denied.
    fn assume(
        &mut self,
        views: Views<'_>,
        known: &KnownRole,
        request: &SessionRequest,
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
    fn prove_refusal(&mut self, views: Views<'_>, known: &KnownRole) -> Result<(), Cut> {
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

    /// Mirrors `CredentialsStep::write`.
    fn write(&mut self, set: &PublishedCredentials, Views { desired, secret, .. }: Views<'_>) -> Result<(), Stop> {
        let body = manifest(self.pass.role, &desired.secret.name, &desired.secret.render(set), None);
        let broken = self.broken_by_publication(set, desired, secret);
        let Self { world, effects, who, .. } = self;
        let object = world.object(*who);
        let written = effects.attempt(|| {
            object.ok_or(FailureKind::NotFound)?.secret = Some(body);
            Ok(())
        });
        self.violations.extend(broken);
        let kept = written.is_err().then(|| Arc::new(set.clone()));
        self.pass.remember(|state| state.unpublished = kept);
        written.map_err(Trouble::of_kubernetes).map_err(Stop::Cut)
    }

    /// Mirrors `Pass::keep_credentials`.
    pub(super) fn keep_credentials(&mut self) {
        let name = published_before(self.pass.role).map_or_else(|| self.pass.role.secret_name(), |set| set.secret_name);
        match self.secret().publication() {
            None => self.pass.report.published = self.pass.expired_before(),
            Some(set) if self.pass.is_revoked(set) => self.pass.report_revoked(&name),
            Some(set) => self.pass.report.published = Some(self.pass.facts(&name, set)),
        }
    }

    /// Mirrors `Pass::take_secret_away`.
    pub(super) fn take_secret_away(&mut self, refusal: &Refusal) -> Result<(), Cut> {
        let had_access = self.pass.may_have_role() || published_before(self.pass.role).is_some();
        let problem = match self.delete_secret() {
            Ok(()) => self.pass.without_secret(refusal, had_access),
            Err(Trouble::Died) => return Err(Cut::Died),
            Err(Trouble::Failed(_)) => secret_stays(&kube::Error::LinesCodecMaxLineLengthExceeded),
        };
        self.pass.report.credentials = Outcome::Failing(problem);
        Ok(())
    }

    /// Mirrors `Pass::delete_secrets`, in a world where an object has one Secret.
    pub(super) fn delete_secret(&mut self) -> Result<(), Trouble> {
        if !matches!(self.secret(), ObservedSecret::Ours(_)) {
            return Ok(());
        }
        let Self { world, effects, who, .. } = self;
        let object = world.object(*who);
        effects.attempt(|| {
            object.ok_or(FailureKind::NotFound)?.secret = None;
            Ok(())
        })
    }
}
