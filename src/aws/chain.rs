//! Through a chain of roles into an account, and what to say when a hop refuses.

use std::fmt;
use std::sync::Arc;

use super::api::{AssumeRole, Sts};
use crate::domain::{AccountAccess, AwsFailure, Credentials, Hop, SessionName, SessionRequest};

/// Entering an account failed at one hop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ChainFailure {
    /// The hop that failed, from 1; 0 is the base identity itself.
    pub hop: usize,
    /// Number of hops of the chain.
    pub hops: usize,
    /// Role that was to be assumed, or a word for the base identity.
    pub role: String,
    /// What AWS said.
    #[source]
    pub failure: AwsFailure,
}

impl fmt::Display for ChainFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.failure)
    }
}

impl ChainFailure {
    /// Where on the way it happened.
    #[must_use]
    pub fn place(&self) -> String {
        let Self { hop, hops, role, failure: _ } = self;
        match hop {
            0 => "the operator's own identity".to_owned(),
            _ => format!("hop {hop} of {hops} ({role})"),
        }
    }

    /// A failure of whoever is at the end of the chain.
    pub(super) fn at_the_end(access: &AccountAccess, failure: AwsFailure) -> Self {
        let hops = access.chain.len();
        let role = access.chain.last().map_or_else(|| "base identity".to_owned(), |hop| hop.role_arn.to_string());
        Self { hop: hops, hops, role, failure }
    }
}

/// Assumes the roles of a chain one after the other. `sts_as` makes STS speak as the session just gained.
pub(super) async fn walk(
    access: &AccountAccess,
    base: Arc<dyn Sts>,
    sts_as: impl Fn(&Credentials) -> Arc<dyn Sts>,
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
        let session = sts.assume_role(call).await.map_err(|failure| ChainFailure {
            hop: index + 1,
            hops: access.chain.len(),
            role: role_arn.to_string(),
            failure,
        })?;
        sts = sts_as(&session.credentials);
        gained = Some(session.credentials);
    }
    Ok(gained)
}
