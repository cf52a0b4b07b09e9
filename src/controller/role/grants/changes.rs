//! What a pass changed of source grants, for Events and the status.

use crate::api::SourceGrantStatus;
use crate::decide::event::{Event, EventReason};
use crate::decide::failure::Verdict;

/// What was changed.
#[derive(Default)]
pub(super) struct Changes {
    /// What failed.
    pub problems: Vec<Verdict>,
    /// Principals whose policies were written although what is announced did not change.
    pub repaired: Vec<String>,
    /// Principals that may assume the role now.
    pub given: Vec<String>,
    /// Principals that no longer may.
    pub taken_back: Vec<String>,
}

impl Changes {
    /// Whether the line of a principal is in place: whether that took a write, or what is in the way.
    pub fn placed(&mut self, place: Result<bool, Verdict>, principal_arn: &str, new: bool) {
        match place {
            Ok(_) if new => self.given.push(principal_arn.to_owned()),
            Ok(written) => self.repaired.extend(written.then(|| principal_arn.to_owned())),
            Err(verdict) => self.problems.push(verdict),
        }
    }

    /// What became of grants that were to end: `left` are those that still stand, each with what is in the way.
    pub fn ended(&mut self, ended: &[SourceGrantStatus], left: &[(SourceGrantStatus, Verdict)]) {
        let gone = ended.iter().filter(|entry| !left.iter().any(|(left, _)| left == *entry));
        self.taken_back.extend(gone.map(|entry| entry.principal_arn.clone().unwrap_or_default()));
        self.problems.extend(left.iter().map(|(_, verdict)| Verdict {
            message: format!("a source grant cannot be taken back: {}", verdict.message),
            ..verdict.clone()
        }));
    }

    /// The Events about it.
    pub fn events(&self, is_drift: bool) -> Vec<Event> {
        let names = |principals: &[String]| (!principals.is_empty()).then(|| principals.join(", "));
        let given = names(&self.given)
            .map(|who| Event::normal(EventReason::SourceGrantGiven, format!("May assume the role: {who}")));
        let taken_back = names(&self.taken_back).map(|who| {
            Event::normal(EventReason::SourceGrantTakenBack, format!("May no longer assume the role: {who}"))
        });
        let repaired = names(&self.repaired).filter(|_| is_drift).map(|who| {
            let note = format!("The source grant differed from the declaration; repaired for {who}");
            Event::warning(EventReason::DriftRepaired, note)
        });
        [given, taken_back, repaired].into_iter().flatten().collect()
    }
}
