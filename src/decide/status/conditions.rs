//! Conditions with stable transition times.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::{ConditionType, Outlook, Reason, condition};
use crate::domain::whole_seconds;

/// Longest message of a condition (meta/v1 Condition, `maxLength` 32768); ours stay readable in a terminal.
pub const MESSAGE_MAX: usize = 2_000;

/// Whether anything will change, and through whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The object is as declared.
    Settled,
    /// The operator is working on it and will try again.
    Reconciling,
    /// Nothing will change without someone.
    Stalled,
}

impl Progress {
    /// What follows from the reason of a problem.
    #[must_use]
    pub fn of(problem: Reason) -> Self {
        match problem.outlook() {
            Outlook::NeedsSomeone => Self::Stalled,
            Outlook::Works | Outlook::OnTheWay | Outlook::Lost => Self::Reconciling,
        }
    }
}

/// Sets conditions on top of the previous ones, of which it keeps the transition times.
pub struct Conditions<'a> {
    previous: &'a [Condition],
    generation: Option<i64>,
    now: Timestamp,
    set: Vec<Condition>,
}

impl<'a> Conditions<'a> {
    /// Starts with nothing set; what is not set is gone.
    #[must_use]
    pub fn after(previous: &'a [Condition], generation: Option<i64>, now: Timestamp) -> Self {
        Self { previous, generation, now: whole_seconds(now), set: Vec::new() }
    }

    /// Leaves one condition as it was.
    pub fn carry_over(&mut self, kind: ConditionType) {
        self.set.extend(condition(self.previous, kind).cloned());
    }

    /// Sets one condition. Its transition time moves only when its status does.
    pub fn set(&mut self, kind: ConditionType, status: bool, reason: Reason, message: &str) {
        let (kind, status) = (kind.to_string(), if status { "True" } else { "False" });
        let unchanged = self.previous.iter().find(|c| c.type_ == kind && c.status == status);
        self.set.push(Condition {
            last_transition_time: unchanged.map_or(Time(self.now), |c| c.last_transition_time.clone()),
            message: message.chars().take(MESSAGE_MAX).collect(),
            observed_generation: self.generation,
            reason: reason.to_string(),
            status: status.to_owned(),
            type_: kind,
        });
    }

    /// Sets `Stalled` and `Reconciling` in the form that kstatus reads: one of them is true while a cause is there, and
    /// none otherwise. <https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus>
    pub fn set_progress(&mut self, progress: Progress, reason: Reason, message: &str) {
        for (kind, now) in
            [(ConditionType::Stalled, Progress::Stalled), (ConditionType::Reconciling, Progress::Reconciling)]
        {
            let set = progress == now;
            self.set(kind, set, reason, if set { message } else { "" });
        }
    }

    /// The conditions that were set.
    #[must_use]
    pub fn into_vec(self) -> Vec<Condition> {
        self.set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let mut first = Conditions::after(&[], Some(1), at(10));
        first.set(ConditionType::Ready, false, Reason::Progressing, "working");
        let first = first.into_vec();

        let mut second = Conditions::after(&first, Some(2), at(20));
        second.set(ConditionType::Ready, false, Reason::Throttled, "still");
        let second = second.into_vec();
        assert_eq!(second[0].last_transition_time, Time(at(10)));
        assert_eq!((second[0].reason.as_str(), second[0].observed_generation), ("Throttled", Some(2)));

        let mut third = Conditions::after(&second, Some(2), at(30));
        third.set(ConditionType::Ready, true, Reason::Available, "");
        assert_eq!(third.into_vec()[0].last_transition_time, Time(at(30)));
    }
}
