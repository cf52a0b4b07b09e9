use serde_json::json;

use super::*;
use crate::cli::graph::fixture::objects;
use crate::cli::graph::model::Edge;

fn reaches(graph: &Graph, from: &str, relation: Relation, to: &str) -> bool {
    graph.edges.contains(&Edge { from: from.into(), to: to.into(), relation })
}

#[test]
fn access_flows_from_the_namespace_over_secret_and_role_to_what_the_policies_allow() {
    let graph = graph(&objects());
    for (from, relation, to) in [
        ("Namespace/analytics", Relation::MayMount, "Secret/analytics/aws"),
        ("Namespace/analytics", Relation::Runs, "Workload/analytics/Deployment/reports"),
        ("Workload/analytics/Deployment/reports", Relation::Uses, "Secret/analytics/aws"),
        ("Secret/analytics/aws", Relation::ActsAs, "Role/analytics/reader"),
        ("Principal/333333333333", Relation::Trusts, "Role/analytics/reader"),
        ("Principal/arn:aws:iam::111111111111:user/ci/deployer", Relation::Trusts, "Role/analytics/reader"),
        ("Principal/arn:aws:iam::111111111111:user/ci/deployer", Relation::Grants, "Role/analytics/reader"),
        ("Role/analytics/reader", Relation::Allows, "Service/analytics/reader/s3"),
        ("Role/analytics/reader", Relation::Allows, "ManagedPolicy/arn:aws:iam::aws:policy/AdministratorAccess"),
        ("Role/analytics/reader", Relation::In, "Account/prod"),
    ] {
        assert!(reaches(&graph, from, relation, to), "{from} {relation:?} {to}: {:#?}", graph.edges);
    }
    assert_eq!((graph.nodes.len(), graph.edges.len()), (9, 10));
    assert!(graph.edges.iter().all(|edge| [&edge.from, &edge.to].iter().all(|id| graph.nodes.contains_key(*id))));
}

#[test]
fn wide_rights_and_what_is_not_ready_are_marked() {
    let mut objects = objects();
    let marks = |objects: &Objects, id: &str| graph(objects).nodes[id].marks.clone();
    assert_eq!(marks(&objects, "Service/analytics/reader/s3"), [Mark::AnyAction, Mark::AnyResource].into());
    let admin = "ManagedPolicy/arn:aws:iam::aws:policy/AdministratorAccess";
    assert!(marks(&objects, admin).contains(&Mark::Admin));
    assert!(marks(&objects, "Role/analytics/reader").is_empty());

    objects.roles[0].metadata.generation = Some(3);
    assert_eq!(marks(&objects, "Role/analytics/reader"), [Mark::NotReady].into());
    objects.accounts.clear();
    assert_eq!(marks(&objects, "Account/prod"), [Mark::NotReady].into());
}

#[test]
fn a_grant_that_is_being_taken_back_is_no_way_in() {
    let mut objects = objects();
    objects.roles[0].status.as_mut().expect("a status").source_grants[0].role_arn = None;
    let graph = graph(&objects);
    assert!(!graph.edges.iter().any(|edge| edge.relation == Relation::Grants));
}

#[test]
fn a_service_that_the_role_has_not_used_lately_is_marked() {
    let mut objects = objects();
    let is_marked =
        |objects: &Objects| graph(objects).nodes["Service/analytics/reader/s3"].marks.contains(&Mark::Unused);
    assert!(!is_marked(&objects), "no report was asked for");
    for (role_id, last_used, marked) in [
        ("AROA1", json!(null), true),
        ("AROA1", json!("2026-10-01T08:00:00Z"), true),
        ("AROA1", json!("2027-01-10T08:00:00Z"), false),
        ("AROA2", json!(null), false), // the report is about an earlier role of the name
    ] {
        let usage = json!({"roleId": role_id, "services": [{"service": "s3", "lastUsed": last_used}]});
        let status = objects.roles[0].status.as_mut().expect("a status");
        status.usage = serde_json::from_value(usage.clone()).expect("a report");
        assert_eq!(is_marked(&objects), marked, "{usage}");
    }
}
