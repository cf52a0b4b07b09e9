//! Cases about the Secret of a `CrossAccountRole` and those who read it.

use serde_json::json;

use super::{case::Cases, role::object_name};

/// The Secret.
pub fn secret(cases: Cases) -> Cases {
    let cases = object_name(cases, "spec.secret.name");
    let metadata = |cases: Cases, field: &str| {
        let path = format!("spec.secret.{field}");
        let with = |key: &str| format!("spec: {{secret: {{{field}: {{'{key}': value}}}}}}");
        let legal = ["a", "A_9.-a", "example.com/a", "other.iam.crossaccount.dev/a", "app.kubernetes.io/name"];
        let long_prefix = format!("{}/a", "d".repeat(254));
        let illegal = ["", "a b", "-a", "a-", "/a", "Example.com/a", "a/b/c", &"k".repeat(64), &long_prefix];
        let reserved =
            ["iam.crossaccount.dev/expires-at", "iam.crossaccount.dev/other", "app.kubernetes.io/managed-by"];
        let cases = legal.into_iter().fold(cases, |cases, key| cases.accepts(&format!("{path}: {key}"), &with(key)));
        let cases = illegal.into_iter().fold(cases, |cases, key| {
            cases.refuses(&format!("{path}: {key}"), &with(key), &path, "a key has up to 63 letters")
        });
        let cases = reserved.into_iter().fold(cases, |cases, key| {
            cases.refuses(&format!("{path}: {key}"), &with(key), &path, "are set by the operator: use another key")
        });
        cases.most_entries(&path, 50, |number| (format!("{number:0>63}"), json!("value")))
    };
    ["labels", "annotations"]
        .into_iter()
        .fold(cases, metadata)
        .format("spec.secret.labels[team]", &["", "A.b_c-9"], &["-a", "a b", "a/b"], "a label value has up to 63")
        .longest("spec.secret.labels[team]", 63, |length| "v".repeat(length))
        .longest("spec.secret.annotations[note]", 4096, |length| "\"".repeat(length))
        .accepts("all outputs", "spec: {secret: {outputs: [Process, File, Env]}}")
        .refuses("no outputs", "spec: {secret: {outputs: []}}", "spec.secret.outputs", "should have at least 1 items")
        .refuses(
            "more outputs than there are",
            "spec: {secret: {outputs: [Process, File, Env, Env]}}",
            "spec.secret.outputs",
            "must have at most 3 items",
        )
        .unique("spec.secret.outputs", "File")
        .one_of("spec.secret.outputs[0]", &["Process", "File", "Env"])
        .one_of("spec.secret.processCommand", &["Cat", "Agent"])
        .one_of("spec.secret.onExpiry", &["Keep", "Delete"])
        .format(
            "spec.secret.profile",
            &["default", "A_9.-"],
            &["", "a b", "a]", "a\nb", "profile/a"],
            "profile has 1 to 64",
        )
        .longest("spec.secret.profile", 64, |length| "p".repeat(length))
        .format(
            "spec.secret.mountPath",
            &["/aws", "/var/run/secrets/aws", "/A_9.-/.hidden/a..b"],
            &[
                "",
                "/",
                "aws",
                "./aws",
                "/aws/",
                "//aws",
                "/var//aws",
                "/var/../etc",
                "/..",
                "/.",
                "/./aws",
                "/aws with space",
                "/aws\nregion = x",
                "/aws\\",
                "/aws;id",
                "/aws$(id)",
                "/aws`id`",
                "/aws'",
                "/aws\"",
                "/aws|id",
                "/aws&id",
                "/aws#",
                "/aws*",
                "/ä",
            ],
            "mountPath is an absolute path",
        )
        .longest("spec.secret.mountPath", 1024, |length| format!("/{}", "m".repeat(length - 1)))
}

/// The workloads to restart.
pub fn consumers(cases: Cases) -> Cases {
    object_name(cases, "spec.rolloutRestarts[0].name")
        .required("spec.rolloutRestarts[0].kind")
        .required("spec.rolloutRestarts[0].name")
        .one_of("spec.rolloutRestarts[0].kind", &["Deployment", "StatefulSet", "DaemonSet"])
        .most_items("spec.rolloutRestarts", 20, |number| json!({ "kind": "Deployment", "name": format!("n{number}") }))
        .unique("spec.rolloutRestarts", json!({ "kind": "Deployment", "name": "reports" }))
        .accepts(
            "workloads of one name and different kinds",
            "spec: {rolloutRestarts: [{kind: Deployment, name: a}, {kind: StatefulSet, name: a}]}",
        )
}
