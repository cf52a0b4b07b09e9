use serde_json::{Value, json};

use super::*;
use crate::decide::failure::Verdict;
use crate::decide::status::{CredentialsFacts, Report, status};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

/// A pod of one container that has run since second 50, with these fields of the container and the pod.
fn pod(container: &Value, spec: &Value) -> Pod {
    let mut container = container.clone();
    container["name"] = json!("app");
    let mut spec = spec.clone();
    spec["containers"] = json!([container]);
    let running = json!([{"name": "app", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                          "state": {"running": {"startedAt": at(50).to_string()}}}]);
    serde_json::from_value(json!({"spec": spec, "status": {"containerStatuses": running}})).expect("a pod")
}

fn by_env_from() -> Pod {
    pod(&json!({"envFrom": [{"secretRef": {"name": "aws"}}]}), &json!({}))
}

#[test]
fn a_container_is_stale_that_takes_credentials_only_when_it_starts() {
    let variable = |secret: &str, key: &str| json!({"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}]});
    let mount = |part: Value| {
        let mut mount = json!({"name": "v", "mountPath": "/aws"});
        mount.as_object_mut().expect("an object").extend(part.as_object().expect("an object").clone());
        json!({"volumeMounts": [mount]})
    };
    let volume = |source: Value| {
        let mut volume = json!({"name": "v"});
        volume.as_object_mut().expect("an object").extend(source.as_object().expect("an object").clone());
        json!({"volumes": [volume]})
    };
    let secret = || volume(json!({"secret": {"secretName": "aws"}}));
    let projected =
        || volume(json!({"projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "aws"}}]}}));
    let none = json!({});
    for (what, container, spec, stale) in [
        ("a variable", variable("aws", "AWS_ACCESS_KEY_ID"), none.clone(), true),
        ("a variable of another Secret", variable("other", "AWS_ACCESS_KEY_ID"), none.clone(), false),
        ("the region", variable("aws", "AWS_REGION"), none.clone(), false),
        ("envFrom", json!({"envFrom": [{"secretRef": {"name": "aws"}}]}), none.clone(), true),
        ("envFrom another Secret", json!({"envFrom": [{"secretRef": {"name": "other"}}]}), none.clone(), false),
        ("a volume", mount(json!({})), secret(), false),
        ("a subPath", mount(json!({"subPath": "credentials"})), secret(), true),
        ("a subPathExpr", mount(json!({"subPathExpr": "$(FILE)"})), secret(), true),
        ("a subPath of a file that never changes", mount(json!({"subPath": "config"})), secret(), false),
        ("a subPath of a projected volume", mount(json!({"subPath": "credentials"})), projected(), true),
        ("a projected volume", mount(json!({})), projected(), false),
        (
            "a subPath of another volume",
            mount(json!({"subPath": "credentials"})),
            volume(json!({"secret": {"secretName": "other"}})),
            false,
        ),
    ] {
        assert_eq!(is_stale(&pod(&container, &spec), "aws", at(100)), stale, "{what}");
    }
}

#[test]
fn only_a_container_that_runs_since_before_the_issue_is_stale() {
    let mut running = by_env_from();
    assert!(is_stale(&running, "aws", at(100)));
    assert!(!is_stale(&running, "aws", at(50)), "it began with the set");
    running.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(200)));
    assert!(!is_stale(&running, "aws", at(100)), "it is on its way out");

    let mut ended = by_env_from();
    let statuses = ended.status.as_mut().and_then(|status| status.container_statuses.as_mut()).expect("statuses");
    statuses[0].state = None;
    assert!(!is_stale(&ended, "aws", at(100)), "it does not run");

    // A sidecar is an init container that goes on running.
    let mut sidecar = by_env_from();
    let spec = sidecar.spec.as_mut().expect("a spec");
    spec.init_containers = Some(std::mem::take(&mut spec.containers));
    let status = sidecar.status.as_mut().expect("a status");
    status.init_container_statuses = status.container_statuses.take();
    assert!(is_stale(&sidecar, "aws", at(100)));
}

/// The status after a reconcile that found this about the set issued at second 100.
fn after(stale: Stale) -> CrossAccountRoleStatus {
    let published = CredentialsFacts {
        secret_name: "aws".into(),
        issued_at: at(100),
        expires_at: at(3700),
        renew_at: at(1800),
        caller_arn: None,
        packed_policy_size_percent: None,
        is_first: false,
    };
    let consumers = Consumers { stale, ..Consumers::default() };
    let report = Report { published: Some(published), consumers, ..Report::default() };
    status(&CrossAccountRoleStatus::default(), Some(1), &report, at(100))
}

fn pods(names: &[&str]) -> Stale {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Stale::Pods(StalePods { names, secret: "aws".into(), issued_at: at(100) })
}

#[test]
fn pods_are_looked_for_once_for_each_set_and_again_while_some_are_stale() {
    let rolled = at(100) + ROLLOUT_GRACE;
    for (what, previous, issued_at, restarting, now, expected) in [
        (
            "no set in status, but one in the Secret",
            CrossAccountRoleStatus::default(),
            at(100),
            false,
            at(100),
            PodCheck::Now,
        ),
        ("the same set, none stale", after(pods(&[])), at(100), false, at(200), PodCheck::No),
        ("the same set, some stale", after(pods(&["a"])), at(100), false, at(200), PodCheck::Now),
        ("the same set, not permitted", after(Stale::Forbidden("no".into())), at(100), false, at(200), PodCheck::No),
        ("the same set, the list failed", after(Stale::Unknown("no".into())), at(100), false, rolled, PodCheck::Now),
        ("a new set", after(pods(&[])), at(200), false, at(200), PodCheck::Now),
        (
            "a new set, not permitted before",
            after(Stale::Forbidden("no".into())),
            at(200),
            false,
            at(200),
            PodCheck::Now,
        ),
        ("a new set with restarts", after(pods(&[])), at(200), true, at(200), PodCheck::At(at(200) + ROLLOUT_GRACE)),
        ("restarted, not yet rolled", after(Stale::LookedForAt(rolled)), at(100), false, at(300), PodCheck::At(rolled)),
        ("restarted and rolled", after(Stale::LookedForAt(rolled)), at(100), false, rolled, PodCheck::Now),
        ("restarts that fail for long", after(Stale::LookedForAt(rolled)), at(100), true, rolled, PodCheck::Now),
    ] {
        let issue = Issue { issued_at, is_first: false, restarting };
        assert_eq!(pod_check(&previous, issue, now), expected, "{what}");
    }
    let first = Issue { issued_at: at(100), is_first: true, restarting: false };
    assert_eq!(pod_check(&CrossAccountRoleStatus::default(), first, at(100)), PodCheck::FirstSet);
    assert_eq!(pod_check(&after(Stale::FirstSet), Issue { is_first: false, ..first }, at(200)), PodCheck::No);
}

#[test]
fn the_condition_names_five_pods_counts_the_others_and_says_what_helps() {
    let status = after(pods(&["a", "b", "c", "d", "e", "f", "g"]));
    let stale = condition(&status.conditions, ConditionType::ConsumersStale).expect("the condition");
    assert_eq!((stale.status.as_str(), stale.reason.as_str()), ("True", "RestartNeeded"));
    for part in ["a, b, c, d, e and 2 more (7 in all)", "Secret aws", "subPath", "spec.rolloutRestarts"] {
        assert!(stale.message.contains(part), "{part}: {}", stale.message);
    }
    let ready = condition(&status.conditions, ConditionType::Ready).expect("Ready");
    assert_eq!(ready.status, "True", "access works");
}

#[test]
fn what_is_not_settled_is_come_back_to() {
    let wake = |consumers: Consumers| consumers.wake_at(None, "uid", at(100)).map(|at| at.as_second() - 1_800_000_100);
    let stale = |stale| Consumers { stale, ..Consumers::default() };
    assert_eq!(wake(Consumers::default()), None);
    assert_eq!(wake(stale(pods(&[]))), None);
    assert_eq!(wake(stale(Stale::Forbidden("no".into()))), None);
    assert_eq!(wake(stale(Stale::LookedForAt(at(400)))), Some(300));
    let slow = wake(stale(pods(&["a"]))).expect("a time");
    assert!((300..=600).contains(&slow), "{slow}");

    let verdict = Verdict { reason: Reason::Progressing, message: String::new(), retry: Retry::Soon };
    let rollouts = Rollouts::Failing { restarted_for: at(0), verdict };
    let soon = wake(Consumers { rollouts, stale: pods(&["a"]) }).expect("a time");
    assert!(soon <= 2, "{soon}");
}
