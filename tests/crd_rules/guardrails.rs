//! Cases about the limits that an `AWSAccount` sets.

use serde_json::{Value, json};

use super::case::Cases;

const NAMES: &str = "spec.allowedNamespaces.names";
const LABELS: &str = "spec.allowedNamespaces.selector.matchLabels";
const EXPRESSIONS: &str = "spec.allowedNamespaces.selector.matchExpressions";

/// Which namespaces may use an account.
pub fn namespaces(cases: Cases) -> Cases {
    let expression =
        |fields: &str| format!("spec: {{allowedNamespaces: {{selector: {{matchExpressions: [{fields}]}}}}}}");
    cases
        .accepts("all namespaces", "spec: {allowedNamespaces: {}}")
        .accepts("an empty list of namespaces", "spec: {allowedNamespaces: {names: []}}")
        .accepts("an empty selector of namespaces", "spec: {allowedNamespaces: {selector: {}}}")
        .most_items(NAMES, 500, |number| format!("team-{number}").into())
        .unique(NAMES, "analytics")
        .format(
            &format!("{NAMES}[0]"),
            &["a", "team-9"],
            &["", "Team", "team_a", "-a", "a-", "a.b", "*"],
            "a namespace name has up to 63",
        )
        .longest(&format!("{NAMES}[0]"), 63, |length| "n".repeat(length))
        .most_entries(LABELS, 50, |number| (format!("label{number}"), json!("value")))
        .format(&format!("{LABELS}[aws]"), &["", "yes", "A.b_c-9"], &["-a", "a b", "a/b"], "a label value has up to 63")
        .refuses(
            "a label that no namespace can have",
            "spec: {allowedNamespaces: {selector: {matchLabels: {'a b': value}}}}",
            LABELS,
            "must be the key of a label",
        )
        .longest(&format!("{LABELS}[aws]"), 63, |length| "v".repeat(length))
        .most_items(EXPRESSIONS, 50, |_| json!({ "key": "team", "operator": "Exists" }))
        .required(&format!("{EXPRESSIONS}[0].key"))
        .required(&format!("{EXPRESSIONS}[0].operator"))
        .format(
            &format!("{EXPRESSIONS}[0].key"),
            &["team", "example.com/team"],
            &["", "a b", "Example.com/a", "a/b/c"],
            "must be the key of a label",
        )
        .longest(&format!("{EXPRESSIONS}[0].key"), 317, |length| {
            format!("{}/{}", "d".repeat(253), "k".repeat(length - 254))
        })
        .format(&format!("{EXPRESSIONS}[0].operator"), &["In", "NotIn"], &["Like"], "Unsupported value")
        .accepts("a label that must exist", &expression("{key: team, operator: Exists}"))
        .accepts("a label that must not exist", &expression("{key: team, operator: DoesNotExist, values: []}"))
        .refuses(
            "an operator that needs values without them",
            &expression("{key: team, operator: In}"),
            &format!("{EXPRESSIONS}[0]"),
            "operators In and NotIn need values",
        )
        .refuses(
            "an operator that takes no values with one",
            &expression("{key: team, operator: Exists, values: [a]}"),
            &format!("{EXPRESSIONS}[0]"),
            "Exists and DoesNotExist take none",
        )
        .most_items(&format!("{EXPRESSIONS}[0].values"), 50, |number| number.to_string().into())
        .format(&format!("{EXPRESSIONS}[0].values[0]"), &["a"], &["a b"], "a label value has up to 63")
        .longest(&format!("{EXPRESSIONS}[0].values[0]"), 63, |length| "v".repeat(length))
}

/// What tenants may do in an account.
pub fn of_tenants(cases: Cases) -> Cases {
    let boundary =
        |region: &str, arn: &str| format!("spec: {{region: {region}, guardrails: {{permissionsBoundary: '{arn}'}}}}");
    let globs = |cases: Cases, list: &str| {
        let path = format!("spec.guardrails.{list}");
        let item = format!("{path}[0]");
        cases
            .accepts(&format!("an empty list of {list}"), &format!("spec: {{guardrails: {{{list}: []}}}}"))
            .most_items(&path, 100, |number| Value::from(format!("arn:aws:iam::aws:policy/p{number}")))
            .unique(&path, "*")
            .longest(&item, 2048, |length| format!("arn:aws:iam::aws:{}", "p".repeat(length - 17)))
            .format(
                &item,
                &["*", "arn:aws:iam::aws:policy/*", "arn:*:iam::*:role/team-?/*", "arn:aws:iam::111111111111:root"],
                &[
                    "",
                    "111111111111",
                    "AmazonS3*",
                    "arn:aws:s3:::bucket",
                    "arn:aws:iam::111111111111",
                    "arn:aws:iam::1 1:*",
                ],
                "must be an IAM ARN or a glob of them",
            )
            .accepts(
                &format!("{list} of the region's partition"),
                &format!("spec: {{region: us-isof-south-1, guardrails: {{{list}: ['arn:aws-iso-f:iam::*:*', 'arn:aws*:iam::*:*']}}}}"),
            )
            .refuses(
                &format!("{list} of another partition than the region's"),
                &format!("spec: {{region: cn-north-1, guardrails: {{{list}: ['arn:aws-cn:iam::*:*', 'arn:aws:iam::*:*']}}}}"),
                "spec",
                &format!("every ARN of guardrails.{list} must be in the region's partition"),
            )
    };
    let cases = ["managedPolicies", "principals", "grantees"].into_iter().fold(cases, globs);
    of_declarations(cases)
        .format(
            "spec.guardrails.rolePath",
            &["/", "/crossaccount/", "/a/b_9+=,.@-/"],
            &["", "crossaccount/", "/crossaccount", "/a//b/", "/a*/", "/a b/"],
            "rolePath begins and ends with /",
        )
        .longest("spec.guardrails.rolePath", 512, |length| format!("/{}/", "p".repeat(length - 2)))
        .format(
            "spec.guardrails.permissionsBoundary",
            &["arn:aws:iam::222222222222:policy/path/boundary", "arn:aws:iam::aws:policy/PowerUserAccess"],
            &[
                "boundary",
                "arn:aws:iam::222222222222:role/boundary",
                "arn:aws:iam::222222222222:policy/*",
                "arn:aws-mars:iam::aws:policy/a",
            ],
            "must be the ARN of a managed policy",
        )
        .longest("spec.guardrails.permissionsBoundary", 2048, |length| {
            let (begin, end) = ("arn:aws:iam::222222222222:policy/", "/boundary");
            format!("{begin}{}{end}", "p".repeat(length - begin.len() - end.len()))
        })
        .refuses(
            "a boundary in another account",
            &boundary("eu-west-1", "arn:aws:iam::111111111111:policy/boundary"),
            "spec",
            "guardrails.permissionsBoundary must be a policy in accountId",
        )
        .accepts(
            "a boundary in the region's partition",
            &boundary("cn-north-1", "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"),
        )
        .refuses(
            "a boundary in another partition than the region",
            &boundary("us-gov-west-1", "arn:aws:iam::222222222222:policy/boundary"),
            "spec",
            "guardrails.permissionsBoundary must be in the region's partition",
        )
        .refuses(
            "no boundary, although none is not allowed",
            "spec: {guardrails: {allowUnbounded: false}}",
            "spec",
            "set guardrails.permissionsBoundary",
        )
        .refuses("no guardrails at all", "spec: {guardrails: null}", "spec", "or set guardrails.allowUnbounded: true")
        .accepts("no boundary where no role is created", "spec: {guardrails: {allowUnbounded: false, lifecycles: []}}")
        .accepts("an empty list of actions", "spec: {guardrails: {actions: []}}")
        .most_items("spec.guardrails.actions", 200, |number| format!("s3:Get{number}").into())
        .unique("spec.guardrails.actions", "s3:Get*")
        .format(
            "spec.guardrails.actions[0]",
            &["*", "s3:*", "s3:GetObject", "s3:Get*", "execute-api:?nvoke"],
            &["", "s3", "s3:", "s3:Get Object", "s3:Get:Object", "arn:aws:s3:::bucket"],
            "must be an action or a glob of actions",
        )
        .longest("spec.guardrails.actions[0]", 128, |length| format!("s3:{}", "G".repeat(length - 3)))
        .accepts("all lifecycles", "spec: {guardrails: {lifecycles: [Create, Adopt, Observe]}}")
        .unique("spec.guardrails.lifecycles", "Create")
        .format("spec.guardrails.lifecycles[0]", &["Observe"], &["Other"], "Unsupported value")
        .refuses(
            "more lifecycles than there are",
            "spec: {guardrails: {lifecycles: [Create, Adopt, Observe, Create]}}",
            "spec.guardrails.lifecycles",
            "must have at most 3 items",
        )
        .range("spec.guardrails.maxSessionDurationSeconds", 3600, 43_200)
}

/// Which names, tags, source identities and ends tenants may declare.
fn of_declarations(cases: Cases) -> Cases {
    let name_globs = |cases: Cases, (list, says): (&str, &str)| {
        let path = format!("spec.guardrails.{list}");
        let item = format!("{path}[0]");
        cases
            .accepts(&format!("an empty list of {list}"), &format!("spec: {{guardrails: {{{list}: []}}}}"))
            .most_items(&path, 100, |number| format!("{number:0>128}").into())
            .unique(&path, "{namespace}-*")
            .longest(&item, 128, |length| "n".repeat(length))
            .format(
                &item,
                &["*", "{namespace}", "{namespace}-*", "reports-?", "A_9+=,.@-{namespace}"],
                &["", "{name}", "{Namespace}-*", "{namespace", "namespace}", "a b", "a/b", "a:b", "ä*", "${namespace}"],
                says,
            )
    };
    let (keys, policies) = ("spec.guardrails.principalTagKeys", "spec.guardrails.deletionPolicies");
    [
        ("roleNames", "must be a role name or a glob of names"),
        ("sourceIdentities", "must be a source identity or a glob of them"),
    ]
    .into_iter()
    .fold(cases, name_globs)
    .accepts("an empty list of principalTagKeys", "spec: {guardrails: {principalTagKeys: []}}")
    .most_items(keys, 50, |number| format!("{number:0>128}").into())
    .unique(keys, "team")
    .format(&format!("{keys}[0]"), &["a", "Cost Center", "費用"], &[""], "should be at least 1 chars long")
    .longest(&format!("{keys}[0]"), 128, |length| "k".repeat(length))
    .accepts("an empty list of deletionPolicies", "spec: {guardrails: {deletionPolicies: []}}")
    .accepts("both deletion policies", "spec: {guardrails: {deletionPolicies: [Retain, Delete]}}")
    .unique(policies, "Delete")
    .format(&format!("{policies}[1]"), &["Retain"], &["Keep"], "Unsupported value")
    .refuses(
        "more deletion policies than there are",
        "spec: {guardrails: {deletionPolicies: [Delete, Retain, Delete]}}",
        policies,
        "must have at most 2 items",
    )
}
