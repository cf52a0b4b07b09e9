//! The account that owns resources: the manager role, and the permissions boundary of the roles that it manages.

use serde_json::{Value, json};

use super::setup::{Identity, Place, Policy, Setup};
use super::trust::{Manager, manager_trust};
use super::{allow, deny, document, only_if};
use crate::domain::tag;

/// What the operator reads of a role.
const READS: [&str; 6] = [
    "iam:GenerateServiceLastAccessedDetails",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies",
];

/// What it writes whether or not the role has its boundary: see [`manager_policy`].
const CHANGES: [&str; 8] = [
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
];

/// How a policy changes: nobody but the platform team may do this to the boundary.
const EDITS_OF_A_POLICY: [&str; 4] =
    ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"];

/// How the names of manager roles begin, whatever account or cluster they are for.
const MANAGERS: &str = "crossaccount-manager";

/// An account whose roles the operator manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The account.
    pub place: Place,
    /// The manager role.
    pub manager: Manager,
    /// Path of the roles that the operator manages, with both slashes: `guardrails.rolePath` of the `AWSAccount`.
    pub role_path: String,
    /// Name of the permissions boundary, a managed policy under path `/`.
    pub boundary: String,
    /// The cluster whose roles these are, where clusters share an account: `--cluster-name` of the operator.
    pub cluster: Option<String>,
    /// Whether roles may be without a boundary: `guardrails.allowUnbounded` of the `AWSAccount`.
    pub allow_unbounded: bool,
}

impl Target {
    /// ARN of the permissions boundary.
    #[must_use]
    pub fn boundary_arn(&self) -> String {
        self.place.arn(&format!("policy/{}", self.boundary))
    }

    /// All that is made in the account.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let name = self.manager.name.clone();
        Setup {
            place: self.place.clone(),
            purpose: "an account whose roles the operator manages",
            boundary: Some(Policy {
                name: self.boundary.clone(),
                description: "The most that a role made by the CrossAccountRole operator can do",
                document: boundary_policy(&self.place),
            }),
            identity: Identity::Role {
                name: name.clone(),
                description: "The CrossAccountRole operator manages roles of this account through this role",
                trust: manager_trust(&self.manager),
            },
            policy: Policy {
                name,
                description: "What the CrossAccountRole operator may do in this account",
                document: manager_policy(self),
            },
            bounded_path: (!self.allow_unbounded).then(|| self.role_path.clone()),
        }
    }

    /// A role is made, and given a boundary, with this boundary and no other.
    fn boundary_is_ours(&self) -> Vec<(String, String)> {
        let condition = ("iam:PermissionsBoundary".to_owned(), self.boundary_arn());
        if self.allow_unbounded { Vec::new() } else { vec![condition] }
    }

    /// An existing role is written only if it has the tag of the cluster.
    fn role_is_of_the_cluster(&self) -> Vec<(String, String)> {
        self.cluster_tag("aws:ResourceTag")
    }

    fn cluster_tag(&self, key: &str) -> Vec<(String, String)> {
        self.cluster.iter().map(|cluster| (format!("{key}/{}", tag::CLUSTER), cluster.clone())).collect()
    }
}

/// What the manager may do: manage roles under the path, within the boundary, and nothing else.
///
/// Reads are of all roles. IAM judges a call on a role that does not exist by its name alone, without a path: where only the
/// path is allowed it answers `AccessDenied`, and the operator could not know that the role is gone.
///
/// `CreateRole`, `PutRolePermissionsBoundary` and `AttachRolePolicy` require the boundary. `PutRolePolicy` does not, although
/// IAM could ask for it: an inline policy is how the operator denies a role everything, and IAM has no condition on what
/// an inline policy says. If somebody takes the boundary off a role, the denial must not wait until the boundary is back,
/// and must be possible where it cannot be put back. The same holds for what takes permissions away. The price is that a
/// role under the path without a boundary can be given inline policies; the manager can neither make such a role nor take a
/// boundary off, and `bootstrap check` names those that exist.
#[must_use]
pub fn manager_policy(target: &Target) -> Value {
    let place = &target.place;
    let roles = [place.arn(&format!("role{}*", target.role_path))];
    let bounded = target.boundary_is_ours();
    let owned = target.role_is_of_the_cluster();
    let created = [bounded.clone(), target.cluster_tag("aws:RequestTag")].concat();
    let both = [bounded, owned.clone()].concat();
    let any = ["*".to_owned()];

    let mut statements = vec![
        allow("ReadRoles", &READS, &[place.arn("role/*")]),
        allow("FindDrift", &["iam:GetAccountAuthorizationDetails", "iam:ListRoles"], &any),
        allow("ReadUsage", &["iam:GetServiceLastAccessedDetails"], &any),
        only_if(allow("CreateRoles", &["iam:CreateRole"], &roles), &created),
        only_if(allow("PutTheBoundary", &["iam:PutRolePermissionsBoundary"], &roles), &both),
        only_if(allow("AttachPolicies", &["iam:AttachRolePolicy"], &roles), &both),
        only_if(allow("ChangeRoles", &CHANGES, &roles), &owned),
        allow("DeleteRolesOfInstances", &["iam:RemoveRoleFromInstanceProfile"], &[place.arn("instance-profile/*")]),
    ];
    statements.extend(claim(target, &roles));
    let boundary_goes = ["iam:DeleteRolePermissionsBoundary"];
    statements.push(if target.allow_unbounded {
        only_if(allow("TakeBoundariesOff", &boundary_goes, &roles), &owned)
    } else {
        deny("NeverTakeBoundariesOff", &boundary_goes, &any)
    });
    statements.extend([
        deny("NeverTheManagers", &["iam:*"], &managers(target)),
        deny("NeverTheBoundaryItself", &EDITS_OF_A_POLICY, &[target.boundary_arn()]),
        deny("NeverPassRoles", &["iam:PassRole"], &any),
    ]);
    document(&statements)
}

/// With a cluster: a new role, or one of no cluster, gets the tag. IAM asks for `TagRole` also when a role is made with tags
/// (IAM user guide, "Tagging IAM roles").
fn claim(target: &Target, roles: &[String]) -> Option<Value> {
    target.cluster.as_ref()?;
    let mut claim = only_if(allow("ClaimRoles", &["iam:TagRole"], roles), &target.cluster_tag("aws:RequestTag"));
    claim["Condition"]["Null"] = json!({format!("aws:ResourceTag/{}", tag::CLUSTER): "true"});
    Some(claim)
}

/// The manager itself and all roles that are named as managers are, under any path.
fn managers(target: &Target) -> Vec<String> {
    let own = target.manager.name.as_str();
    let named = |name: &str| [format!("role/{name}"), format!("role/*/{name}")];
    let others = named(&format!("{MANAGERS}*"));
    let own = if own.starts_with(MANAGERS) { Vec::new() } else { named(own).to_vec() };
    others.into_iter().chain(own).map(|resource| target.place.arn(&resource)).collect()
}

/// The most that a role of the operator can ever do: no IAM, no accounts, and no other role of its own account, which may have
/// no boundary and trust the whole account.
#[must_use]
pub fn boundary_policy(place: &Place) -> Value {
    let any = ["*".to_owned()];
    document(&[
        allow("AnyService", &["*"], &any),
        deny("ButNotIdentitiesAndAccounts", &["account:*", "iam:*", "organizations:*"], &any),
        deny("NorOtherRolesOfTheAccount", &["sts:AssumeRole"], &[place.arn("role/*")]),
    ])
}
