//! Who AWS says we are (`sts:GetCallerIdentity`).

use std::fmt;

use super::{AccountId, Arn, AwsFailure, partition_of_arn};

/// The answer of `GetCallerIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// Account the credentials belong to.
    pub account: AccountId,
    /// ARN of the user or of the role session. A session's ARN hides the role's path.
    pub arn: String,
    /// `AIDA…` of a user, `AROA…:<session>` of a role session, the account id of root.
    pub user_id: String,
}

impl CallerIdentity {
    /// Name of the role and unique id of the role, if this is a role session.
    #[must_use]
    pub fn role_session(&self) -> Option<(&str, &str)> {
        let session = Arn::split(&self.arn)?.resource.strip_prefix("assumed-role/")?;
        let (role, _session) = session.split_once('/')?;
        let (role_id, _session) = self.user_id.split_once(':')?;
        Some((role, role_id))
    }

    /// Partition of the account, as AWS names it: also one that is not known here.
    #[must_use]
    pub fn partition(&self) -> &str {
        partition_of_arn(&self.arn).unwrap_or_default()
    }
}

/// The operator's own identity, from which every chain starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseIdentity {
    /// As AWS names it.
    pub caller: CallerIdentity,
    /// What trust policies must name: the user's ARN, or the *role's* ARN (with its path) behind a role session.
    pub principal_arn: String,
    /// Why `principal_arn` is a guess, if it is: the path of the role could not be read. Sessions can be begun all the same, but no
    /// trust policy may be written by it.
    pub guessed: Option<AwsFailure>,
}

impl BaseIdentity {
    /// The principal, if it is known for certain.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.guessed.is_none().then_some(self.principal_arn.as_str())
    }

    /// Sessions assumed from a role session are chained and live at most one hour (STS API reference, `AssumeRole`).
    #[must_use]
    pub fn is_role_session(&self) -> bool {
        self.caller.role_session().is_some()
    }
}

impl fmt::Display for BaseIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.caller.arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(arn: &str, user_id: &str) -> CallerIdentity {
        CallerIdentity {
            account: AccountId::parse("222222222222").expect("an account id"),
            arn: arn.into(),
            user_id: user_id.into(),
        }
    }

    #[test]
    fn a_role_session_shows_the_roles_name_and_id_and_a_user_shows_none() {
        let session = caller("arn:aws:sts::222222222222:assumed-role/reader/a.b", "AROA1:a.b");
        assert_eq!(session.role_session(), Some(("reader", "AROA1")));
        assert_eq!(caller("arn:aws:iam::222222222222:user/x", "AIDA1").role_session(), None);
    }

    #[test]
    fn the_partition_is_the_one_that_aws_names() {
        for partition in ["aws", "aws-us-gov", "aws-mars"] {
            let arn = format!("arn:{partition}:sts::222222222222:assumed-role/reader/a.b");
            assert_eq!(caller(&arn, "AROA1:a.b").partition(), partition);
        }
    }
}
