//! Guardrails on a role as it is in AWS. A tenant must not keep what the platform team no longer allows. The present declaration
//! does not matter, nor who wrote to the role.

use super::{may_attach, may_contain, may_tag, may_trust, no, within_longest};
use crate::api::Guardrails;
use crate::decide::Refusal;
use crate::decide::grants::policy::is_grant_policy;
use crate::decide::role::trust::is_for_operator;
use crate::domain::policy::{PolicyDocument, Statement};
use crate::domain::{ExternalId, IamRole, IamRoleState, ObjectIdentity, PolicyArn, Principal, is_unique_id};

/// Whose role it is.
#[derive(Clone, Copy, Debug)]
pub struct OwnedRole<'a> {
    /// The object.
    pub object: &'a ObjectIdentity,
    /// The operator's principal, if it is known. It is no tenant's, with whatever external id.
    pub operator: Option<&'a str>,
    /// Keys of tags that the object declared, as far as status remembers: tags that other tools put on a role are theirs to
    /// answer for.
    pub tags: &'a [String],
}

/// Checks what a role of ours has.
pub fn within(rules: &Guardrails, state: &IamRoleState, of: OwnedRole<'_>) -> Result<(), Refusal> {
    let IamRoleState { role, attached, inline } = state;
    let seconds = u32::try_from(role.settings.max_session_seconds).unwrap_or_default();
    within_longest(rules, "the role's maximum session", seconds)?;
    bounded(rules, role)?;
    for arn in attached.iter().filter(|arn| !arn.only_denies()) {
        may_attach(rules, arn)?;
    }
    // What source grants give a role is judged with the grants.
    for (name, document) in inline.iter().filter(|(name, found)| !is_grant_policy(name, found.as_ref())) {
        match document {
            Some(document) => may_contain(rules, name, document)?,
            None if rules.actions.is_some() => return Err(no(&format!("inline policy {name} cannot be read"))),
            None => {}
        }
    }
    for key in role.tags.keys().filter(|key| of.tags.contains(key)) {
        may_tag(rules, key)?;
    }
    let Some(trust) = &role.trust else { return Err(no("the trust policy cannot be read")) };
    trusted(rules, role, trust, of)
}

/// The account's boundary bounds every role of ours.
fn bounded(rules: &Guardrails, role: &IamRole) -> Result<(), Refusal> {
    let present = role.boundary.as_ref().map(PolicyArn::as_str);
    match rules.permissions_boundary.as_deref() {
        Some(boundary) if present != Some(boundary) => {
            Err(no(&format!("the role does not have guardrails.permissionsBoundary, {boundary}")))
        }
        _ => Ok(()),
    }
}

/// Whom the role trusts beside the operator. The statement for the operator may name a former principal of it.
fn trusted(rules: &Guardrails, role: &IamRole, trust: &PolicyDocument, of: OwnedRole<'_>) -> Result<(), Refusal> {
    let external_id = ExternalId::of(of.object);
    let own = trust.statements().filter(|statement| is_for_operator(*statement, &external_id));
    let own: Vec<&str> = own.flat_map(|statement| statement.principals()).chain(of.operator).collect();
    for statement in trust.statements().filter(Statement::allows) {
        if statement.get("NotPrincipal").is_some() {
            return Err(no("the role trusts everyone except some (NotPrincipal)"));
        }
        for name in statement.principals().into_iter().filter(|name| !own.contains(name)) {
            match Principal::parse(name) {
                Some(principal) => may_trust(rules, &principal.as_arn(role.arn.partition))?,
                None if is_unique_id(name) => {}
                None => return Err(no(&format!("the role trusts {name}, which is not an account, a user or a role"))),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::Reason;
    use crate::decide::role::fixture;

    fn check(rules: &Value, state: &IamRoleState) -> Result<(), Refusal> {
        let mut base = json!({"principals": ["arn:aws:iam::111111111111:*"]});
        base.as_object_mut().expect("an object").extend(rules.as_object().expect("an object").clone());
        let rules: Guardrails = serde_json::from_value(base).expect("guardrails");
        let owner = OwnedRole { object: &fixture::object(), operator: None, tags: &["cost-center".to_owned()] };
        within(&rules, state, owner)
    }

    #[test]
    fn what_a_role_has_is_judged_as_if_it_were_declared() {
        let mut state = fixture::state();
        assert_eq!(check(&json!({"actions": ["s3:*"], "managedPolicies": ["*:policy/managed"]}), &state), Ok(()));
        state.role.settings.max_session_seconds = 7200;
        state.role.tags.extend([("cost-center".to_owned(), "42".to_owned()), ("tagger".to_owned(), "x".to_owned())]);
        assert!(check(&json!({"principalTagKeys": ["Cost-Center"]}), &state).is_ok(), "others' tags are not judged");
        for (rules, broken) in [
            (json!({"principalTagKeys": ["cost-center"], "actions": ["ec2:*"]}), "s3:GetObject"),
            (json!({"principalTagKeys": ["cost-center"], "managedPolicies": []}), "policy/managed"),
            (json!({"principalTagKeys": ["cost-center"], "principals": []}), fixture::DEPLOYER),
            (json!({"principalTagKeys": ["cost-center"], "maxSessionDurationSeconds": 3600}), "7200"),
            (json!({"principalTagKeys": []}), "cost-center"),
        ] {
            let refusal = check(&rules, &state).expect_err(broken);
            assert_eq!(refusal.reason, Reason::NotAllowed);
            assert!(refusal.message.contains(broken), "{}", refusal.message);
        }
    }

    #[test]
    fn a_policy_of_source_grants_is_passed_over_for_its_shape_and_not_for_its_name() {
        let mut state = fixture::state();
        state.inline.insert("crossaccount-blue".into(), Some(fixture::allow("sts:AssumeRole")));
        assert_eq!(check(&json!({"actions": ["s3:*"]}), &state), Ok(()));
        state.inline.insert("crossaccount-blue".into(), Some(fixture::allow("ec2:*")));
        assert!(check(&json!({"actions": ["s3:*"]}), &state).is_err());
        state.inline.insert("crossaccount-deny".into(), Some(fixture::allow("ec2:*")));
        state.inline.remove("crossaccount-blue");
        assert!(check(&json!({"actions": ["s3:*"]}), &state).is_err());
    }

    #[test]
    fn what_cannot_be_read_and_a_trust_in_everyone_are_refused() {
        let mut unreadable = fixture::state();
        unreadable.inline.insert("read".into(), None);
        assert!(check(&json!({"actions": ["s3:*"]}), &unreadable).is_err());
        let mut open = fixture::state();
        open.role.trust =
            Some(fixture::policy(&json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}])));
        assert!(check(&json!({"principals": ["*"]}), &open).is_err());
        open.role.trust = None;
        assert!(check(&json!({"principals": ["*"]}), &open).is_err());
    }

    #[test]
    fn a_deleted_principal_lets_nobody_in_and_the_operators_own_statements_are_not_judged() {
        let mut state = fixture::state();
        let own = serde_json::to_value(trusting(&fixture::trust(&[]))).expect("statements");
        let gone = json!({"Effect": "Allow", "Principal": {"AWS": "AIDADELETED"}, "Action": "sts:AssumeRole"});
        let tags = json!({"Effect": "Allow", "Principal": {"AWS": fixture::OPERATOR}, "Action": "sts:TagSession"});
        state.role.trust = Some(fixture::policy(&json!([own[0], gone, tags])));
        assert_eq!(check(&json!({"principals": []}), &state), Ok(()));
        state.role.trust = Some(fixture::policy(&json!([tags])));
        assert!(check(&json!({"principals": []}), &state).is_err(), "nothing says that it is the operator");
    }

    #[test]
    fn whoever_is_no_account_user_or_role_is_refused_whatever_the_guardrails_cover() {
        let own = serde_json::to_value(trusting(&fixture::trust(&[]))).expect("statements");
        for principal in [
            json!({"Service": "ec2.amazonaws.com"}),
            json!({"Federated": "arn:aws:iam::222222222222:oidc-provider/issuer"}),
            json!({"AWS": "arn:aws:sts::111111111111:assumed-role/a/b"}),
            json!({"AWS": ["AIDADELETED", "*"]}),
        ] {
            let mut state = fixture::state();
            let other = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
            state.role.trust = Some(fixture::policy(&json!([own[0], other])));
            assert!(check(&json!({"principals": ["*"]}), &state).is_err(), "{principal}");
        }
        let mut state = fixture::state();
        let everyone_else =
            json!({"Effect": "Allow", "NotPrincipal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"});
        state.role.trust = Some(fixture::policy(&json!([own[0], everyone_else])));
        assert!(check(&json!({"principals": ["*"]}), &state).is_err());
    }

    #[test]
    fn a_former_principal_of_the_operator_is_nobody_elses() {
        let (object, rules) = (fixture::object(), serde_json::from_value(json!({})).expect("guardrails"));
        let state = fixture::state();
        let state = IamRoleState { role: IamRole { trust: Some(fixture::trust(&[])), ..state.role }, ..state };
        let of = OwnedRole { object: &object, operator: Some("arn:aws:iam::111111111111:role/moved"), tags: &[] };
        assert_eq!(within(&rules, &state, of), Ok(()));
    }

    #[test]
    fn a_role_without_the_boundary_of_its_account_is_refused_and_a_policy_that_only_denies_is_not() {
        let mut state = fixture::state();
        let boundary = fixture::arn("boundary");
        let rules = json!({"permissionsBoundary": boundary.as_str(), "managedPolicies": ["*:policy/managed"]});
        state.attached.insert(PolicyArn::parse("arn:aws:iam::aws:policy/AWSDenyAll").expect("an ARN"));
        assert_eq!(check(&rules, &state), Ok(()));
        for other in [None, Some(fixture::arn("older"))] {
            state.role.boundary = other;
            let refusal = check(&rules, &state).expect_err("another boundary");
            assert!(refusal.message.contains("permissionsBoundary"), "{}", refusal.message);
        }
    }

    #[test]
    fn a_statement_that_denies_and_a_policy_without_a_rule_for_actions_are_not_judged() {
        let mut state = fixture::state();
        state.inline.insert("text".into(), None);
        let denial = json!({"Effect": "Deny", "Principal": {"AWS": "333333333333"}, "Action": "sts:AssumeRole"});
        let own = serde_json::to_value(trusting(&fixture::trust(&[]))).expect("statements");
        state.role.trust = Some(fixture::policy(&json!([own[0], denial])));
        assert_eq!(check(&json!({}), &state), Ok(()));
    }

    fn trusting(trust: &crate::domain::policy::PolicyDocument) -> Vec<Value> {
        trust.statements().map(|statement| Value::Object(statement.elements().clone())).collect()
    }

    /// The external id of an object is in its status, so a tenant can declare it as the condition of another principal.
    #[test]
    fn a_declared_principal_cannot_pass_for_the_operator_by_the_external_id_of_the_object() {
        let external_id = ExternalId::of(&fixture::object());
        let declared: crate::api::TrustSpec = serde_json::from_value(json!({
            "principals": ["arn:aws:iam::333333333333:user/x"],
            "conditions": {"StringEquals": {"sts:ExternalId": external_id.as_str()}},
        }))
        .expect("a trust");
        let others = crate::decide::role::trust::principals(&declared).expect("principals");
        let trust = crate::decide::role::trust::trust_policy(fixture::OPERATOR, &external_id, None, &others, &declared);
        if let Ok(trust) = trust {
            let mut state = fixture::state();
            state.role.trust = Some(trust);
            let checked = check(&json!({"principals": []}), &state);
            assert!(checked.is_err(), "the declaration is accepted, and the principal taken for the operator");
        }
    }
}
