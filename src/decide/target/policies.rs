//! The declared policies, parsed, and measured where AWS's limit is fixed.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{self, invalid};
use crate::api::{PolicyDocumentSource, Reason, RoleSpec};
use crate::decide::Refusal;
use crate::decide::role::denial::{CONSOLE, RESERVED};
use crate::domain::INLINE_QUOTA_OF_ROLE;
use crate::domain::PolicyArn;
use crate::domain::policy::PolicyDocument;

/// What the declared inline policies of a role may add up to, in characters without white space. The rest of IAM's quota is
/// kept free for the denial, which must fit whenever access ends.
const INLINE_TOTAL_MAX: usize = INLINE_QUOTA_OF_ROLE - RESERVED;

/// How the names of the inline policies begin that the operator makes for itself.
const OWN_PREFIX: &str = "crossaccount-";

/// Managed and inline policies of a role.
#[derive(Clone, Debug, Default)]
pub struct DesiredPolicies {
    /// Managed policies.
    pub managed: BTreeSet<PolicyArn>,
    /// Inline policies by name.
    pub inline: BTreeMap<String, PolicyDocument>,
}

/// Parses managed and inline policies.
pub fn policies(role: &RoleSpec) -> Result<DesiredPolicies, Refusal> {
    fields::at_most("spec.role.managedPolicyArns", role.managed_policy_arns.len(), 20)?;
    fields::at_most("spec.role.inlinePolicies", role.inline_policies.len(), 20)?;
    let mut managed = BTreeSet::new();
    for (index, arn) in role.managed_policy_arns.iter().enumerate() {
        managed.insert(policy_arn(&format!("spec.role.managedPolicyArns[{index}]"), arn)?);
    }
    let mut inline = BTreeMap::new();
    for (name, source) in &role.inline_policies {
        fields::name("spec.role.inlinePolicies", name, 1..=128, "")?;
        not_reserved(name)?;
        inline.insert(name.clone(), document(&format!("spec.role.inlinePolicies.{name}"), source)?);
    }
    let total: usize = inline.values().map(PolicyDocument::quota_size).sum();
    if total > INLINE_TOTAL_MAX {
        return Err(Refusal::new(
            Reason::LimitExceeded,
            format!(
                "spec.role.inlinePolicies add up to {total} characters, {} more than {INLINE_TOTAL_MAX}. IAM allows a role \
                 {INLINE_QUOTA_OF_ROLE}, of which the operator keeps {RESERVED} to deny sessions; move some to managed policies",
                total - INLINE_TOTAL_MAX
            ),
        ));
    }
    Ok(DesiredPolicies { managed, inline })
}

/// Refuses the names of policies that no object may declare: nobody may replace a policy by which older sessions are denied, or
/// the one with the permissions of other objects.
pub fn not_reserved(name: &str) -> Result<(), Refusal> {
    let whose = match name.to_ascii_lowercase() {
        lower if lower.starts_with(OWN_PREFIX) => {
            format!("policy names that begin with {OWN_PREFIX} are the operator's own")
        }
        lower if lower == CONSOLE.to_ascii_lowercase() => {
            "the IAM console revokes sessions by the policy of this name".into()
        }
        _ => return Ok(()),
    };
    Err(invalid("spec.role.inlinePolicies", format!("{whose}; give {name} another name")))
}

/// Parses one ARN of a managed policy.
pub fn policy_arn(field: &str, arn: &str) -> Result<PolicyArn, Refusal> {
    PolicyArn::parse(arn).map_err(|e| Refusal::new(Reason::InvalidSpec, format!("{field}: {e}")))
}

/// Parses one policy document.
pub fn document(field: &str, source: &PolicyDocumentSource) -> Result<PolicyDocument, Refusal> {
    PolicyDocument::from_json(source.as_json()).map_err(|e| Refusal::new(Reason::InvalidSpec, format!("{field} {e}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decide::grants::policy::policy_name;
    use crate::decide::role::denial::DENY;

    fn role(inline: &serde_json::Value) -> RoleSpec {
        serde_json::from_value(json!({"inlinePolicies": inline})).expect("a role")
    }

    #[test]
    fn a_malformed_policy_is_refused_with_its_field() {
        let refusal = policies(&role(&json!({"read": {"Version": "2012-10-17"}}))).expect_err("no statement");
        assert_eq!(refusal.reason, Reason::InvalidSpec);
        assert!(
            refusal.message.starts_with("spec.role.inlinePolicies.read is not a policy document"),
            "{}",
            refusal.message
        );
    }

    #[test]
    fn the_names_of_the_operators_own_policies_are_refused() {
        for own in [DENY, "CrossAccount-Deny", &policy_name("prod")] {
            let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
            let refusal = policies(&role(&json!({own: {"Statement": statement}}))).expect_err(own);
            assert_eq!(refusal.reason, Reason::InvalidSpec);
            assert!(refusal.message.contains(own), "{}", refusal.message);
        }
    }

    #[test]
    fn inline_policies_beyond_iams_total_are_refused_with_the_arithmetic() {
        let statement =
            |n: usize| json!({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "x".repeat(n)}]});
        let empty = PolicyDocument::from_value(statement(0)).expect("a policy").quota_size();
        let (half, rest) = (5_000 - empty, INLINE_TOTAL_MAX - 5_000 - empty);
        assert!(policies(&role(&json!({"a": statement(half), "b": statement(rest)}))).is_ok());
        let refusal = policies(&role(&json!({"a": statement(half), "b": statement(rest + 3)}))).expect_err("too long");
        assert_eq!(refusal.reason, Reason::LimitExceeded);
        assert!(refusal.message.contains("9731 characters, 3 more"), "{}", refusal.message);
    }
}
