//! How far a tenant may go in an account.

use super::Refusal;
use super::desired::DesiredPolicies;
use crate::api::{CrossAccountRoleSpec, Guardrails, Reason};
use crate::domain::policy::PolicyDocument;
use crate::domain::{Partition, Principal, glob_covers};

/// Checks the declaration against every guardrail; the message of a refusal says which one and what breaks it.
pub fn guardrails(
    rules: &Guardrails,
    spec: &CrossAccountRoleSpec,
    policies: &DesiredPolicies,
    principals: &[Principal],
    partition: Partition,
) -> Result<(), Refusal> {
    let Guardrails {
        role_path: _,
        permissions_boundary,
        allow_unbounded,
        managed_policies,
        actions,
        principals: allowed_principals,
        grantees: _,
        lifecycles,
        max_session_duration_seconds,
    } = rules;
    let no = |what: String| Err(Refusal::new(Reason::NotAllowed, format!("guardrails of the AWSAccount: {what}")));

    if !lifecycles.contains(&spec.role.lifecycle) {
        return no(format!("role.lifecycle {} is not one of guardrails.lifecycles", spec.role.lifecycle));
    }
    if permissions_boundary.is_none() && !allow_unbounded {
        return no("no guardrails.permissionsBoundary is set, and guardrails.allowUnbounded is not true".into());
    }
    if let Some(limit) = *max_session_duration_seconds
        && let Some((field, asked)) = longest(spec).filter(|(_, asked)| *asked > limit)
    {
        return no(format!("{field} is {asked}, more than guardrails.maxSessionDurationSeconds, {limit}"));
    }
    if let Some(globs) = managed_policies
        && let Some(arn) = policies.managed.iter().find(|arn| !any_covers(globs, arn.as_str()))
    {
        return no(format!("managed policy {arn} matches none of guardrails.managedPolicies"));
    }
    if let Some(principal) = principals.iter().find(|p| !any_covers(allowed_principals, &p.as_arn(partition))) {
        return no(format!("trust.principals: {principal} matches none of guardrails.principals"));
    }
    if let Some(globs) = actions {
        for (name, document) in &policies.inline {
            actions_within(globs, document).or_else(|what| no(format!("inline policy {name}: {what}")))?;
        }
    }
    Ok(())
}

fn longest(spec: &CrossAccountRoleSpec) -> Option<(&'static str, u32)> {
    let (role, session) = (spec.role.max_session_duration_seconds, spec.session.duration_seconds);
    [("role.maxSessionDurationSeconds", role), ("session.durationSeconds", session)].into_iter().max_by_key(|(_, s)| *s)
}

/// Every action of every `Allow` must be covered by one glob, without regard to case, as IAM compares actions.
/// `NotAction` allows everything but a list, which no list of globs can bound, so it is refused.
fn actions_within(globs: &[String], document: &PolicyDocument) -> Result<(), String> {
    let globs: Vec<String> = globs.iter().map(|glob| glob.to_lowercase()).collect();
    for statement in document.statements().filter(|s| s.get("Effect").and_then(|e| e.as_str()) != Some("Deny")) {
        if statement.contains_key("NotAction") {
            return Err("Allow with NotAction cannot be bounded by guardrails.actions; list the actions instead".into());
        }
        let actions = statement.get("Action").map(|action| match action.as_array() {
            Some(many) => many.iter().collect::<Vec<_>>(),
            None => vec![action],
        });
        for action in actions.unwrap_or_default() {
            let action = action.as_str().ok_or_else(|| format!("the action {action} is not a text"))?;
            if !any_covers(&globs, &action.to_lowercase()) {
                return Err(format!("the action {action} goes beyond guardrails.actions"));
            }
        }
    }
    Ok(())
}

fn any_covers(globs: &[String], pattern: &str) -> bool {
    globs.iter().any(|glob| glob_covers(glob, pattern))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::PolicyArn;

    fn check(rules: &Value, change: &Value) -> Result<(), String> {
        let mut base = json!({"permissionsBoundary": "arn:aws:iam::222222222222:policy/boundary"});
        merge(&mut base, rules);
        let rules: Guardrails = serde_json::from_value(base).expect("guardrails");
        let mut spec = json!({"accountRef": {"name": "a"}});
        merge(&mut spec, change);
        let spec: CrossAccountRoleSpec = serde_json::from_value(spec).expect("a spec");
        let policies = DesiredPolicies {
            managed: spec.role.managed_policy_arns.iter().map(|arn| PolicyArn::parse(arn).expect("an ARN")).collect(),
            inline: spec
                .role
                .inline_policies
                .iter()
                .map(|(name, source)| {
                    (name.clone(), PolicyDocument::from_value(source.0.clone().into()).expect("a policy"))
                })
                .collect(),
        };
        let principals: Vec<Principal> =
            spec.trust.principals.iter().map(|p| Principal::parse(p).expect("a principal")).collect();
        guardrails(&rules, &spec, &policies, &principals, Partition::Aws).map_err(|refusal| refusal.message)
    }

    fn merge(into: &mut Value, from: &Value) {
        into.as_object_mut().expect("an object").extend(from.as_object().expect("an object").clone());
    }

    fn inline(statement: &Value) -> Value {
        json!({"role": {"inlinePolicies": {"p": {"Version": "2012-10-17", "Statement": statement}}}})
    }

    #[test]
    fn each_guardrail_lets_in_what_it_says_and_names_what_breaks_it() {
        let s3 = json!({"actions": ["s3:Get*", "s3:List*"]});
        let managed = json!({"managedPolicies": ["arn:aws:iam::aws:policy/AmazonS3*"]});
        let attach = |arn: &str| json!({"role": {"managedPolicyArns": [arn]}});
        let trust = |principal: &str| json!({"trust": {"principals": [principal]}});
        let ci = json!({"principals": ["arn:aws:iam::111111111111:*"]});
        for (what, rules, change, broken) in [
            ("nothing asked", json!({}), json!({}), None),
            ("no boundary", json!({"permissionsBoundary": null}), json!({}), Some("permissionsBoundary")),
            ("no boundary, allowed", json!({"permissionsBoundary": null, "allowUnbounded": true}), json!({}), None),
            ("a lifecycle", json!({"lifecycles": ["Observe"]}), json!({}), Some("lifecycles")),
            (
                "a long role",
                json!({"maxSessionDurationSeconds": 3600}),
                json!({"role": {"maxSessionDurationSeconds": 7200}}),
                Some("role.maxSessionDurationSeconds is 7200"),
            ),
            ("a managed policy", managed.clone(), attach("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"), None),
            (
                "another one",
                managed,
                attach("arn:aws:iam::aws:policy/AdministratorAccess"),
                Some("AdministratorAccess"),
            ),
            (
                "none may be attached",
                json!({"managedPolicies": []}),
                attach("arn:aws:iam::aws:policy/x"),
                Some("managedPolicies"),
            ),
            ("any principal without a rule", json!({}), trust("111111111111"), Some("111111111111")),
            ("an account", ci.clone(), trust("111111111111"), None),
            ("a user of it", ci.clone(), trust("arn:aws:iam::111111111111:user/x"), None),
            ("another account", ci, trust("333333333333"), Some("333333333333")),
            (
                "an action",
                s3.clone(),
                inline(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})),
                None,
            ),
            (
                "its case",
                s3.clone(),
                inline(&json!({"Effect": "Allow", "Action": "S3:getobject", "Resource": "*"})),
                None,
            ),
            (
                "a wildcard within",
                s3.clone(),
                inline(&json!({"Effect": "Allow", "Action": ["s3:GetObject*"], "Resource": "*"})),
                None,
            ),
            (
                "a wildcard beyond",
                s3.clone(),
                inline(&json!({"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"})),
                Some("s3:*"),
            ),
            (
                "NotAction",
                s3.clone(),
                inline(&json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})),
                Some("NotAction"),
            ),
            (
                "a denial of anything",
                s3.clone(),
                inline(&json!({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"})),
                None,
            ),
            (
                "an action that is no text",
                s3,
                inline(&json!({"Effect": "Allow", "Action": [5], "Resource": "*"})),
                Some("not a text"),
            ),
        ] {
            match (check(&rules, &change), broken) {
                (Ok(()), None) => {}
                (Err(message), Some(told)) => assert!(message.contains(told), "{what}: {message}"),
                (verdict, _) => panic!("{what}: {verdict:?}"),
            }
        }
    }
}
