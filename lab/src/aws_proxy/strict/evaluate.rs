//! Evaluation of a trust policy for one caller (IAM user guide, "Policy evaluation logic" and "AWS JSON policy elements:
//! Principal"). MiniStack's own verdict stands wherever it knows the condition keys; this one is for what it does not.

use serde_json::Value;

use super::condition::{Context, all_hold, glob, texts};

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// ARN as `GetCallerIdentity` gives it.
    pub(crate) arn: String,
    /// `AIDA…` of a user, `AROA…:<session name>` of a session.
    pub(crate) user_id: String,
    pub(crate) account: String,
    /// ARN of the role behind an assumed-role session; otherwise that of the caller.
    pub(crate) principal: String,
}

/// What a trust policy says to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It denies, or says nothing.
    Denied,
    /// It lets the caller's account decide.
    Delegated,
    /// It names the caller: within one account that alone is permission (IAM user guide, "Cross account policy
    /// evaluation logic").
    Named,
}

/// Evaluates `trust` for `action` (such as `sts:AssumeRole`) by `caller`.
pub(crate) fn evaluate(trust: &Value, action: &str, caller: &Caller, context: &Context) -> Verdict {
    let mut verdict = Verdict::Denied;
    for statement in statements(trust) {
        let Some(reach) = reach(&statement["Principal"], caller) else { continue };
        if !covers(statement, action) || !all_hold(&statement["Condition"], context) {
            continue;
        }
        match (statement["Effect"].as_str(), verdict) {
            (Some("Allow"), Verdict::Named) => {}
            (Some("Allow"), _) => verdict = reach,
            _ => return Verdict::Denied,
        }
    }
    verdict
}

/// The statements of a policy document, one or a list.
pub(crate) fn statements(document: &Value) -> &[Value] {
    match &document["Statement"] {
        Value::Array(statements) => statements,
        one => std::slice::from_ref(one),
    }
}

/// Whether a statement is about `action`; actions are compared without case.
pub(crate) fn covers(statement: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let listed = |element: &str| texts(&statement[element]).iter().any(|p| glob(&p.to_ascii_lowercase(), &action));
    if statement["NotAction"].is_null() { listed("Action") } else { !listed("NotAction") }
}

/// How the Principal element reaches the caller, if it does.
fn reach(principal: &Value, caller: &Caller) -> Option<Verdict> {
    if principal == "*" {
        return Some(Verdict::Delegated);
    }
    let names = texts(&principal["AWS"]);
    let root = format!("arn:aws:iam::{}:root", caller.account);
    if names.iter().any(|name| *name == caller.arn || *name == caller.principal) {
        return Some(Verdict::Named);
    }
    names.iter().any(|name| name == "*" || *name == caller.account || *name == root).then_some(Verdict::Delegated)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session() -> Caller {
        Caller {
            arn: "arn:aws:sts::111111111111:assumed-role/ops/me".into(),
            user_id: "AROA1:me".into(),
            account: "111111111111".into(),
            principal: "arn:aws:iam::111111111111:role/path/ops".into(),
        }
    }

    fn verdict(statements: &Value) -> Verdict {
        evaluate(&json!({"Statement": statements}), "sts:AssumeRole", &session(), &Context::new())
    }

    fn allow(principal: &Value) -> Value {
        json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    }

    #[test]
    fn a_session_is_named_by_its_role_or_by_its_own_arn() {
        assert_eq!(verdict(&allow(&json!({"AWS": session().principal}))), Verdict::Named);
        assert_eq!(verdict(&allow(&json!({"AWS": session().arn}))), Verdict::Named);
        assert_eq!(verdict(&allow(&json!({"AWS": "arn:aws:iam::111111111111:role/ops"}))), Verdict::Denied);
    }

    #[test]
    fn the_account_delegates() {
        for principal in
            [json!("*"), json!({"AWS": "111111111111"}), json!({"AWS": ["arn:aws:iam::111111111111:root"]})]
        {
            assert_eq!(verdict(&allow(&principal)), Verdict::Delegated, "{principal}");
        }
    }

    #[test]
    fn a_deny_wins_in_any_order() {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*"});
        let allow = allow(&json!({"AWS": session().arn}));
        assert_eq!(verdict(&json!([allow, deny])), Verdict::Denied);
        assert_eq!(verdict(&json!([deny, allow])), Verdict::Denied);
    }

    #[test]
    fn an_action_that_is_not_listed_is_not_allowed() {
        let trust = json!({"Statement": allow(&json!("*"))});
        assert_eq!(evaluate(&trust, "sts:SetSourceIdentity", &session(), &Context::new()), Verdict::Denied);
    }
}
