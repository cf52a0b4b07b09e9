//! The end of an object: AWS is cleaned, then Kubernetes, and only then is the finalizer removed. Each step may be
//! repeated.

use kube::runtime::controller::Action;

use super::apply::Applied;
use super::pass::{Interrupt, Pass};
use super::secret_cleanup::secret_stays;
use crate::api::{Reason, annotation};
use crate::controller::Error;
use crate::controller::manager::ManagedAccount;
use crate::decide::event::{Event, EventReason};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::role::{Goal, Step, plan};
use crate::decide::status::Outcome;
use crate::decide::target::Target;
use crate::decide::target::role_location::RoleLocation;
use crate::domain::{IamRoleState, Ownership, RoleName};
use crate::host::metrics::ReconcileResult;

impl Pass<'_> {
    /// Cleans up, then removes the finalizer. AWS is closed before and apart from anything in Kubernetes.
    pub async fn clean_up(mut self, target: &Target) -> Result<(ReconcileResult, Action), Error> {
        if !self.role.has_finalizer() {
            self.ctx.objects.forget(&self.object.uid);
            return Ok((ReconcileResult::Settled, Action::await_change()));
        }
        // Where the API server cannot be asked, AWS is cleaned all the same: the object is being deleted for certain.
        let live = self.ctx.cluster.role(self.role).await;
        if matches!(live, Ok(None)) {
            self.ctx.objects.forget(&self.object.uid);
            return Ok((ReconcileResult::Settled, Action::await_change()));
        }
        let role = match self.delete_or_release_role(target).await {
            Err(Interrupt::Broken(error)) => return Err(error),
            Err(Interrupt::Failing(verdict)) => Err(verdict),
            Ok(end) => Ok(end),
        };
        // By what the API server says: what an older cache does not show must not stay behind.
        let grants = match live.map_err(Error::from) {
            Ok(live) => self.clean_up_grants(&live.ok_or(Error::Stale)?).await,
            Err(error) => Err(error),
        };
        let grants = match grants {
            Err(error) if error.is_answer() => Some(error.refused("source grants cannot be taken back")),
            grants => grants?,
        };
        let secret = self.delete_secrets(None).await.err().map(|error| secret_stays(&error));

        let left: Vec<Verdict> = role.as_ref().err().into_iter().chain(&grants).chain(&secret).cloned().collect();
        if !left.is_empty() && !self.role.is_abandoned() {
            let waits =
                |verdict: Option<Verdict>| verdict.map_or(Outcome::Untouched, |verdict| waiting(verdict, target));
            self.report.grants_declared = grants.is_some() || !self.role.spec.source_grants.is_empty();
            (self.report.role, self.report.grants) = (waits(role.err()), waits(grants));
            self.report.credentials = waits(secret);
            return self.publish().await;
        }
        // An object that is gone says by itself that nothing of it is left in AWS.
        self.events.extend(match role {
            Err(_) => Some(Event::warning(Reason::Abandoned, self.left_behind(&left, true))),
            _ if !left.is_empty() => Some(Event::warning(Reason::Abandoned, self.left_behind(&left, false))),
            Ok(stays) => stays.map(|why| Event::normal(EventReason::RoleRetained, why)),
        });
        self.publish_events().await;
        if let Err(error) = self.ctx.cluster.remove_finalizer(self.role).await.map_err(Error::from) {
            // 422: the list of finalizers changed in the meantime.
            if !error.is_answer() || matches!(&error, Error::Kubernetes(kube::Error::Api(status)) if status.code == 422)
            {
                return Err(error);
            }
            self.report.role = Outcome::Failing(error.refused("AWS is clean, but the finalizer cannot be removed"));
            return self.publish().await;
        }
        self.ctx.objects.forget(&self.object.uid);
        self.ctx.wake_account(&self.role.spec.account_ref.name);
        self.wake_source_accounts();
        Ok((ReconcileResult::Settled, Action::await_change()))
    }

    /// Deletes or releases the role. Returns why it stays, if it does.
    async fn delete_or_release_role(&mut self, target: &Target) -> Result<Option<String>, Interrupt> {
        let Some(account) = self.account().cloned() else { return self.without_account() };
        if RoleName::parse(&self.role.iam_role_name()).is_err() {
            return Ok(None); // a name that IAM cannot have has no role
        }
        let at = RoleLocation::of(self.role, &account, &self.object)?;
        let goal = match target {
            Target::Released { closed } => Goal::Released { closed: closed.is_some() },
            Target::Absent { closed } => Goal::Absent { closed: closed.is_some() },
            Target::Open(_) | Target::Held(_) | Target::Closed(_) => Goal::Absent { closed: true },
        };
        let manager = ManagedAccount::enter(self.ctx, &at.access).await?;
        let (planned, state) = self.plan_without_declaration(&manager, &at, goal).await?;
        let Some(found) = state.clone() else { return Ok(None) };
        let ours = self.owns(&found);
        let applied = self.apply(&manager, &at.role_arn, &planned, state).await;
        let Applied { state: after, failure, done, .. } = applied;
        if let Some(failure) = failure {
            self.remember(|state| state.deletion_failed = true);
            let open = self.close_what_stays(&manager, &at, goal, after).await;
            let verdict = failure.verdict;
            let message = match open {
                Some(open) => format!("{}. The role could not be closed either: {}", verdict.message, open.message),
                None => verdict.message,
            };
            return Err(Verdict { message, ..verdict }.into());
        }
        if !ours {
            return Ok(Some(self.not_ours(&found)));
        }
        let deleted = done.contains(&Step::DeleteRole);
        Ok((!deleted && after.is_some()).then(|| why_it_stays(target, &found.role.arn.to_string())))
    }

    fn not_ours(&self, found: &IamRoleState) -> String {
        let owner = match self.object.ownership(&found.role.tags) {
            Ownership::Another(owner) => format!("belongs to CrossAccountRole {owner}"),
            _ => "does not belong to this object".to_owned(),
        };
        format!("Role {} {owner}, so it stays", found.role.arn)
    }

    /// A role that cannot be deleted is closed in the same pass: the next try may come late. Returns what failed of that.
    async fn close_what_stays(
        &mut self,
        manager: &ManagedAccount<'_>,
        at: &RoleLocation,
        goal: Goal<'_>,
        state: Option<IamRoleState>,
    ) -> Option<Verdict> {
        let boundary = self.boundary();
        let given = self.given(at, boundary.as_ref(), &[]);
        let created = state.as_ref().is_some_and(|state| self.object.has_created(&state.role.tags));
        if !created || !matches!(goal, Goal::Absent { .. }) {
            return None;
        }
        let planned = plan(Goal::Closed, &given, state.as_ref()).unwrap_or_default();
        self.apply(manager, &at.role_arn, &planned, state).await.failure.map(|failure| failure.verdict)
    }

    /// There is no way into AWS any more.
    fn without_account(&self) -> Result<Option<String>, Interrupt> {
        let name = &self.role.spec.account_ref.name;
        let message = format!("AWSAccount {name} does not exist any more, so its role cannot be deleted");
        Err(Verdict { reason: Reason::Deleting, message, retry: Retry::Slow }.into())
    }

    fn left_behind(&self, left: &[Verdict], role_is_left: bool) -> String {
        let arn = self.role.reported_role().and_then(|role| role.arn.clone());
        let what = match arn {
            _ if !role_is_left => "source grants".to_owned(),
            None => "possibly a role".to_owned(),
            Some(arn) => format!("role {arn} with its policies"),
        };
        let why: Vec<&str> = left.iter().map(|verdict| verdict.message.as_str()).collect();
        format!("Finalizer removed as requested by the abandon annotation. Left in AWS: {what}. {}", why.join("; "))
    }
}

fn why_it_stays(target: &Target, arn: &str) -> String {
    match target {
        Target::Released { closed: Some(refusal) } => {
            format!("Role {arn} is kept as requested, but closed: {}", refusal.message)
        }
        Target::Released { closed: None } => format!("Role {arn} and its trust policy are kept as requested"),
        _ => format!("Role {arn} is kept, because this object did not create it"),
    }
}

/// Why a deletion waits, and the ways out.
pub(super) fn waiting(Verdict { reason, message, retry }: Verdict, target: &Target) -> Outcome {
    let or_retain = match target {
        Target::Absent { .. } => "set spec.role.deletionPolicy to Retain where the AWSAccount allows it, or ",
        _ => "",
    };
    let message = format!(
        "{message}. Deletion is waiting for AWS cleanup. To delete the object without it, {or_retain}set the annotation {}: \
         \"true\"",
        annotation::ABANDON
    );
    let retry = if retry == Retry::OnChange { Retry::Slow } else { retry };
    Outcome::Failing(Verdict { reason, message, retry })
}
