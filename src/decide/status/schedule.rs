//! When to come back to an object.

use jiff::Timestamp;

use super::Report;
use crate::decide::failure::delay;

/// The earliest of: the next try of each part that fails, the next renewal, the end of the set, the next regular look, and what
/// else the report asks for. `failures` is the number of passes with failures in a row before this one.
#[must_use]
pub fn next_pass(report: &Report, failures: u32, uid: &str, look: Timestamp, now: Timestamp) -> Timestamp {
    let set = report.published.as_ref();
    let remaining = set.map(|set| set.expires_at.duration_since(now));
    // Each part has its own retry: one that waits for another declaration must not hold up the other.
    let retries = report.problems().filter_map(|verdict| delay(verdict.retry, failures, remaining, uid));
    let retry = retries.min().map(|wait| now + wait);
    let ahead = |at: &Timestamp| *at > now;
    let renewal = set.map(|set| set.renew_at).filter(ahead);
    let expiry = set.map(|set| set.expires_at).filter(ahead);
    let workloads = report.consumers.wake_at(remaining, uid, now);
    let asked = report.wake_at.filter(ahead);
    [retry, renewal, expiry, workloads, asked].into_iter().flatten().fold(look, Timestamp::min)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::api::Reason;
    use crate::decide::failure::{Retry, Verdict};
    use crate::decide::status::{CredentialsFacts, Outcome};

    fn failing(reason: Reason, retry: Retry) -> Outcome {
        Outcome::Failing(Verdict { reason, message: String::new(), retry })
    }

    const TOMORROW: Timestamp = Timestamp::constant(86_400, 0);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn with_set() -> Report {
        let published = CredentialsFacts {
            secret_name: "s".into(),
            issued_at: at(0),
            expires_at: at(3600),
            renew_at: at(1700),
            caller_arn: None,
            packed_policy_size_percent: None,
            is_first: false,
        };
        Report { published: Some(published), ..Report::default() }
    }

    #[test]
    fn what_only_another_declaration_can_help_waits_for_the_next_regular_look() {
        let report = Report { role: failing(Reason::InvalidSpec, Retry::OnChange), ..Report::default() };
        assert_eq!(next_pass(&report, 0, "uid", TOMORROW, at(10)), TOMORROW);
    }

    #[test]
    fn a_set_is_come_back_to_when_it_is_due_and_a_fault_before_that() {
        assert_eq!(next_pass(&with_set(), 0, "uid", TOMORROW, at(10)), at(1700));
        let throttled = Report { role: failing(Reason::Throttled, Retry::Soon), ..with_set() };
        assert!(next_pass(&throttled, 0, "uid", TOMORROW, at(10)) < at(15));
        assert_eq!(
            next_pass(&with_set(), 0, "uid", TOMORROW, at(2000)),
            at(3600),
            "a renewal in the past is no reason"
        );
        let asked = Report { wake_at: Some(at(40)), ..with_set() };
        assert_eq!(next_pass(&asked, 0, "uid", TOMORROW, at(10)), at(40));
    }

    #[test]
    fn a_part_that_waits_for_another_declaration_does_not_hold_up_the_retry_of_the_other() {
        let report = Report {
            role: failing(Reason::NotAllowed, Retry::OnChange),
            credentials: failing(Reason::Throttled, Retry::Soon),
            ..Report::default()
        };
        let next = next_pass(&report, 0, "uid", TOMORROW, at(0));
        assert!(next.duration_since(at(0)) <= SignedDuration::from_secs(2), "{next}");
    }
}
