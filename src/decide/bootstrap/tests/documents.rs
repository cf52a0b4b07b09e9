//! What the documents allow, deny and measure.

use serde_json::Value;

use crate::decide::bootstrap::fixture::{irsa, manager, operator, place, service_account, source, target};
use crate::decide::bootstrap::{
    Login, Operator, Setup, Source, Target, boundary_policy, grants_policy, manager_policy, manager_trust,
    operator_policy, operator_trust,
};
use crate::domain::policy::{PolicyDocument, Statement};

fn every_setup() -> Vec<Setup> {
    let shared = Target { cluster: Some("production-eu".to_owned()), ..target() };
    vec![
        target().setup(),
        shared.setup(),
        Target { allow_unbounded: true, ..target() }.setup(),
        Target { allow_unbounded: true, ..shared }.setup(),
        source().setup(),
        operator(irsa()).setup(),
        operator(Login::PodIdentity { service_account: service_account() }).setup(),
        operator(Login::User).setup(),
    ]
}

fn read(document: &Value) -> PolicyDocument {
    PolicyDocument::from_value(document.clone()).expect("a policy")
}

/// The conditions of each statement that allows an action, as text.
fn conditions_of(document: &Value, action: &str) -> Vec<Vec<String>> {
    let document = read(document);
    let allows = |statement: &Statement<'_>| statement.allows() && statement.texts("Action").contains(&action);
    let words = |statement: Statement<'_>| {
        statement.conditions().map(|(operator, key, values)| format!("{operator} {key} {}", values.join(","))).collect()
    };
    document.statements().filter(allows).map(words).collect()
}

#[test]
fn iam_takes_every_document_at_its_size() {
    for setup in every_setup() {
        assert_eq!(setup.fits(), Ok(()));
        for (what, document, limit) in setup.documents() {
            let size = read(document).quota_size();
            assert!(size * 10 < limit * 9, "{what} has {size} characters of {limit}: longer names need room");
        }
    }
}

#[test]
fn a_document_that_iam_would_refuse_for_its_size_is_refused_with_the_arithmetic() {
    let accounts = (0..100).map(|n| format!("{n:012}")).collect();
    let error = Operator { accounts, ..operator(irsa()) }.setup().fits().expect_err("too large").to_string();
    assert!(error.contains("inline policy crossaccount-operator of role crossaccount-operator"), "{error}");
    assert!(error.contains("10240"), "{error}");

    let accounts = (0..20).map(|n| format!("{n:012}")).collect::<Vec<_>>();
    let of_user = Operator { accounts, ..operator(Login::User) }.setup().fits().expect_err("too large").to_string();
    assert!(of_user.contains("2048"), "{of_user}");
}

#[test]
fn a_statement_has_an_id_that_no_other_of_the_document_has() {
    for setup in every_setup() {
        for (what, document, _) in setup.documents() {
            let document = read(document);
            let ids: Vec<&str> = document.statements().flat_map(|statement| statement.texts("Sid")).collect();
            assert_eq!(ids.len(), document.statements().count(), "{what}");
            assert!(ids.iter().all(|id| id.chars().all(|letter| letter.is_ascii_alphanumeric())), "{what}: {ids:?}");
            let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
            assert_eq!(distinct.len(), ids.len(), "{what}: {ids:?}");
        }
    }
}

#[test]
fn a_role_is_made_and_given_permissions_of_others_only_within_the_boundary() {
    let policy = manager_policy(&target());
    let bounded = "StringEquals iam:PermissionsBoundary arn:aws:iam::222222222222:policy/crossaccount-boundary";
    for action in ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:AttachRolePolicy"] {
        assert_eq!(conditions_of(&policy, action), [[bounded]], "{action}");
    }
    assert!(conditions_of(&policy, "iam:DeleteRolePermissionsBoundary").is_empty());
}

#[test]
fn a_denial_can_be_written_whether_or_not_the_role_has_its_boundary() {
    let none: Vec<Vec<String>> = vec![vec![]];
    for action in ["iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:UpdateAssumeRolePolicy"] {
        assert_eq!(conditions_of(&manager_policy(&target()), action), none, "{action}");
    }
}

#[test]
fn without_a_boundary_nothing_asks_for_one_and_it_may_be_taken_off() {
    let policy = manager_policy(&Target { allow_unbounded: true, ..target() });
    let none: Vec<Vec<String>> = vec![vec![]];
    for action in ["iam:CreateRole", "iam:AttachRolePolicy", "iam:DeleteRolePermissionsBoundary"] {
        assert_eq!(conditions_of(&policy, action), none, "{action}");
    }
}

#[test]
fn a_manager_of_one_cluster_writes_to_its_roles_alone_and_claims_those_of_nobody() {
    let policy = manager_policy(&Target { cluster: Some("blue".to_owned()), ..target() });
    let (request, role) = (
        "StringEquals aws:RequestTag/crossaccount.dev/cluster blue",
        "StringEquals aws:ResourceTag/crossaccount.dev/cluster blue",
    );
    let document = read(&policy);
    let writes = document.statements().filter(|statement| {
        let reads = ["iam:Generate", "iam:Get", "iam:List", "iam:Remove"];
        statement.allows()
            && !statement.texts("Action").iter().all(|action| reads.iter().any(|word| action.starts_with(word)))
    });
    for action in writes.flat_map(|statement| statement.texts("Action")) {
        for conditions in conditions_of(&policy, action) {
            assert!(conditions.iter().any(|words| words == request || words == role), "{action}: {conditions:?}");
        }
    }
    let claims = conditions_of(&policy, "iam:TagRole");
    let unclaimed = "Null aws:ResourceTag/crossaccount.dev/cluster true".to_owned();
    assert!(claims.contains(&vec![unclaimed, request.to_owned()]), "{claims:?}");
}

#[test]
fn every_write_is_limited_to_the_path_and_no_manager_role_can_be_touched() {
    let policy = read(&manager_policy(&Target { role_path: "/team/".to_owned(), ..target() }));
    let may = ["arn:aws:iam::222222222222:role/team/*", "arn:aws:iam::222222222222:instance-profile/*"];
    let reads = |action: &&str| ["iam:Generate", "iam:Get", "iam:List"].iter().any(|word| action.starts_with(word));
    for statement in policy.statements().filter(Statement::allows) {
        let (actions, resources) = (statement.texts("Action"), statement.texts("Resource"));
        let limited = resources.iter().all(|resource| may.contains(resource));
        assert!(limited || actions.iter().all(reads), "{actions:?} on {resources:?}");
    }
    let denials = |action: &str| -> Vec<&str> {
        let of = |statement: &Statement<'_>| !statement.allows() && statement.texts("Action").contains(&action);
        policy.statements().filter(of).flat_map(|statement| statement.texts("Resource")).collect()
    };
    assert_eq!(
        denials("iam:*"),
        [
            "arn:aws:iam::222222222222:role/crossaccount-manager*",
            "arn:aws:iam::222222222222:role/*/crossaccount-manager*"
        ]
    );
    assert_eq!(denials("iam:PassRole"), ["*"]);
    assert_eq!(denials("iam:DeleteRolePermissionsBoundary"), ["*"]);
    for action in
        ["iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:DeletePolicyVersion", "iam:DeletePolicy"]
    {
        assert_eq!(denials(action), ["arn:aws:iam::222222222222:policy/crossaccount-boundary"], "{action}");
    }
}

#[test]
fn a_manager_of_another_name_cannot_touch_itself_either() {
    let named = crate::decide::bootstrap::Manager { name: "iam-robot".to_owned(), ..manager() };
    let policy = manager_policy(&Target { manager: named, ..target() }).to_string();
    for resource in ["role/iam-robot\"", "role/*/iam-robot\"", "role/crossaccount-manager*\""] {
        assert!(policy.contains(resource), "{resource}: {policy}");
    }
}

#[test]
fn the_boundary_leaves_no_way_to_other_permissions_of_the_account() {
    let boundary = read(&boundary_policy(&place("222222222222")));
    let denied: Vec<&str> =
        boundary.statements().filter(|statement| !statement.allows()).flat_map(|s| s.texts("Action")).collect();
    assert_eq!(denied, ["account:*", "iam:*", "organizations:*", "sts:AssumeRole"]);
}

#[test]
fn a_manager_trusts_the_operator_alone_and_only_with_the_external_id() {
    let trust = read(&manager_trust(&manager()));
    for statement in trust.statements() {
        assert_eq!(statement.principals(), ["arn:aws:iam::111111111111:role/crossaccount-operator"]);
        let asks = statement.conditions().any(|(_, key, values)| key == "sts:ExternalId" && values == ["7d1f0a"]);
        assert_eq!(asks, statement.texts("Action") == ["sts:AssumeRole"]);
    }
}

#[test]
fn grants_can_be_written_to_the_listed_principals_by_the_calls_for_their_kind() {
    let policy = read(&grants_policy(&source()));
    let pairs: Vec<(Vec<&str>, Vec<&str>)> =
        policy.statements().map(|statement| (statement.texts("Action"), statement.texts("Resource"))).collect();
    assert_eq!(pairs.len(), 3);
    for ((actions, resources), (kind, arn)) in pairs.into_iter().zip([
        ("User", "arn:aws:iam::333333333333:user/ci/deployer"),
        ("Group", "arn:aws:iam::333333333333:group/developers"),
        ("Role", "arn:aws:iam::333333333333:role/batch"),
    ]) {
        assert_eq!(resources, [arn]);
        assert!(actions.iter().all(|action| action.contains(kind)), "{actions:?}");
    }
    let users = Source { grantees: vec!["arn:aws:iam::333333333333:user/a".to_owned()], ..source() };
    assert_eq!(read(&grants_policy(&users)).statements().count(), 1);
}

#[test]
fn the_operator_may_assume_managers_and_their_roles_and_nothing_else() {
    let policy = read(&operator_policy(&operator(irsa())));
    let statements: Vec<_> = policy.statements().collect();
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0].texts("Action"), ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]);
    assert_eq!(
        statements[0].texts("Resource"),
        [
            "arn:aws:iam::222222222222:role/crossaccount-manager",
            "arn:aws:iam::222222222222:role/crossaccount/*",
            "arn:aws:iam::333333333333:role/crossaccount-manager",
            "arn:aws:iam::333333333333:role/crossaccount/*",
        ]
    );
}

#[test]
fn the_operator_may_assume_other_roles_that_are_listed() {
    let observed = "arn:aws:iam::222222222222:role/reports".to_owned();
    let policy = read(&operator_policy(&Operator { other_roles: vec![observed.clone()], ..operator(irsa()) }));
    let others = policy.statements().last().expect("a statement");
    assert_eq!((others.texts("Resource"), others.texts("Action").len()), (vec![observed.as_str()], 3));
}

#[test]
fn only_the_operators_pod_becomes_the_operator() {
    let trust = operator_trust(&irsa()).expect("a trust policy").to_string();
    let issuer = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";
    assert!(
        trust
            .contains(&format!("\"{issuer}:sub\":\"system:serviceaccount:crossaccount-system:crossaccount-operator\"")),
        "{trust}"
    );
    assert!(trust.contains(&format!("\"{issuer}:aud\":\"sts.amazonaws.com\"")), "{trust}");
    let trust =
        operator_trust(&Login::PodIdentity { service_account: service_account() }).expect("a trust policy").to_string();
    assert!(trust.contains("\"aws:RequestTag/kubernetes-service-account\":\"crossaccount-operator\""), "{trust}");
    assert_eq!(operator_trust(&Login::User), None);
}
