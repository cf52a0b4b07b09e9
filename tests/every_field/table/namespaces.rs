//! Which namespaces may use an account.

use std::collections::BTreeMap;

use anyhow::Result;
use crossaccount::api::AllowedNamespaces;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;
use kube::ResourceExt as _;
use serde_json::Value;

use super::allowed_or_refused;
use crate::every_field::{field::Kind::Account, prepare::LABELS, row::Row, seen::Seen};

pub fn rows() -> Vec<Row> {
    const SELECTED: &str = "account: {allowedNamespaces: {selector: {matchExpressions: \
                            [{key: aws, operator: In, values: ['yes']}]}}}";
    vec![
        Row::new(Account, "spec.allowedNamespaces", admitted)
            .sample("{names: ['<namespace>']}")
            .sample("{names: [other]}"),
        Row::new(Account, "spec.allowedNamespaces.names", admitted)
            .sample("['<namespace>']")
            .sample("['<namespace>', other]"),
        Row::new(Account, "spec.allowedNamespaces.selector", admitted)
            .sample("{matchLabels: {aws: 'yes'}}")
            .sample("{matchLabels: {aws: 'no'}}"),
        Row::new(Account, "spec.allowedNamespaces.selector.matchLabels", admitted)
            .sample("{aws: 'yes'}")
            .sample("{aws: 'yes', stage: test}"),
        Row::new(Account, "spec.allowedNamespaces.selector.matchExpressions", admitted)
            .sample("[{key: aws, operator: Exists}]")
            .sample("[{key: aws, operator: In, values: ['yes']}, {key: gone, operator: DoesNotExist}]"),
        Row::new(Account, "spec.allowedNamespaces.selector.matchExpressions[].key", admitted)
            .sample("aws")
            .sample("stage")
            .beside(SELECTED),
        Row::new(Account, "spec.allowedNamespaces.selector.matchExpressions[].operator", admitted)
            .sample("In")
            .sample("NotIn")
            .beside(SELECTED),
        Row::new(Account, "spec.allowedNamespaces.selector.matchExpressions[].values", admitted)
            .sample("['yes']")
            .sample("['yes', 'no']")
            .beside(SELECTED),
    ]
}

/// One field means nothing without the others, so all of them are judged together.
fn admitted(seen: &Seen, _: &Value) -> Result<()> {
    let may = seen.account.spec.allowed_namespaces.as_ref().is_some_and(|rule| allows_namespace(rule, seen));
    allowed_or_refused(seen, may, "does not allow namespace")
}

fn allows_namespace(rule: &AllowedNamespaces, seen: &Seen) -> bool {
    let namespace = seen.object.namespace().unwrap_or_default();
    let labels: BTreeMap<&str, &str> =
        LABELS.into_iter().chain([("kubernetes.io/metadata.name", namespace.as_str())]).collect();
    let selector = rule.selector.clone().unwrap_or_default();
    rule.names.as_ref().is_none_or(|names| names.contains(&namespace))
        && selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key.as_str()) == Some(&value.as_str()))
        && selector.match_expressions.iter().flatten().all(|expression| meets(expression, &labels))
}

fn meets(expression: &LabelSelectorRequirement, labels: &BTreeMap<&str, &str>) -> bool {
    let label = labels.get(expression.key.as_str());
    let listed = label.is_some_and(|label| expression.values.iter().flatten().any(|value| value == label));
    match expression.operator.as_str() {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => label.is_some(),
        _ => label.is_none(),
    }
}
