//! The part of a pass that is about the credentials: kept while they are good, replaced when that is due, published only
//! once verified, and taken away with the access.

mod facts;
mod replace;

pub(super) use self::facts::published_before;
use super::issue::Entry;
use super::outcome::RoleOutcome;
use super::pass::{Interrupt, Pass};
use crate::api::{Lifecycle, Reason};
use crate::cluster::ObservedSecret;
use crate::controller::{Error, answer_of};
use crate::decide::Refusal;
use crate::decide::credentials::checks::within_maximum;
use crate::decide::credentials::published::PublishedCredentials;
use crate::decide::credentials::reissue::{Cause, Input, needs_new, request_waits_until};
use crate::decide::event::Event;
use crate::decide::failure::{FailureContext, Retry, Verdict};
use crate::decide::names::Kind;
use crate::decide::role::denial::{Denied, is_denied};
use crate::decide::status::{CredentialsFacts, Outcome};
use crate::decide::target::desired::Desired;
use crate::domain::SessionRequest;
use jiff::Timestamp;

/// Why the part ended without a set that is all right.
enum Stop {
    /// Nothing can be done before the role is there.
    Kept,
    /// Something failed, or the pass breaks off.
    Interrupted(Interrupt),
}

impl<T: Into<Interrupt>> From<T> for Stop {
    fn from(interrupt: T) -> Self {
        Self::Interrupted(interrupt.into())
    }
}

/// What one pass looks at.
pub(in crate::controller::role) struct CredentialsStep<'a, 'p> {
    pub(in crate::controller::role) pass: &'a Pass<'p>,
    pub(in crate::controller::role) desired: &'a Desired,
    pub(in crate::controller::role) role: &'a RoleOutcome,
    pub(in crate::controller::role) secret: &'a ObservedSecret,
}

/// A set in the Secret, and what people should learn of it.
struct Published {
    facts: CredentialsFacts,
    events: Vec<Event>,
}

impl Pass<'_> {
    /// Keeps or replaces the credentials.
    pub async fn reconcile_credentials(&mut self, desired: &Desired, role: &RoleOutcome) -> Result<(), Error> {
        let Some(secret) = self.read_secret(&desired.secret.name).await? else {
            self.keep_first_session(desired, role);
            return Ok(());
        };
        if let ObservedSecret::Foreign(why) = &secret {
            self.saw_secret(false);
            let message = format!("{why}; choose another spec.secret.name, or delete that Secret");
            self.report.credentials = Outcome::Failing(Refusal::new(Reason::SecretNotOwned, message).into());
            return Ok(());
        }
        let step = CredentialsStep { pass: self, desired, role, secret: &secret };
        let ended = step.work().await;
        let (kept, waits, denied) = (step.kept(), step.request_waits(), step.holds_denied());
        let owned = matches!(secret, ObservedSecret::Ours(_));
        match ended {
            Ok(Published { facts, events }) => {
                self.saw_secret(true);
                self.report.credentials = Outcome::Done;
                self.report.published = Some(facts);
                self.events.extend(events);
            }
            Err(Stop::Kept) if denied => self.report_revoked(&desired.secret.name),
            Err(Stop::Kept) => self.report.published = kept,
            Err(Stop::Interrupted(Interrupt::Failing(verdict))) => {
                self.report.credentials = Outcome::Failing(verdict);
                self.report.published = kept;
            }
            Err(Stop::Interrupted(Interrupt::Broken(Error::Kubernetes(error)))) => {
                self.report.credentials = Outcome::Failing(unpublished(&desired.secret.name, &error));
                self.report.published = kept;
            }
            Err(Stop::Interrupted(Interrupt::Broken(error))) => return Err(error),
        }
        if owned {
            self.saw_secret(true);
        }
        self.report.wake_by(waits);
        if let Denied::Before(moment) = role.denied {
            // A session that outlives the denial can be had from then on.
            self.report.wake_by(Some(moment).filter(|moment| *moment > self.now));
        }
        Ok(())
    }

    /// The Secret of this name. None if the API server refuses to show it: then it is reported as status has it.
    async fn read_secret(&mut self, name: &str) -> Result<Option<ObservedSecret>, Error> {
        let read = self.ctx.cluster.secret(self.role, self.account_id(), name).await.map_err(Error::from);
        match read {
            Err(error) if error.is_answer() => {
                let unread = error.refused(&format!("Secret {name} cannot be read"));
                self.report.credentials =
                    Outcome::of(self.report.credentials.problem().cloned().into_iter().chain([unread]).collect());
                self.report.published = published_before(self.role);
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    pub(in crate::controller::role) fn saw_secret(&self, owns: bool) {
        self.ctx.wake_roles(self.ctx.names.saw(self.role, Kind::Secret, owns));
    }

    /// Reports the credentials of an object that gets no new ones at present, as they are in the Secret.
    pub async fn keep_credentials(&mut self) -> Result<(), Error> {
        let name = published_before(self.role).map_or_else(|| self.role.secret_name(), |set| set.secret_name);
        let Some(secret) = self.read_secret(&name).await? else { return Ok(()) };
        match secret.publication() {
            None => self.report.published = self.expired_before(),
            Some(set) if self.is_revoked(set) => self.report_revoked(&name),
            Some(set) => self.report.published = Some(self.facts(&name, set)),
        }
        Ok(())
    }

    /// Whether the set is among the sessions that are denied, as far as this process knows.
    pub(in crate::controller::role) fn is_revoked(&self, set: &PublishedCredentials) -> bool {
        match self.last_denied() {
            Denied::Nobody => false,
            Denied::Before(moment) => set.issued_at < moment,
            Denied::Everyone => true,
        }
    }

    pub(in crate::controller::role) fn report_revoked(&mut self, secret_name: &str) {
        let message =
            format!("the credentials in Secret {secret_name} are revoked, and no new ones can be issued at present");
        let revoked = Refusal::new(Reason::Revoked, message).into();
        self.report.credentials =
            Outcome::of(self.report.credentials.problem().cloned().into_iter().chain([revoked]).collect());
    }
}

/// The API server failed. It may take the set soon, which is kept for that.
fn unpublished(secret_name: &str, error: &kube::Error) -> Verdict {
    let message = format!("Secret {secret_name} cannot be brought up to date: {}", answer_of(error));
    Verdict { reason: Reason::Progressing, message, retry: Retry::Steadily }
}

impl CredentialsStep<'_, '_> {
    async fn work(&self) -> Result<Published, Stop> {
        let request = self.desired.session.as_ref().map_err(Refusal::clone)?;
        if let (Lifecycle::Observe, Some(read)) = (self.desired.lifecycle, &self.role.read) {
            within_maximum(request, &read.role)?;
        }
        let Some(known) = &self.role.known else { return Err(Stop::Kept) };
        let inputs_hash = request.fingerprint(&known.arn.to_string(), &known.id);
        let held = self.secret.publication();
        let cause = needs_new(&Input {
            published: held,
            secret_exists: !matches!(self.secret, ObservedSecret::Absent),
            inputs_hash: &inputs_hash,
            renew_at: held.map(|set| self.pass.renew_at(set)),
            denied: held.is_some_and(|set| self.is_denied(set, request)),
            renew_requested_at: self.desired.requests.due_renewal(self.pass.now),
            now: self.pass.now,
        });
        let entry = Entry { at: &self.desired.at, known, request };
        match (cause, held) {
            (Some(_), None) if self.role.role_failing => Err(Stop::Kept), // first the role
            (Some(Cause::Revoked), _) if self.role.role_failing => Err(Stop::Kept),
            (Some(cause), _) => self.replace(cause, entry, inputs_hash).await,
            (None, Some(held)) => self.keep(held, entry).await,
            (None, None) => Err(Stop::Kept),
        }
    }

    /// The present set stays; its files are written again if they are not as declared.
    async fn keep(&self, held: &PublishedCredentials, entry: Entry<'_>) -> Result<Published, Stop> {
        if self.proof_is_due(false) {
            self.pass.try_without_external_id(entry, self.context().propagating).await?;
            self.pass.is_proven();
        }
        let observed_generation = self.pass.role.status.as_ref().and_then(|status| status.observed_generation);
        let declaration_is_new = observed_generation != self.pass.role.metadata.generation;
        if declaration_is_new || !self.secret.shows(&self.desired.secret.render(held)) {
            self.write(held).await?;
        }
        Ok(Published { facts: self.facts(held), events: Vec::new() })
    }

    pub(in crate::controller::role) fn is_denied(&self, set: &PublishedCredentials, request: &SessionRequest) -> bool {
        is_denied(set.credentials.expires_at, request.duration_seconds, self.role.denied)
    }

    /// After a change of trust, when a process first looks at the role or first issues credentials for it, and as long
    /// as the last try failed. What other processes saw is not known here, and status proves nothing.
    pub(in crate::controller::role) fn proof_is_due(&self, issues: bool) -> bool {
        let observed = self.desired.lifecycle == Lifecycle::Observe; // its trust policy is its owner's
        let due = self.pass.state().proof.is_due(issues || self.role.read.is_some());
        due && self.pass.ctx.external_id_self_test && !observed
    }

    pub(in crate::controller::role) fn context(&self) -> FailureContext {
        let created_at = self.role.read.as_ref().map(|state| state.role.created_at);
        FailureContext {
            propagating: self.pass.state().is_propagating(created_at, self.pass.now),
            trust_verified: self.role.trust_verified,
            repair_comes: self.role.read.is_none()
                && !self.role.role_failing
                && self.desired.lifecycle != Lifecycle::Observe,
        }
    }

    pub(in crate::controller::role) fn request_waits(&self) -> Option<Timestamp> {
        request_waits_until(self.secret.publication()?, self.desired.requests.due_renewal(self.pass.now))
            .filter(|at| *at > self.pass.now)
    }

    pub(in crate::controller::role) fn facts(&self, set: &PublishedCredentials) -> CredentialsFacts {
        self.pass.facts(&self.desired.secret.name, set)
    }

    /// Whether the Secret holds a set that is denied.
    pub(in crate::controller::role) fn holds_denied(&self) -> bool {
        let held = self.secret.publication().zip(self.desired.session.as_ref().ok());
        held.is_some_and(|(set, request)| self.is_denied(set, request))
    }

    /// What stays in the Secret. A set that is denied is not reported as if it were good.
    pub(in crate::controller::role) fn kept(&self) -> Option<CredentialsFacts> {
        match self.secret.publication() {
            Some(set) => (!self.holds_denied()).then(|| self.facts(set)),
            None => self.pass.expired_before(),
        }
    }
}
