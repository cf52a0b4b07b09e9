//! The lane of the credentials: kept while they are good, replaced when that is due, and published only once verified.

use jiff::Timestamp;

use super::context::Context;
use super::issue::{Verified, assume, prove_refusal};
use super::observe::KnownRole;
use super::role_lane::RoleLane;
use super::{Error, observe, publish};
use crate::api::{ConditionType, CrossAccountRole, Lifecycle, Reason};
use crate::cluster::{Notice, ObservedSecret, SecretWrite};
use crate::decide::Refusal;
use crate::decide::conditions::find;
use crate::decide::credentials::{Cause, Input, needs_new};
use crate::decide::desired::Desired;
use crate::decide::failure::{Circumstances, Verdict};
use crate::decide::new_set::{nearly_full, never_worse, within_maximum};
use crate::decide::published::Publication;
use crate::decide::renewal::renew_at;
use crate::decide::retry::Retry;
use crate::decide::revocation::is_denied;
use crate::decide::status::{Outcome, PublishedFacts};
use crate::domain::{SessionRequest, whole_seconds};

/// How the credentials stand afterwards.
pub struct CredentialsLane {
    /// Outcome, for the status.
    pub outcome: Outcome,
    /// The set in the Secret.
    pub published: Option<PublishedFacts>,
}

/// Runs the lane.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    desired: &Desired,
    the_role: &RoleLane,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<CredentialsLane, Error> {
    let secret = observe::secret(ctx, role, desired).await?;
    if let ObservedSecret::Foreign(why) = &secret {
        let told = format!("{why}; choose another spec.secret.name, or delete it");
        let refusal = Refusal::new(Reason::SecretNotOwned, told);
        return Ok(CredentialsLane { outcome: Outcome::Failing(refusal.into()), published: None });
    }
    let lane = Lane { ctx, role, desired, the_role, secret: &secret, now };
    match lane.work(notices).await {
        Ok(published) => Ok(CredentialsLane { outcome: Outcome::Done, published: Some(published) }),
        Err(Stop::Kept) => Ok(CredentialsLane { outcome: Outcome::Untouched, published: lane.kept() }),
        Err(Stop::Failing(verdict)) => {
            Ok(CredentialsLane { outcome: Outcome::Failing(verdict), published: lane.kept() })
        }
        Err(Stop::Broken(error)) => Err(error),
    }
}

/// Why the lane ended without a set that is all right.
enum Stop {
    /// Nothing can be done before the role is there.
    Kept,
    /// Something failed.
    Failing(Verdict),
    /// The reconcile breaks off.
    Broken(Error),
}

impl From<Verdict> for Stop {
    fn from(verdict: Verdict) -> Self {
        Self::Failing(verdict)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl From<kube::Error> for Stop {
    fn from(error: kube::Error) -> Self {
        Self::Broken(error.into())
    }
}

struct Lane<'a> {
    ctx: &'a Context,
    role: &'a CrossAccountRole,
    desired: &'a Desired,
    the_role: &'a RoleLane,
    secret: &'a ObservedSecret,
    now: Timestamp,
}

impl Lane<'_> {
    async fn work(&self, notices: &mut Vec<Notice>) -> Result<PublishedFacts, Stop> {
        let request = self.desired.session.as_ref().map_err(|refusal| Verdict::from(refusal.clone()))?;
        if let (Lifecycle::Observe, Some(read)) = (self.desired.lifecycle, &self.the_role.read) {
            within_maximum(request, &read.role)?;
        }
        let Some(known) = &self.the_role.known else { return Err(Stop::Kept) };
        let inputs_hash = request.fingerprint(&known.arn.to_string(), &known.id);
        let held = self.secret.publication();
        let cause = needs_new(&Input {
            published: held,
            secret_exists: !matches!(self.secret, ObservedSecret::Absent),
            inputs_hash: &inputs_hash,
            renew_at: held.map(|set| self.renew_at(set)),
            denied: held.is_some_and(|set| self.is_denied(set, request)),
            renew_requested_at: self.desired.requests.renew,
            now: self.now,
        });
        match (cause, held) {
            (Some(_), None) if self.the_role.outcome.problem().is_some() => Err(Stop::Kept), // first the role
            (Some(Cause::Revoked), _) if self.the_role.outcome.problem().is_some() => Err(Stop::Kept),
            (Some(cause), _) => self.replace(cause, known, request, inputs_hash, notices).await,
            (None, Some(held)) => self.keep(held, known, request).await,
            (None, None) => Err(Stop::Kept),
        }
    }

    /// New credentials, all the way into the Secret.
    async fn replace(
        &self,
        cause: Cause,
        known: &KnownRole,
        request: &SessionRequest,
        inputs_hash: String,
        notices: &mut Vec<Notice>,
    ) -> Result<PublishedFacts, Stop> {
        if !self.ctx.cluster.is_current(self.role).await? {
            return Err(Error::Stale.into());
        }
        let Verified { session, caller_arn } =
            assume(self.ctx, self.desired, known, request, self.circumstances()).await?;
        self.outlives_denial(session.credentials.expires_at, request)?;
        if self.refusal_must_be_proven() {
            self.prove(known, request).await?;
        }
        let set = Publication {
            credentials: session.credentials,
            role_arn: known.arn.to_string(),
            issued_at: session.issued_at,
            inputs_hash,
        };
        if let (Cause::Due | Cause::Requested, Some(held)) = (cause, self.secret.publication()) {
            never_worse(held, &set)?;
        }
        self.write(&set).await?;
        tracing::info!(
            namespace = self.desired.object.namespace,
            name = self.desired.object.name,
            %cause,
            expires_at = %set.credentials.expires_at,
            "credentials issued"
        );
        match cause {
            Cause::Missing => notices.push(Notice::normal(
                "CredentialsIssued",
                format!("Secret {} holds credentials of {}", self.desired.secret.name, known.arn),
            )),
            Cause::Edited => notices.push(Notice::warning(
                "SecretHealed",
                format!("Secret {} was edited; it holds new credentials", self.desired.secret.name),
            )),
            Cause::Due => self.measure_lag(),
            Cause::Expired | Cause::Revoked | Cause::InputsChanged | Cause::Requested => {}
        }
        let percent = session.packed_policy_size_percent;
        let before = publish::published_before(self.role).and_then(|set| set.packed_policy_size_percent);
        notices.extend(nearly_full(percent, before).map(|told| Notice::warning("PackedPolicySize", told)));
        let mut facts = self.facts(&set);
        facts.caller_arn = Some(caller_arn);
        facts.packed_policy_size_percent = percent;
        Ok(facts)
    }

    /// The present set stays; its files are written again if they are not as declared.
    async fn keep(
        &self,
        held: &Publication,
        known: &KnownRole,
        request: &SessionRequest,
    ) -> Result<PublishedFacts, Stop> {
        if self.refusal_must_be_proven() {
            self.prove(known, request).await?;
        }
        let observed_generation = self.role.status.as_ref().and_then(|status| status.observed_generation);
        let declaration_is_new = observed_generation != self.role.metadata.generation;
        if declaration_is_new || !self.secret.shows(&self.desired.secret.render(held)) {
            self.write(held).await?;
        }
        Ok(self.facts(held))
    }

    async fn prove(&self, known: &KnownRole, request: &SessionRequest) -> Result<(), Verdict> {
        let propagating = self.circumstances().propagating;
        prove_refusal(self.ctx, self.desired, known, request, propagating, self.now).await
    }

    /// A session of the very second in which older ones were denied is denied with them, though AWS issues it and says who
    /// it is. The next try, with the role read again, gets a later one.
    fn outlives_denial(&self, expires_at: Timestamp, request: &SessionRequest) -> Result<(), Verdict> {
        let Some(until) = self.the_role.denied_until else { return Ok(()) };
        if !is_denied(expires_at, request.duration_seconds, until) {
            return Ok(());
        }
        self.ctx.memory.change(&self.desired.object.uid, |memo| memo.look_again = true);
        Err(Verdict {
            reason: Reason::Progressing,
            message: format!("sessions issued before {until} are denied; a later one is on the way"),
            retry: Retry::Soon,
        })
    }

    fn is_denied(&self, set: &Publication, request: &SessionRequest) -> bool {
        let until = self.the_role.denied_until;
        until.is_some_and(|until| is_denied(set.credentials.expires_at, request.duration_seconds, until))
    }

    /// After a change of trust, before the first set, and as long as the last proof failed or was cut short.
    fn refusal_must_be_proven(&self) -> bool {
        let conditions = self.role.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let credentials_ready = find(conditions, ConditionType::CredentialsReady);
        // Degraded is True as well, and may be so because the last proof failed.
        let proven_before =
            credentials_ready.is_some_and(|c| c.status == "True" && c.reason == Reason::Available.as_str());
        let cut_short = find(conditions, ConditionType::RoleReady)
            .is_some_and(|c| c.status == "False" && c.reason == Reason::Progressing.as_str());
        self.ctx.external_id_self_test
            && self.desired.lifecycle != Lifecycle::Observe // its trust policy is its owner's
            && self.the_role.outcome.problem().is_none()
            && (self.the_role.trust_changed || !proven_before || cut_short)
    }

    fn circumstances(&self) -> Circumstances {
        let memo = self.ctx.memory.of(&self.desired.object.uid);
        let created_at = self.the_role.read.as_ref().map(|state| state.role.created_at);
        Circumstances {
            propagating: memo.is_propagating(created_at, self.now),
            trust_verified: self.the_role.trust_verified,
            repair_comes: self.the_role.outcome == Outcome::Untouched && self.desired.lifecycle != Lifecycle::Observe,
        }
    }

    async fn write(&self, set: &Publication) -> Result<(), Stop> {
        let name = &self.desired.secret.name;
        let content = self.desired.secret.render(set);
        match self.ctx.cluster.write_secret(self.role, name, self.secret, &content).await? {
            SecretWrite::Written => {}
            SecretWrite::Overtaken => return Err(Error::Overtaken.into()),
            SecretWrite::Refused(answer) => {
                let message = format!("Secret {name} cannot be written: {answer}");
                return Err(Verdict { reason: Reason::KubernetesDenied, message, retry: Retry::Slow }.into());
            }
        }
        let before = publish::published_before(self.role).map(|facts| facts.secret_name);
        if let Some(old) = before.filter(|old| old != name) {
            self.ctx.cluster.delete_secret(self.role, &old).await?;
        }
        Ok(())
    }

    fn measure_lag(&self) {
        if let Some(held) = self.secret.publication() {
            let lag = self.now.duration_since(self.renew_at(held));
            self.ctx.metrics.renewal_lag(lag.as_secs_f64());
        }
    }

    fn renew_at(&self, set: &Publication) -> Timestamp {
        renew_at(set.issued_at, set.credentials.expires_at, self.desired.renew_before_seconds, &self.desired.object.uid)
    }

    /// A set that is denied is no good set, and one that did expire is told even where its Secret was deleted for that.
    fn kept(&self) -> Option<PublishedFacts> {
        let denied =
            |set: &Publication| self.desired.session.as_ref().is_ok_and(|request| self.is_denied(set, request));
        match self.secret.publication() {
            Some(set) => (!denied(set)).then(|| self.facts(set)),
            None => publish::published_before(self.role).filter(|set| set.expires_at <= self.now),
        }
    }

    /// What only the issue itself could tell is taken over from the status that it wrote.
    fn facts(&self, set: &Publication) -> PublishedFacts {
        let issued_at = whole_seconds(set.issued_at);
        let before = publish::published_before(self.role).filter(|before| before.issued_at == issued_at);
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
