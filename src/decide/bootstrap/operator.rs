//! The account where the operator's own identity is.

use serde_json::{Value, json};

use super::setup::{Identity, Place, Policy, Setup};
use super::{allow, document};

/// How the operator's pod gets its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// IAM roles for service accounts.
    Irsa {
        /// ARN of the cluster's OIDC provider in IAM.
        provider_arn: String,
        /// The pod's service account.
        service_account: ServiceAccount,
    },
    /// EKS Pod Identity.
    PodIdentity {
        /// The pod's service account.
        service_account: ServiceAccount,
    },
    /// A user with an access key.
    User,
}

/// A Kubernetes service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The operator's own identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The account of the identity.
    pub place: Place,
    /// Name of the role or user.
    pub name: String,
    /// How the pod gets its credentials.
    pub login: Login,
    /// Ids of the accounts that the operator works in.
    pub accounts: Vec<String>,
    /// Name of the manager role in those accounts.
    pub manager: String,
    /// Path of the roles that the operator manages there.
    pub role_path: String,
    /// ARNs of other roles that it assumes: observed or adopted ones outside of the path, and the first ones of chains.
    pub other_roles: Vec<String>,
}

impl Operator {
    /// All that is made in the account.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let name = self.name.clone();
        let identity = match operator_trust(&self.login) {
            Some(trust) => {
                Identity::Role { name: name.clone(), description: "The CrossAccountRole operator itself", trust }
            }
            None => Identity::User { name: name.clone() },
        };
        Setup {
            place: self.place.clone(),
            purpose: "the operator's own identity",
            boundary: None,
            identity,
            policy: Policy {
                name,
                description: "Which roles the CrossAccountRole operator may assume",
                document: operator_policy(self),
            },
            bounded_path: None,
        }
    }
}

/// What the operator may do by itself: become a manager, and assume the roles that the managers made.
#[must_use]
pub fn operator_policy(operator: &Operator) -> Value {
    let Operator { place, accounts, manager, role_path, other_roles, name: _, login: _ } = operator;
    let roles = accounts.iter().flat_map(|account| {
        let there = Place { partition: place.partition.clone(), account: account.clone() };
        [there.arn(&format!("role/{manager}")), there.arn(&format!("role{role_path}*"))]
    });
    let actions = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];
    let mut statements = vec![allow("AssumeManagersAndTheirRoles", &actions, &roles.collect::<Vec<_>>())];
    if !other_roles.is_empty() {
        statements.push(allow("AssumeOtherRoles", &actions, other_roles));
    }
    document(&statements)
}

/// Who may become the operator: its pod alone. None for a user, which has keys.
///
/// Sources: Amazon EKS user guide, "Assign IAM roles to Kubernetes service accounts" and "Create IAM role with trust policy
/// required by EKS Pod Identity".
#[must_use]
pub fn operator_trust(login: &Login) -> Option<Value> {
    let statement = match login {
        Login::User => return None,
        Login::Irsa { provider_arn, service_account: ServiceAccount { namespace, name } } => {
            let issuer = provider_arn.split_once(":oidc-provider/").map_or("", |(_, issuer)| issuer);
            json!({
                "Sid": "ThePodByItsServiceAccountToken",
                "Effect": "Allow",
                "Principal": {"Federated": provider_arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {
                    format!("{issuer}:aud"): "sts.amazonaws.com",
                    format!("{issuer}:sub"): format!("system:serviceaccount:{namespace}:{name}"),
                }},
            })
        }
        Login::PodIdentity { service_account: ServiceAccount { namespace, name } } => json!({
            "Sid": "ThePodByItsAssociation",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringEquals": {
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": name,
            }},
        }),
    };
    Some(document(&[statement]))
}
