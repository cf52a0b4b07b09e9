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
    guardrails(&rules, &spec, Some(&policies), Some(&principals), Partition::Aws).map_err(|refusal| refusal.message)
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
        ("another one", managed, attach("arn:aws:iam::aws:policy/AdministratorAccess"), Some("AdministratorAccess")),
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
        ("an action", s3.clone(), inline(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})), None),
        ("its case", s3.clone(), inline(&json!({"Effect": "Allow", "Action": "S3:getobject", "Resource": "*"})), None),
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
