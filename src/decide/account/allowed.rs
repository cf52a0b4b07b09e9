//! May this namespace use this account? Absent permission means no.

use std::collections::BTreeMap;

use kube::core::{Selector, SelectorExt};

use crate::api::{AWSAccount, AllowedNamespaces, Reason};
use crate::decide::Refusal;

/// The namespace of a `CrossAccountRole`.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Finds the account and checks that it lets the namespace in.
pub fn allowed<'a>(
    account_name: &str,
    account: Option<&'a AWSAccount>,
    namespace: &Namespace,
) -> Result<&'a AWSAccount, Refusal> {
    let no = |message: String| Err(Refusal::new(Reason::NotAllowed, message));
    let Some(account) = account else {
        return no(format!(
            "there is no AWSAccount {account_name}; ask the platform team for it, or correct spec.accountRef.name"
        ));
    };
    if account.is_deleted() {
        return no(format!("AWSAccount {account_name} is being deleted"));
    }
    allows_namespace(account, namespace).map(|()| account)
}

/// Checks that the account lets the namespace in, whether or not the account is being deleted.
pub fn allows_namespace(account: &AWSAccount, namespace: &Namespace) -> Result<(), Refusal> {
    let account_name = account.metadata.name.as_deref().unwrap_or_default();
    let no = |message: String| Err(Refusal::new(Reason::NotAllowed, message));
    let allows_namespace = match &account.spec.allowed_namespaces {
        None => Ok(false),
        Some(rule) => matches(rule, namespace),
    };
    match allows_namespace {
        Ok(true) => Ok(()),
        Ok(false) => no(format!(
            "AWSAccount {account_name} does not allow namespace {}; ask the platform team to add it to spec.allowedNamespaces",
            namespace.name
        )),
        Err(broken) => no(format!(
            "AWSAccount {account_name} has an unusable spec.allowedNamespaces.selector ({broken}), so no namespace may use it"
        )),
    }
}

/// Names and selector are both optional; given, both must match. A selector that cannot be read matches nothing.
fn matches(rule: &AllowedNamespaces, namespace: &Namespace) -> Result<bool, String> {
    let AllowedNamespaces { names, selector } = rule;
    let named = names.as_ref().is_none_or(|names| names.contains(&namespace.name));
    let selected = match selector {
        None => true,
        Some(selector) => Selector::try_from(selector.clone()).map_err(|e| e.to_string())?.matches(&namespace.labels),
    };
    Ok(named && selected)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;

    fn account(allowed: &serde_json::Value) -> AWSAccount {
        let mut spec = json!({"accountId": "222222222222", "region": "eu-west-1"});
        if !allowed.is_null() {
            spec["allowedNamespaces"] = allowed.clone();
        }
        AWSAccount::new("analytics", serde_json::from_value(spec).expect("a spec"))
    }

    #[test]
    fn absent_permission_means_no() {
        let namespace = Namespace { name: "team".into(), labels: [("aws".to_owned(), "yes".to_owned())].into() };
        for (what, rule, allows_namespace) in [
            ("no rule", json!(null), false),
            ("an empty rule", json!({}), true),
            ("its name", json!({"names": ["other", "team"]}), true),
            ("another name", json!({"names": ["other"]}), false),
            ("no names", json!({"names": []}), false),
            ("its label", json!({"selector": {"matchLabels": {"aws": "yes"}}}), true),
            ("another label", json!({"selector": {"matchLabels": {"aws": "no"}}}), false),
            ("name and label", json!({"names": ["team"], "selector": {"matchLabels": {"aws": "yes"}}}), true),
            ("name without label", json!({"names": ["team"], "selector": {"matchLabels": {"aws": "no"}}}), false),
            ("label without name", json!({"names": ["other"], "selector": {"matchLabels": {"aws": "yes"}}}), false),
            (
                "a selector that cannot be read",
                json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}),
                false,
            ),
        ] {
            let account = account(&rule);
            let verdict = allowed("analytics", Some(&account), &namespace);
            assert_eq!(verdict.is_ok(), allows_namespace, "{what}");
            if let Err(refusal) = verdict {
                assert_eq!(refusal.reason, Reason::NotAllowed, "{what}");
            }
        }
    }

    #[test]
    fn an_account_that_is_being_deleted_allows_nobody_any_more() {
        let mut account = account(&json!({}));
        account.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        let refusal = allowed("analytics", Some(&account), &Namespace::default()).expect_err("it is going");
        assert_eq!(refusal.reason, Reason::NotAllowed);
        assert!(refusal.message.contains("is being deleted"), "{}", refusal.message);
    }

    #[test]
    fn an_account_that_does_not_exist_allows_nobody() {
        let refusal = allowed("nowhere", None, &Namespace::default()).expect_err("no account");
        assert_eq!(refusal.reason, Reason::NotAllowed);
        assert!(refusal.message.contains("nowhere"));
    }
}
