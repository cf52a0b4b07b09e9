//! What holds of every write to IAM and of every publication.

use super::Run;
use crate::api::Lifecycle;
use crate::cluster::ObservedSecret;
use crate::controller::role::model::effects::Weather;
use crate::controller::role::model::iam::powers;
use crate::controller::role::model::properties::{true_target, word};
use crate::controller::role::model::world::ACCOUNT;
use crate::decide::credentials::published::PublishedCredentials;
use crate::decide::role::Step;
use crate::decide::target::Target;
use crate::decide::target::desired::Desired;
use crate::domain::{IamRoleState, Ownership};

impl Run<'_> {
    /// What a write to IAM broke. `seen` is the role as the pass knows it, `before` as it stood.
    pub fn broken_by_write(
        &self,
        step: &Step,
        seen: Option<&IamRoleState>,
        before: Option<&IamRoleState>,
    ) -> Vec<String> {
        let after = self.world.iam.role.as_ref();
        if after == before {
            return Vec::new(); // it had no effect
        }
        let mut broken = Vec::new();
        let object = &self.pass.object;
        // A read that lags shows whose the role was: nobody can know better.
        let known = if self.effects.weather == Weather::Lag { seen } else { before };
        let ownership = known.map(|state| object.ownership(&state.role.tags));
        let adopts = self.pass.role.spec.role.lifecycle == Lifecycle::Adopt;
        let claims = adopts && matches!(step, Step::Tag(_)) && matches!(ownership, Some(Ownership::Unowned { .. }));
        if !matches!(step, Step::Create(_)) && !claims && !ownership.as_ref().is_some_and(Ownership::is_ours) {
            broken.push(format!("{step:?} on a role that is not ours: {ownership:?}"));
        }
        if *step == Step::DeleteRole && !known.is_some_and(|state| object.has_created(&state.role.tags)) {
            broken.push("a role is deleted that the operator did not create".to_owned());
        }
        let Some(live) = self.live() else { return broken };
        let truth = true_target(self.world, live, None);
        let now = self.pass.now;
        if let Some(bounds) = &self.bounds {
            let more: Vec<_> = powers(after, now).difference(bounds).copied().collect();
            if !more.is_empty() {
                broken.push(format!("{step:?} gives {more:?}, which nobody had before or has after the plan"));
            }
        }
        // A role that is given up may be left open, so what a read that lags hides may be lost with it.
        let may_be_open = matches!(truth, Target::Released { closed: None }) && self.world.iam.misled;
        if !matches!(truth, Target::Open(_)) && !may_be_open {
            let more: Vec<_> = powers(after, now).difference(&powers(before, now)).copied().collect();
            if !more.is_empty() {
                broken.push(format!("{step:?} gives {more:?} while the target is {}", word(&truth)));
            }
        }
        broken
    }

    /// What a write of the Secret broke.
    pub fn broken_by_publication(
        &self,
        set: &PublishedCredentials,
        desired: &Desired,
        held: &ObservedSecret,
    ) -> Vec<String> {
        if held.publication().is_some_and(|held| held.credentials == set.credentials) {
            return Vec::new(); // the same set in other files
        }
        let mut broken = Vec::new();
        let Ok(request) = &desired.session else { return vec!["a set without a request".to_owned()] };
        let role_id = set.credentials.access_key_id.expose();
        if set.inputs_hash != request.fingerprint(&set.role_arn, role_id) || !set.is_of("team-shared", Some(ACCOUNT)) {
            broken.push(format!("a set of role {role_id} is published that was not verified"));
        }
        // What a read that lags does not show, nobody can know; the role is read again two minutes after a write.
        if set.credentials.session_token.expose() == "denied" && !self.world.iam.misled {
            broken.push("a set is published that is denied everything".to_owned());
        }
        if let Some(live) = self.live() {
            let truth = true_target(self.world, live, None);
            if !matches!(truth, Target::Open(_) | Target::Held(_)) {
                broken.push(format!("a set is published while the target is {}", word(&truth)));
            }
        }
        broken
    }
}
