//! Types of the conditions in `status.conditions`.

/// What a condition is about.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::Display,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::EnumIter,
)]
pub enum ConditionType {
    /// Access works; the sum of the conditions about its parts. `kubectl wait --for=condition=Ready` waits for it.
    Ready,
    /// The IAM role and its trust policy are as declared.
    RoleReady,
    /// The Secret holds credentials that were verified and have not expired.
    CredentialsReady,
    /// Every principal in `sourceGrants` has permission to assume the role.
    SourceGrantsReady,
    /// No workload in `rolloutRestarts` waits for a restart. Only there while some are declared; `Ready` does not depend
    /// on it, since access works.
    RolloutsReady,
    /// `True` while pods run with earlier credentials, because they read them only at their start. `Ready` does not depend
    /// on it either.
    ConsumersStale,
    /// Nothing will change without someone.
    Stalled,
    /// The operator is working on it and will try again.
    Reconciling,
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn condition_types_are_spelled_as_in_the_contract() {
        let names: Vec<String> = ConditionType::iter().map(|condition| condition.to_string()).collect();
        assert_eq!(
            names,
            [
                "Ready",
                "RoleReady",
                "CredentialsReady",
                "SourceGrantsReady",
                "RolloutsReady",
                "ConsumersStale",
                "Stalled",
                "Reconciling"
            ],
        );
    }
}
