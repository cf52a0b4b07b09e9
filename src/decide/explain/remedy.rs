//! What has to change so that a refused call goes through: in which account, in which policy, and the statement to add.

use serde_json::{Value, json};

use super::denial::{AccessDenied, PolicyKind};
use crate::domain::{Arn, RoleArn};

/// A user or a role, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// ARN.
    pub arn: String,
    /// Kind and name, as the pages of IAM list it: `user deployer`.
    pub name: String,
    /// Account, and whose that is: `111111111111 (the operator's own)`.
    pub account: String,
}

impl Party {
    /// Takes the ARN of a user, a role or a session of a role apart.
    #[must_use]
    pub fn of(arn: &str, whose: &str) -> Self {
        let (account, resource) = Arn::split(arn).map_or(("", arn), |arn| (arn.account, arn.resource));
        let resource: Vec<&str> = resource.split('/').collect();
        let name = match resource[..] {
            ["assumed-role", role, ..] => format!("role {role}"),
            [kind, .., name] => format!("{kind} {name}"),
            [one] => one.to_owned(),
            [] => String::new(),
        };
        Self { arn: arn.to_owned(), name, account: format!("{account} ({whose})") }
    }
}

/// What a party needs in its own policies.
#[must_use]
pub fn permission(actions: &[&str], resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

/// The change to a trust policy.
#[must_use]
pub fn in_trust(role: &RoleArn, statements: &[Value]) -> String {
    let added = statements.iter().map(Value::to_string).collect::<Vec<_>>().join(",");
    format!("In account {} (the role's), add to the trust policy of role {}: {added}", role.account, role.name)
}

/// The change to what limits or allows the caller, by the kind of policy that AWS names. With a Deny there is nothing to
/// add, only to take away.
#[must_use]
pub fn for_caller(party: &Party, denial: &AccessDenied, actions: &[&str], resource: &str) -> String {
    let Party { arn, name, account } = party;
    let needed = permission(actions, resource);
    let within = match denial.by {
        Some(PolicyKind::Boundary) => format!("the permissions boundary of {name}"),
        Some(PolicyKind::Session) => format!("the session policy with which the session of {name} is issued"),
        Some(PolicyKind::ServiceControl) => "the service control policies of its organization".to_owned(),
        Some(PolicyKind::VpcEndpoint) => "the policy of the VPC endpoint to AWS".to_owned(),
        Some(PolicyKind::Identity | PolicyKind::Trust | PolicyKind::ResourceControl) | None if denial.explicit => {
            format!("the policies of {name}, or the service control policies of its organization")
        }
        Some(PolicyKind::Identity | PolicyKind::Trust | PolicyKind::ResourceControl) | None => {
            format!("a policy of {name}")
        }
    };
    if denial.explicit {
        return format!("In account {account}, remove the Deny on {} from {within}", actions.join(" and "));
    }
    match denial.by {
        // Elements of service control policies (AWS Organizations user guide, "SCP syntax").
        Some(PolicyKind::ServiceControl) => {
            format!("For account {account}, add to {within}: {}", permission(actions, "*"))
        }
        Some(PolicyKind::VpcEndpoint) => {
            let mut statement = needed;
            statement["Principal"] = json!({"AWS": arn});
            format!("In account {account}, add to {within}: {statement}")
        }
        _ => format!("In account {account}, add to {within}: {needed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator() -> Party {
        Party::of("arn:aws:iam::111111111111:user/ops/operator", "the operator's own")
    }

    fn advice(message: &str) -> String {
        for_caller(&operator(), &AccessDenied::read(message), &["sts:AssumeRole"], "arn:r")
    }

    #[test]
    fn a_session_is_mended_in_its_role() {
        let name = |arn: &str| Party::of(arn, "yours").name;
        assert_eq!(name("arn:aws:sts::222222222222:assumed-role/manager/crossaccount.a"), "role manager");
        assert_eq!(name("arn:aws:iam::222222222222:role/ops/manager"), "role manager");
        assert_eq!(name("arn:aws:iam::222222222222:root"), "root");
    }

    #[test]
    fn each_kind_of_policy_is_named_with_its_account_and_what_to_add() {
        let add = r#"{"Action":["sts:AssumeRole"],"Effect":"Allow","Resource":"arn:r"}"#;
        for (by, place) in [
            ("", "In account 111111111111 (the operator's own), add to a policy of user operator: "),
            ("because no identity-based policy", "add to a policy of user operator: "),
            ("because no permissions boundary", "add to the permissions boundary of user operator: "),
            (
                "because no session policy",
                "add to the session policy with which the session of user operator is issued: ",
            ),
        ] {
            let message = advice(by);
            assert!(message.ends_with(&format!("{place}{add}")), "{message}");
        }
        assert!(advice("because no service control policy").ends_with(r#""Resource":"*"}"#));
        assert!(
            advice("because no VPC endpoint policy")
                .contains(r#""Principal":{"AWS":"arn:aws:iam::111111111111:user/ops/operator"}"#)
        );
    }

    #[test]
    fn against_a_deny_no_statement_is_offered() {
        for by in ["an identity-based policy", "a service control policy", "a permissions boundary"] {
            let message = advice(&format!("with an explicit deny in {by}"));
            assert!(
                message.contains("remove the Deny on sts:AssumeRole from the ") && !message.contains('{'),
                "{message}"
            );
        }
    }
}
