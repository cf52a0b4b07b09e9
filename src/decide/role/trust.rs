//! The trust policy: who may assume the role, and on what condition.

use serde_json::{Map, Value, json};

use crate::api::{Reason, TrustSpec};
use crate::decide::Refusal;
use crate::decide::target::fields::{self, invalid};
use crate::domain::policy::{PolicyDocument, Statement};
use crate::domain::{ExternalId, ObjectIdentity, Principal, SessionRequest};

/// Lets a principal assume the role, with an external id if there is one.
#[must_use]
pub fn entry(principal: &str, external_id: Option<&str>) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
    if let Some(id) = external_id {
        statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": id}});
    }
    statement
}

/// Lets a principal set tags or a source identity. The external id is part of the request context of `sts:AssumeRole` alone
/// (service authorization reference, AWS STS), so these actions have a statement of their own.
#[must_use]
pub fn extras(principal: &str, actions: &[&str]) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions})
}

/// Whether a statement is the one for the operator: one user or role, with the external id that the operator made for the
/// object. No declaration may contain that id, and the principal may be a former one of the operator.
#[must_use]
pub fn is_for_operator(statement: Statement<'_>, external_id: &ExternalId) -> bool {
    let requires = |(operator, key, values): (&str, &str, Vec<&str>)| {
        operator == "StringEquals" && key.eq_ignore_ascii_case("sts:ExternalId") && values == [external_id.as_str()]
    };
    let one = matches!(statement.principals()[..], [arn] if arn.contains(":user/") || arn.contains(":role/"));
    statement.allows() && one && statement.conditions().any(requires)
}

/// The trust policy of a closed role: the operator's own statement. Where the operator's principal is not known, it is the
/// statement of `present` for the operator; where there is none, nobody is trusted.
#[must_use]
pub fn own_trust(object: &ObjectIdentity, operator: Option<&str>, present: Option<&PolicyDocument>) -> PolicyDocument {
    let external_id = ExternalId::of(object);
    let statements = match operator {
        Some(operator) => vec![entry(operator, Some(external_id.as_str()))],
        None => own_statements(present, &external_id),
    };
    of_statements(&statements).unwrap_or_else(PolicyDocument::trusting_nobody)
}

/// The document with the statement of `present` for the operator, so that a change of trust never locks the operator out.
#[must_use]
pub fn with_own(document: PolicyDocument, present: Option<&PolicyDocument>, object: &ObjectIdentity) -> PolicyDocument {
    let external_id = ExternalId::of(object);
    if document.statements().any(|statement| is_for_operator(statement, &external_id)) {
        return document;
    }
    let others = document.statements().map(|statement| Value::Object(statement.elements().clone()));
    of_statements(&own_statements(present, &external_id).into_iter().chain(others).collect::<Vec<_>>())
        .unwrap_or(document)
}

fn own_statements(present: Option<&PolicyDocument>, external_id: &ExternalId) -> Vec<Value> {
    let present = present.into_iter().flat_map(PolicyDocument::statements);
    let own = present.filter(|statement| is_for_operator(*statement, external_id));
    own.map(|statement| Value::Object(statement.elements().clone())).collect()
}

fn of_statements(statements: &[Value]) -> Option<PolicyDocument> {
    PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements})).ok()
}

/// Parses the declared principals.
pub fn principals(trust: &TrustSpec) -> Result<Vec<Principal>, Refusal> {
    fields::at_most("spec.trust.principals", trust.principals.len(), 50)?;
    fields::at_most("spec.trust.conditions", trust.conditions.len(), 20)?;
    if trust.principals.is_empty() && !trust.conditions.is_empty() {
        return Err(invalid(
            "spec.trust.conditions",
            "they apply to spec.trust.principals only; declare some, or none of these",
        ));
    }
    let parse = |(index, text): (usize, &String)| {
        Principal::parse(text).ok_or_else(|| {
            let advice =
                "write a 12-digit account id or the ARN of an account's root, a user or a role, without wildcards";
            Refusal::new(
                Reason::InvalidSpec,
                format!("spec.trust.principals[{index}]: {text:?} is not a principal; {advice}"),
            )
        })
    };
    trust.principals.iter().enumerate().map(parse).collect()
}

/// Builds the trust policy: the operator with the external id, then the declared principals with the declared
/// conditions.
///
/// `sts:TagSession` and `sts:SetSourceIdentity` appear only when the session uses them.
pub fn trust_policy(
    operator: &str,
    external_id: &ExternalId,
    session: Option<&SessionRequest>,
    principals: &[Principal],
    declared: &TrustSpec,
) -> Result<PolicyDocument, Refusal> {
    let mut statements = vec![entry(operator, Some(external_id.as_str()))];
    let extra = session.map(SessionRequest::extra_actions).unwrap_or_default();
    if !extra.is_empty() {
        statements.push(extras(operator, &extra));
    }
    if !principals.is_empty() {
        let names: Vec<String> = principals.iter().map(Principal::to_string).collect();
        let mut statement = json!({"Effect": "Allow", "Principal": {"AWS": names}, "Action": "sts:AssumeRole"});
        let mut conditions = conditions(declared)?;
        if mentions(&conditions, external_id.as_str()) {
            let message =
                "spec.trust.conditions: the external id of this object is the operator's own; declare another one";
            return Err(Refusal::new(Reason::InvalidSpec, message));
        }
        if principals.iter().any(|principal| principal.includes(operator)) {
            exclude(&mut conditions, operator);
        }
        if !conditions.is_empty() {
            statement["Condition"] = conditions.into();
        }
        statements.push(statement);
    }
    PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements}))
        .map_err(|e| Refusal::new(Reason::InvalidSpec, format!("spec.trust {e}")))
}

/// Whether a condition has this value.
fn mentions(conditions: &Map<String, Value>, text: &str) -> bool {
    let is_text = |value: &Value| value.as_str() == Some(text);
    let mut values = conditions.values().filter_map(Value::as_object).flat_map(Map::values);
    values.any(|value| is_text(value) || value.as_array().is_some_and(|list| list.iter().any(is_text)))
}

/// Operators, keys and values as declared; each value a text, a number, a boolean or a list of those.
pub fn conditions(declared: &TrustSpec) -> Result<Map<String, Value>, Refusal> {
    let scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let mut operators = Map::new();
    for (operator, keys) in &declared.conditions {
        let plain = operator
            .strip_prefix("ForAllValues:")
            .or_else(|| operator.strip_prefix("ForAnyValue:"))
            .unwrap_or(operator);
        if !(1..=64).contains(&plain.len()) || !plain.bytes().all(|b| b.is_ascii_alphabetic()) {
            let advice = "write an IAM condition operator, such as Bool, StringEquals or ForAnyValue:StringLike";
            return Err(invalid("spec.trust.conditions", format!("{operator:?} is not an operator; {advice}")));
        }
        for (key, value) in keys {
            let fine =
                scalar(value) || value.as_array().is_some_and(|many| !many.is_empty() && many.iter().all(scalar));
            if !fine {
                let place = format!("spec.trust.conditions.{operator}.{key}");
                return Err(Refusal::new(Reason::InvalidSpec, format!("{place}: write a text, or a list of texts")));
            }
        }
        operators.insert(operator.clone(), json!(keys));
    }
    Ok(operators)
}

/// Keeps the operator out of a statement for others. Where they are its own whole account, it would come in by that statement
/// without the external id, and with it every object that names this role.
///
/// `aws:PrincipalArn` of a role session is the ARN of the role (IAM user guide, "AWS global condition context keys"), and a
/// value among several that must not equal excludes like one alone.
fn exclude(conditions: &mut Map<String, Value>, operator: &str) {
    const KEY: &str = "aws:PrincipalArn";
    let keys = conditions.entry("ArnNotEquals").or_insert_with(|| json!({}));
    let Some(keys) = keys.as_object_mut() else { return };
    let key = keys.keys().find(|key| key.eq_ignore_ascii_case(KEY)).cloned().unwrap_or_else(|| KEY.to_owned());
    let mut excluded = match keys.remove(&key) {
        Some(Value::Array(many)) => many,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    excluded.push(operator.into());
    keys.insert(key, excluded.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn external_id() -> ExternalId {
        ExternalId::of(&ObjectIdentity {
            cluster: "c".into(),
            namespace: "n".into(),
            name: "o".into(),
            uid: "u".into(),
        })
    }

    fn build(trust: &Value, session: Option<&SessionRequest>) -> Result<Value, String> {
        let declared: TrustSpec = serde_json::from_value(trust.clone()).expect("a trust");
        let built = principals(&declared).and_then(|list| {
            trust_policy("arn:aws:iam::111111111111:user/op", &external_id(), session, &list, &declared)
        });
        built.map(|d| serde_json::from_str(&d.to_json()).expect("JSON")).map_err(|refusal| refusal.message)
    }

    #[test]
    fn the_operator_is_trusted_only_with_the_external_id() {
        let policy = build(&json!({}), None).expect("a policy");
        assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(1));
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Principal"]["AWS"], "arn:aws:iam::111111111111:user/op");
        assert_eq!(statement["Condition"]["StringEquals"]["sts:ExternalId"], external_id().as_str());
    }

    #[test]
    fn tagging_and_source_identity_are_permitted_only_when_used() {
        let mut session = SessionRequest::for_hop(&[("a".to_owned(), "b".to_owned())].into(), &[]);
        let actions = |session: &SessionRequest| {
            build(&json!({}), Some(session)).expect("a policy")["Statement"][1]["Action"].clone()
        };
        assert_eq!(actions(&session), json!(["sts:TagSession"]));
        session.source_identity = Some("me".into());
        assert_eq!(actions(&session), json!(["sts:TagSession", "sts:SetSourceIdentity"]));
        session.tags.clear();
        session.source_identity = None;
        assert_eq!(actions(&session), Value::Null);
    }

    #[test]
    fn declared_principals_come_with_the_declared_conditions() {
        let trust =
            json!({"principals": ["111111111111"], "conditions": {"Bool": {"aws:MultiFactorAuthPresent": true}}});
        let policy = build(&trust, None).expect("a policy");
        assert_eq!(policy["Statement"][1]["Principal"]["AWS"], json!(["111111111111"]));
        assert_eq!(policy["Statement"][1]["Condition"]["Bool"]["aws:MultiFactorAuthPresent"], true);
    }

    #[test]
    fn the_operator_never_comes_in_by_the_statement_for_its_own_account() {
        let excluded = |trust: Value| build(&trust, None).expect("a policy")["Statement"][1]["Condition"].clone();
        let operator = "arn:aws:iam::111111111111:user/op";
        for own in ["111111111111", "arn:aws:iam::111111111111:root", operator] {
            assert_eq!(
                excluded(json!({ "principals": ["333333333333", own] })),
                json!({"ArnNotEquals": {"aws:PrincipalArn": [operator]}}),
                "{own}"
            );
        }
        assert_eq!(
            excluded(json!({"principals": ["333333333333", "arn:aws:iam::111111111111:user/other"]})),
            Value::Null
        );
        let declared =
            json!({"ArnNotEquals": {"AWS:principalarn": "arn:aws:iam::111111111111:user/x"}, "Bool": {"k": true}});
        assert_eq!(
            excluded(json!({"principals": ["111111111111"], "conditions": declared})),
            json!({"ArnNotEquals": {"AWS:principalarn": ["arn:aws:iam::111111111111:user/x", operator]}, "Bool": {"k": true}})
        );
    }

    #[test]
    fn wildcards_and_odd_values_are_refused_with_their_place() {
        let wild = build(&json!({"principals": ["*"]}), None).expect_err("a wildcard");
        assert!(wild.contains("spec.trust.principals[0]"), "{wild}");
        let odd = build(&json!({"principals": ["111111111111"], "conditions": {"Bool": {"k": {"x": 1}}}}), None);
        assert!(odd.expect_err("an object").contains("spec.trust.conditions.Bool.k"));
    }
}
