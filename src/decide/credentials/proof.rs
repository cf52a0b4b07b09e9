//! The proof that a role refuses the operator without its external id.

/// What is known of the proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// It was not tried by this process.
    #[default]
    Unknown,
    /// The role refused.
    Proven,
    /// The last try failed, or the trust policy changed since.
    Due,
}

impl Proof {
    /// Whether the proof is to be tried. `first_use`: this process issues credentials or has read the role, so that what an
    /// earlier process saw no longer counts.
    #[must_use]
    pub fn is_due(self, first_use: bool) -> bool {
        match self {
            Self::Proven => false,
            Self::Due => true,
            Self::Unknown => first_use,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_tried_after_a_change_of_trust_and_when_a_process_first_uses_the_role() {
        for (proof, unused, first_use) in
            [(Proof::Unknown, false, true), (Proof::Due, true, true), (Proof::Proven, false, false)]
        {
            assert_eq!((proof.is_due(false), proof.is_due(true)), (unused, first_use), "{proof:?}");
        }
    }
}
