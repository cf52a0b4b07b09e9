//! Through a chain of roles into an account, and what to say when a hop refuses.

use std::fmt;

use super::sts::{AssumeRole, StsClient};
use crate::domain::{AccountAccess, AwsFailure, Credentials, Hop, SessionName, SessionRequest};

/// The operator could not enter an account, or AWS does not take the identity at the end of its chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ChainFailure {
    /// The identity or role at fault: 0 is the operator's base identity, and n is hop n. AWS refuses to let anybody into
    /// the role of hop n; or, where the failure is one of identity, it does not accept the session of hop n.
    pub hop: usize,
    /// Number of hops of the chain.
    pub hops: usize,
    /// Role of that hop, or a word for the base identity.
    pub role: String,
    /// AWS's answer.
    #[source]
    pub failure: AwsFailure,
}

impl fmt::Display for ChainFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.failure)
    }
}

impl ChainFailure {
    /// The place in the chain.
    #[must_use]
    pub fn place(&self) -> String {
        let Self { hop, hops, role, failure: _ } = self;
        match hop {
            0 => "the operator's own identity".to_owned(),
            _ if self.is_of_session() => format!("the session of hop {hop} of {hops} ({role})"),
            _ => format!("hop {hop} of {hops} ({role})"),
        }
    }

    /// Whether AWS does not accept a session that the operator holds. The next attempt assumes a new one, and the
    /// operator's own key has nothing to do with it.
    #[must_use]
    pub fn is_of_session(&self) -> bool {
        self.hop > 0 && self.failure.kind.is_of_identity()
    }

    /// AWS refused `AssumeRole` into hop `hop`, counted from 1. Where AWS does not accept the caller, the caller is at
    /// fault, which is the identity before that hop.
    fn into_hop(access: &AccountAccess, hop: usize, failure: AwsFailure) -> Self {
        let at_fault = if failure.kind.is_of_identity() { hop.saturating_sub(1) } else { hop };
        Self::at(access, at_fault, failure)
    }

    /// A call of the identity at the end of the chain failed.
    pub(super) fn at_the_end(access: &AccountAccess, failure: AwsFailure) -> Self {
        Self::at(access, access.chain.len(), failure)
    }

    fn at(access: &AccountAccess, hop: usize, failure: AwsFailure) -> Self {
        let role = hop.checked_sub(1).and_then(|index| access.chain.get(index));
        let role = role.map_or_else(|| "base identity".to_owned(), |hop| hop.role_arn.to_string());
        Self { hop, hops: access.chain.len(), role, failure }
    }
}

/// Assumes the roles of a chain one after the other. `sts_as` makes a client of the session just issued.
pub(super) async fn walk(
    access: &AccountAccess,
    base: StsClient,
    sts_as: impl Fn(&Credentials) -> StsClient,
) -> Result<Option<Credentials>, ChainFailure> {
    let session_name = SessionName::of_manager(&access.name);
    let mut sts = base;
    let mut gained = None;
    for (index, hop) in access.chain.iter().enumerate() {
        let Hop { role_arn, external_id, session_tags, transitive_tag_keys } = hop;
        let request = SessionRequest::for_hop(session_tags, transitive_tag_keys);
        let call = AssumeRole {
            role: role_arn,
            session_name: &session_name,
            external_id: external_id.as_deref(),
            request: &request,
        };
        let answer = sts.assume_role(call).await;
        let session = answer.map_err(|failure| ChainFailure::into_hop(access, index + 1, failure))?;
        sts = sts_as(&session.credentials);
        gained = Some(session.credentials);
    }
    Ok(gained)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{AccountId, FailureKind, Region, RoleArn};

    fn access(roles: &[&str]) -> AccountAccess {
        let hop = |arn: &&str| Hop {
            role_arn: RoleArn::parse(arn).expect("a role"),
            external_id: None,
            session_tags: BTreeMap::new(),
            transitive_tag_keys: Vec::new(),
        };
        AccountAccess {
            name: "analytics".into(),
            id: AccountId::parse("222222222222").expect("an account"),
            region: Region::parse("eu-west-1").expect("a region"),
            chain: roles.iter().map(hop).collect(),
        }
    }

    fn failure(kind: FailureKind) -> AwsFailure {
        AwsFailure { service: "sts", operation: "AssumeRole", kind, code: "Code".into(), message: "words".into() }
    }

    #[test]
    fn a_failure_names_the_identity_or_the_role_that_is_at_fault() {
        let hub = "arn:aws:iam::111111111111:role/hub";
        let manager = "arn:aws:iam::222222222222:role/manager";
        let access = access(&[hub, manager]);
        for (hop, kind, at_fault, of_session, place) in [
            (1, FailureKind::UnknownKey, 0, false, "the operator's own identity".to_owned()),
            (1, FailureKind::Denied, 1, false, format!("hop 1 of 2 ({hub})")),
            (2, FailureKind::Expired, 1, true, format!("the session of hop 1 of 2 ({hub})")),
            (2, FailureKind::Denied, 2, false, format!("hop 2 of 2 ({manager})")),
        ] {
            let chain = ChainFailure::into_hop(&access, hop, failure(kind));
            assert_eq!((chain.hop, chain.is_of_session(), chain.place()), (at_fault, of_session, place), "{kind:?}");
        }
        let end = ChainFailure::at_the_end(&access, failure(FailureKind::UnknownKey));
        assert_eq!((end.hop, end.is_of_session()), (2, true));
    }

    #[test]
    fn without_a_chain_the_end_is_the_operators_own_identity() {
        let end = ChainFailure::at_the_end(&access(&[]), failure(FailureKind::UnknownKey));
        assert_eq!((end.hop, end.is_of_session(), end.role.as_str()), (0, false, "base identity"));
    }
}
