//! `kubectl crossaccount graph`, and its page in a browser.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::PostParams};
use serde_json::{Value, json};
use tokio::process::Command;

use super::people::{Person, document};
use lab::{env::TestEnv, guard::scratch, operator::Operator, repository, run, script};

/// A role that reads S3, and one that may do everything, with a pod that mounts the Secret of the first.
async fn two_roles(name: &str) -> Result<(TestEnv, Operator)> {
    let env = TestEnv::new(name).await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    let mut admin = env.role("admin");
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    admin.spec.role.inline_policies = [("all".to_owned(), serde_json::from_value(all)?)].into();
    env.create(&admin).await?;
    env.settled("admin").await?;
    let pod = json!({
        "metadata": {"name": "reports"},
        "spec": {
            "containers": [{"name": "app", "image": "app", "volumeMounts": [{"name": "aws", "mountPath": "/aws"}]}],
            "volumes": [{"name": "aws", "secret": {"secretName": "reader"}}],
        },
    });
    let pods: Api<Pod> = Api::namespaced(env.kube.clone(), &env.namespace);
    pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
    Ok((env, operator))
}

#[tokio::test]
async fn every_form_of_the_graph_has_the_way_from_a_pod_to_what_its_role_may_do() -> Result<()> {
    let (env, _operator) = two_roles("graph").await?;
    let (person, namespace) = (Person::admin(&env), &env.namespace);
    let graph = document(&person.runs(&["graph", "-o", "json"]).await?)?;
    let edges = graph["edges"].as_array().context("no edges")?;
    let way = [
        (format!("Workload/{namespace}/Pod/reports"), "Uses", format!("Secret/{namespace}/reader")),
        (format!("Secret/{namespace}/reader"), "ActsAs", format!("Role/{namespace}/reader")),
        (format!("Role/{namespace}/reader"), "In", format!("Account/{namespace}")),
        (format!("Role/{namespace}/admin"), "Allows", format!("Service/{namespace}/admin/*")),
    ];
    for (from, relation, to) in &way {
        let wanted = json!({"from": from, "to": to, "relation": relation});
        ensure!(edges.contains(&wanted), "no {wanted} in {edges:#?}");
    }
    let marks = &graph["nodes"][format!("Service/{namespace}/admin/*")]["marks"];
    ensure!(*marks == json!(["Admin", "AnyAction", "AnyResource"]), "{marks}");

    let dot = person.runs(&["graph"]).await?.succeeded()?;
    let mermaid = person.runs(&["graph", "-o", "mermaid"]).await?.succeeded()?;
    for (from, relation, to) in &way {
        ensure!(dot.contains(&format!("\"{from}\" -> \"{to}\" [label=\"{relation}\"]")), "{dot}");
        ensure!(mermaid.contains(&format!("-->|{relation}|")), "{mermaid}");
    }
    Ok(())
}

#[tokio::test]
async fn who_may_not_list_pods_gets_the_graph_without_workloads_and_the_name_of_the_permission() -> Result<()> {
    let (env, _operator) = two_roles("graph-few").await?;
    let person = Person::with(&env, &["get", "list"]).await?;
    let printed = person.runs(&["graph", "-o", "json"]).await?;
    ensure!(printed.errors.contains("Workloads are left out") && printed.errors.contains("list pods"), "{printed:?}");
    let nodes = document(&printed)?["nodes"].as_object().context("no nodes")?.clone();
    ensure!(nodes.contains_key(&format!("Role/{}/reader", env.namespace)), "{nodes:?}");
    ensure!(!nodes.keys().any(|id| id.starts_with("Workload/")), "{nodes:?}");
    Ok(())
}

/// What the program of `lab/browser` saw when it used the page.
async fn seen(page: &Path, from: &str, to: &str, shots: &Path) -> Result<Value> {
    let folder = script("browser.sh").await?;
    let mut browser = Command::new("node");
    browser.arg(folder.join("graph.mjs")).arg(page).args([from, to]).arg(shots);
    Ok(serde_json::from_str(&run(&mut browser).await?)?)
}

#[tokio::test]
async fn the_page_is_searched_filtered_and_walked_by_mouse_and_keyboard() -> Result<()> {
    let (env, _operator) = two_roles("graph-page").await?;
    let folder = scratch("graph")?;
    let page = folder.join("access.html");
    fs::write(&page, Person::admin(&env).runs(&["graph", "-o", "html"]).await?.succeeded()?)?;
    let (namespace, role) = (format!("Namespace {}", env.namespace), format!("Role {}", env.iam_name("admin")));
    let seen = seen(&page, &namespace, &role, &folder).await?;

    ensure!(seen["faults"] == json!([]), "errors or requests in the page: {seen}");
    ensure!(seen["wide"].as_u64().is_some_and(|pixels| pixels <= 390), "a small screen scrolls sideways: {seen}");
    ensure!(seen["light"] != seen["dark"], "{seen}");
    let listed = |part: &Value| part.as_array().map(Vec::len).unwrap_or_default();
    ensure!(listed(&seen["all"]["listed"]) > listed(&seen["searched"]["listed"]), "{seen}");
    ensure!(listed(&seen["searched"]["listed"]) > 0, "{seen}");
    ensure!(seen["chosen"].as_str().is_some_and(|text| text.starts_with("Service s3")), "{seen}");
    ensure!(seen["escaped"] == seen["all"]["said"], "Escape shows everything again: {seen}");
    ensure!(seen["namespaces"] == json!(["", env.namespace]), "{seen}");
    ensure!(seen["backwards"].as_str().is_some_and(|text| text.contains("cannot reach")), "{seen}");
    ensure!(seen["path"]["said"].as_str().is_some_and(|text| text.ends_with("in 2 steps.")), "{seen}");
    ensure!(listed(&seen["path"]["steps"]) == 5, "three nodes and two edges: {seen}");
    ensure!(seen["linked"] == seen["path"], "the address with both nodes opens the way: {seen}");

    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::copy(folder.join("graph.png"), repository().join("docs/images/graph.png"))?;
    }
    Ok(())
}
