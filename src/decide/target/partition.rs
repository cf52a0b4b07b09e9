//! Everything of one object is in one partition: accounts, roles and policies of one never reach those of another (AWS General
//! Reference, "Amazon Resource Names").

use crate::api::{AWSAccount, CrossAccountRole, Reason};
use crate::decide::Refusal;
use crate::domain::{Arn, BaseIdentity, Partition};

/// Refuses an ARN of another partition, by the name of its field. What is no ARN at all is refused where it is parsed.
pub(super) fn in_one(
    partition: Partition,
    role: &CrossAccountRole,
    account: &AWSAccount,
    base: &BaseIdentity,
) -> Result<(), Refusal> {
    let spec = &role.spec;
    let lists = [
        ("spec.role.managedPolicyArns", &spec.role.managed_policy_arns),
        ("spec.session.policyArns", &spec.session.policy_arns),
        ("spec.trust.principals", &spec.trust.principals),
    ];
    for (field, arns) in lists {
        for (index, arn) in arns.iter().enumerate() {
            is_in(partition, &format!("{field}[{index}]"), arn)?;
        }
    }
    if let Some(boundary) = &account.spec.guardrails.permissions_boundary {
        is_in(partition, "AWSAccount spec.guardrails.permissionsBoundary", boundary)?;
    }
    is_in(partition, "the operator's own identity", &base.principal_arn)
}

fn is_in(partition: Partition, field: &str, arn: &str) -> Result<(), Refusal> {
    let other = Arn::split(arn).map(|arn| arn.partition).filter(|name| *name != partition.as_str());
    match other {
        None => Ok(()),
        Some(other) => {
            let message = format!(
                "{field}: {arn} is in partition {other}, but the account is in partition {}; use one of that partition",
                partition.as_str()
            );
            Err(Refusal::new(Reason::InvalidSpec, message))
        }
    }
}
