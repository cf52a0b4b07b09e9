//! The part of a pass that is about the credentials.

use std::sync::Arc;

use super::Run;
use crate::api::Reason;
use crate::cluster::{ObservedSecret, manifest};
use crate::controller::role::credentials::{CredentialsStep, published_before};
use crate::controller::role::model::effects::{Cut, Trouble};
use crate::controller::role::outcome::RoleOutcome;
use crate::controller::role::secret_cleanup::secret_stays;
use crate::controller::state::objects::KnownRole;
use crate::decide::Refusal;
use crate::decide::credentials::checks::check_expires_later;
use crate::decide::credentials::published::PublishedCredentials;
use crate::decide::credentials::reissue::{Cause, Input, needs_new};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::role::denial::{Denied, denies_new_sessions};
use crate::decide::status::{CredentialsFacts, Outcome};
use crate::decide::target::desired::Desired;
use crate::domain::{FailureKind, SessionRequest};
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

/// The session that is asked for, and of which role.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub known: &'a KnownRole,
    pub request: &'a SessionRequest,
}

/// What the part looks at.
#[derive(Clone, Copy)]
pub(super) struct Views<'a> {
    pub desired: &'a Desired,
    pub role: &'a RoleOutcome,
    pub secret: &'a ObservedSecret,
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
        if let Denied::Before(moment) = role.denied {
            let now = self.pass.now;
            self.pass.report.wake_by(Some(moment).filter(|moment| *moment > now));
        }
        Ok(())
    }

    pub(super) fn step<'b>(&'b self, Views { desired, role, secret }: Views<'b>) -> CredentialsStep<'b, 'b> {
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
            (Some(cause), _) => self.replace(cause, views, Wanted { known, request }, inputs_hash),
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
        wanted: Wanted<'_>,
        inputs_hash: String,
    ) -> Result<CredentialsFacts, Stop> {
        let Views { desired, secret, .. } = views;
        let Wanted { known, request } = wanted;
        self.ensure_current()?;
        if let Some(set) = self.step(views).unpublished(&inputs_hash, request) {
            self.write(&set, views)?;
            return Ok(self.pass.facts(&desired.secret.name, &set));
        }
        // `can_work` asks the clock.
        if denies_new_sessions(views.role.denied, self.pass.now) {
            let message = "all sessions are denied".to_owned();
            return Err(Verdict { reason: Reason::Revoked, message, retry: Retry::Slow }.into());
        }
        let context = self.step(views).context();
        let credentials = self.assume(views, wanted, context)?;
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
