//! Guardrails on a role as it stands in AWS, for when its declaration cannot be read: a tenant must not keep, by a mistake in
//! the declaration, what the platform team no longer allows.

use serde_json::Value;

use super::{may_attach, may_contain, may_trust, no, within_longest};
use crate::api::Guardrails;
use crate::decide::Refusal;
use crate::decide::grants::policy::is_one;
use crate::decide::revocation::DENY_OLDER_SESSIONS;
use crate::domain::policy::PolicyDocument;
use crate::domain::{IamRoleState, Principal};

/// Checks what a role of ours has. `operator` is the principal that its trust policy names for the operator itself.
pub fn standing(rules: &Guardrails, state: &IamRoleState, operator: &str) -> Result<(), Refusal> {
    let IamRoleState { role, attached, inline } = state;
    let seconds = u32::try_from(role.settings.max_session_seconds).unwrap_or_default();
    within_longest(rules, "the role's maximum session", seconds)?;
    for arn in attached {
        may_attach(rules, arn)?;
    }
    // What source grants give a role is judged with the grants.
    let own = |name: &str, found: &Option<PolicyDocument>| name == DENY_OLDER_SESSIONS || is_one(name, found.as_ref());
    for (name, document) in inline.iter().filter(|(name, found)| !own(name, found)) {
        match document {
            Some(document) => may_contain(rules, name, document)?,
            None if rules.actions.is_some() => return Err(no(&format!("inline policy {name} cannot be read"))),
            None => {}
        }
    }
    let partition = role.arn.partition;
    for principal in role.trust.iter().flat_map(trusted).filter(|name| name != operator) {
        // An id (AROA…, AIDA…) stands for a principal that was deleted, and lets nobody in.
        if let Some(principal) = Principal::parse(&principal) {
            may_trust(rules, &principal.as_arn(partition))?;
        } else if principal.contains('*') {
            return Err(no(&format!("the role trusts {principal}")));
        }
    }
    Ok(())
}

/// Whom the `Allow` statements of a trust policy name.
fn trusted(trust: &PolicyDocument) -> Vec<String> {
    let names = |value: &Value| match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let of_statement = |statement: &serde_json::Map<String, Value>| match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds.values().flat_map(names).collect(),
        Some(other) => names(other),
        None => Vec::new(),
    };
    trust
        .statements()
        .filter(|s| s.get("Effect").and_then(Value::as_str) != Some("Deny"))
        .flat_map(of_statement)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::api::Reason;
    use crate::domain::{IamRole, PolicyArn, RoleArn, RoleSettings};

    const OPERATOR: &str = "arn:aws:iam::111111111111:user/operator";

    fn state() -> IamRoleState {
        let document = |value: &Value| PolicyDocument::from_value(value.clone()).expect("a policy");
        let trust = json!({"Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": OPERATOR}},
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ["111111111111", "AROAGONE"]}},
        ]});
        let read = json!({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}});
        let denial = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        IamRoleState {
            role: IamRole {
                arn: RoleArn::parse("arn:aws:iam::222222222222:role/crossaccount/reader").expect("an ARN"),
                id: "AROA".into(),
                created_at: Timestamp::UNIX_EPOCH,
                settings: RoleSettings { description: None, max_session_seconds: 7200 },
                boundary: None,
                trust: Some(document(&trust)),
                tags: BTreeMap::new(),
                last_used: None,
            },
            attached: BTreeSet::from([PolicyArn::parse("arn:aws:iam::aws:policy/ReadOnlyAccess").expect("an ARN")]),
            inline: [("read", &read), (DENY_OLDER_SESSIONS, &denial)]
                .map(|(name, value)| (name.to_owned(), Some(document(value))))
                .into(),
        }
    }

    #[test]
    fn what_a_role_has_is_judged_as_if_it_were_declared() {
        let check = |rules: Value| {
            let mut base = json!({"principals": ["arn:aws:iam::111111111111:*"]});
            base.as_object_mut().expect("an object").extend(rules.as_object().expect("an object").clone());
            let rules: Guardrails = serde_json::from_value(base).expect("guardrails");
            standing(&rules, &state(), OPERATOR)
        };
        assert_eq!(check(json!({"actions": ["s3:*"], "managedPolicies": ["*ReadOnlyAccess"]})), Ok(()));
        let mut grantee = state();
        let grant = |action: &str| {
            let statement = json!({"Effect": "Allow", "Action": action, "Resource": "arn:aws:iam::3:role/x"});
            PolicyDocument::from_value(json!({ "Statement": statement })).ok()
        };
        let rules: Guardrails =
            serde_json::from_value(json!({"actions": ["s3:*"], "principals": ["*"]})).expect("rules");
        grantee.inline.insert("crossaccount-blue".into(), grant("sts:AssumeRole"));
        assert_eq!(standing(&rules, &grantee, OPERATOR), Ok(()), "given by a source grant");
        grantee.inline.insert("crossaccount-blue".into(), grant("ec2:*"));
        assert!(standing(&rules, &grantee, OPERATOR).is_err(), "a name alone is no excuse");
        for (rules, told) in [
            (json!({"actions": ["ec2:*"]}), "s3:GetObject"),
            (json!({"managedPolicies": []}), "ReadOnlyAccess"),
            (json!({"principals": []}), "arn:aws:iam::111111111111:root"),
            (json!({"maxSessionDurationSeconds": 3600}), "7200"),
        ] {
            let refusal = check(rules).expect_err(told);
            assert_eq!(refusal.reason, Reason::NotAllowed);
            assert!(refusal.message.contains(told), "{}", refusal.message);
        }
    }

    #[test]
    fn a_policy_that_cannot_be_read_and_a_trust_in_everyone_are_refused() {
        let bounded: Guardrails =
            serde_json::from_value(json!({"actions": ["s3:*"], "principals": ["*"]})).expect("guardrails");
        let mut unreadable = state();
        unreadable.inline.insert("read".into(), None);
        assert!(standing(&bounded, &unreadable, OPERATOR).is_err());
        let mut open = state();
        open.role.trust = PolicyDocument::from_json(
            r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}}"#,
        )
        .ok();
        assert!(standing(&bounded, &open, OPERATOR).is_err());
    }
}
