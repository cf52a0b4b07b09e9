//! From the role as it is in AWS to what the operator would change there, by the operator's own plan.

use jiff::Timestamp;
use kube::ResourceExt as _;

use super::role::{boundary, created, operator};
use crate::api::{AWSAccount, CrossAccountRole, Lifecycle};
use crate::decide::Refusal;
use crate::decide::role::plan::{differences, not_found};
use crate::decide::role::trust::is_for_operator;
use crate::decide::role::{Given, Goal, describe, plan};
use crate::decide::target::desired::desired;
use crate::decide::target::role_location::RoleLocation;
use crate::domain::{ExternalId, IamRoleState, ObjectIdentity};

/// A role as it was read from AWS.
#[derive(Clone, Debug)]
pub struct Live {
    /// The role; none if there is none of the name.
    pub found: Option<IamRoleState>,
    /// The name of the cluster in tags and external ids.
    pub cluster: String,
}

impl Live {
    /// Lines about what the operator would change. Refuses what the operator would refuse, such as a role of somebody else.
    pub(super) fn changes(
        &self,
        wanted: &CrossAccountRole,
        account: &AWSAccount,
        now: Timestamp,
    ) -> Result<Vec<String>, Refusal> {
        let object = self.object(wanted);
        let at = RoleLocation::of(wanted, account, &object)?;
        let (base, boundary) = (operator(&at, self.principal(&object)), boundary(account));
        let session_name = at.session_name.clone();
        let desired = desired(wanted, account, at, &base)?;
        let role = desired.role.as_ref().map_err(Refusal::clone)?;
        let reported = wanted.reported_role();
        let given = Given {
            object: &object,
            operator: base.principal(),
            boundary: boundary.as_ref(),
            revoke: None,
            session_name: session_name.as_str(),
            declared_inline: reported.map(|role| role.inline_policies.as_slice()).unwrap_or_default(),
            declared_tags: reported.map(|role| role.tag_keys.as_slice()).unwrap_or_default(),
            instance_profiles: &[],
            deletion_failed: false,
            unsettled: false,
            now,
        };
        let found = self.found.as_ref();
        let goal = match wanted.spec.role.lifecycle {
            Lifecycle::Observe => {
                let state = found.ok_or_else(|| not_found(role))?;
                let after = differences(role, &given, state).result(Some(state));
                let lines = describe::changes(Some(state), after.as_ref()).into_iter();
                return Ok(lines.map(|line| format!("Create or Adopt would change: {line}")).collect());
            }
            Lifecycle::Create => Goal::Declared(role),
            Lifecycle::Adopt => Goal::Adopted(role),
        };
        let after = plan(goal, &given, found)?.result(found);
        Ok(if found.is_none() { created(after.as_ref()) } else { describe::changes(found, after.as_ref()) })
    }

    /// Whether the role says who the operator is. If not, its trust policy is compared with one for a stand-in.
    #[must_use]
    pub fn names_operator(&self, wanted: &CrossAccountRole) -> bool {
        self.principal(&self.object(wanted)).is_some()
    }

    /// The operator's principal, by the statement of the trust policy that is for it.
    fn principal(&self, object: &ObjectIdentity) -> Option<String> {
        let trust = self.found.as_ref()?.role.trust.as_ref()?;
        let id = ExternalId::of(object);
        let own = trust.statements().find(|statement| is_for_operator(*statement, &id))?;
        own.principals().first().map(|principal| (*principal).to_owned())
    }

    fn object(&self, wanted: &CrossAccountRole) -> ObjectIdentity {
        ObjectIdentity {
            cluster: self.cluster.clone(),
            namespace: wanted.namespace().unwrap_or_default(),
            name: wanted.name_any(),
            uid: wanted.uid().unwrap_or_default(),
        }
    }
}
