//! Cases about `CrossAccountRole`.

use serde_json::{Value, json};

use super::{
    case::{Case, Cases},
    delivery, object, session,
    tags::tags,
};

/// All cases.
pub fn cases() -> Vec<Case> {
    let cases = Cases::of(object::role(), object::full_role());
    delivery::consumers(delivery::secret(session::session(trust(policies(role(cases)))))).done()
}

const NAMES: [&str; 4] = ["a", "a.b-c.9", "reports-reader-aws", "9"];
const NOT_NAMES: [&str; 7] = ["", "A", "a_b", "-a", "a-", "a..b", "a/b"];
const NAME_ADVICE: &str = "a name has up to 253 lowercase letters";

/// The field takes names of Kubernetes objects.
pub fn object_name(cases: Cases, path: &str) -> Cases {
    cases.format(path, &NAMES, &NOT_NAMES, NAME_ADVICE).longest(path, 253, |length| "n".repeat(length))
}

const IAM_NAMES: [&str; 2] = ["a", "A_9+=,.@-"];
const NOT_IAM_NAMES: [&str; 6] = ["", "a b", "a/b", "a:b", "a*", "ä"];

fn role(cases: Cases) -> Cases {
    let cases = object_name(cases, "spec.accountRef.name")
        .required("spec.accountRef")
        .required("spec.accountRef.name")
        .format("spec.role.name", &IAM_NAMES, &NOT_IAM_NAMES, "a role name has 1 to 64")
        .longest("spec.role.name", 64, |length| "n".repeat(length))
        .one_of("spec.role.lifecycle", &["Create", "Adopt", "Observe"])
        .one_of("spec.role.deletionPolicy", &["Delete", "Retain"])
        .format(
            "spec.role.description",
            &["", "two\nlines and a\ttab", "~ ¡ ÿ"],
            &["“quoted”", "a – b", "日本", "bell \u{7}", "\u{7f}"],
            "a description has only Latin-1 characters",
        )
        .longest("spec.role.description", 1000, |length| "d".repeat(length))
        .range("spec.role.maxSessionDurationSeconds", 3600, 43_200);
    tags(cases, "spec.role.tags", 45, |tags| format!("spec: {{role: {{tags: {{{tags}}}}}}}"))
}

fn policy() -> Value {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
}

fn policies(cases: Cases) -> Cases {
    let policy_arns = |cases: Cases, (path, max): (&str, usize)| {
        let item = format!("{path}[0]");
        cases
            .most_items(path, max, |number| {
                let begin = format!("arn:aws:iam::222222222222:policy/{number}/");
                format!("{begin}{}/p", "p".repeat(2046 - begin.len())).into()
            })
            .unique(path, "arn:aws:iam::aws:policy/ReadOnlyAccess")
            .format(
                &item,
                &[
                    "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
                    "arn:aws-cn:iam::222222222222:policy/a/b/c+=,.@-_9",
                    "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess",
                    "arn:aws-iso-b:iam::aws:policy/ReadOnlyAccess",
                    "arn:aws-eusc:iam::aws:policy/ReadOnlyAccess",
                ],
                &[
                    "",
                    "ReadOnlyAccess",
                    "arn:aws:iam::222222222222:role/a",
                    "arn:aws:iam::aws:policy/*",
                    "arn:aws:iam::22222222222:policy/a",
                    "arn:aws-mars:iam::aws:policy/a",
                    "arn:aws:iam::aws:policy/",
                ],
                "must be the ARN of a managed policy",
            )
            .longest(&item, 2048, |length| {
                format!("arn:aws:iam::aws:policy/{}/p", "p".repeat(length - "arn:aws:iam::aws:policy//p".len()))
            })
    };
    [("spec.role.managedPolicyArns", 20), ("spec.session.policyArns", 10)]
        .into_iter()
        .fold(cases, policy_arns)
        .most_entries("spec.role.inlinePolicies", 20, |number| (format!("{number:0>128}"), policy()))
        .refuses(
            "an inline policy with a name of the operator's own",
            "spec: {role: {inlinePolicies: {CrossAccount-Deny: {}}}}",
            "spec.role.inlinePolicies",
            "are the operator's own: use another name",
        )
        .accepts(
            "legal names of inline policies",
            &format!("spec: {{role: {{inlinePolicies: {{'A_9+=,.@-': {}}}}}}}", policy()),
        )
        .refuses(
            "an illegal name of an inline policy",
            "spec: {role: {inlinePolicies: {'a b': {}}}}",
            "spec.role.inlinePolicies",
            "a policy name has 1 to 128",
        )
        .refuses(
            "a name of an inline policy with 129 characters",
            &format!("spec: {{role: {{inlinePolicies: {{{}: {{}}}}}}}}", "p".repeat(129)),
            "spec.role.inlinePolicies",
            "a policy name has 1 to 128",
        )
        .refuses(
            "an inline policy as a string of JSON",
            "spec: {role: {inlinePolicies: {read: '{}'}}}",
            "spec.role.inlinePolicies.read",
            "must be of type object",
        )
}

fn trust(cases: Cases) -> Cases {
    let cases = object_name(cases, "spec.sourceGrants[0].accountRef.name");
    let grant = |fields: &str| format!("spec: {{sourceGrants: [{{accountRef: {{name: ci}}, {fields}}}]}}");
    let principals = "spec.trust.principals";
    cases
        .most_items(principals, 50, |number| {
            let begin = format!("arn:aws:iam::111111111111:user/{number}/");
            format!("{begin}{}/u", "p".repeat(2046 - begin.len())).into()
        })
        .unique(principals, "111111111111")
        .format(
            &format!("{principals}[0]"),
            &[
                "111111111111",
                "arn:aws:iam::111111111111:root",
                "arn:aws:iam::111111111111:user/deployer",
                "arn:aws-cn:iam::111111111111:role/path/deployer",
                "arn:aws-iso-e:iam::111111111111:user/deployer",
            ],
            &[
                "",
                "*",
                "11111111111",
                "arn:aws:iam::111111111111:*",
                "arn:aws:iam::111111111111:role/*",
                "arn:aws:iam::*:root",
                "arn:aws:iam::111111111111:group/a",
                "arn:aws:iam::aws:root",
                "arn:aws:sts::111111111111:assumed-role/a/b",
                "arn:aws-mars:iam::111111111111:root",
                "ec2.amazonaws.com",
            ],
            "wildcards are not allowed",
        )
        .longest(&format!("{principals}[0]"), 2048, |length| {
            format!(
                "arn:aws:iam::111111111111:role/{}/r",
                "p".repeat(length - "arn:aws:iam::111111111111:role//r".len())
            )
        })
        .accepts(
            "condition values of every kind",
            "spec: {trust: {principals: ['111111111111'], conditions: {Bool: {'aws:SecureTransport': true}, \
             'ForAnyValue:StringLike': {'aws:PrincipalTag/team': [a, b]}, NumericLessThanIfExists: {'aws:Age': 5}}}}",
        )
        .refuses(
            "conditions for nobody",
            "spec: {trust: {conditions: {Bool: {'aws:SecureTransport': true}}}}",
            "spec.trust",
            "trust.conditions apply to trust.principals only",
        )
        .refuses(
            "a condition key where the operator should be",
            "spec: {trust: {conditions: {'aws:SecureTransport': {Bool: true}}}}",
            "spec.trust.conditions",
            "must be an IAM condition operator",
        )
        .refuses(
            "a condition without an operator",
            "spec: {trust: {conditions: {Bool: 'true'}}}",
            "spec.trust.conditions.Bool",
            "must be of type object",
        )
        .most_entries("spec.trust.conditions", 20, |number| ("A".repeat(number + 1), json!({})))
        .most_items("spec.sourceGrants", 20, |_| json!({ "accountRef": { "name": "ci" }, "user": "deployer" }))
        .required("spec.sourceGrants[0].accountRef")
        .required("spec.sourceGrants[0].accountRef.name")
        .accepts("a grant to a group", &grant("group: deployers"))
        .accepts("a grant to a role", &grant("role: deployer"))
        .refuses("a grant to nobody", &grant(""), "spec.sourceGrants[0]", "exactly one of user, group and role")
        .refuses(
            "a grant to two principals",
            &grant("user: a, role: a"),
            "spec.sourceGrants[0]",
            "exactly one of user, group and role",
        )
        .refuses(
            "a grant to three principals",
            &grant("user: a, group: a, role: a"),
            "spec.sourceGrants[0]",
            "exactly one of user, group and role",
        )
        .format("spec.sourceGrants[0].user", &IAM_NAMES, &NOT_IAM_NAMES, "a user name has 1 to 64")
        .longest("spec.sourceGrants[0].user", 64, |length| "u".repeat(length))
        .refuses(
            "a path in a group's name",
            &grant("group: a/b"),
            "spec.sourceGrants[0].group",
            "a group name has 1 to 128",
        )
        .accepts("a group name of 128 characters", &grant(&format!("group: {}", "g".repeat(128))))
        .refuses(
            "a group name of 129 characters",
            &grant(&format!("group: {}", "g".repeat(129))),
            "spec.sourceGrants[0].group",
            "may not be more than 128 bytes",
        )
        .refuses("a path in a role's name", &grant("role: a/b"), "spec.sourceGrants[0].role", "a role name has 1 to 64")
        .refuses(
            "a granted role's name of 65 characters",
            &grant(&format!("role: {}", "r".repeat(65))),
            "spec.sourceGrants[0].role",
            "may not be more than 64 bytes",
        )
}
