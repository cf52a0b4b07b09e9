//! Parts of policies that AWS accepts and that can never do what they seem to say. They are warnings, never refusals: IAM is
//! the judge of its own language.
//!
//! Actions are not looked up: AWS publishes the list of all actions as pages (Service Authorization Reference) and in no form
//! that could be shipped with a promise to be complete.

use std::collections::BTreeMap;

use super::desired::Desired;
use super::no_effect::no_effect;
use crate::domain::policy::{PolicyDocument, Statement, texts};
use crate::domain::{Arn, glob_covers};

/// So many warnings are written out. The rest is counted.
const SHOWN: usize = 3;

/// The warning that status shows beside good credentials.
#[must_use]
pub fn warning(desired: &Desired) -> Option<String> {
    let mut all: Vec<String> = no_effect(desired).into_iter().collect();
    let inline = desired.role.as_ref().map(|role| role.inline.clone()).unwrap_or_default();
    let session = desired.session.as_ref().ok().and_then(|session| session.policy.as_deref());
    let session = session.and_then(|policy| PolicyDocument::from_json(policy).ok());
    let fields = inline.iter().map(|(name, document)| (format!("spec.role.inlinePolicies.{name}"), document));
    for (field, document) in fields.chain(session.iter().map(|document| ("spec.session.policy".to_owned(), document))) {
        all.extend(of_document(&field, document));
    }
    all.extend(contradictions(&inline));
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    (!all.is_empty()).then(|| all.join("; "))
}

fn of_document(field: &str, document: &PolicyDocument) -> Vec<String> {
    let mut found = Vec::new();
    for (index, statement) in document.statements().enumerate() {
        let place = format!("{field} Statement[{index}]");
        if !document.has_variables_enabled()
            && let Some(text) = elements(statement).into_iter().find(|text| text.contains("${"))
        {
            found.push(format!(
                "{place} uses the policy variable {text}, which IAM takes for plain text without Version \"2012-10-17\"; add \
                 that Version"
            ));
        }
        found
            .extend(statement.conditions().map(|(operator, ..)| operator).filter(|name| !is_operator(name)).map(|name| {
            format!(
                "{place} has the unknown condition operator {name}; see \"Condition operators\" in the IAM user guide"
            )
        }));
        let resources = [statement.texts("Resource"), statement.texts("NotResource")].concat();
        found.extend(resources.into_iter().filter_map(|arn| Some(format!("{place}: {}", resource(arn)?))));
    }
    found
}

/// Where policy variables may be (IAM user guide, "IAM policy elements: Variables and tags").
fn elements(statement: Statement<'_>) -> Vec<&str> {
    let conditions = statement.conditions().flat_map(|(_, _, values)| values);
    let resources = ["Resource", "NotResource"].into_iter().flat_map(|element| statement.texts(element));
    resources.chain(conditions).collect()
}

/// Why nothing has this ARN.
fn resource(arn: &str) -> Option<String> {
    let parts = Arn::split(arn)?;
    let is_pattern = |text: &str| text.contains(['*', '?', '$']);
    let (account, service) = (parts.account, parts.service);
    if account.is_empty() {
        let needed = HAVE_ACCOUNTS.contains(&service);
        return needed.then(|| format!("resource {arn} names no account id, and every ARN of {service} has one"));
    }
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let known = digits || account == "aws" || is_pattern(account);
    (!known).then(|| format!("resource {arn} names account {account}; account ids have 12 digits"))
}

/// Services whose ARNs all have an account id (Service Authorization Reference, "Resource types").
const HAVE_ACCOUNTS: [&str; 11] =
    ["dynamodb", "ecr", "ecs", "iam", "kms", "lambda", "logs", "secretsmanager", "sns", "sqs", "ssm-incidents"];

/// Whether this is an operator (IAM user guide, "IAM JSON policy elements: Condition operators"), with the prefix for sets and the
/// suffix for keys that may be absent.
fn is_operator(name: &str) -> bool {
    const OPERATORS: [&str; 27] = [
        "stringequals",
        "stringnotequals",
        "stringequalsignorecase",
        "stringnotequalsignorecase",
        "stringlike",
        "stringnotlike",
        "numericequals",
        "numericnotequals",
        "numericlessthan",
        "numericlessthanequals",
        "numericgreaterthan",
        "numericgreaterthanequals",
        "dateequals",
        "datenotequals",
        "datelessthan",
        "datelessthanequals",
        "dategreaterthan",
        "dategreaterthanequals",
        "bool",
        "binaryequals",
        "ipaddress",
        "notipaddress",
        "arnequals",
        "arnlike",
        "arnnotequals",
        "arnnotlike",
        "null",
    ];
    let name = name.to_ascii_lowercase();
    let bare = ["forallvalues:", "foranyvalue:"].iter().find_map(|set| name.strip_prefix(set)).unwrap_or(&name);
    let absent = bare.strip_suffix("ifexists").filter(|bare| *bare != "null").unwrap_or(bare);
    OPERATORS.contains(&absent)
}

/// Statements that allow nothing, because another policy of the same role denies all of their actions everywhere.
fn contradictions(inline: &BTreeMap<String, PolicyDocument>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, document) in inline {
        for (index, statement) in document.statements().enumerate().filter(|(_, statement)| statement.allows()) {
            let actions = statement.texts("Action");
            let denies = |other: &PolicyDocument| other.statements().any(|deny| denies_all(deny, &actions));
            let by = inline.iter().find(|(_, other)| denies(other));
            found.extend(by.filter(|(_, other)| !other.denies_everything()).map(|(by, _)| {
                let field = format!("spec.role.inlinePolicies.{name} Statement[{index}]");
                format!("{field} allows nothing: spec.role.inlinePolicies.{by} denies all of its actions")
            }));
        }
    }
    found
}

/// Whether a statement denies all of these actions, on every resource and whatever the circumstances.
fn denies_all(statement: Statement<'_>, actions: &[&str]) -> bool {
    let unconditional = !statement.allows() && statement.get("Condition").is_none();
    let everywhere = statement.get("Resource").map(texts).is_some_and(|resources| resources.contains(&"*"));
    let globs: Vec<String> = statement.texts("Action").iter().map(|glob| glob.to_ascii_lowercase()).collect();
    let covered = |action: &&str| globs.iter().any(|glob| glob_covers(glob, &action.to_ascii_lowercase()));
    unconditional && everywhere && !actions.is_empty() && actions.iter().all(covered)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(document: Value) -> PolicyDocument {
        PolicyDocument::from_value(document).expect("a policy")
    }

    fn found(version: Option<&str>, statement: Value) -> Vec<String> {
        let mut document = json!({"Statement": statement});
        if let Some(version) = version {
            document["Version"] = version.into();
        }
        of_document("policy", &policy(document))
    }

    #[test]
    fn a_policy_variable_needs_the_newer_version() {
        let variable =
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"});
        let condition = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*",
                               "Condition": {"StringLike": {"s3:prefix": "${aws:username}/*"}}});
        for statement in [variable, condition] {
            assert!(found(Some("2012-10-17"), statement.clone()).is_empty());
            for version in [None, Some("2008-10-17")] {
                let warnings = found(version, statement.clone());
                assert!(warnings.len() == 1 && warnings[0].contains("add that Version"), "{version:?}: {warnings:?}");
            }
        }
    }

    #[test]
    fn resources_that_nothing_has_are_named() {
        for (resource, word) in [
            ("arn:aws:sqs:eu-west-1:12345:queue", Some("12 digits")),
            ("arn:aws:sqs:eu-west-1::queue", Some("no account id")),
            ("arn:aws:s3:::reports", None),
            ("arn:aws:sqs:eu-west-1:123456789012:queue", None),
            ("arn:aws:sqs:eu-west-1:*:queue", None),
            ("arn:*:sqs:eu-west-1:${aws:PrincipalAccount}:queue", None),
            ("arn:aws:iam::aws:policy/ReadOnlyAccess", None),
            ("*", None),
        ] {
            let warnings = found(Some("2012-10-17"), json!({"Effect": "Allow", "Action": "*", "Resource": [resource]}));
            assert_eq!(warnings.len(), usize::from(word.is_some()), "{resource}: {warnings:?}");
            assert!(word.is_none_or(|word| warnings[0].contains(word)), "{warnings:?}");
        }
    }

    #[test]
    fn condition_operators_are_known_in_all_their_forms() {
        for (operator, known) in [
            ("StringEquals", true),
            ("ForAnyValue:StringLikeIfExists", true),
            ("forallvalues:arnlike", true),
            ("Null", true),
            ("NullIfExists", false),
            ("StringEqual", false),
            ("StringEqualsIfExist", false),
            ("AnyValue:StringEquals", false),
        ] {
            assert_eq!(is_operator(operator), known, "{operator}");
        }
    }

    #[test]
    fn an_allow_whose_actions_are_all_denied_beside_it_allows_nothing() {
        let document = |statement: Value| policy(json!({"Version": "2012-10-17", "Statement": statement}));
        let allow =
            |actions: Value| document(json!({"Effect": "Allow", "Action": actions, "Resource": "arn:aws:s3:::a/*"}));
        let deny = |more: Value| {
            let mut statement = json!({"Effect": "Deny", "Action": "S3:Get*", "Resource": "*"});
            statement.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            document(statement)
        };
        let count = |allow: PolicyDocument, deny: PolicyDocument| {
            contradictions(&BTreeMap::from([("read".to_owned(), allow), ("never".to_owned(), deny)])).len()
        };
        assert_eq!(count(allow(json!("s3:GetObject")), deny(json!({}))), 1);
        assert_eq!(count(allow(json!(["s3:GetObject", "s3:PutObject"])), deny(json!({}))), 0);
        assert_eq!(count(allow(json!("s3:GetObject")), deny(json!({"Resource": "arn:aws:s3:::b"}))), 0);
        let conditional = json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}}});
        assert_eq!(count(allow(json!("s3:GetObject")), deny(conditional)), 0);
        let everything = document(json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
        assert_eq!(count(allow(json!("s3:GetObject")), everything), 0, "that is said once, by `no_effect`");
    }
}
