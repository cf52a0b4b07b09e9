//! Who may become the manager role of an account.

use serde_json::{Value, json};

use super::document;

/// The role through which the operator works in an account, and who may assume it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// Name of the role. It lies under path `/`, never under the path of the roles that it manages.
    pub name: String,
    /// ARN of the user or role that the operator is.
    pub operator_arn: String,
    /// What the operator must present, as in `spec.access.chain[].externalId` of the `AWSAccount`.
    pub external_id: String,
}

/// Trusts the operator alone, and only with the external id.
///
/// Sessions of EKS Pod Identity carry tags that AWS passes on to every role assumed from them (Amazon EKS user guide, "Grant
/// Pods access to AWS resources based on tags"), and a hop of an `AWSAccount` may set tags: both need `sts:TagSession`. The
/// external id is part of the request context of `sts:AssumeRole` alone (service authorization reference, AWS STS), so
/// `sts:TagSession` has a statement of its own. It does not let anybody in by itself.
#[must_use]
pub fn manager_trust(manager: &Manager) -> Value {
    let Manager { name: _, operator_arn, external_id } = manager;
    let principal = json!({"AWS": operator_arn});
    document(&[
        json!({
            "Sid": "TheOperatorWithTheExternalId",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }),
        json!({"Sid": "TagsOfItsSession", "Effect": "Allow", "Principal": principal, "Action": "sts:TagSession"}),
    ])
}
