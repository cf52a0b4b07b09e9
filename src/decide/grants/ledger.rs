//! What an object announces of its source grants in status before anything is done about them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::{SourceGrant, SourceGrantStatus};
use crate::domain::whole_seconds;

/// What is decided about a declared grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is given to the principal of this ARN.
    Given(String),
    /// It is not given, and goes if it was.
    Refused,
    /// It cannot be decided at present: what was given stays.
    Unknown,
}

/// What is to be given: by which policy, for which role, and when.
#[derive(Clone, Copy, Debug)]
pub struct LedgerInput<'a> {
    /// Name of the policy.
    pub policy: &'a str,
    /// ARN of the object's own role, if it is known.
    pub role_arn: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

/// The next ledger: everything that is announced, and what is given now.
///
/// Nothing is forgotten here. What is refused or no longer declared stays without a role: it no longer counts, and is
/// forgotten once AWS is clean.
#[must_use]
pub fn next_ledger(
    before: &[SourceGrantStatus],
    declared: &[(SourceGrant, Decision)],
    giving: LedgerInput<'_>,
) -> Vec<SourceGrantStatus> {
    let LedgerInput { policy, role_arn, .. } = giving;
    let known = |grant: &SourceGrant| before.iter().find(|entry| entry.grant() == *grant && entry.policy == policy);
    let mut next: Vec<SourceGrantStatus> = Vec::new();
    for (index, (grant, decision)) in declared.iter().enumerate() {
        if declared[..index].iter().any(|(earlier, _)| earlier == grant) {
            continue; // declared twice
        }
        next.extend(match decision {
            Decision::Given(principal_arn) => Some(given(grant, principal_arn, known(grant), giving)),
            Decision::Refused => known(grant).map(ending),
            Decision::Unknown => known(grant).map(|entry| SourceGrantStatus {
                role_arn: entry.role_arn.as_ref().map(|before| role_arn.unwrap_or(before).to_owned()),
                ..entry.clone()
            }),
        });
    }
    let listed =
        |entry: &SourceGrantStatus| next.iter().any(|e| e.grant() == entry.grant() && e.policy == entry.policy);
    let surplus: Vec<_> = before.iter().filter(|entry| !listed(entry)).map(ending).collect();
    next.extend(surplus);
    next
}

/// The same entry, no longer counting.
#[must_use]
pub fn ending(entry: &SourceGrantStatus) -> SourceGrantStatus {
    SourceGrantStatus { role_arn: None, ..entry.clone() }
}

fn given(
    grant: &SourceGrant,
    principal_arn: &str,
    known: Option<&SourceGrantStatus>,
    giving: LedgerInput<'_>,
) -> SourceGrantStatus {
    let SourceGrant { account_ref, user, group, role } = grant.clone();
    let since = known.filter(|entry| entry.role_arn.is_some()).and_then(|entry| entry.since.clone());
    SourceGrantStatus {
        account: account_ref.name,
        user,
        group,
        role,
        principal_arn: Some(principal_arn.to_owned()),
        policy: giving.policy.to_owned(),
        role_arn: giving.role_arn.map(str::to_owned),
        since: Some(since.unwrap_or(Time(whole_seconds(giving.now)))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::AccountRef;

    const POLICY: &str = "crossaccount-c";
    const ROLE: &str = "arn:aws:iam::222222222222:role/reader";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn grant(user: &str) -> SourceGrant {
        SourceGrant {
            account_ref: AccountRef { name: "ci".into() },
            user: Some(user.to_owned()),
            ..SourceGrant::default()
        }
    }

    fn is_given(user: &str) -> (SourceGrant, Decision) {
        (grant(user), Decision::Given(format!("arn:aws:iam::111111111111:user/{user}")))
    }

    fn remember(
        before: &[SourceGrantStatus],
        declared: &[(SourceGrant, Decision)],
        second: i64,
    ) -> Vec<SourceGrantStatus> {
        next_ledger(before, declared, LedgerInput { policy: POLICY, role_arn: Some(ROLE), now: at(second) })
    }

    #[test]
    fn what_is_given_again_keeps_its_time_and_what_comes_back_has_a_new_one() {
        let first = remember(&[], &[is_given("a")], 1);
        assert_eq!(first[0].since, Some(Time(at(1))));
        assert_eq!(remember(&first, &[is_given("a"), is_given("a")], 2), first);
        let refused = remember(&first, &[(grant("a"), Decision::Refused)], 3);
        assert_eq!(refused[0].role_arn, None);
        assert_eq!(remember(&refused, &[is_given("a")], 4)[0].since, Some(Time(at(4))));
    }

    #[test]
    fn what_cannot_be_decided_stays_and_follows_the_role() {
        let before = remember(&[], &[is_given("a")], 1);
        let unknown = [(grant("a"), Decision::Unknown), (grant("b"), Decision::Unknown)];
        assert_eq!(remember(&before, &unknown, 2), before);
        assert_eq!(
            next_ledger(&before, &unknown, LedgerInput { policy: POLICY, role_arn: None, now: at(2) }),
            before,
            "the role is not known either"
        );
        let moved = next_ledger(
            &before,
            &unknown,
            LedgerInput { policy: POLICY, role_arn: Some("arn:aws:iam::222222222222:role/x/reader"), now: at(2) },
        );
        assert_eq!(moved[0].role_arn.as_deref(), Some("arn:aws:iam::222222222222:role/x/reader"));
    }

    #[test]
    fn a_policy_of_an_earlier_name_of_the_cluster_is_taken_back_beside_the_new_one() {
        let before = next_ledger(
            &[],
            &[is_given("a")],
            LedgerInput { policy: "crossaccount-old", role_arn: Some(ROLE), now: at(1) },
        );
        let next = remember(&before, &[is_given("a")], 2);
        let roles: Vec<_> = next.iter().map(|entry| (entry.policy.as_str(), entry.role_arn.is_some())).collect();
        assert_eq!(roles, [(POLICY, true), ("crossaccount-old", false)]);
    }

    proptest! {
        #[test]
        fn nothing_is_ever_forgotten_and_only_what_is_given_or_unknown_counts(
            rounds in prop::collection::vec(prop::collection::vec((0_usize..6, 0_usize..3), 0..6), 1..8),
        ) {
            let mut before: Vec<SourceGrantStatus> = Vec::new();
            for (second, round) in (1..).zip(rounds) {
                let declared: Vec<_> = round.iter().map(|(user, decision)| {
                    let (grant, given) = is_given(&format!("u{user}"));
                    (grant, [given, Decision::Refused, Decision::Unknown][*decision].clone())
                }).collect();
                let next = remember(&before, &declared, second);
                for entry in &before {
                    prop_assert!(next.iter().any(|e| e.grant() == entry.grant()));
                }
                for entry in next.iter().filter(|entry| entry.role_arn.is_some()) {
                    let current = declared.iter().find(|(grant, _)| *grant == entry.grant()).map(|(_, decision)| decision);
                    prop_assert!(matches!(current, Some(Decision::Given(_) | Decision::Unknown)));
                }
                before = next;
            }
        }
    }
}
