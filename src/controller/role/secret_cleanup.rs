//! Deletes Secrets: when access is closed, when the object is deleted, and when credentials expire.

use super::credentials::published_before;
use super::pass::Pass;
use crate::api::{OnExpiry, Reason};
use crate::cluster::SecretDeletion;
use crate::controller::state::secrets::SecretNames;
use crate::controller::{Error, answer_of};
use crate::decide::Refusal;
use crate::decide::event::{Event, EventReason};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::status::Outcome;

impl Pass<'_> {
    /// Deletes the Secret of an object whose access is closed, after AWS was closed. Reports only what was verified.
    pub async fn take_secret_away(&mut self, refusal: &Refusal) -> Result<(), Error> {
        let had_access = self.may_have_role() || published_before(self.role).is_some();
        let problem = match self.delete_secrets(None).await {
            Err(error) => secret_stays(&error),
            Ok(ended) => held_back(&ended).unwrap_or_else(|| self.without_secret(refusal, had_access)),
        };
        self.report.credentials = Outcome::Failing(problem);
        Ok(())
    }

    pub(super) fn without_secret(&self, refusal: &Refusal, had_access: bool) -> Verdict {
        let message = match self.report.closed_in_aws {
            _ if !had_access => return refusal.clone().into(),
            true => "the Secret is gone, and all sessions of the role are denied",
            false => {
                "the Secret is gone; earlier sessions may work until they expire, because closing the role in AWS is \
                 not confirmed (see RoleReady)"
            }
        };
        Refusal::new(Reason::Revoked, message).into()
    }

    /// Deletes all Secrets of the object but this one. Gives those that there were.
    pub(super) async fn delete_secrets(&self, except: Option<&str>) -> kube::Result<Vec<(String, SecretDeletion)>> {
        let mut names = self.secret_names().await?;
        // One whose label was removed is not among them.
        let reported = published_before(self.role).map(|set| set.secret_name);
        names.extend(reported.into_iter().chain([self.role.secret_name()]));
        names.sort_unstable();
        names.dedup();
        let mut ended = Vec::new();
        for name in names.into_iter().filter(|name| Some(name.as_str()) != except) {
            match self.ctx.cluster.delete_secret(self.role, self.account_id(), &name).await? {
                SecretDeletion::Absent => {}
                deletion => ended.push((name, deletion)),
            }
        }
        Ok(ended)
    }

    /// Names of the Secrets that may be the object's, whatever its declaration and its status say.
    async fn secret_names(&self) -> kube::Result<Vec<String>> {
        if let Some(names) = self.ctx.secrets.of(self.role) {
            return Ok(names);
        }
        let beside = self.ctx.cluster.secrets_beside(self.role).await?;
        Ok(beside.into_iter().collect::<SecretNames>().of(self.role))
    }

    /// Deletes a Secret whose set expired, if the object asks for it. Kept, it lets pods start, which then fail to call
    /// AWS; deleted, it keeps them from starting. The next set brings it back.
    pub async fn delete_expired_secret(&mut self) -> Result<(), Error> {
        let Some(expired) = self.report.published.clone().filter(|set| set.expires_at <= self.now) else {
            return Ok(());
        };
        let keep = self.role.spec.secret.on_expiry == OnExpiry::Keep;
        if keep {
            return Ok(());
        }
        let deleted = self.ctx.cluster.delete_secret(self.role, self.account_id(), &expired.secret_name).await?;
        if deleted != SecretDeletion::Gone {
            return Ok(());
        }
        let note = format!("Deleted Secret {}: its credentials expired at {}", expired.secret_name, expired.expires_at);
        self.events.push(Event::warning(EventReason::SecretDeleted, note));
        Ok(())
    }
}

/// The API server refuses to delete a Secret, or cannot be asked.
pub(super) fn secret_stays(error: &kube::Error) -> Verdict {
    let message = format!("the Secret cannot be deleted: {}", answer_of(error));
    Verdict { reason: Reason::KubernetesDenied, message, retry: Retry::Steadily }
}

/// A Secret that was deleted and still can be read.
fn held_back(ended: &[(String, SecretDeletion)]) -> Option<Verdict> {
    let held = |(name, deletion): &(String, SecretDeletion)| match deletion {
        SecretDeletion::HeldBack(finalizers) => Some(format!(
            "Secret {name} is deleted, but stays until its finalizers are removed: {}",
            finalizers.join(", ")
        )),
        SecretDeletion::Absent | SecretDeletion::Gone => None,
    };
    let message = ended.iter().find_map(held)?;
    Some(Verdict { reason: Reason::Revoked, message, retry: Retry::Steadily })
}
