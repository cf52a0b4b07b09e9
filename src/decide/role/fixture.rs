//! A role for tests: named otherwise than the product, with a policy, a managed policy and a trust in two principals.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Given;
use crate::domain::policy::PolicyDocument;
use crate::domain::{
    AccountId, DesiredRole, IamRole, IamRoleState, ObjectIdentity, Partition, PolicyArn, RoleArn, RoleName, RolePath,
    RoleSettings,
};

/// The operator's principal.
pub const OPERATOR: &str = "arn:aws:iam::111111111111:user/operator";
/// Another principal.
pub const DEPLOYER: &str = "arn:aws:iam::111111111111:user/deployer";

/// The object that owns the role.
pub fn object() -> ObjectIdentity {
    ObjectIdentity { cluster: "blue".into(), namespace: "team".into(), name: "reader".into(), uid: "uid-1".into() }
}

/// A policy document of these statements.
pub fn policy(statements: &Value) -> PolicyDocument {
    PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements})).expect("a policy")
}

/// Allows one action on everything.
pub fn allow(action: &str) -> PolicyDocument {
    policy(&json!([{"Effect": "Allow", "Action": action, "Resource": "*"}]))
}

/// Denies one action on everything.
pub fn deny(action: &str) -> PolicyDocument {
    policy(&json!([{"Effect": "Deny", "Action": action, "Resource": "*"}]))
}

/// Trusts the operator with the external id of [`object`], and these.
pub fn trust(others: &[&str]) -> PolicyDocument {
    let declared: Vec<crate::domain::Principal> =
        others.iter().map(|text| crate::domain::Principal::parse(text).expect("a principal")).collect();
    let external_id = crate::domain::ExternalId::of(&object());
    super::trust::trust_policy(OPERATOR, &external_id, None, &declared, &crate::api::TrustSpec::default())
        .expect("a policy")
}

/// A policy ARN of the account.
pub fn arn(name: &str) -> PolicyArn {
    PolicyArn::parse(&format!("arn:aws:iam::222222222222:policy/{name}")).expect("an ARN")
}

/// The role as it is declared.
pub fn desired() -> DesiredRole {
    DesiredRole {
        account: AccountId::parse("222222222222").expect("an account"),
        partition: Partition::Aws,
        path: RolePath::parse("/crossaccount/").expect("a path"),
        name: RoleName::parse("team-reader").expect("a name"),
        trust: trust(&[DEPLOYER]),
        settings: RoleSettings { description: Some("Reads".into()), max_session_seconds: 3600 },
        boundary: Some(arn("boundary")),
        tags: object().role_tags(),
        managed: BTreeSet::from([arn("managed")]),
        inline: [("read".to_owned(), allow("s3:GetObject"))].into(),
    }
}

/// The role in AWS, exactly as declared.
pub fn state() -> IamRoleState {
    let DesiredRole { account, partition, path, name, trust, settings, boundary, mut tags, managed, inline } =
        desired();
    tags.extend([ObjectIdentity::created_tag()]);
    IamRoleState {
        role: IamRole {
            arn: RoleArn { partition, account, path, name },
            id: "AROA1".into(),
            created_at: Timestamp::UNIX_EPOCH,
            settings,
            boundary,
            trust: Some(trust),
            tags,
            last_used: None,
        },
        attached: managed,
        inline: inline.into_iter().map(|(name, document)| (name, Some(document))).collect(),
    }
}

/// What is known besides. `boundary` is that of [`desired`].
pub fn given<'a>(object: &'a ObjectIdentity, boundary: &'a PolicyArn) -> Given<'a> {
    Given {
        object,
        operator: Some(OPERATOR),
        boundary: Some(boundary),
        revoke: None,
        session_name: "team.reader",
        declared_inline: &[],
        declared_tags: &[],
        instance_profiles: &[],
        deletion_failed: false,
        unsettled: false,
        now: "2027-01-15T08:00:00Z".parse().expect("a time"),
    }
}
