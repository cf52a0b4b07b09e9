//! Faults: what AWS does on a bad day, as data, with the calls it happens to.

use std::time::Duration;

use super::{call::Call, touch::Touch};
use crate::rules::{Injected, Rules};

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It takes this much longer.
    Latency(Duration),
    /// It is answered with this error and not carried out.
    Answer(AwsError),
    /// It is never answered and not carried out.
    Hang,
    /// The connection is reset and nothing is carried out.
    Reset,
    /// It is carried out, and the connection is reset before the answer.
    DropResponse,
    /// The role it is about is not visible yet, as with eventual consistency (IAM user guide, "Changes that I make are
    /// not always immediately visible"): `AssumeRole` is denied, other calls find no such role.
    Lag,
    /// It is carried out, and the answer is touched up.
    Touched(Touch),
    /// It is carried out, and the connection is reset in the middle of the answer.
    Truncated,
    /// It is answered now by an endpoint that knows the latest change and now by one that does not: the first answer to
    /// a question is given again every other time.
    Flapping,
}

/// An error as AWS words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// HTTP status.
    pub status: u16,
    /// Error code, such as `LimitExceeded`.
    pub code: String,
    /// Message for people.
    pub message: String,
}

impl AwsError {
    /// An error of this status, code and message.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// IAM and STS throttle with 400, not 429 or 503 (AWS API reference, IAM "Common errors").
    pub fn throttling() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }
}

/// The rules of one proxy.
#[derive(Default)]
pub(crate) struct Faults(Rules<Pattern, Fault>);

/// Which calls a rule is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pattern {
    action: String,
    account: Option<String>,
    role: Option<String>,
}

impl Pattern {
    fn matches(&self, call: &Call, account: Option<&str>) -> bool {
        let action = match self.action.strip_suffix('*') {
            Some(prefix) => call.action.starts_with(prefix),
            None => call.action == self.action,
        };
        // Role names are compared without case, as IAM does (IAM user guide, "IAM identifiers").
        let role = |wanted: &str| call.role().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        action
            && self.account.as_deref().is_none_or(|wanted| account == Some(wanted))
            && self.role.as_deref().is_none_or(role)
    }
}

impl Faults {
    pub(crate) fn on(&self, action: &str) -> On<'_> {
        On { faults: self, pattern: Pattern { action: action.to_owned(), ..Pattern::default() }, times: None }
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }

    /// The faults that befall a call: every latency, and the first other one. Each use counts.
    pub(crate) fn befalling(&self, call: &Call, account: Option<&str>) -> (Duration, Option<Fault>) {
        let is_latency = |fault: &Fault| matches!(fault, Fault::Latency(_));
        let (mut latency, mut other) = (Duration::ZERO, None);
        for fault in self.0.befalling(|pattern| pattern.matches(call, account), is_latency) {
            match fault {
                Fault::Latency(more) => latency += more,
                fault => other = Some(fault),
            }
        }
        (latency, other)
    }
}

/// A rule being made: which calls, how often, and last what happens to them.
pub struct On<'a> {
    faults: &'a Faults,
    pattern: Pattern,
    times: Option<u64>,
}

impl On<'_> {
    /// Only calls signed with credentials of this account.
    #[must_use]
    pub fn account(mut self, account: &str) -> Self {
        self.pattern.account = Some(account.to_owned());
        self
    }

    /// Only calls about the role of this name.
    #[must_use]
    pub fn role(mut self, name: &str) -> Self {
        self.pattern.role = Some(name.to_owned());
        self
    }

    /// Only the next `times` such calls.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// They take this much longer.
    pub fn latency(self, latency: Duration) -> Injected {
        self.inject(Fault::Latency(latency))
    }

    /// They are throttled.
    pub fn throttle(self) -> Injected {
        self.inject(Fault::Answer(AwsError::throttling()))
    }

    /// They are answered with this error.
    pub fn error(self, status: u16, code: &str, message: &str) -> Injected {
        self.inject(Fault::Answer(AwsError::new(status, code, message)))
    }

    /// They are never answered.
    pub fn hang(self) -> Injected {
        self.inject(Fault::Hang)
    }

    /// Their connection is reset before anything is done.
    pub fn reset(self) -> Injected {
        self.inject(Fault::Reset)
    }

    /// They are carried out, but the answer is lost.
    pub fn drop_response(self) -> Injected {
        self.inject(Fault::DropResponse)
    }

    /// The role they are about is not visible yet.
    pub fn lag(self) -> Injected {
        self.inject(Fault::Lag)
    }

    /// Their answers are touched up.
    pub fn touch(self, touch: Touch) -> Injected {
        self.inject(Fault::Touched(touch))
    }

    /// They are carried out, but the connection breaks in the middle of the answer.
    pub fn truncate(self) -> Injected {
        self.inject(Fault::Truncated)
    }

    /// Every other answer to the same question is the first one that was given while such a rule was in force.
    pub fn flap(self) -> Injected {
        self.inject(Fault::Flapping)
    }

    /// Puts the rule in force.
    pub fn inject(self, fault: Fault) -> Injected {
        self.faults.0.add(self.pattern, fault, self.times)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::call::Form, *};

    fn get_role(name: &str) -> Call {
        Call {
            service: "iam".into(),
            action: "GetRole".into(),
            region: "us-east-1".into(),
            access_key: None,
            form: Form::of(&[("RoleName", name)]),
        }
    }

    #[test]
    fn a_rule_applies_to_its_account_its_role_and_its_number_of_calls() {
        let faults = Faults::default();
        let rule = faults.on("Get*").account("222222222222").role("reader").times(1).throttle();
        let befallen = |name, account| faults.befalling(&get_role(name), Some(account)).1.is_some();
        assert!(!befallen("reader", "111111111111"));
        assert!(!befallen("writer", "222222222222"));
        assert!(befallen("Reader", "222222222222"));
        assert!(!befallen("reader", "222222222222"));
        assert_eq!(rule.hits(), 1);
    }

    #[test]
    fn latencies_add_up_and_the_first_other_fault_decides() {
        let faults = Faults::default();
        faults.on("*").latency(Duration::from_millis(20));
        faults.on("GetRole").latency(Duration::from_millis(5));
        faults.on("GetRole").reset();
        faults.on("GetRole").hang();
        assert_eq!(faults.befalling(&get_role("x"), None), (Duration::from_millis(25), Some(Fault::Reset)));
    }

    #[test]
    fn a_released_rule_spares_the_next_call() {
        let faults = Faults::default();
        let lag = faults.on("GetRole").lag();
        assert!(faults.befalling(&get_role("x"), None).1.is_some());
        lag.release();
        assert!(faults.befalling(&get_role("x"), None).1.is_none());
    }
}
