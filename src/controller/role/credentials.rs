//! The part of a pass that is about the credentials: kept while they are good, replaced when that is due, published only
//! once verified, and taken away with the access.

use std::sync::Arc;

use super::issue::{Entry, Verified};
use super::outcome::RoleOutcome;
use super::pass::{Interrupt, Pass};
use crate::api::{CrossAccountRole, Lifecycle, Reason};
use crate::cluster::{ObservedSecret, SecretWrite};
use crate::controller::Error;
use crate::controller::state::objects::{KnownRole, Proof};
use crate::decide::Refusal;
use crate::decide::credentials::checks::{nearly_full, never_worse, within_maximum};
use crate::decide::credentials::published::Publication;
use crate::decide::credentials::reissue::{Cause, Input, needs_new, request_waits_until};
use crate::decide::credentials::renewal::renew_at;
use crate::decide::event::{Event, EventReason};
use crate::decide::failure::{FailureContext, Retry, Verdict};
use crate::decide::role::denial::{Denied, is_denied};
use crate::decide::status::{Outcome, PublishedFacts};
use crate::decide::target::desired::Desired;
use crate::domain::{SessionRequest, whole_seconds};
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
struct Part<'a, 'p> {
    pass: &'a Pass<'p>,
    desired: &'a Desired,
    role: &'a RoleOutcome,
    secret: &'a ObservedSecret,
}

/// A set in the Secret, and what people should learn of it.
struct Published {
    facts: PublishedFacts,
    events: Vec<Event>,
}

impl Pass<'_> {
    /// Keeps or replaces the credentials.
    pub async fn reconcile_credentials(&mut self, desired: &Desired, role: &RoleOutcome) -> Result<(), Error> {
        let secret = self.ctx.cluster.secret(self.role, &desired.secret.name).await?;
        if let ObservedSecret::Foreign(why) = &secret {
            self.saw_secret(false);
            let message = format!("{why}; choose another spec.secret.name, or delete that Secret");
            self.report.credentials = Outcome::Failing(Refusal::new(Reason::SecretNotOwned, message).into());
            return Ok(());
        }
        let part = Part { pass: self, desired, role, secret: &secret };
        let ended = part.work().await;
        let (kept, waits) = (part.kept(), part.request_waits());
        let owned = matches!(secret, ObservedSecret::Ours(_));
        match ended {
            Ok(Published { facts, events }) => {
                self.saw_secret(true);
                self.report.credentials = Outcome::Done;
                self.report.published = Some(facts);
                self.events.extend(events);
            }
            Err(Stop::Kept) => self.report.published = kept,
            Err(Stop::Interrupted(Interrupt::Failing(verdict))) => {
                self.report.credentials = Outcome::Failing(verdict);
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
        self.report.wake_by(desired.requests.next_due(self.now));
        Ok(())
    }

    fn saw_secret(&self, owns: bool) {
        self.ctx.wake_roles(self.ctx.names.saw_secret(self.role, owns));
    }

    /// Reports the earlier credentials, for an object whose credentials are left alone.
    pub fn keep_credentials(&mut self) {
        self.report.published = published_before(self.role).filter(|set| !self.is_revoked(set));
    }

    /// Whether the set is among the sessions that are denied, as far as this process knows.
    fn is_revoked(&self, set: &PublishedFacts) -> bool {
        match self.state().denied {
            Denied::Nobody => false,
            Denied::Before(moment) => set.issued_at < moment,
            Denied::Everyone => true,
        }
    }
}

impl Part<'_, '_> {
    async fn work(&self) -> Result<Published, Stop> {
        let request = self.desired.session.as_ref().map_err(|refusal| Verdict::from(refusal.clone()))?;
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
            renew_at: held.map(|set| self.renew_at(set)),
            denied: held.is_some_and(|set| self.is_denied(set, request)),
            renew_requested_at: self.desired.requests.renew,
            now: self.pass.now,
        });
        let entry = Entry { at: &self.desired.at, known, request };
        match (cause, held) {
            (Some(_), None) if self.role.in_trouble => Err(Stop::Kept), // first the role
            (Some(Cause::Revoked), _) if self.role.in_trouble => Err(Stop::Kept),
            (Some(cause), _) => self.replace(cause, entry, inputs_hash).await,
            (None, Some(held)) => self.keep(held, entry).await,
            (None, None) => Err(Stop::Kept),
        }
    }

    /// New credentials, all the way into the Secret. A verified set that could not be written is tried again, not fetched
    /// anew.
    async fn replace(&self, cause: Cause, entry: Entry<'_>, inputs_hash: String) -> Result<Published, Stop> {
        self.pass.ensure_current().await?;
        if let Some(set) = self.unpublished(&inputs_hash, entry.request) {
            self.write(&set).await?;
            return Ok(self.published(cause, &set, entry.known));
        }
        let Verified { session, caller_arn } = self.pass.assume(entry, self.context()).await?;
        self.outlives_denial(session.credentials.expires_at, entry.request)?;
        if self.proof_is_due(true) {
            self.pass.prove_refusal(entry, self.context().propagating).await?;
        }
        let requested = self.desired.requests.renew.filter(|at| *at > session.issued_at && cause == Cause::Requested);
        let set = Publication {
            credentials: session.credentials,
            role_arn: entry.known.arn.to_string(),
            issued_at: session.issued_at,
            inputs_hash,
            answered: requested,
        };
        if let (Cause::Due | Cause::Requested, Some(held)) = (cause, self.secret.publication()) {
            never_worse(held, &set)?;
        }
        self.write(&set).await?;
        let mut published = self.published(cause, &set, entry.known);
        let percent = session.packed_policy_size_percent;
        let before = published_before(self.pass.role).and_then(|set| set.packed_policy_size_percent);
        let warning = nearly_full(percent, before).map(|note| Event::warning(EventReason::PackedPolicySize, note));
        published.events.extend(warning);
        published.facts.caller_arn = Some(caller_arn);
        published.facts.packed_policy_size_percent = percent;
        Ok(published)
    }

    fn published(&self, cause: Cause, set: &Publication, known: &KnownRole) -> Published {
        let (object, name) = (&self.pass.object, &self.desired.secret.name);
        let expires_at = set.credentials.expires_at;
        tracing::info!(namespace = object.namespace, name = object.name, %cause, %expires_at, "credentials issued");
        let event = match cause {
            Cause::Missing => Some(Event::normal(
                EventReason::CredentialsIssued,
                format!("Secret {name} holds credentials of {}", known.arn),
            )),
            Cause::Edited => Some(Event::warning(
                EventReason::SecretHealed,
                format!("Secret {name} was edited; it holds new credentials"),
            )),
            Cause::Due => {
                self.measure_lag();
                None
            }
            Cause::Expired | Cause::Revoked | Cause::InputsChanged | Cause::Requested => None,
        };
        Published { facts: self.facts(set), events: event.into_iter().collect() }
    }

    /// The present set stays; its files are written again if they are not as declared.
    async fn keep(&self, held: &Publication, entry: Entry<'_>) -> Result<Published, Stop> {
        if self.proof_is_due(false) {
            self.pass.prove_refusal(entry, self.context().propagating).await?;
        }
        let observed_generation = self.pass.role.status.as_ref().and_then(|status| status.observed_generation);
        let declaration_is_new = observed_generation != self.pass.role.metadata.generation;
        if declaration_is_new || !self.secret.shows(&self.desired.secret.render(held)) {
            self.write(held).await?;
        }
        Ok(Published { facts: self.facts(held), events: Vec::new() })
    }

    /// A session that began in the very second of a revocation is denied with the older ones, although AWS issues it and
    /// GetCallerIdentity answers. The next try, with the role read again, gets a later one.
    fn outlives_denial(&self, expires_at: Timestamp, request: &SessionRequest) -> Result<(), Verdict> {
        if !is_denied(expires_at, request.duration_seconds, self.role.denied) {
            return Ok(());
        }
        self.pass.look_again();
        self.pass.remember(|state| state.failures = 0); // what failed before is over: the next try is due in seconds
        let message =
            "the new session began in the same second as the revocation, which denies it too; another one is \
            requested shortly"
                .to_owned();
        Err(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon })
    }

    fn is_denied(&self, set: &Publication, request: &SessionRequest) -> bool {
        is_denied(set.credentials.expires_at, request.duration_seconds, self.role.denied)
    }

    /// After a change of trust, when a process first looks at the role or first issues credentials for it, and as long
    /// as the last try failed. What other processes saw is not known here, and status proves nothing.
    fn proof_is_due(&self, issues: bool) -> bool {
        let due = match self.pass.state().proof {
            Proof::Proven => false,
            Proof::Due => true,
            Proof::Unknown => issues || self.role.read.is_some(),
        };
        due && self.pass.ctx.external_id_self_test
            && self.desired.lifecycle != Lifecycle::Observe // its trust policy is its owner's
            && !self.role.in_trouble
    }

    fn context(&self) -> FailureContext {
        let created_at = self.role.read.as_ref().map(|state| state.role.created_at);
        FailureContext {
            propagating: self.pass.state().is_propagating(created_at, self.pass.now),
            trust_verified: self.role.trust_verified,
            repair_comes: self.role.read.is_none()
                && !self.role.in_trouble
                && self.desired.lifecycle != Lifecycle::Observe,
        }
    }

    fn unpublished(&self, inputs_hash: &str, request: &SessionRequest) -> Option<Arc<Publication>> {
        let set = self.pass.state().unpublished?;
        let good = set.inputs_hash == inputs_hash
            && !self.is_denied(&set, request)
            && self.pass.now < self.renew_at(&set)
            && self.desired.requests.renew.is_none_or(|at| set.answers(at));
        good.then_some(set)
    }

    async fn write(&self, set: &Publication) -> Result<(), Stop> {
        let (cluster, name) = (&self.pass.ctx.cluster, &self.desired.secret.name);
        let content = self.desired.secret.render(set);
        let written = cluster.write_secret(self.pass.role, name, self.secret, &content).await;
        let kept = (!matches!(written, Ok(SecretWrite::Written))).then(|| Arc::new(set.clone()));
        self.pass.remember(|state| state.unpublished = kept);
        match written? {
            SecretWrite::Written => {}
            SecretWrite::Overtaken => return Err(Error::Overtaken.into()),
            SecretWrite::Refused(answer) => {
                let message = format!("Secret {name} cannot be written: {answer}");
                return Err(Verdict { reason: Reason::KubernetesDenied, message, retry: Retry::Slow }.into());
            }
        }
        // A Secret of an earlier name goes, also where status has forgotten it.
        let renamed = published_before(self.pass.role).is_some_and(|facts| facts.secret_name != *name);
        let forgotten = matches!(self.secret, ObservedSecret::Absent) && self.pass.role.reported_role().is_some();
        if renamed || forgotten {
            self.pass.delete_secrets(Some(name)).await?;
        }
        Ok(())
    }

    fn measure_lag(&self) {
        if let Some(held) = self.secret.publication() {
            let lag = self.pass.now.duration_since(self.renew_at(held));
            self.pass.ctx.metrics.renewal_lag(lag.as_secs_f64());
        }
    }

    fn renew_at(&self, set: &Publication) -> Timestamp {
        let lead = self.desired.renew_before_seconds;
        renew_at(set.issued_at, set.credentials.expires_at, lead, &self.pass.object.uid)
    }

    fn request_waits(&self) -> Option<Timestamp> {
        request_waits_until(self.secret.publication()?, self.desired.requests.renew, self.pass.now)
            .filter(|at| *at > self.pass.now)
    }

    /// A set that is denied is not a good set. One that expired is reported even where its Secret was deleted for that.
    fn kept(&self) -> Option<PublishedFacts> {
        let denied =
            |set: &Publication| self.desired.session.as_ref().is_ok_and(|request| self.is_denied(set, request));
        match self.secret.publication() {
            Some(set) => (!denied(set)).then(|| self.facts(set)),
            None => published_before(self.pass.role).filter(|set| set.expires_at <= self.pass.now),
        }
    }

    /// What only the issue itself shows is taken over from the status that it wrote.
    fn facts(&self, set: &Publication) -> PublishedFacts {
        let issued_at = whole_seconds(set.issued_at);
        let before = published_before(self.pass.role).filter(|before| before.issued_at == issued_at);
        let (caller_arn, packed) = before.map(|b| (b.caller_arn, b.packed_policy_size_percent)).unwrap_or_default();
        PublishedFacts {
            secret_name: self.desired.secret.name.clone(),
            issued_at,
            expires_at: set.credentials.expires_at,
            renew_at: self.renew_at(set),
            caller_arn,
            packed_policy_size_percent: packed,
        }
    }
}

/// The set that status says is published.
pub(super) fn published_before(role: &CrossAccountRole) -> Option<PublishedFacts> {
    let before = role.status.as_ref()?.credentials.as_ref()?;
    Some(PublishedFacts {
        secret_name: before.secret_name.clone()?,
        issued_at: before.issued_at.as_ref()?.0,
        expires_at: before.expires_at.as_ref()?.0,
        renew_at: before.renew_at.as_ref()?.0,
        caller_arn: before.caller_arn.clone(),
        packed_policy_size_percent: before.packed_policy_size_percent,
    })
}
