//! What status says of the credentials in a Secret.

use jiff::Timestamp;

use crate::api::CrossAccountRole;
use crate::controller::role::pass::Pass;
use crate::decide::credentials::published::PublishedCredentials;
use crate::decide::credentials::renewal::renew_at;
use crate::decide::status::CredentialsFacts;
use crate::domain::whole_seconds;

impl Pass<'_> {
    /// What status says of a set in a Secret. What only the issue itself shows is taken over from the status that it wrote.
    pub(in crate::controller::role) fn facts(&self, secret_name: &str, set: &PublishedCredentials) -> CredentialsFacts {
        let issued_at = whole_seconds(set.issued_at);
        let before = published_before(self.role).filter(|before| before.issued_at == issued_at);
        let (caller_arn, packed) = before.map(|b| (b.caller_arn, b.packed_policy_size_percent)).unwrap_or_default();
        CredentialsFacts {
            secret_name: secret_name.to_owned(),
            issued_at,
            expires_at: set.credentials.expires_at,
            renew_at: self.renew_at(set),
            caller_arn,
            packed_policy_size_percent: packed,
            is_first: false,
        }
    }

    /// When a set is to be replaced.
    pub(in crate::controller::role) fn renew_at(&self, set: &PublishedCredentials) -> Timestamp {
        let lead = self.role.spec.session.renew_before_seconds;
        renew_at(set.issued_at, set.credentials.expires_at, lead, &self.object.uid)
    }

    /// A set that expired is reported even where its Secret was deleted for that.
    pub(in crate::controller::role) fn expired_before(&self) -> Option<CredentialsFacts> {
        published_before(self.role).filter(|set| set.expires_at <= self.now)
    }
}

/// The set that status says is published.
pub(in crate::controller::role) fn published_before(role: &CrossAccountRole) -> Option<CredentialsFacts> {
    let before = role.status.as_ref()?.credentials.as_ref()?;
    Some(CredentialsFacts {
        secret_name: before.secret_name.clone()?,
        issued_at: before.issued_at.as_ref()?.0,
        expires_at: before.expires_at.as_ref()?.0,
        renew_at: before.renew_at.as_ref()?.0,
        caller_arn: before.caller_arn.clone(),
        packed_policy_size_percent: before.packed_policy_size_percent,
        is_first: false,
    })
}
