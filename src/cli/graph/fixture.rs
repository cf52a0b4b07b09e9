//! Objects for the tests of the graph.

use serde_json::{Value, json};

use super::build::Objects;

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

/// One role in use by one Deployment, trusted by a user with a grant and by a whole account.
pub fn objects() -> Objects {
    let condition = |generation: i64| {
        json!({"type": "Ready", "status": "True", "reason": "Available", "message": "", "observedGeneration": generation,
               "lastTransitionTime": "2027-01-15T08:00:00Z"})
    };
    let user = "arn:aws:iam::111111111111:user/ci/deployer";
    let role = "arn:aws:iam::222222222222:role/crossaccount/analytics-reader";
    let account = json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": "prod", "generation": 1},
        "spec": {"accountId": "222222222222", "region": "eu-west-1",
                 "guardrails": {"permissionsBoundary": "arn:aws:iam::222222222222:policy/boundary"}},
        "status": {"conditions": [condition(1)]},
    });
    let reader = json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": "reader", "namespace": "analytics", "generation": 2},
        "spec": {
            "accountRef": {"name": "prod"},
            "role": {
                "managedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
                "inlinePolicies": {"read": {"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:List*"], "Resource": "*"},
                ]}},
            },
            "trust": {"principals": ["333333333333", user]},
            "secret": {"name": "aws"},
        },
        "status": {
            "conditions": [condition(2)], "role": {"arn": role, "id": "AROA1", "created": true},
            "sourceGrants": [{"account": "ci", "user": "deployer", "principalArn": user, "policy": "p", "roleArn": role}],
        },
    });
    let pod = |name: &str, secret: &str| {
        json!({
            "metadata": {
                "name": name, "namespace": "analytics", "labels": {"pod-template-hash": "7449df"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "reports-7449df", "uid": "u",
                                     "controller": true}],
            },
            "spec": {"containers": [{"name": "app"}], "volumes": [{"name": "aws", "secret": {"secretName": secret}}]},
        })
    };
    Objects {
        now: "2027-01-15T08:00:00Z".parse().expect("a time"),
        accounts: vec![parse(account)],
        roles: vec![parse(reader)],
        pods: vec![parse(pod("a", "aws")), parse(pod("b", "aws")), parse(pod("other", "another"))],
    }
}
