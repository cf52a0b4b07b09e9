//! What a declaration names is in the partition of its account, as everything of one object is. Role and session are judged
//! apart: a mistake in one does not stop the other.

use crate::api::{CrossAccountRoleSpec, PolicyDocumentSource, SessionSpec};
use crate::decide::Refusal;
use crate::decide::account::partition::is_in;
use crate::domain::Partition;
use crate::domain::policy::PolicyDocument;

/// Refuses what the role would have, or whom it would trust, in another partition.
pub(super) fn role_in_one(partition: Partition, spec: &CrossAccountRoleSpec) -> Result<(), Refusal> {
    list_in(partition, "spec.role.managedPolicyArns", &spec.role.managed_policy_arns)?;
    list_in(partition, "spec.trust.principals", &spec.trust.principals)?;
    for (name, source) in &spec.role.inline_policies {
        document_in(partition, &format!("spec.role.inlinePolicies.{name}"), source)?;
    }
    Ok(())
}

/// Refuses session policies of another partition.
pub(super) fn session_in_one(partition: Partition, spec: &SessionSpec) -> Result<(), Refusal> {
    list_in(partition, "spec.session.policyArns", &spec.policy_arns)?;
    spec.policy.as_ref().map_or(Ok(()), |source| document_in(partition, "spec.session.policy", source))
}

fn list_in(partition: Partition, field: &str, arns: &[String]) -> Result<(), Refusal> {
    let mut arns = arns.iter().enumerate();
    arns.try_for_each(|(index, arn)| is_in(partition, &format!("{field}[{index}]"), arn))
}

/// IAM refuses a policy about resources of another partition (`MalformedPolicyDocument`, `Partition "aws" is not valid for
/// resource`). It takes wildcards for the partition, and any ARN in a condition, where one of another partition matches nothing.
/// What is no policy document is refused where it is parsed.
fn document_in(partition: Partition, field: &str, source: &PolicyDocumentSource) -> Result<(), Refusal> {
    let Ok(document) = PolicyDocument::from_json(source.as_json()) else { return Ok(()) };
    for (index, statement) in document.statements().enumerate() {
        for element in ["Resource", "NotResource"] {
            let mut resources = statement.texts(element).into_iter().filter(|text| !has_open_partition(text));
            let place = format!("{field}: Statement[{index}].{element}");
            resources.try_for_each(|resource| is_in(partition, &place, resource))?;
        }
    }
    Ok(())
}

fn has_open_partition(resource: &str) -> bool {
    resource.split(':').nth(1).is_some_and(|partition| partition.contains(['*', '?']))
}
