//! Credentials that are good and can do nothing.
//!
//! `GetCallerIdentity` needs no permission and no policy can deny it, so a session that may do nothing else passes every
//! check. What a session may do is the intersection of the role's policies, its permissions boundary and the session
//! policies (IAM user guide, "Policy evaluation logic"). An intersection is empty for certain only where one side is: if it
//! denies everything, or if the session policies together allow nothing. More is not said: managed policies and the
//! boundary are not read, and whether two policies overlap depends on the requests to come.

use std::collections::BTreeMap;

use super::desired::Desired;
use crate::domain::SessionRequest;
use crate::domain::policy::PolicyDocument;

/// Why these credentials can do nothing, if that is certain.
#[must_use]
pub fn no_effect(desired: &Desired) -> Option<String> {
    let (Ok(role), Ok(session)) = (&desired.role, &desired.session) else { return None };
    by_session(session).or_else(|| by_role(&role.inline))
}

fn by_session(session: &SessionRequest) -> Option<String> {
    let policy = PolicyDocument::from_json(session.policy.as_deref()?).ok()?;
    if policy.denies_everything() {
        return Some("spec.session.policy denies everything, so these credentials can do nothing".into());
    }
    let alone = session.policy_arns.is_empty();
    (alone && policy.only_denies()).then(|| {
        "spec.session.policy has no statement with Effect Allow, so these credentials can do nothing; a session policy only \
         takes away from what the role may do, and must allow what is to be left"
            .into()
    })
}

fn by_role(inline: &BTreeMap<String, PolicyDocument>) -> Option<String> {
    let denying = inline.iter().find(|(_, policy)| policy.denies_everything());
    denying.map(|(name, _)| {
        format!("spec.role.inlinePolicies.{name} denies everything, so these credentials can do nothing")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(statements: &Value, policy_arns: &[&str]) -> Option<String> {
        let mut session = SessionRequest::for_hop(&[].into(), &[]);
        session.policy = Some(json!({"Version": "2012-10-17", "Statement": statements}).to_string());
        session.policy_arns =
            policy_arns.iter().map(|arn| crate::domain::PolicyArn::parse(arn).expect("an ARN")).collect();
        by_session(&session)
    }

    #[test]
    fn only_what_certainly_leaves_nothing_is_told() {
        let managed = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        let allow = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
        let deny = |action: &str| json!({"Effect": "Deny", "Action": action, "Resource": ["*"]});
        let mut conditional = deny("*");
        conditional["Condition"] = json!({"Bool": {"aws:SecureTransport": "false"}});
        for (what, statements, arns, nothing) in [
            ("a Deny of everything", json!([allow, deny("*")]), vec![managed], true),
            ("no Allow", json!([deny("s3:DeleteObject")]), vec![], true),
            ("no Allow beside managed policies", json!([deny("s3:DeleteObject")]), vec![managed], false),
            ("an Allow", json!([allow, deny("s3:*")]), vec![], false),
            ("a Deny with a condition", json!([allow, conditional]), vec![], false),
        ] {
            assert_eq!(message(&statements, &arns).is_some(), nothing, "{what}");
        }
    }

    #[test]
    fn an_inline_policy_that_denies_everything_is_named() {
        let policy = |effect: &str| {
            let statement = json!({"Effect": effect, "Action": "*", "Resource": "*"});
            PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statement})).expect("a policy")
        };
        assert_eq!(by_role(&[("all".to_owned(), policy("Allow"))].into()), None);
        let message = by_role(&[("all".to_owned(), policy("Allow")), ("none".to_owned(), policy("Deny"))].into());
        assert!(message.is_some_and(|message| message.contains("inlinePolicies.none")));
    }

    #[test]
    fn without_a_session_policy_there_is_nothing_to_tell() {
        assert_eq!(by_session(&SessionRequest::for_hop(&[].into(), &[])), None);
    }
}
