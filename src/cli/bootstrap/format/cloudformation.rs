//! A CloudFormation template.

use serde_json::{Map, Value, json};

use crate::decide::bootstrap::{Identity, Policy, Setup};

/// Partition and account of the stack, by CloudFormation's own names.
pub(super) const PLACE: (&str, &str) = ("${AWS::Partition}", "${AWS::AccountId}");

/// The template, in YAML.
pub(super) fn render(setup: &Setup) -> Result<String, serde_saphyr::ser::Error> {
    let Setup { purpose, boundary, identity, policy, place: _, bounded_path: _ } = setup;
    let mut resources = Map::new();
    let mut outputs = Map::new();
    if let Some(Policy { name, description, document }) = boundary {
        let properties = json!({
            "ManagedPolicyName": name,
            "Description": description,
            "PolicyDocument": substituted(document),
        });
        resources.insert("Boundary".into(), json!({"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}));
        outputs.insert("BoundaryArn".into(), json!({"Value": {"Ref": "Boundary"}}));
    }
    let policies = json!([{"PolicyName": policy.name, "PolicyDocument": substituted(&policy.document)}]);
    let resource = match identity {
        Identity::Role { name, description, trust } => json!({
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": name,
                "Description": description,
                "AssumeRolePolicyDocument": substituted(trust),
                "Policies": policies,
            },
        }),
        Identity::User { name } => {
            json!({"Type": "AWS::IAM::User", "Properties": {"UserName": name, "Policies": policies}})
        }
    };
    resources.insert("Identity".into(), resource);
    outputs.insert("IdentityArn".into(), json!({"Value": {"Fn::GetAtt": ["Identity", "Arn"]}}));
    serde_saphyr::to_string(&json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("CrossAccountRole operator: {purpose}"),
        "Resources": resources,
        "Outputs": outputs,
    }))
}

/// The document with `Fn::Sub` around each text that names the place of the stack.
fn substituted(document: &Value) -> Value {
    match document {
        Value::String(text) if text.contains("${") => json!({"Fn::Sub": text}),
        Value::Array(values) => values.iter().map(substituted).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), substituted(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}
