//! What the values of the table speak of: made once, before the operator starts.

use anyhow::Result;
use crossaccount::api::AWSAccount;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, StatefulSet},
    core::v1::Namespace,
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::row::Names;
use lab::{
    aws::{OPERATOR, grants, policy},
    env::TestEnv,
};

/// A user, a group and a role of each of these names are in the source account.
pub const GRANTEES: [&str; 2] = ["deployer", "releaser"];
/// A Deployment, a `StatefulSet` and a `DaemonSet` of this name are in the namespace.
pub const WORKLOAD: &str = "reports";
/// Labels of the namespace.
pub const LABELS: [(&str, &str); 2] = [("aws", "yes"), ("stage", "test")];

/// Makes it all.
pub async fn prepare(env: &TestEnv) -> Result<Names> {
    let aws = &env.aws;
    target(env).await?;
    grantees(env).await?;
    kubernetes(env).await?;
    Ok(Names {
        target: aws.target.id().to_owned(),
        source: aws.source.id().to_owned(),
        namespace: env.namespace.clone(),
        account: env.namespace.clone(),
    })
}

/// Two more managers, one behind a hub, a second policy, and two roles that somebody else made.
async fn target(env: &TestEnv) -> Result<()> {
    let aws = &env.aws;
    let all = policy(&json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    let trust = |principals: Value| {
        policy(&json!({
            "Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": { "AWS": principals },
        }))
    };
    let hub = aws.source.create_role("hub", &trust(json!(aws.operator.arn)), &all).await?;
    for manager in ["manager-one", "manager-two"] {
        aws.target.create_role(manager, &trust(json!([aws.operator.arn, hub])), &all).await?;
    }
    let narrower = aws.target.create_policy("narrower", &all).await?;
    aws.also_bound_by(&narrower).await?;
    aws.also_manage(&["role/adopted", "role/other/path/*"]).await?;
    for existing in ["adopted", "observed"] {
        aws.target.create_role(existing, &trust(json!(aws.operator.arn)), &all).await?;
    }
    let others = ["manager-one", "manager-two", "observed"].map(|name| aws.target.arn(&format!("role/{name}")));
    aws.also_assume("other-roles", &[others.to_vec(), vec![hub]].concat()).await
}

/// Those who may be granted something, in both accounts, and an operator that may grant it at home.
async fn grantees(env: &TestEnv) -> Result<()> {
    let aws = &env.aws;
    let nothing = policy(&json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }));
    let trust = policy(&json!({
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": aws.source.id() },
    }));
    aws.target.create_user("deployer", &nothing).await?;
    for name in GRANTEES {
        aws.source.create_user(name, &nothing).await?;
        aws.source.create_role(name, &trust, &nothing).await?;
        aws.source.iam().create_group().group_name(name).send().await?;
    }
    let grant = grants(&aws.source, &["user/*", "role/*", "group/*"]);
    aws.source.put_user_policy(OPERATOR, "grants", &grant).await?;

    let mut account = env.source_account();
    account.spec.guardrails.grantees = Some(vec!["*".to_owned()]);
    Api::<AWSAccount>::all(env.kube.clone()).create(&PostParams::default(), &account).await?;
    Ok(())
}

async fn kubernetes(env: &TestEnv) -> Result<()> {
    let (kube, namespace) = (&env.kube, &env.namespace);
    let labels = json!({ "metadata": { "labels": LABELS.into_iter().collect::<std::collections::BTreeMap<_, _>>() } });
    let namespaces: Api<Namespace> = Api::all(kube.clone());
    namespaces.patch(namespace, &PatchParams::default(), &Patch::Merge(labels)).await?;

    let spec = json!({
        "serviceName": WORKLOAD,
        "replicas": 0,
        "selector": { "matchLabels": { "app": WORKLOAD } },
        "template": {
            "metadata": { "labels": { "app": WORKLOAD } },
            "spec": { "containers": [{ "name": "app", "image": "app" }] },
        },
    });
    let workload = json!({ "metadata": { "name": WORKLOAD }, "spec": spec });
    let create = PostParams::default();
    let deployments: Api<Deployment> = Api::namespaced(kube.clone(), namespace);
    deployments.create(&create, &serde_json::from_value(workload.clone())?).await?;
    let stateful_sets: Api<StatefulSet> = Api::namespaced(kube.clone(), namespace);
    stateful_sets.create(&create, &serde_json::from_value(workload.clone())?).await?;
    let daemon_sets: Api<DaemonSet> = Api::namespaced(kube.clone(), namespace);
    daemon_sets.create(&create, &serde_json::from_value(workload)?).await?;
    Ok(())
}
