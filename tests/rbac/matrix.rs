//! Everything that an operator may do in the cluster, as the API server itself answers it: each verb on each resource, in each kind
//! of place. A change of a rule changes a committed list.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::{api::authorization::v1::SubjectAccessReview, apimachinery::pkg::apis::meta::v1::APIResource};
use kube::{Api, Client, api::PostParams};
use serde_json::json;

use super::release::Release;
use lab::{env::TestEnv, wait::eventually};

/// Questions at a time.
const AT_ONCE: usize = 16;

/// Rights that the API server knows without listing them among its resources: group, resource, verb, and whether it is about one
/// namespace.
const UNLISTED: [(&str, &str, &str, bool); 12] = [
    ("iam.crossaccount.dev", "crossaccountroles", "publish", true),
    ("iam.crossaccount.dev", "crossaccountroles/finalizers", "update", true),
    ("iam.crossaccount.dev", "awsaccounts", "publish", false),
    ("iam.crossaccount.dev", "awsaccounts/finalizers", "update", false),
    ("", "serviceaccounts", "impersonate", true),
    ("", "users", "impersonate", false),
    ("", "groups", "impersonate", false),
    ("rbac.authorization.k8s.io", "roles", "escalate", true),
    ("rbac.authorization.k8s.io", "clusterroles", "escalate", false),
    ("rbac.authorization.k8s.io", "clusterroles", "bind", false),
    ("certificates.k8s.io", "signers", "sign", false),
    ("*", "*", "*", true),
];

/// A resource in its group, and a verb.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    group: String,
    resource: String,
    verb: String,
}

/// Everything that can be done in a cluster: what is in namespaces, and what is not.
struct Everything {
    in_namespaces: BTreeSet<Right>,
    beside_them: BTreeSet<Right>,
}

#[tokio::test]
async fn what_the_operator_may_do_is_what_was_committed_for_all_namespaces() -> Result<()> {
    let env = TestEnv::bare("matrix").await?;
    let release = Release::install(&env, &[]).await?;
    insta::assert_snapshot!("all_namespaces", rights_of(&env, &release).await?);
    Ok(())
}

#[tokio::test]
async fn what_the_operator_may_do_is_what_was_committed_for_two_namespaces() -> Result<()> {
    let env = TestEnv::bare("matrix").await?;
    let second = env.add_namespace("second").await?;
    let release = Release::install(&env, &[&env.namespace, &second]).await?;
    insta::assert_snapshot!("two_namespaces", rights_of(&env, &release).await?);
    Ok(())
}

/// The rights of the operator of a release, place by place.
async fn rights_of(env: &TestEnv, release: &Release) -> Result<String> {
    let other = env.add_namespace("other").await?;
    let Everything { in_namespaces, beside_them } = everything(&env.kube).await?;
    ensure!(in_namespaces.len() > 300, "only {} rights were found", in_namespaces.len());
    let reviews = Reviews { api: Api::all(env.kube.clone()), user: release.user() };
    reviews.know_of("leases", Some(&release.namespace), &in_namespaces).await?;
    reviews.know_of("secrets", Some(&env.namespace), &in_namespaces).await?;
    reviews.know_of("namespaces", None, &beside_them).await?;
    let mut text = String::new();
    for (place, namespace) in [
        ("in its own namespace", &release.namespace),
        ("in a watched namespace", &env.namespace),
        ("in namespace default", &"default".to_owned()),
        ("in another namespace", &other),
    ] {
        text += &listed(place, reviews.allowed(Some(namespace), &in_namespaces).await?);
    }
    text += &listed("in all namespaces", reviews.allowed(None, &in_namespaces).await?);
    text += &listed("beside namespaces", reviews.allowed(None, &beside_them).await?);
    Ok(text)
}

/// One line for each resource: what may be done with it in a place.
fn listed(place: &str, rights: Vec<Right>) -> String {
    let mut verbs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Right { group, resource, verb } in rights {
        let name = if group.is_empty() { resource } else { format!("{resource} ({group})") };
        verbs.entry(name).or_default().push(verb);
    }
    let lines = verbs.into_iter().map(|(resource, verbs)| format!("  {resource}: {}\n", verbs.join(", ")));
    let lines: String = lines.collect();
    format!("{place}\n{}", if lines.is_empty() { "  nothing\n" } else { &lines })
}

/// Questions to the API server about one user.
struct Reviews {
    api: Api<SubjectAccessReview>,
    user: String,
}

impl Reviews {
    /// Which of these rights the user has in a namespace; without one, in the whole cluster.
    async fn allowed(&self, namespace: Option<&str>, rights: &BTreeSet<Right>) -> Result<Vec<Right>> {
        let answers = stream::iter(rights.iter().map(|right| self.ask(namespace, right))).buffered(AT_ONCE);
        let answers: Vec<Option<Right>> = answers.try_collect().await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn ask(&self, namespace: Option<&str>, right: &Right) -> Result<Option<Right>> {
        let Right { group, resource, verb } = right;
        let (resource, subresource) =
            resource.split_once('/').map_or((resource.as_str(), None), |(of, sub)| (of, Some(sub)));
        let attributes = json!({
            "group": group, "resource": resource, "subresource": subresource, "verb": verb, "namespace": namespace,
        });
        let spec = json!({"user": self.user, "groups": ["system:authenticated"], "resourceAttributes": attributes});
        let review = serde_json::from_value(json!({"metadata": {}, "spec": spec}))?;
        let answer = self.api.create(&PostParams::default(), &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed).then(|| right.clone()))
    }

    /// Waits until the user may do something with a resource: the API server acts on rights some time after it has taken them.
    async fn know_of(&self, resource: &str, namespace: Option<&str>, rights: &BTreeSet<Right>) -> Result<()> {
        let of_it = rights.iter().filter(|right| right.resource == resource).cloned().collect();
        eventually(&format!("{} may do something with {resource}", self.user), async || {
            ensure!(!self.allowed(namespace, &of_it).await?.is_empty(), "nothing yet");
            Ok(())
        })
        .await
    }
}

/// All that the API server serves, and what it knows beside.
async fn everything(kube: &Client) -> Result<Everything> {
    let mut served: Vec<(String, APIResource)> =
        kube.list_core_api_resources("v1").await?.resources.into_iter().map(|one| (String::new(), one)).collect();
    for group in kube.list_api_groups().await?.groups {
        for version in group.versions {
            let resources = kube.list_api_group_resources(&version.group_version).await?.resources;
            served.extend(resources.into_iter().map(|one| (group.name.clone(), one)));
        }
    }
    let mut all = Everything { in_namespaces: BTreeSet::new(), beside_them: BTreeSet::new() };
    for (group, APIResource { name: resource, verbs, namespaced, .. }) in served {
        let rights = verbs.into_iter().map(|verb| Right { group: group.clone(), resource: resource.clone(), verb });
        let place = if namespaced { &mut all.in_namespaces } else { &mut all.beside_them };
        place.extend(rights);
    }
    for (group, resource, verb, namespaced) in UNLISTED {
        let [group, resource, verb] = [group, resource, verb].map(str::to_owned);
        let place = if namespaced { &mut all.in_namespaces } else { &mut all.beside_them };
        place.insert(Right { group, resource, verb });
    }
    Ok(all)
}
