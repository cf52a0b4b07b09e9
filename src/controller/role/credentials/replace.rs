//! New credentials: requested, verified, proven to need the external id, and published.

use std::sync::Arc;

use jiff::Timestamp;

use super::facts::published_before;
use super::{CredentialsStep, Published, Stop};
use crate::api::Reason;
use crate::aws::IssuedSession;
use crate::cluster::{ObservedSecret, SecretWrite};
use crate::controller::Error;
use crate::controller::role::issue::Entry;
use crate::controller::role::outcome::{RoleOutcome, Verified};
use crate::controller::role::pass::Pass;
use crate::controller::state::objects::KnownRole;
use crate::decide::credentials::checks::{check_expires_later, packed_size_warning};
use crate::decide::credentials::published::PublishedCredentials;
use crate::decide::credentials::reissue::{Cause, Input, needs_new};
use crate::decide::event::{Event, EventReason};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::role::denial::{denies_new_sessions, is_denied};
use crate::decide::status::CredentialsFacts;
use crate::decide::target::desired::Desired;
use crate::domain::SessionRequest;
use crate::host::traces::Span;

/// A session as it is published.
fn publication(
    session: IssuedSession,
    known: &KnownRole,
    inputs_hash: String,
    answered: Option<Timestamp>,
) -> PublishedCredentials {
    let IssuedSession { credentials, issued_at, .. } = session;
    PublishedCredentials { credentials, role_arn: known.arn.to_string(), issued_at, inputs_hash, answered }
}

impl Pass<'_> {
    /// Keeps the session of a new role for the next pass: the API server does not show whether there is a Secret for it.
    pub(super) fn keep_first_session(&self, desired: &Desired, role: &RoleOutcome) {
        let (Some(Ok(verified)), Some(known), Ok(request)) = (&role.first_session, &role.known, &desired.session)
        else {
            return;
        };
        let inputs_hash = request.fingerprint(&known.arn.to_string(), &known.id);
        let answered = desired.requests.due_renewal(self.now);
        let set = publication(verified.session.clone(), known, inputs_hash, answered);
        self.remember(|state| state.unpublished = Some(Arc::new(set)));
    }
}

impl CredentialsStep<'_, '_> {
    /// New credentials, all the way into the Secret. A verified set that could not be written is tried again, not fetched
    /// anew.
    pub(super) async fn replace(&self, cause: Cause, entry: Entry<'_>, inputs_hash: String) -> Result<Published, Stop> {
        self.pass.ensure_current().await?;
        if let Some(set) = self.unpublished(&inputs_hash, entry.request) {
            self.write(&set).await?;
            return Ok(self.published(cause, &set, entry.known));
        }
        self.can_work(entry.known)?;
        let Verified { session, caller_arn } = match self.role.first_session.clone() {
            Some(requested) => requested?,
            None => self.pass.request(entry, self.context(), self.proof_is_due(true)).await?,
        };
        self.outlives_denial(session.credentials.expires_at, entry.request)?;
        let answered = self.desired.requests.due_renewal(self.pass.now);
        let percent = session.packed_policy_size_percent;
        let set = publication(session, entry.known, inputs_hash, answered);
        if let (Cause::Due | Cause::Requested, Some(held)) = (cause, self.secret.publication()) {
            check_expires_later(held, &set)?;
        }
        self.write(&set).await?;
        let mut published = self.published(cause, &set, entry.known);
        let before = published_before(self.pass.role).and_then(|set| set.packed_policy_size_percent);
        let warning =
            packed_size_warning(percent, before).map(|note| Event::warning(EventReason::PackedPolicySize, note));
        published.events.extend(warning);
        published.facts.caller_arn = Some(caller_arn);
        published.facts.packed_policy_size_percent = percent;
        Ok(published)
    }

    fn published(&self, cause: Cause, set: &PublishedCredentials, known: &KnownRole) -> Published {
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
        let is_first = cause == Cause::Missing && published_before(self.pass.role).is_none();
        let facts = CredentialsFacts { is_first, ..self.facts(set) };
        Published { facts, events: event.into_iter().collect() }
    }

    /// A session of a role that denies everybody could do nothing, so none is requested.
    pub(in crate::controller::role) fn can_work(&self, known: &KnownRole) -> Result<(), Verdict> {
        if !denies_new_sessions(self.role.denied, self.pass.ctx.now()) {
            return Ok(());
        }
        let message = format!(
            "an inline policy that the object does not declare denies all sessions of {}, new ones included; remove it to have \
             credentials issued",
            known.arn
        );
        Err(Verdict { reason: Reason::Revoked, message, retry: Retry::Slow })
    }

    /// A session that began in the very second of a revocation is denied with the older ones, although AWS issues it and
    /// GetCallerIdentity answers. The next try, with the role read again, gets a later one.
    pub(in crate::controller::role) fn outlives_denial(
        &self,
        expires_at: Timestamp,
        request: &SessionRequest,
    ) -> Result<(), Verdict> {
        if !is_denied(expires_at, request.duration_seconds, self.role.denied) {
            return Ok(());
        }
        self.pass.compare_again();
        self.pass.remember(|state| state.failures = 0); // what failed before is over: the next try is due in seconds
        let message =
            "the new session began in the same second as the revocation, which denies it too; another one is \
            requested shortly"
                .to_owned();
        Err(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon })
    }

    pub(in crate::controller::role) fn unpublished(
        &self,
        inputs_hash: &str,
        request: &SessionRequest,
    ) -> Option<Arc<PublishedCredentials>> {
        let set = self.pass.state().unpublished?;
        let new = needs_new(&Input {
            published: Some(&set),
            secret_exists: true,
            inputs_hash,
            renew_at: Some(self.pass.renew_at(&set)),
            denied: self.is_denied(&set, request),
            renew_requested_at: self.desired.requests.due_renewal(self.pass.now),
            now: self.pass.now,
        });
        new.is_none().then_some(set)
    }

    pub(super) async fn write(&self, set: &PublishedCredentials) -> Result<(), Stop> {
        let (cluster, name) = (&self.pass.ctx.cluster, &self.desired.secret.name);
        let content = self.desired.secret.render(set);
        let mut span = Span::of_request(|| "write Secret");
        let written = cluster.write_secret(self.pass.role, name, self.secret, &content).await;
        let kept = (!matches!(written, Ok(SecretWrite::Written))).then(|| Arc::new(set.clone()));
        if kept.is_some() {
            span.fail();
        }
        drop(span);
        self.pass.remember(|state| state.unpublished = kept);
        match written? {
            SecretWrite::Written => {}
            SecretWrite::Overtaken => return Err(Error::Overtaken.into()),
            SecretWrite::Refused(answer) => {
                let message = format!("Secret {name} cannot be written: {answer}");
                return Err(Verdict { reason: Reason::KubernetesDenied, message, retry: Retry::Steadily }.into());
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
            let lag = self.pass.now.duration_since(self.pass.renew_at(held));
            self.pass.ctx.metrics.renewal_lag(lag.as_secs_f64());
        }
    }
}
