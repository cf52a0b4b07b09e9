//! What `unused` says. Its JSON form is stable: fields are added, and none is renamed or removed within a version.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::api::CrossAccountRole;
use crate::decide::usage::narrow::{Narrowed, Narrower, narrow};
use crate::decide::usage::used_since;

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this form.
    pub version: &'static str,
    /// Namespace and name of the object.
    pub object: String,
    /// ARN of its role.
    pub role_arn: Option<String>,
    /// When IAM completed its report.
    pub reported_at: Option<Timestamp>,
    /// A service that was not called for this many days counts as unused.
    pub days: u16,
    /// The services that the policies of the role allow.
    pub services: Vec<Service>,
    /// The inline policies that can be narrower, by name; null where nothing is left of one.
    pub narrower_policies: BTreeMap<String, Option<Value>>,
    /// What limits the report.
    pub notes: Vec<String>,
}

/// One service.
#[expect(clippy::struct_field_names, reason = "the JSON form says service, as the report of IAM does")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its namespace, as in actions.
    pub service: String,
    /// When the role last called it, if IAM knows of a call.
    pub last_used: Option<Timestamp>,
    /// Whether it is used.
    pub used: bool,
    /// The inline policies of the object that name it; none where a managed policy allows it.
    pub inline_policies: Vec<String>,
}

/// Puts IAM's report and the declaration together.
#[must_use]
pub fn report(object: &CrossAccountRole, days: u16, now: Timestamp) -> Report {
    let since = now - SignedDuration::from_hours(24 * i64::from(days));
    let used = used_since(object, since);
    let inline = object.spec.role.inline_policies.iter();
    let policies: BTreeMap<String, Value> = inline
        .filter_map(|(name, policy)| Some((name.clone(), serde_json::from_str(policy.as_json()).ok()?)))
        .collect();
    let narrowed = narrow(&policies, &used);
    let usage = object.status.as_ref().and_then(|status| status.usage.as_ref());
    let of = |one: &crate::api::ServiceUsage| Service {
        service: one.service.clone(),
        last_used: one.last_used.as_ref().map(|time| time.0),
        used: used.get(&one.service).copied().unwrap_or_default(),
        inline_policies: narrowed.allowed_by.get(&one.service).into_iter().flatten().cloned().collect(),
    };
    let services: Vec<Service> = usage.into_iter().flat_map(|usage| &usage.services).map(of).collect();
    Report {
        version: "v1",
        object: object.full_name(),
        role_arn: object.reported_role().and_then(|role| role.arn.clone()),
        reported_at: usage.and_then(|usage| usage.reported_at.as_ref()).map(|time| time.0),
        days,
        notes: notes(object, &services, &narrowed, since),
        services,
        narrower_policies: narrowed.policies.into_iter().map(|(name, policy)| (name, document(policy))).collect(),
    }
}

fn document(policy: Narrower) -> Option<Value> {
    match policy {
        Narrower::Policy(policy) => Some(policy),
        Narrower::Nothing => None,
    }
}

fn notes(object: &CrossAccountRole, services: &[Service], narrowed: &Narrowed, since: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    if object.metadata.creation_timestamp.as_ref().is_some_and(|created| created.0 > since) {
        notes.push(
            "The object is younger than this number of days. Do not conclude that a service is not needed because it was not used yet."
                .to_owned(),
        );
    }
    for name in &narrowed.open_ended {
        notes.push(format!(
            "Inline policy {name} allows all but some actions (NotAction), so it is not known which services it allows. List the actions instead."
        ));
    }
    let unused = services.iter().filter(|one| !one.used && one.inline_policies.is_empty());
    let unused: Vec<&str> = unused.map(|one| one.service.as_str()).collect();
    if !unused.is_empty() {
        notes.push(format!(
            "No inline policy of the object names {}: a managed policy allows this. Replace it by a narrower one.",
            unused.join(", ")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> CrossAccountRole {
        let allow = |actions: Value| json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
        serde_json::from_value(json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": "reader", "namespace": "analytics", "creationTimestamp": "2026-01-15T08:00:00Z"},
            "spec": {"accountRef": {"name": "prod"}, "role": {"inlinePolicies": {
                "read": {"Version": "2012-10-17", "Statement": [allow(json!(["s3:GetObject", "sqs:SendMessage"]))]},
                "queue": {"Version": "2012-10-17", "Statement": [allow(json!("sqs:*"))]},
            }}},
            "status": {
                "role": {"arn": "arn:aws:iam::222222222222:role/crossaccount/reader", "id": "AROA1", "created": true},
                "usage": {"roleId": "AROA1", "reportedAt": "2027-01-15T08:00:00Z", "services": [
                    {"service": "dynamodb"}, {"service": "s3", "lastUsed": "2027-01-10T08:00:00Z"},
                    {"service": "sqs", "lastUsed": "2026-08-10T08:00:00Z"},
                ]},
            },
        }))
        .expect("an object")
    }

    fn now() -> Timestamp {
        "2027-01-15T08:00:00Z".parse().expect("a time")
    }

    #[test]
    fn the_report_says_which_policy_allows_an_unused_service_and_gives_the_narrower_one() {
        let report = report(&object(), 90, now());
        let services: Vec<_> = report.services.iter().map(|one| (one.service.as_str(), one.used)).collect();
        assert_eq!(services, [("dynamodb", false), ("s3", true), ("sqs", false)]);
        assert_eq!(report.services[2].inline_policies, ["queue", "read"]);
        assert_eq!(report.narrower_policies["queue"], None);
        let read = report.narrower_policies["read"].as_ref().expect("something is left");
        assert_eq!(read["Statement"][0]["Action"], json!(["s3:GetObject"]));
        assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
        assert!(report.notes[0].contains("names dynamodb: a managed policy"), "{:?}", report.notes);
    }

    #[test]
    fn with_more_days_what_was_used_once_in_a_while_is_kept() {
        let report = report(&object(), 200, now());
        assert!(report.services[2].used && report.narrower_policies.is_empty());
    }

    #[test]
    fn a_young_object_and_a_policy_that_cannot_be_judged_are_named() {
        let mut object = object();
        object.metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
        let all_but = json!({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}});
        let all_but = serde_json::from_value(all_but).expect("a policy");
        object.spec.role.inline_policies.insert("rest".into(), all_but);
        let notes = report(&object, 90, now()).notes.join("\n");
        assert!(notes.contains("younger than") && notes.contains("Inline policy rest allows all but"), "{notes}");
    }
}
