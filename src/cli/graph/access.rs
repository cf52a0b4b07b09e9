//! What the policies of a role allow, service by service.
//!
//! It is what identity policies say, no more: a permissions boundary, a session policy, a policy of the resource or of the
//! organization may allow less (IAM user guide, "Policy evaluation logic"), and what they deny is not taken off.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Mark;
use crate::api::RoleSpec;
use crate::domain::policy::{PolicyDocument, Statement};

/// What is allowed of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Names of actions without the service, with wildcards as they are written.
    pub actions: BTreeSet<String>,
    /// What a reader should not miss.
    pub marks: BTreeSet<Mark>,
}

/// What a role may do: by service prefix such as `s3`, where `*` is every service.
pub fn of_role(role: &RoleSpec) -> BTreeMap<String, Access> {
    let mut services: BTreeMap<String, Access> = BTreeMap::new();
    // A document that is no policy was refused by the operator, so it is not in AWS.
    let documents = role.inline_policies.values().filter_map(|policy| PolicyDocument::from_json(policy.as_json()).ok());
    for document in documents {
        for statement in document.statements().filter(Statement::allows) {
            for action in actions(statement) {
                let (service, name) = action.split_once(':').unwrap_or(("*", "*"));
                let access = services.entry(service.to_ascii_lowercase()).or_default();
                access.marks.extend(marks(statement, service, name));
                access.actions.insert(name.to_owned());
            }
        }
    }
    services
}

/// Marks of a managed policy that AWS itself manages, by its name. What others allow is not known here.
pub fn of_managed_policy(arn: &str) -> BTreeSet<Mark> {
    let Some((_, name)) = arn.split_once(":iam::aws:policy/") else { return BTreeSet::new() };
    let name = name.rsplit('/').next().unwrap_or(name);
    match name {
        "AdministratorAccess" | "IAMFullAccess" | "PowerUserAccess" => [Mark::Admin, Mark::AnyAction].into(),
        name if name.ends_with("FullAccess") => [Mark::AnyAction].into(),
        _ => BTreeSet::new(),
    }
}

/// `NotAction` in a statement that allows gives everything but what it names.
fn actions(statement: Statement<'_>) -> Vec<&str> {
    if statement.get("NotAction").is_some() { vec!["*"] } else { statement.texts("Action") }
}

fn marks(statement: Statement<'_>, service: &str, action: &str) -> impl Iterator<Item = Mark> {
    let wildcard = action.contains(['*', '?']) || service.contains(['*', '?']);
    let everywhere = statement.texts("Resource").contains(&"*") || statement.get("NotResource").is_some();
    let admin = is_admin(service, action);
    [(admin, Mark::Admin), (wildcard, Mark::AnyAction), (everywhere, Mark::AnyResource)]
        .into_iter()
        .filter_map(|(has, mark)| has.then_some(mark))
}

/// Whether the action lets its holder gain rights: by changing policies, trust or users, by passing a role to a service, or by
/// any action at all.
fn is_admin(service: &str, action: &str) -> bool {
    match service.to_ascii_lowercase().as_str() {
        "iam" => {
            let action = action.to_ascii_lowercase();
            !["get", "list", "generate", "simulate"].iter().any(|reading| action.starts_with(reading))
        }
        "organizations" => action == "*",
        service => service.contains('*') && action.starts_with('*'),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn access(statements: &Value) -> BTreeMap<String, Access> {
        let role = json!({"inlinePolicies": {"p": {"Version": "2012-10-17", "Statement": statements}}});
        of_role(&serde_json::from_value(role).expect("a role"))
    }

    #[test]
    fn actions_are_grouped_by_their_service() {
        let access = access(&json!([
            {"Effect": "Allow", "Action": ["s3:GetObject", "sqs:SendMessage"], "Resource": "arn:aws:s3:::reports/*"},
            {"Effect": "Allow", "Action": "S3:ListBucket", "Resource": "arn:aws:s3:::reports"},
            {"Effect": "Deny", "Action": "kms:*", "Resource": "*"},
        ]));
        assert_eq!(access.keys().collect::<Vec<_>>(), ["s3", "sqs"]);
        assert_eq!(access["s3"].actions, ["GetObject".to_owned(), "ListBucket".to_owned()].into());
        assert!(access["s3"].marks.is_empty());
    }

    #[test]
    fn wildcards_and_rights_over_rights_are_marked() {
        use Mark::{Admin, AnyAction, AnyResource};
        let resource = "arn:aws:s3:::reports/*";
        for (statement, service, marks) in [
            (json!({"Effect": "Allow", "Action": "s3:Get*", "Resource": resource}), "s3", vec![AnyAction]),
            (json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}), "s3", vec![AnyResource]),
            (json!({"Effect": "Allow", "Action": "*", "Resource": "*"}), "*", vec![Admin, AnyAction, AnyResource]),
            (json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource}), "iam", vec![Admin]),
            (json!({"Effect": "Allow", "Action": "iam:Get*", "Resource": resource}), "iam", vec![AnyAction]),
            (json!({"Effect": "Allow", "Action": "iam:*", "Resource": resource}), "iam", vec![Admin, AnyAction]),
            (
                json!({"Effect": "Allow", "NotAction": "iam:*", "NotResource": resource}),
                "*",
                vec![Admin, AnyAction, AnyResource],
            ),
        ] {
            let found = access(&json!([statement]));
            assert_eq!(found[service].marks, marks.into_iter().collect(), "{statement}");
        }
    }

    #[test]
    fn policies_that_aws_manages_are_known_by_their_names() {
        assert!(of_managed_policy("arn:aws:iam::aws:policy/AdministratorAccess").contains(&Mark::Admin));
        assert!(of_managed_policy("arn:aws-cn:iam::aws:policy/AmazonS3FullAccess").contains(&Mark::AnyAction));
        assert!(of_managed_policy("arn:aws:iam::aws:policy/ReadOnlyAccess").is_empty());
        assert!(of_managed_policy("arn:aws:iam::222222222222:policy/AdministratorAccess").is_empty());
    }
}
