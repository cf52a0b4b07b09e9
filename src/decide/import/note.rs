//! What a manifest does not say of a role, and what to do about it.

use std::fmt::{self, Display, Formatter};

/// What becomes of a part of the role that the manifest does not declare.
pub(super) const REMOVED: &str =
    "Lifecycles Adopt and Create remove it: keep lifecycle Observe as long as somebody needs it";

/// What becomes of a part of the role that the operator leaves alone.
pub(super) const STAYS: &str = "It stays on the role as it is";

/// One thing that the manifest does not say, or that its account refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The part of the role, or the field of the manifest.
    pub about: String,
    /// What is the matter with it.
    pub problem: String,
    /// What to do, or what becomes of it.
    pub advice: String,
}

impl Note {
    /// A note about a part of the role.
    #[must_use]
    pub fn new(about: impl Into<String>, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about: about.into(), problem: problem.into(), advice: advice.into() }
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { about, problem, advice } = self;
        write!(f, "{about}: {problem}. {advice}.")
    }
}
