//! What becomes of access while the object is there.

use super::*;

#[test]
fn access_is_open_while_the_object_is_allowed_valid_and_within_the_guardrails() {
    let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
    let rich = json!({
        "role": {"name": "team-reports", "inlinePolicies": {"read": {"Version": "2012-10-17", "Statement": [statement]}},
                 "managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"], "tags": {"cost": "42"}},
        "trust": {"principals": ["111111111111"]}, "session": {"sourceIdentity": "team"},
    });
    let generous = json!({"guardrails": {
        "actions": ["s3:*"], "managedPolicies": ["*ReadOnly*"], "principals": ["arn:aws:iam::111111111111:*"],
        "principalTagKeys": ["cost"], "sourceIdentities": ["{namespace}"],
    }});
    for (what, world) in [
        ("nothing but an account", plain()),
        ("everything, within guardrails that list it", world(&rich, &generous)),
        (
            "a namespace that is let in by its labels",
            world(
                &json!({}),
                &json!({"allowedNamespaces": {"names": null, "selector": {"matchLabels": {"aws": "yes"}}}}),
            ),
        ),
        (
            "a role that is adopted where that is allowed",
            world(&json!({"role": {"lifecycle": "Adopt"}}), &json!({"guardrails": {"lifecycles": ["Adopt"]}})),
        ),
        (
            "a role that is observed, without any boundary",
            world(
                &json!({"role": {"lifecycle": "Observe"}}),
                &json!({"guardrails": {"lifecycles": ["Observe"], "permissionsBoundary": null}}),
            ),
        ),
        (
            "a session that is not valid: the role is made all the same",
            world(&json!({"session": {"policyArns": ["x"]}}), &json!({})),
        ),
    ] {
        assert_eq!(world.in_words(), "Open", "{what}: {:?}", world.target());
    }
}

#[test]
fn access_is_held_while_something_stops_the_work_that_is_no_question_of_permission() {
    for (what, world, expected) in vec![
        ("suspended", suspended(&json!({})), "Held without a problem"),
        ("suspended and in conflict", suspended(&json!({})).but(conflict), "Held without a problem"),
        ("in conflict", plain().but(conflict), "Held Conflict"),
        (
            "in conflict and not valid",
            world(&json!({"role": {"name": "a b"}}), &json!({"guardrails": {"roleNames": ["*"]}})).but(conflict),
            "Held Conflict",
        ),
        ("without an identity of the operator", plain().but(no_identity), "Held BaseIdentityUnavailable"),
        ("in an account that is not ready", plain().but(not_ready), "Held AccountNotReady, renewed"),
        ("in an account that nobody checked", plain().but(never_checked), "Held Progressing, renewed"),
        (
            "while the operator's own path is unknown",
            plain().but(guessed_principal),
            "Held BaseIdentityUnavailable, renewed",
        ),
        (
            "with a role that is not valid",
            world(&json!({"role": {"managedPolicyArns": ["x"]}}), &json!({})),
            "Held InvalidSpec, renewed",
        ),
        (
            "with policies that are too long",
            world(&json!({"role": {"inlinePolicies": long()}}), &json!({})),
            "Held LimitExceeded, renewed",
        ),
        (
            "with a Secret that is not valid",
            world(&json!({"secret": {"profile": "a]"}}), &json!({})),
            "Held InvalidSpec",
        ),
        (
            "with a name that IAM does not take",
            world(&json!({"role": {"name": "team-a b"}}), &json!({})),
            "Held InvalidSpec",
        ),
        (
            "with a description that is too long for Kubernetes",
            world(&json!({"role": {"description": "x".repeat(OBJECT_MAX)}}), &json!({})),
            "Held InvalidSpec",
        ),
        ("in an account whose id is none", world(&json!({}), &json!({"accountId": "2222"})), "Held InvalidSpec"),
        (
            "in an account whose path is none",
            world(&json!({}), &json!({"guardrails": {"rolePath": "crossaccount"}})),
            "Held InvalidSpec",
        ),
        (
            "in an account whose chain ends elsewhere",
            world(&json!({}), &json!({"access": {"chain": [{"roleArn": "arn:aws:iam::333333333333:role/m"}]}})),
            "Held InvalidSpec",
        ),
    ] {
        assert_eq!(world.in_words(), expected, "{what}");
    }
}

/// Inline policies that leave no room for the denial.
fn long() -> Value {
    let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x".repeat(9_800)});
    json!({"long": {"Version": "2012-10-17", "Statement": [statement]}})
}

#[test]
fn access_is_closed_when_a_permission_is_missing_or_a_guardrail_is_broken() {
    let inline = json!({"role": {"inlinePolicies": {"read": {"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}}}});
    let rules = |rules: Value| json!({ "guardrails": rules });
    let of_labels = |labels: Value| json!({"allowedNamespaces": {"names": null, "selector": {"matchLabels": labels}}});
    for (what, role, account, word) in [
        ("no namespace is allowed", json!({}), json!({"allowedNamespaces": null}), "does not allow namespace team"),
        (
            "another namespace is allowed",
            json!({}),
            json!({"allowedNamespaces": {"names": ["other"]}}),
            "does not allow namespace team",
        ),
        ("the namespace lost its label", json!({}), of_labels(json!({"aws": "no"})), "does not allow namespace team"),
        (
            "the selector cannot be read",
            json!({}),
            json!({"allowedNamespaces": {"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}}),
            "unusable spec.allowedNamespaces.selector",
        ),
        ("the name is another team's", json!({"role": {"name": "payroll-reader"}}), json!({}), "guardrails.roleNames"),
        ("the lifecycle is not allowed", json!({"role": {"lifecycle": "Adopt"}}), json!({}), "guardrails.lifecycles"),
        ("no role is allowed", json!({}), rules(json!({"lifecycles": []})), "guardrails.lifecycles"),
        ("the boundary is missing", json!({}), rules(json!({"permissionsBoundary": null})), "permissionsBoundary"),
        ("the role is to stay", json!({"role": {"deletionPolicy": "Retain"}}), json!({}), "deletionPolicies"),
        (
            "the role's sessions are too long",
            json!({"role": {"maxSessionDurationSeconds": 7200}}),
            rules(json!({"maxSessionDurationSeconds": 3600})),
            "maxSessionDurationSeconds",
        ),
        (
            "the session is too long",
            json!({"session": {"durationSeconds": 7200}}),
            rules(json!({"maxSessionDurationSeconds": 3600})),
            "session.durationSeconds is 7200",
        ),
        (
            "a managed policy is not listed",
            json!({"role": {"managedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}}),
            rules(json!({"managedPolicies": ["*ReadOnly*"]})),
            "AdministratorAccess",
        ),
        ("an action is not listed", inline, rules(json!({"actions": ["ec2:*"]})), "s3:GetObject"),
        ("a principal is not listed", json!({"trust": {"principals": ["333333333333"]}}), json!({}), "333333333333"),
        ("a tag of the role is not listed", json!({"role": {"tags": {"cost": "42"}}}), json!({}), "tag key cost"),
        ("a tag of the session is not listed", json!({"session": {"tags": {"cost": "42"}}}), json!({}), "tag key cost"),
        ("the source identity is not listed", json!({"session": {"sourceIdentity": "payroll"}}), json!({}), "payroll"),
        (
            "the role is the account's manager",
            json!({"role": {"name": "Crossaccount-Manager"}}),
            rules(json!({"roleNames": ["*"]})),
            "the operator itself uses",
        ),
    ] {
        let world = world(&role, &account);
        let Target::Closed(refusal) = world.target() else { panic!("{what}: {}", world.in_words()) };
        assert_eq!(refusal.reason, Reason::NotAllowed, "{what}");
        assert!(refusal.message.contains(word), "{what}: {}", refusal.message);
    }
    let known = |world: &mut World| {
        world.operators_own = vec![RoleArn::parse("arn:aws:iam::222222222222:role/x/team-reader").expect("an ARN")];
    };
    let itself = |world: &mut World| world.identity = Ok(operator("arn:aws:iam::222222222222:role/team-reader"));
    for (what, world) in [
        ("the account is gone", plain().but(|world| world.account = None)),
        ("the account is being deleted", plain().but(account_goes)),
        ("the role is the manager of another account object", plain().but(known)),
        ("the role is the operator's own", plain().but(itself)),
    ] {
        assert_eq!(world.in_words(), "Closed NotAllowed", "{what}");
    }
    let elsewhere = |world: &mut World| {
        world.operators_own = vec![RoleArn::parse("arn:aws:iam::333333333333:role/team-reader").expect("an ARN")];
    };
    assert_eq!(plain().but(elsewhere).in_words(), "Open", "a role of that name in another account is another role");
}

#[test]
fn nothing_keeps_what_is_no_longer_allowed() {
    type Change = fn(&mut World);
    let withdrawn = json!({"allowedNamespaces": null});
    let tightened = json!({"guardrails": {"lifecycles": ["Observe"]}});
    let table: [(&str, Value, Change); 7] = [
        ("suspended", json!({"suspend": true}), |_| {}),
        ("in conflict", json!({}), conflict),
        ("without an identity of the operator", json!({}), no_identity),
        ("in an account that is not ready", json!({}), not_ready),
        ("with a role that is not valid", json!({"role": {"managedPolicyArns": ["x"]}}), |_| {}),
        ("with a Secret that is not valid", json!({"secret": {"profile": "a]"}}), |_| {}),
        ("too large", json!({"role": {"description": "x".repeat(OBJECT_MAX)}}), |_| {}),
    ];
    for (what, role, change) in table {
        for account in [&withdrawn, &tightened] {
            assert_eq!(world(&role, account).but(change).in_words(), "Closed NotAllowed", "{what}");
        }
    }
}

#[test]
fn everything_that_meets_in_one_account_is_of_one_partition() {
    let us_gov = json!({"region": "us-gov-west-1", "access": {"chain": [{"roleArn": "arn:aws-us-gov:iam::222222222222:role/m"}]},
                        "guardrails": {"permissionsBoundary": "arn:aws-us-gov:iam::222222222222:policy/boundary"}});
    let everywhere = json!({"guardrails": {"principals": ["*"]}});
    let mut accepted = Vec::new();
    for (what, role, account) in [
        ("the operator's own identity", json!({}), us_gov),
        (
            "the boundary",
            json!({}),
            json!({"guardrails": {"permissionsBoundary": "arn:aws-cn:iam::222222222222:policy/boundary"}}),
        ),
        (
            "a managed policy",
            json!({"role": {"managedPolicyArns": ["arn:aws-cn:iam::aws:policy/ReadOnlyAccess"]}}),
            json!({}),
        ),
        (
            "a session policy",
            json!({"session": {"policyArns": ["arn:aws-cn:iam::aws:policy/ReadOnlyAccess"]}}),
            json!({}),
        ),
        ("a principal", json!({"trust": {"principals": ["arn:aws-cn:iam::111111111111:user/deployer"]}}), everywhere),
    ] {
        let refused = match world(&role, &account).target() {
            Target::Open(desired) => desired.role.err().or(desired.session.err()).map(|refusal| refusal.message),
            Target::Held(hold) => hold.problem.map(|problem| problem.message),
            Target::Closed(refusal) => Some(refusal.message),
            Target::Absent { .. } | Target::Released { .. } => None,
        };
        if !refused.is_some_and(|message| message.contains("partition")) {
            accepted.push(what);
        }
    }
    assert_eq!(accepted, Vec::<&str>::new(), "these may be of another partition than the account");
}
