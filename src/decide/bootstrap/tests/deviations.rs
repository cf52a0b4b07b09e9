//! What is said of an account that is not as it was set up.

use serde_json::{Value, json};

use crate::decide::bootstrap::fixture::{operator, target};
use crate::decide::bootstrap::{Found, FoundIdentity, FoundPolicy, Identity, Login, Setup, judge};
use crate::domain::policy::PolicyDocument;

fn read(document: &Value) -> PolicyDocument {
    PolicyDocument::from_value(document.clone()).expect("a policy")
}

/// The account as it was set up.
fn as_set_up(setup: &Setup) -> Found {
    let trust = match &setup.identity {
        Identity::Role { trust, .. } => Some(read(trust)),
        Identity::User { .. } => None,
    };
    let (kind, name) = (setup.identity.kind(), setup.identity.name());
    let policy = FoundPolicy { what: "inline policy a of role b".to_owned(), document: read(&setup.policy.document) };
    let arn = setup.place.arn(&format!("{kind}/{name}"));
    let identity = FoundIdentity { arn, trust, policies: Some(vec![policy]), groups: Vec::new() };
    Found {
        identity: Some(Some(identity)),
        boundary: Some(setup.boundary.as_ref().map(|policy| read(&policy.document))),
        unbounded_roles: Vec::new(),
    }
}

/// What is said of the target account after `change`.
fn said(change: impl FnOnce(&mut Setup, &mut Found)) -> Vec<String> {
    let expected = target().setup();
    let mut changed = expected.clone();
    let mut found = as_set_up(&changed);
    change(&mut changed, &mut found);
    judge(&expected, &found).expect("documents").iter().map(ToString::to_string).collect()
}

/// What is said where the manager's policy is this one.
fn said_of_policy(change: impl FnOnce(&mut Vec<Value>)) -> Vec<String> {
    said(|setup, found| {
        let statements = setup.policy.document["Statement"].as_array_mut().expect("a list");
        change(statements);
        let what = "inline policy crossaccount-manager of role crossaccount-manager".to_owned();
        let policies = vec![FoundPolicy { what, document: read(&setup.policy.document) }];
        found.identity.as_mut().expect("read").as_mut().expect("there").policies = Some(policies);
    })
}

fn statement<'a>(statements: &'a mut [Value], id: &str) -> &'a mut Value {
    statements.iter_mut().find(|statement| statement["Sid"] == id).expect("such a statement")
}

#[test]
fn an_account_as_it_was_set_up_matches_however_the_rights_are_spread() {
    assert!(said(|_, _| {}).is_empty());
    let spread = said(|setup, found| {
        let statements = setup.policy.document["Statement"].as_array().expect("a list").clone();
        let one = |statement: Value| FoundPolicy {
            what: "one of many".to_owned(),
            document: read(&json!({"Version": "2012-10-17", "Statement": statement})),
        };
        let policies = statements.into_iter().map(one).collect();
        found.identity.as_mut().expect("read").as_mut().expect("there").policies = Some(policies);
    });
    assert!(spread.is_empty(), "{spread:?}");
    let of_user = operator(Login::User).setup();
    assert_eq!(judge(&of_user, &as_set_up(&of_user)), Ok(Vec::new()));
}

#[test]
fn an_action_that_the_manager_lacks_is_missing() {
    let said = said_of_policy(|statements| {
        let actions = statement(statements, "ChangeRoles")["Action"].as_array_mut().expect("a list");
        actions.retain(|action| action != "iam:UpdateRole" && action != "iam:TagRole");
    });
    assert_eq!(
        said,
        ["missing: role crossaccount-manager does not allow iam:TagRole, iam:UpdateRole on \
          arn:aws:iam::222222222222:role/crossaccount/*"]
    );
}

#[test]
fn a_right_under_a_condition_of_somebody_elses_is_missing_unless_it_holds() {
    let said = said_of_policy(|statements| {
        statement(statements, "ReadRoles")["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    });
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("missing: ") && said[0].ends_with("unless Bool aws:MultiFactorAuthPresent = true"),
        "{said:?}"
    );
}

#[test]
fn rights_that_nobody_asked_for_are_too_wide() {
    let own = "too wide: inline policy crossaccount-manager of role crossaccount-manager allows";
    for (added, words) in [
        (json!({"Action": "iam:PassRole", "Resource": "*"}), "iam:PassRole on *"),
        (json!({"Action": "*", "Resource": "*"}), "* on *"),
        (json!({"NotAction": "s3:*", "Resource": "*"}), "* on *"),
        (
            json!({"Action": "iam:*", "Resource": "arn:aws:iam::222222222222:role/crossaccount/*"}),
            "iam:* on arn:aws:iam::222222222222:role/crossaccount/*",
        ),
        (
            json!({"Action": "iam:TagRole", "Resource": "arn:aws:iam::222222222222:role/*"}),
            "iam:TagRole on arn:aws:iam::222222222222:role/*",
        ),
        (
            json!({"Action": "iam:CreateRole", "Resource": "arn:aws:iam::222222222222:role/crossaccount/*"}),
            "iam:CreateRole on arn:aws:iam::222222222222:role/crossaccount/* without the condition StringEquals \
          iam:PermissionsBoundary = arn:aws:iam::222222222222:policy/crossaccount-boundary",
        ),
    ] {
        let mut added = added;
        added["Effect"] = "Allow".into();
        let said = said_of_policy(|statements| statements.push(added.clone()));
        assert_eq!(said, [format!("{own} {words}")], "{added}");
    }
}

#[test]
fn a_denial_that_went_is_too_wide_and_one_that_came_differs() {
    let gone = said_of_policy(|statements| statements.retain(|statement| statement["Sid"] != "NeverPassRoles"));
    assert_eq!(gone, ["too wide: role crossaccount-manager does not deny iam:PassRole on *"]);
    let came = said_of_policy(|statements| {
        statements.push(json!({"Effect": "Deny", "Action": "iam:DeleteRole", "Resource": "*"}));
    });
    let own = "inline policy crossaccount-manager of role crossaccount-manager";
    assert_eq!(came, [format!("differs: {own} denies iam:DeleteRole on *")]);
}

#[test]
fn a_boundary_that_allows_more_is_too_wide_and_one_that_is_gone_is_missing() {
    let edited = said(|_, found| {
        let any = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        found.boundary = Some(Some(read(&any)));
    });
    assert_eq!(
        edited,
        [
            "too wide: managed policy crossaccount-boundary does not deny account:*, iam:*, organizations:* on *",
            "too wide: managed policy crossaccount-boundary does not deny sts:AssumeRole on \
             arn:aws:iam::222222222222:role/*",
        ]
    );
    assert_eq!(
        said(|_, found| found.boundary = Some(None)),
        ["missing: there is no managed policy crossaccount-boundary in the account"]
    );
}

#[test]
fn a_trust_policy_without_the_external_id_or_for_others_is_too_wide() {
    let trust = |statement: Value| {
        said(|setup, found| {
            let Identity::Role { trust, .. } = &mut setup.identity else { panic!("a user") };
            let tags = trust["Statement"][1].clone();
            let trust = read(&json!({"Version": "2012-10-17", "Statement": [statement, tags]}));
            found.identity.as_mut().expect("read").as_mut().expect("there").trust = Some(trust);
        })
    };
    let (operator, what) =
        ("arn:aws:iam::111111111111:role/crossaccount-operator", "the trust policy of role crossaccount-manager");
    let open = json!({"Effect": "Allow", "Principal": {"AWS": operator}, "Action": "sts:AssumeRole"});
    let condition = "StringEquals sts:ExternalId = 7d1f0a";
    assert_eq!(
        trust(open),
        [format!("too wide: {what} allows sts:AssumeRole to {operator} without the condition {condition}")]
    );
    let other = json!({"Effect": "Allow", "Principal": {"AWS": [operator, "*"]}, "Action": "sts:AssumeRole",
                       "Condition": {"StringEquals": {"sts:ExternalId": "7d1f0a"}}});
    assert_eq!(trust(other), [format!("too wide: {what} allows sts:AssumeRole to *")]);
    let another_id = json!({"Effect": "Allow", "Principal": {"AWS": operator}, "Action": "sts:AssumeRole",
                            "Condition": {"StringEquals": {"sts:ExternalId": "other"}}});
    let said = trust(another_id);
    assert!(said[0].ends_with("unless StringEquals sts:ExternalId = other"), "{said:?}");
    assert!(said[1].ends_with(&format!("without the condition {condition}")), "{said:?}");
}

#[test]
fn a_role_that_is_gone_or_elsewhere_or_unbounded_is_named() {
    assert_eq!(
        said(|_, found| found.identity = Some(None)),
        ["missing: there is no role crossaccount-manager in the account"]
    );
    let moved = "arn:aws:iam::222222222222:role/crossaccount/crossaccount-manager";
    let said_of_moved = said(|_, found| {
        moved.clone_into(&mut found.identity.as_mut().expect("read").as_mut().expect("there").arn);
    });
    let expected = "not arn:aws:iam::222222222222:role/crossaccount-manager";
    assert_eq!(said_of_moved, [format!("differs: role crossaccount-manager is {moved}, {expected}")]);
    let free = "arn:aws:iam::222222222222:role/crossaccount/free";
    let said = said(|_, found| found.unbounded_roles.push(free.to_owned()));
    assert!(said[0].starts_with(&format!("too wide: {free} ")), "{said:?}");
}

#[test]
fn a_user_in_a_group_has_more_than_it_was_given() {
    let setup = operator(Login::User).setup();
    let mut found = as_set_up(&setup);
    found.identity.as_mut().expect("read").as_mut().expect("there").groups.push("admins".to_owned());
    let said = judge(&setup, &found).expect("documents");
    assert_eq!(
        said[0].to_string(),
        "too wide: user crossaccount-operator is in group admins, whose policies it has, too; take it out"
    );
}

#[test]
fn what_was_not_read_is_not_judged() {
    let setup = target().setup();
    assert_eq!(judge(&setup, &Found::default()), Ok(Vec::new()));
}
