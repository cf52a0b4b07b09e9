//! Where the role of an object is, or would be: what has to be known to look in AWS, whatever else is wrong with the object.

use super::fields::invalid;
use crate::api::{AWSAccount, CrossAccountRole};
use crate::decide::Refusal;
use crate::decide::account::access::access;
use crate::domain::{AccountAccess, ExternalId, ObjectIdentity, RoleArn, RoleName, RolePath, SessionName};

/// One object, its account and its role.
#[derive(Clone, Debug)]
pub struct RoleLocation {
    /// The object.
    pub object: ObjectIdentity,
    /// The way into the account.
    pub access: AccountAccess,
    /// ARN that a new role would get. One that exists may have another path.
    pub role_arn: RoleArn,
    /// External id of the object.
    pub external_id: ExternalId,
    /// Session name of the object.
    pub session_name: SessionName,
}

impl RoleLocation {
    /// Finds the role of an object in its account.
    pub fn of(role: &CrossAccountRole, account: &AWSAccount, object: &ObjectIdentity) -> Result<Self, Refusal> {
        let access = access(account)?;
        let path = &account.spec.guardrails.role_path;
        let role_arn = RoleArn {
            partition: access.region.partition(),
            account: access.id.clone(),
            path: RolePath::parse(path).map_err(|e| invalid("AWSAccount spec.guardrails.rolePath", e))?,
            name: RoleName::parse(&role.iam_role_name()).map_err(|e| invalid("spec.role.name", e))?,
        };
        Ok(Self {
            external_id: ExternalId::of(object),
            session_name: SessionName::of(object),
            object: object.clone(),
            access,
            role_arn,
        })
    }

    /// Whether an ARN, such as one that status remembers, is that of the role that the object declares. The path is not
    /// declared for roles that exist: IAM has one role of a name, whatever its path.
    #[must_use]
    pub fn is_role(&self, arn: &RoleArn) -> bool {
        let RoleArn { partition, account, path: _, name } = arn;
        (*partition, account) == (self.role_arn.partition, &self.role_arn.account)
            && name.is_same_as(&self.role_arn.name)
    }
}
