//! What of a world makes a difference to what comes next. Moments count by their age, ids of roles by their order.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::{SignedDuration, Timestamp};

use super::properties::age;
use super::world::{Object, World};
use crate::api::{ConditionType, CrossAccountRole};
use crate::decide::failure::next_on_grid;
use crate::decide::role::denial::{DENY, Denied, own_denial};
use crate::domain::IamRoleState;
use crate::domain::policy::PolicyDocument;

impl World {
    /// The digest. Two worlds of one digest behave alike.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        with_ordered_ids(&self.text()).hash(&mut hasher);
        hasher.finish()
    }

    /// What people see of a world: the role, the Secrets and what status says, whatever the time is.
    pub fn shape(&self) -> String {
        let mut text = String::new();
        let made = self.iam.role.as_ref().map_or(self.started_at, |state| state.role.created_at);
        role(&mut text, self.iam.role.as_ref(), made);
        for object in self.objects.iter().flatten() {
            object.write_reported(&mut text);
            let secret = object.observed_secret(&object.live);
            let set = secret.publication().map(|set| (set.credentials.access_key_id.expose(), &set.inputs_hash));
            let _ = write!(text, " {set:?}");
        }
        text
    }

    fn text(&self) -> String {
        let now = self.now;
        let mut text = String::new();
        let _ = write!(text, "{:?}", (&self.account.spec.allowed_namespaces, &self.account.spec.guardrails.principals));
        let _ = write!(text, "started {} {} ", age(now, self.started_at), self.iam.misled);
        role(&mut text, self.iam.role.as_ref(), now);
        if let Some((at, before)) = &self.iam.before
            && now.duration_since(*at) < SignedDuration::from_mins(2)
        {
            text.push_str(" before ");
            role(&mut text, before.as_ref(), now);
        }
        for object in self.objects.iter().flatten() {
            object.write(&mut text, self.started_at, now);
        }
        text
    }
}

fn role(text: &mut String, state: Option<&IamRoleState>, now: Timestamp) {
    let Some(state) = state else { return text.push_str("no role") };
    let trust = state.role.trust.as_ref().map(PolicyDocument::to_json);
    let _ = write!(text, "{} {} {:?} {trust:?}", state.role.id, age(now, state.role.created_at), state.role.tags);
    let _ = write!(text, "{:?} {:?}", state.role.boundary, state.attached);
    for (name, document) in state.inline.iter().filter(|(name, _)| *name != DENY) {
        let _ = write!(text, " {name} {:?}", document.as_ref().map(PolicyDocument::to_json));
    }
    let denial = own_denial(state);
    denied(text, denial.everyone, now);
    if let Some((who, at)) = &denial.own {
        let _ = write!(text, " own {who} {}", age(now, *at));
    }
}

fn denied(text: &mut String, denied: Denied, now: Timestamp) {
    let _ = match denied {
        Denied::Before(at) => write!(text, " denied {}", age(now, at)),
        other => write!(text, " {other:?}"),
    };
}

fn spec(text: &mut String, role: &CrossAccountRole) {
    let spec = &role.spec;
    let _ = write!(text, " spec {:?} {:?} {:?}", spec.suspend, spec.role.deletion_policy, spec.trust.principals);
    let _ = write!(text, "{:?} deleted {}", spec.role.inline_policies, role.is_deleted());
}

impl Object {
    fn write_reported(&self, text: &mut String) {
        for kind in [ConditionType::Ready, ConditionType::RoleReady] {
            let found = self.live.condition(kind).map(|found| (&found.status, &found.reason));
            let _ = write!(text, " {found:?} {}", self.live.is_true(kind));
        }
        if let Some(role) = self.live.reported_role() {
            let _ = write!(text, " {:?} {:?} {:?}", role.id, role.inline_policies, role.declaration_hash);
        }
    }

    fn write(&self, text: &mut String, started_at: Timestamp, now: Timestamp) {
        let Self { live, earlier, memory, seen, .. } = self;
        spec(text, live);
        let _ = write!(text, " finalizer {}", live.has_finalizer());
        if let Some(earlier) = earlier {
            spec(text, earlier);
        }
        self.write_reported(text);
        let observed = live.status.as_ref().and_then(|status| status.observed_generation);
        let _ = write!(text, " {seen:?} observed {}", observed == live.metadata.generation);
        let uid = live.metadata.uid.as_deref().unwrap_or_default();
        let last = memory.compared.as_ref().map_or(started_at, |last| last.at);
        let due = next_on_grid(last, SignedDuration::from_hours(1), uid) <= now;
        let with = memory.compared.as_ref().map(|last| &last.with);
        let _ = write!(text, " compared {with:?} {due} {:?} {}", memory.within, memory.compare_again);
        denied(text, memory.denied, now);
        let times = [memory.create_sent_at, memory.passing_since, memory.opened_at, memory.written_at];
        let more = [memory.trust_changed_at, memory.failing_since];
        for at in times.into_iter().chain(more) {
            let _ = write!(text, " {:?}", at.map(|at| age(now, at)));
        }
        let _ = write!(text, " {:?} {:?} {:?}", memory.had_finalizer, memory.deletion_failed, memory.proof);
        let _ = write!(text, " {:?} {:?}", memory.closed.is_some(), memory.last_read);
        let secret = self.observed_secret(live);
        for set in secret.publication().into_iter().chain(memory.unpublished.as_deref()) {
            let past = set.credentials.expires_at <= now;
            let before = match memory.denied {
                Denied::Before(moment) => set.issued_at < moment,
                _ => false,
            };
            let of = set.credentials.access_key_id.expose();
            let _ = write!(text, " set {of} {} {past} {before} {}", set.inputs_hash, age(now, set.issued_at));
        }
        let _ = write!(text, " {}", memory.unpublished.is_some());
    }
}

fn with_ordered_ids(text: &str) -> String {
    let mut ids: HashMap<&str, usize> = HashMap::new();
    let mut parts = text.split("AROA");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
        let next = ids.len();
        let _ = write!(result, "AROA{}{}", ids.entry(&part[..end]).or_insert(next), &part[end..]);
    }
    result
}
