//! The part of a pass that asks IAM, on request, which services the role used. It changes nothing. It comes
//! after the Secret is written, and the status waits for it for some seconds at most.

use std::time::Duration;

use tokio::time::timeout;

use super::outcome::RoleOutcome;
use super::pass::Pass;
use crate::controller::manager::ManagedAccount;
use crate::controller::state::objects::KnownRole;
use crate::decide::failure::{Retry, Verdict};
use crate::decide::target::requests::Requests;
use crate::decide::target::role_location::RoleLocation;
use crate::decide::usage::{Answer, Next, Work, answered, failed, next};

/// The status of the pass waits no longer than this.
const TIME_LIMIT: Duration = Duration::from_secs(10);

impl Pass<'_> {
    /// Begins the report that is asked for, or looks whether it is complete. Without a role there is nothing to report: the
    /// request waits for it.
    pub(super) async fn report_usage(&mut self, role: &RoleOutcome) {
        let due = Requests::of(self.role).due_usage(self.now);
        let last = self.role.status.as_ref().and_then(|status| status.usage.as_ref());
        let (work, job) = match next(due, last, self.state().usage, self.now) {
            Next::Nothing => return,
            Next::Wait(until) => return self.report.wake_by(Some(until)),
            Next::Begin(work) => (work, None),
            Next::Look(work, job) => (work, Some(job)),
        };
        let (Some(known), Some(at)) = (&role.known, self.place_of_role()) else { return };
        // Another session of the manager may not look at the job of an earlier one, which is then begun again.
        let of_earlier = job.is_some();
        let asked = timeout(TIME_LIMIT, self.usage(&at, known, work.clone(), job)).await;
        let answer = match asked {
            Ok(Ok(answer)) => answer,
            Err(_) => failed(Work { job: None, ..work }, "IAM does not answer", true, self.now),
            Ok(Err(Verdict { message, retry, .. })) => {
                let may_pass = of_earlier || matches!(retry, Retry::Steadily | Retry::Soon);
                failed(Work { job: None, ..work }, &message, may_pass, self.now)
            }
        };
        tracing::debug!(role = %known.arn, ?answer, "asked which services the role used");
        match answer {
            Answer::Done(usage) => {
                self.report.usage = Some(usage);
                self.remember(|state| state.usage = None);
            }
            Answer::Later(work, when) => {
                self.report.wake_by(Some(when));
                self.remember(|state| state.usage = Some(work));
            }
        }
    }

    async fn usage(
        &self,
        at: &RoleLocation,
        role: &KnownRole,
        work: Work,
        job: Option<String>,
    ) -> Result<Answer, Verdict> {
        let account = ManagedAccount::enter(self.ctx, &at.access).await?;
        let job = match job {
            Some(job) => job,
            None => account.begin_usage_report(&role.arn).await?,
        };
        let report = account.usage_report(&role.arn, &job).await?;
        Ok(answered(Work { job: Some(job), ..work }, &role.id, report, self.now))
    }
}
