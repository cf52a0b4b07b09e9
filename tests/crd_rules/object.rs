//! Valid objects to begin from, and ways to change them.

use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

/// Parses YAML that a test holds.
pub fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error} in test data:\n{text}"))
}

/// The smallest `AWSAccount`.
pub fn account() -> Value {
    yaml(
        r#"
        apiVersion: iam.crossaccount.dev/v1alpha1
        kind: AWSAccount
        metadata: {name: case}
        spec:
          accountId: "222222222222"
          region: eu-west-1
          guardrails: {allowUnbounded: true}
        "#,
    )
}

/// An `AWSAccount` with every field set.
pub fn full_account() -> Value {
    let mut account = account();
    merge(
        &mut account,
        &yaml(
            r#"
            spec:
              access:
                chain:
                - roleArn: arn:aws:iam::222222222222:role/path/manager
                  externalId: 7d1f0a
                  sessionTags: {team: platform}
                  transitiveTagKeys: [team]
              allowedNamespaces:
                names: [analytics]
                selector:
                  matchLabels: {aws: "yes"}
                  matchExpressions: [{key: example.com/team, operator: In, values: [blue]}]
              guardrails:
                rolePath: /crossaccount/
                permissionsBoundary: arn:aws:iam::222222222222:policy/boundary
                allowUnbounded: false
                managedPolicies: ["arn:aws:iam::aws:policy/AmazonS3*"]
                actions: ["s3:Get*"]
                principals: ["arn:aws:iam::111111111111:*"]
                grantees: ["arn:aws:iam::222222222222:user/*"]
                roleNames: ["{namespace}-*", "reports-reader"]
                principalTagKeys: [team]
                sourceIdentities: ["{namespace}"]
                deletionPolicies: [Delete, Retain]
                lifecycles: [Create, Adopt]
                maxSessionDurationSeconds: 7200
              deletionPolicy: Retain
            "#,
        ),
    );
    account
}

/// The smallest `CrossAccountRole`.
pub fn role() -> Value {
    yaml(
        "
        apiVersion: iam.crossaccount.dev/v1alpha1
        kind: CrossAccountRole
        metadata: {name: case, namespace: default}
        spec: {accountRef: {name: analytics-prod}}
        ",
    )
}

/// A `CrossAccountRole` with every field set.
pub fn full_role() -> Value {
    let mut role = role();
    merge(
        &mut role,
        &yaml(
            r#"
            spec:
              role:
                name: reports-reader
                lifecycle: Adopt
                description: Reads the monthly reports
                maxSessionDurationSeconds: 3600
                managedPolicyArns: ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
                inlinePolicies:
                  read: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}
                tags: {team: blue}
                deletionPolicy: Retain
              trust:
                principals: ["arn:aws:iam::111111111111:role/deployer"]
                conditions: {Bool: {"aws:MultiFactorAuthPresent": true}}
              sourceGrants: [{accountRef: {name: ci}, user: deployer}]
              session:
                durationSeconds: 3600
                renewBeforeSeconds: 1800
                tags: {team: blue}
                transitiveTagKeys: [team]
                kubernetesTags: false
                sourceIdentity: reports
                policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}
                policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
              secret:
                name: reports-aws
                outputs: [Env]
                profile: reports
                mountPath: /aws
                processCommand: Agent
                labels: {team: blue}
                annotations: {note: "free text, of any kind"}
                onExpiry: Delete
              rolloutRestarts: [{kind: Deployment, name: reports}]
              suspend: true
            "#,
        ),
    );
    role
}

/// Applies a JSON merge patch (RFC 7386): `null` removes, lists are replaced.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

/// Sets the value at a path such as `spec.access.chain[0].roleArn` or `spec.role.tags[team]`.
pub fn set(object: &mut Value, path: &str, value: Value) {
    *place(object, path) = value;
}

/// Removes the field at a path.
pub fn remove(object: &mut Value, path: &str) {
    let (parent, field) = path.rsplit_once('.').unwrap();
    place(object, parent).as_object_mut().unwrap().remove(field).unwrap();
}

fn place<'a>(object: &'a mut Value, path: &str) -> &'a mut Value {
    path.split_inclusive(['.', '[', ']']).fold(object, |place, step| {
        let name = step.trim_end_matches(['.', '[', ']']);
        match name.parse::<usize>() {
            _ if name.is_empty() => place,
            Ok(index) => &mut place[index],
            Err(_) => &mut place[name],
        }
    })
}

/// The object under another name.
pub fn named(mut object: Value, name: &str) -> Value {
    object["metadata"]["name"] = json!(name);
    object
}

/// The object as the client sends it, not checked by our own types first.
pub fn dynamic(object: &Value) -> DynamicObject {
    serde_json::from_value(object.clone()).unwrap()
}
