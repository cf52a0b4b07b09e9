//! What can go wrong in a pass: each effect succeeds, or one of them fails, loses its answer, or is the last of its process.

use crate::api::Reason;
use crate::decide::failure::{Retry, Verdict};
use crate::domain::FailureKind;

/// Under what a pass works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// Nothing goes wrong.
    #[default]
    Fair,
    /// The cache shows the object as it was before the last edit.
    StaleCache,
    /// IAM shows the role as it was before the last pass that wrote.
    Lag,
    /// The effect of this number goes wrong.
    Fault(usize, Fault),
}

/// How an effect goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused, until somebody helps.
    Denied,
    /// It has no effect, by a fault that passes.
    Unavailable,
    /// It has its effect, and its answer is lost.
    AnswerLost,
    /// It has its effect, and the process dies.
    Crash,
}

/// All faults.
pub const FAULTS: [Fault; 4] = [Fault::Denied, Fault::Unavailable, Fault::AnswerLost, Fault::Crash];

/// Why a part of a pass ended early.
#[derive(Clone, Debug)]
pub enum Cut {
    /// The process died.
    Died,
    /// The pass breaks off and is repeated.
    Broken,
    /// Something failed, and the status says so.
    Failing(Verdict),
}

impl From<Verdict> for Cut {
    fn from(verdict: Verdict) -> Self {
        Self::Failing(verdict)
    }
}

/// How an effect ended, where it did not simply succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The process died.
    Died,
    /// The call failed, or seems to have.
    Failed(FailureKind),
}

impl Trouble {
    /// In the API server.
    pub fn of_kubernetes(self) -> Cut {
        match self {
            Self::Died => Cut::Died,
            Self::Failed(_) => Cut::Broken,
        }
    }

    /// In a call to AWS that is not a step of a plan.
    pub fn of_aws(self) -> Cut {
        match self {
            Self::Died => Cut::Died,
            Self::Failed(FailureKind::Denied) => Self::verdict(Reason::ManagerDenied, Retry::Slow),
            Self::Failed(_) => Self::verdict(Reason::Progressing, Retry::Soon),
        }
    }

    fn verdict(reason: Reason, retry: Retry) -> Cut {
        Cut::Failing(Verdict { reason, message: "AWS refuses".to_owned(), retry })
    }
}

/// Counts effects, and spoils one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effects {
    /// The weather of the pass.
    pub weather: Weather,
    /// Effects so far.
    pub count: usize,
}

impl Effects {
    /// Tries an effect.
    pub fn attempt<T>(&mut self, effect: impl FnOnce() -> Result<T, FailureKind>) -> Result<T, Trouble> {
        let number = self.count;
        self.count += 1;
        let fault = match self.weather {
            Weather::Fault(at, fault) if at == number => Some(fault),
            _ => None,
        };
        match fault {
            None => effect().map_err(Trouble::Failed),
            Some(Fault::Denied) => Err(Trouble::Failed(FailureKind::Denied)),
            Some(Fault::Unavailable) => Err(Trouble::Failed(FailureKind::Unavailable)),
            Some(Fault::AnswerLost) => {
                effect().map_err(Trouble::Failed).and(Err(Trouble::Failed(FailureKind::Unavailable)))
            }
            Some(Fault::Crash) => effect().map_err(Trouble::Failed).and(Err(Trouble::Died)),
        }
    }
}
