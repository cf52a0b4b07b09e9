//! The record of requests that tests read.

use std::{collections::BTreeMap, sync::Mutex};

use super::request::{ApiRequest, Verb};
use crate::rules::locked;

/// One request, in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// What it asked for.
    pub request: ApiRequest,
    /// What became of it.
    pub outcome: Outcome,
}

/// What the client got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No answer yet; a hung request stays so.
    Pending,
    /// An answer of this HTTP status. A watch is answered when it begins.
    Answered(u16),
    /// A reset connection.
    Reset,
}

#[derive(Default)]
pub(super) struct Journal(Mutex<Log>);

#[derive(Default)]
struct Log {
    requests: Vec<RecordedRequest>,
    /// Which reset the requests belong to: an answer to an earlier request is no longer of interest.
    epoch: u64,
}

/// Names one request of the record until its outcome is known.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    epoch: u64,
    index: usize,
}

impl Journal {
    pub(super) fn arrived(&self, request: &ApiRequest) -> Entry {
        let mut log = locked(&self.0);
        log.requests.push(RecordedRequest { request: request.clone(), outcome: Outcome::Pending });
        Entry { epoch: log.epoch, index: log.requests.len() - 1 }
    }

    pub(super) fn ended(&self, entry: Entry, outcome: Outcome) {
        let mut log = locked(&self.0);
        if entry.epoch == log.epoch
            && let Some(recorded) = log.requests.get_mut(entry.index)
        {
            recorded.outcome = outcome;
        }
    }

    pub(super) fn that(&self, are_wanted: impl Fn(&RecordedRequest) -> bool) -> Vec<RecordedRequest> {
        locked(&self.0).requests.iter().filter(|recorded| are_wanted(recorded)).cloned().collect()
    }

    pub(super) fn count(&self, verb: Verb, kind: &str) -> usize {
        let log = locked(&self.0);
        log.requests.iter().filter(|recorded| recorded.request.verb == verb && recorded.request.kind() == kind).count()
    }

    pub(super) fn tally(&self) -> BTreeMap<(Verb, String), usize> {
        let mut tally = BTreeMap::new();
        for RecordedRequest { request, .. } in &locked(&self.0).requests {
            *tally.entry((request.verb, request.kind())).or_default() += 1;
        }
        tally
    }

    pub(super) fn clear(&self) {
        let mut log = locked(&self.0);
        log.requests.clear();
        log.epoch += 1;
    }
}
