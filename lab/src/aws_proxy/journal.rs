//! The record of calls that tests read.

use std::{collections::BTreeMap, sync::Mutex};

use super::{
    call::{Call, Form},
    locked,
};

/// One call, in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedCall {
    /// Signing name of the service: `iam`, `sts`, `s3`, …
    pub service: String,
    /// The API action; for REST services the method and path.
    pub action: String,
    /// Region of the credential scope.
    pub region: String,
    /// Account of the credentials the call was signed with, where it is known.
    pub account: Option<String>,
    /// Access key id the call was signed with.
    pub access_key: Option<String>,
    /// Name of the role the call is about.
    pub role: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    parameters: Form,
}

/// What the caller got.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// No answer yet; a hung call stays so.
    Pending,
    /// An answer of this HTTP status and, for an error, this AWS error code.
    Answered {
        /// HTTP status.
        status: u16,
        /// AWS error code of an IAM or STS error.
        code: Option<String>,
    },
    /// A reset connection.
    Reset,
}

impl RecordedCall {
    /// HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::Pending | Outcome::Reset => None,
        }
    }

    /// A parameter of an IAM or STS call.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)
    }

    /// The values of a list among the parameters; `field` names one of each structure, or is empty.
    pub fn list(&self, name: &str, field: &str) -> Vec<&str> {
        self.parameters.list_of(name, field)
    }

    /// The tags among the parameters.
    pub fn tags(&self) -> BTreeMap<&str, &str> {
        self.parameters.tags().into_iter().collect()
    }
}

/// Number of calls by account, service, action and outcome.
pub type CallCounts = BTreeMap<(Option<String>, String, String, Outcome), usize>;

/// The record itself.
#[derive(Default)]
pub(crate) struct Journal {
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    calls: Vec<RecordedCall>,
    /// Which reset the calls belong to: an answer to an earlier call is no longer of interest.
    epoch: u64,
}

/// Names one call of the record until its outcome is known.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    epoch: u64,
    index: usize,
}

impl Journal {
    /// Notes that a call arrived.
    pub(crate) fn arrived(&self, call: &Call, account: Option<&str>) -> Entry {
        let mut log = locked(&self.log);
        log.calls.push(RecordedCall {
            service: call.service.clone(),
            action: call.action.clone(),
            region: call.region.clone(),
            account: account.map(str::to_owned),
            access_key: call.access_key.clone(),
            role: call.role().map(str::to_owned),
            outcome: Outcome::Pending,
            parameters: call.form.clone(),
        });
        Entry { epoch: log.epoch, index: log.calls.len() - 1 }
    }

    /// Notes what became of it.
    pub(crate) fn ended(&self, entry: Entry, outcome: Outcome) {
        let mut log = locked(&self.log);
        if entry.epoch == log.epoch
            && let Some(call) = log.calls.get_mut(entry.index)
        {
            call.outcome = outcome;
        }
    }

    pub(crate) fn calls(&self) -> Vec<RecordedCall> {
        locked(&self.log).calls.clone()
    }

    pub(crate) fn calls_that(&self, are_wanted: impl Fn(&RecordedCall) -> bool) -> Vec<RecordedCall> {
        locked(&self.log).calls.iter().filter(|call| are_wanted(call)).cloned().collect()
    }

    pub(crate) fn count(&self, action: &str) -> usize {
        self.tally(|call| call.action == action)
    }

    pub(crate) fn counts(&self) -> CallCounts {
        let mut counts = CallCounts::new();
        for RecordedCall { service, action, account, outcome, .. } in self.calls() {
            *counts.entry((account, service, action, outcome)).or_default() += 1;
        }
        counts
    }

    pub(crate) fn clear(&self) {
        let mut log = locked(&self.log);
        log.calls.clear();
        log.epoch += 1;
    }

    fn tally(&self, matches: impl Fn(&RecordedCall) -> bool) -> usize {
        locked(&self.log).calls.iter().filter(|call| matches(call)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::call::Form, *};

    fn assume() -> Call {
        Call {
            service: "sts".into(),
            action: "AssumeRole".into(),
            region: "eu-west-1".into(),
            access_key: None,
            form: Form::of(&[("RoleArn", "arn:aws:iam::222222222222:role/x/reader")]),
        }
    }

    #[test]
    fn an_answer_to_a_call_from_before_the_reset_is_not_recorded() {
        let journal = Journal::default();
        let old = journal.arrived(&assume(), None);
        journal.clear();
        journal.arrived(&assume(), Some("111111111111"));
        journal.ended(old, Outcome::Reset);
        assert_eq!(journal.calls()[0].outcome, Outcome::Pending);
        assert_eq!(journal.calls()[0].role.as_deref(), Some("reader"));
    }

    #[test]
    fn calls_are_counted_by_account_and_outcome() {
        let journal = Journal::default();
        let refused = Outcome::Answered { status: 403, code: Some("AccessDenied".into()) };
        for _ in 0..2 {
            journal.ended(journal.arrived(&assume(), Some("111111111111")), refused.clone());
        }
        let key = (Some("111111111111".into()), "sts".into(), "AssumeRole".into(), refused);
        assert_eq!(journal.counts(), CallCounts::from([(key, 2)]));
    }
}
