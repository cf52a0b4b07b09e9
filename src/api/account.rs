//! `AWSAccount`: an account that tenants may use, and how far.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{AllowedNamespaces, DeletionPolicy, Guardrails, schema};

/// What the platform team says about one AWS account.
#[expect(clippy::duplicated_attributes, reason = "each printer column has a name and a type")]
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "iam.crossaccount.dev",
    version = "v1alpha1",
    kind = "AWSAccount",
    plural = "awsaccounts",
    shortname = "awsa",
    category = "crossaccount",
    status = "AWSAccountStatus",
    derive = "PartialEq",
    doc = "An AWS account that tenants may use through `CrossAccountRole` objects: how the operator gets in, which \
           namespaces may use it, and how far. What it does not permit is refused.",
    printcolumn(name = "Account ID", type_ = "string", json_path = ".spec.accountId"),
    printcolumn(name = "Region", type_ = "string", json_path = ".spec.region"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Roles", type_ = "integer", json_path = ".status.roles"),
    printcolumn(name = "Caller ARN", type_ = "string", json_path = ".status.callerArn", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(
        "!has(self.access.chain) || self.access.chain.size() == 0 || \
         self.access.chain[self.access.chain.size() - 1].roleArn.contains('::' + self.accountId + ':role/')"
    ).message("the last roleArn of access.chain must be a role in accountId: the chain has to end in this account"),
    validation = schema::chain_of_region(),
    validation = Rule::new(
        "has(self.guardrails.permissionsBoundary) || self.guardrails.allowUnbounded || \
         !self.guardrails.lifecycles.exists(l, l in ['Create', 'Adopt'])"
    ).message("set guardrails.permissionsBoundary to the ARN of the policy that limits every role of the operator, \
               or set guardrails.allowUnbounded: true"),
    validation = Rule::new(
        "!has(self.guardrails.permissionsBoundary) || \
         self.guardrails.permissionsBoundary.contains('::' + self.accountId + ':policy/') || \
         self.guardrails.permissionsBoundary.contains('::aws:policy/')"
    ).message("guardrails.permissionsBoundary must be a policy in accountId (arn:aws:iam::<accountId>:policy/…) \
               or one that AWS manages (arn:aws:iam::aws:policy/…)"),
    validation = schema::boundary_of_region(),
    validation = schema::globs_of_region("managedPolicies"),
    validation = schema::globs_of_region("principals"),
    validation = schema::globs_of_region("grantees"),
)]
pub struct AWSAccountSpec {
    /// The account's id: 12 digits, in quotes so that YAML keeps leading zeros. Cannot be changed.
    #[schemars(schema_with = "schema::account_id")]
    #[x_kube(validation = Rule::new("self == oldSelf").message(
        "accountId cannot be changed: create another AWSAccount for the other account"
    ))]
    pub account_id: String,

    /// Region of the STS endpoint that issues credentials for this account, and the region written into Secrets, such
    /// as `eu-west-1`. It says which partition of AWS the account is in: all ARNs here, and those of the roles, must be of that
    /// partition, and so must the operator's own identity.
    #[schemars(schema_with = "schema::region")]
    pub region: String,

    /// How the operator gets into the account to manage IAM. Absent: its own identity already is in this account.
    #[serde(default)]
    pub access: AccountAccess,

    /// Which namespaces may use the account. Absent: none. `{}`: all. Where both `names` and `selector` are given, a
    /// namespace must match both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,

    /// What tenants may do in the account.
    #[serde(default)]
    pub guardrails: Guardrails,

    /// What happens to a role of this account when its `CrossAccountRole` is deleted and sets no policy of its own.
    /// `Delete`: the role is deleted, too. `Retain`: role and trust policy stay. Default `Delete`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// The way into an account.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAccess {
    /// Roles to assume one after the other, beginning from the operator's own identity; the last one is in this account
    /// and manages its IAM. At most 5. AWS limits the sessions of every chain to one hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub chain: Vec<Hop>,
}

/// One AssumeRole on the way into an account.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!has(self.transitiveTagKeys) || \
     self.transitiveTagKeys.all(key, has(self.sessionTags) && key in self.sessionTags)"
).message("every key in transitiveTagKeys must be a key of sessionTags of the same hop"))]
pub struct Hop {
    /// ARN of the role to assume.
    #[schemars(schema_with = "schema::role_arn")]
    pub role_arn: String,

    /// `ExternalId` that the role's trust policy asks for, 2 to 1224 characters. AWS does not treat it as a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::external_id")]
    pub external_id: Option<String>,

    /// Session tags for this hop, at most 50. The role's trust policy must allow `sts:TagSession`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::tags::<50>")]
    pub session_tags: BTreeMap<String, String>,

    /// Keys of `sessionTags` that stay set on all later hops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::tag_keys")]
    pub transitive_tag_keys: Vec<String>,
}

/// Names an `AWSAccount`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountRef {
    /// Name of the `AWSAccount`.
    #[schemars(schema_with = "schema::dns_subdomain")]
    pub name: String,
}

/// What the operator found out about an account.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AWSAccountStatus {
    /// `metadata.generation` that this status is about; -1 until the operator has seen the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// `Ready`: the operator got into the account and AWS confirmed which account it is. `Stalled`: someone must act.
    /// `Reconciling`: the operator is still trying.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// ARN of the operator's identity in the account, as GetCallerIdentity returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_arn: Option<String>,

    /// Number of `CrossAccountRole` objects that use the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::count")]
    pub roles: Option<u32>,

    /// Number of IAM roles under `rolePath` that carry this cluster's tags and whose `CrossAccountRole` does not exist.
    /// The operator leaves them alone. Counted at each drift interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::count")]
    pub orphans: Option<u32>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_with_nothing_but_id_and_region_permits_what_the_contract_says() {
        let spec: AWSAccountSpec =
            serde_json::from_value(json!({ "accountId": "222222222222", "region": "eu-west-1" })).unwrap();
        assert_eq!(
            serde_json::to_value(&spec).unwrap(),
            json!({
                "accountId": "222222222222",
                "region": "eu-west-1",
                "access": {},
                "guardrails": {
                    "rolePath": "/crossaccount/", "allowUnbounded": false, "roleNames": ["{namespace}-*"], "lifecycles": ["Create"],
                },
                "deletionPolicy": "Delete",
            }),
        );
        assert_eq!(spec.allowed_namespaces, None);
    }

    #[test]
    fn an_empty_list_of_guardrails_is_not_an_absent_one() {
        let guardrails: Guardrails = serde_json::from_value(json!({ "actions": [] })).unwrap();
        assert_eq!((guardrails.actions.as_deref(), guardrails.managed_policies.as_deref()), (Some(&[][..]), None));
        assert_eq!(serde_json::to_value(&guardrails).unwrap()["actions"], json!([]));
    }
}
