//! Everything of one object is in the partition of its account.

use super::*;
use crate::domain::Partition;

/// A role and its account in GovCloud, with these changes, and an operator there.
fn in_gov_cloud(role: &Value) -> World {
    let account = json!({
        "region": "us-gov-west-1",
        "access": {"chain": [{"roleArn": "arn:aws-us-gov:iam::222222222222:role/crossaccount-manager"}]},
        "guardrails": {"permissionsBoundary": "arn:aws-us-gov:iam::222222222222:policy/boundary", "principals": ["*"]},
    });
    world(role, &account).but(|world| world.identity = Ok(operator("arn:aws-us-gov:iam::111111111111:user/operator")))
}

fn policy_on(element: &str, resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", (element): [resource]},
    ]})
}

/// A field, and a specification that has an ARN of a partition in it.
type Field = (&'static str, fn(&str) -> Value);

fn of_the_role() -> [Field; 4] {
    [
        ("spec.role.managedPolicyArns[1]", |partition| {
            json!({"role": {"managedPolicyArns": ["arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess",
                                                  format!("arn:{partition}:iam::aws:policy/AmazonS3FullAccess")]}})
        }),
        (
            "spec.role.inlinePolicies.read: Statement[1].Resource",
            |partition| json!({"role": {"inlinePolicies": {"read": policy_on("Resource", &format!("arn:{partition}:s3:::reports/*"))}}}),
        ),
        (
            "spec.role.inlinePolicies.read: Statement[1].NotResource",
            |partition| json!({"role": {"inlinePolicies": {"read": policy_on("NotResource", &format!("arn:{partition}:s3:::x/*"))}}}),
        ),
        (
            "spec.trust.principals[1]",
            |partition| json!({"trust": {"principals": ["333333333333", format!("arn:{partition}:iam::333333333333:role/x")]}}),
        ),
    ]
}

fn of_the_session() -> [Field; 2] {
    [
        (
            "spec.session.policyArns[0]",
            |partition| json!({"session": {"policyArns": [format!("arn:{partition}:iam::aws:policy/ReadOnlyAccess")]}}),
        ),
        (
            "spec.session.policy: Statement[1].Resource",
            |partition| json!({"session": {"policy": policy_on("Resource", &format!("arn:{partition}:s3:::reports/*"))}}),
        ),
    ]
}

/// What is wrong with the role and with the session.
fn problems(world: &World) -> (Option<String>, Option<String>) {
    let desired = match world.target() {
        Target::Open(desired) | Target::Held(Hold { desired: Some(desired), .. }) => desired,
        other => panic!("the declaration is refused as a whole: {other:?}"),
    };
    (desired.role.err().map(|refusal| refusal.message), desired.session.err().map(|refusal| refusal.message))
}

#[test]
fn a_field_of_another_partition_is_refused_by_its_name_and_the_other_half_goes_on() {
    for (field, of) in of_the_role() {
        assert_eq!(problems(&in_gov_cloud(&of("aws-us-gov"))), (None, None), "{field}");
        for other in ["aws", "aws-cn", "aws-iso", "aws-mars"] {
            let world = in_gov_cloud(&of(other));
            assert_eq!(world.in_words(), "Held InvalidSpec, renewed", "{field} {other}");
            let (role, session) = problems(&world);
            let role = role.unwrap_or_default();
            assert!(role.starts_with(field) && role.contains("aws-us-gov"), "{field} {other}: {role}");
            assert_eq!(session, None);
        }
    }
    for (field, of) in of_the_session() {
        assert_eq!(problems(&in_gov_cloud(&of("aws-us-gov"))), (None, None), "{field}");
        for other in ["aws", "aws-cn", "aws-iso", "aws-mars"] {
            let (role, session) = problems(&in_gov_cloud(&of(other)));
            let session = session.unwrap_or_default();
            assert!(session.starts_with(field) && session.contains("aws-us-gov"), "{field} {other}: {session}");
            assert_eq!(role, None);
        }
    }
}

#[test]
fn a_resource_may_leave_its_partition_open() {
    for open in ["arn:*:s3:::reports/*", "arn:aws*:s3:::reports/*", "*"] {
        let role = json!({"role": {"inlinePolicies": {"read": policy_on("Resource", open)}}});
        assert_eq!(in_gov_cloud(&role).in_words(), "Open", "{open}");
    }
}

#[test]
fn a_guardrail_of_another_partition_holds_the_role_and_its_session_is_renewed() {
    let world = in_gov_cloud(&json!({})).but(|world| {
        let rules = &mut world.account.as_mut().expect("an account").spec.guardrails;
        rules.grantees = Some(vec!["arn:aws:iam::222222222222:user/*".to_owned()]);
    });
    assert_eq!(world.in_words(), "Held InvalidSpec, renewed");
    let message = problems(&world).0.unwrap_or_default();
    assert!(message.contains("spec.guardrails.grantees[0]: arn:aws:iam::222222222222:user/*"), "{message}");
}

#[test]
fn every_partition_has_objects_of_its_own_and_refuses_an_operator_of_every_other() {
    for (region, partition) in [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
    ] {
        let arn = |rest: &str| format!("arn:{partition}:iam::222222222222:{rest}");
        let account = json!({
            "region": region, "access": {"chain": [{"roleArn": arn("role/crossaccount-manager")}]},
            "guardrails": {"permissionsBoundary": arn("policy/boundary")},
        });
        let role = json!({"role": {"managedPolicyArns": [format!("arn:{partition}:iam::aws:policy/ReadOnlyAccess")]}});
        for other in Partition::all().map(Partition::as_str) {
            let own = operator(&format!("arn:{other}:iam::111111111111:user/operator"));
            let world = world(&role, &account).but(|world| world.identity = Ok(own));
            if other == partition {
                let Target::Open(desired) = world.target() else { panic!("{region}: {:?}", world.target()) };
                assert!(
                    desired.at.role_arn.to_string().starts_with(&format!("arn:{partition}:iam::222222222222:role/"))
                );
            } else {
                assert_eq!(world.in_words(), "Held InvalidSpec", "{region} {other}");
            }
        }
    }
}
