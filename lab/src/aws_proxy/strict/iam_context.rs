//! The condition keys of a call of IAM (service authorization reference, "Condition keys for AWS Identity and Access
//! Management").

use super::{super::call::Call, condition::Context};

/// The key whose value is a permissions boundary.
pub(crate) const BOUNDARY: &str = "iam:PermissionsBoundary";

/// Where the value of `iam:PermissionsBoundary` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BoundaryOf {
    /// The boundary that the request puts on.
    Request,
    /// The boundary that the role or user has.
    Target,
    /// The call does not have the key.
    Nothing,
}

/// The actions that the service authorization reference lists with the key.
pub(crate) fn boundary_of(action: &str) -> BoundaryOf {
    match action.trim_start_matches("iam:") {
        "CreateRole" | "CreateUser" | "PutRolePermissionsBoundary" | "PutUserPermissionsBoundary" => {
            BoundaryOf::Request
        }
        "PutRolePolicy"
        | "DeleteRolePolicy"
        | "AttachRolePolicy"
        | "DetachRolePolicy"
        | "PutUserPolicy"
        | "DeleteUserPolicy"
        | "AttachUserPolicy"
        | "DetachUserPolicy"
        | "DeleteRolePermissionsBoundary"
        | "DeleteUserPermissionsBoundary" => BoundaryOf::Target,
        _ => BoundaryOf::Nothing,
    }
}

/// What the role or user that a call is about has.
#[derive(Debug, Default)]
pub(crate) struct Target {
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) boundary: Option<String>,
}

/// Adds the keys of one action to those of the caller.
pub(crate) fn add(context: &mut Context, action: &str, call: &Call, target: &Target) {
    let mut set = |key: &str, values: Vec<String>| {
        if !values.is_empty() {
            context.insert(key.to_ascii_lowercase(), values);
        }
    };
    let parameter = |name| call.form.get(name).map(str::to_owned).into_iter().collect();
    match boundary_of(action) {
        BoundaryOf::Request => set(BOUNDARY, parameter("PermissionsBoundary")),
        BoundaryOf::Target => set(BOUNDARY, target.boundary.clone().into_iter().collect()),
        BoundaryOf::Nothing => {}
    }
    if action.starts_with("iam:Attach") || action.starts_with("iam:Detach") {
        set("iam:PolicyARN", parameter("PolicyArn"));
    }
    if action == "iam:PassRole" {
        // An instance profile passes its role to EC2 (IAM user guide, "Grant a user permissions to pass a role").
        set("iam:PassedToService", vec!["ec2.amazonaws.com".to_owned()]);
    }
    let given = call.form.tags();
    for (key, value) in &given {
        set(&format!("aws:RequestTag/{key}"), vec![(*value).to_owned()]);
    }
    let removed = call.form.list("TagKeys");
    set("aws:TagKeys", given.iter().map(|(key, _)| *key).chain(removed).map(str::to_owned).collect());
    for (key, value) in &target.tags {
        set(&format!("aws:ResourceTag/{key}"), vec![value.clone()]);
        set(&format!("iam:ResourceTag/{key}"), vec![value.clone()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_proxy::Form;

    fn context(action: &str, parameters: &[(&str, &str)]) -> Context {
        let call = Call {
            service: "iam".into(),
            action: action.trim_start_matches("iam:").into(),
            region: "us-east-1".into(),
            access_key: None,
            form: Form::of(parameters),
        };
        let target = Target { tags: vec![("team".into(), "blue".into())], boundary: Some("arn:old".into()) };
        let mut context = Context::new();
        add(&mut context, action, &call, &target);
        context
    }

    #[test]
    fn the_boundary_is_that_of_the_request_or_of_the_target_or_no_key() {
        for (action, parameters, boundary) in [
            ("iam:CreateRole", &[("PermissionsBoundary", "arn:new")][..], Some("arn:new")),
            ("iam:CreateRole", &[], None),
            ("iam:PutRolePermissionsBoundary", &[("PermissionsBoundary", "arn:new")], Some("arn:new")),
            ("iam:PutRolePolicy", &[], Some("arn:old")),
            ("iam:DetachRolePolicy", &[], Some("arn:old")),
            ("iam:DeleteRolePermissionsBoundary", &[], Some("arn:old")),
            ("iam:UpdateAssumeRolePolicy", &[], None),
            ("iam:DeleteRole", &[], None),
        ] {
            let found = context(action, parameters);
            let found = found.get("iam:permissionsboundary").map(|values| values[0].as_str());
            assert_eq!(found, boundary, "{action} {parameters:?}");
        }
    }

    #[test]
    fn tags_are_those_of_the_request_and_those_of_the_resource() {
        let tag = [("Tags.member.1.Key", "stage"), ("Tags.member.1.Value", "test")];
        let tagging = context("iam:TagRole", &tag);
        assert_eq!(
            (&tagging["aws:requesttag/stage"][0], &tagging["aws:tagkeys"][0]),
            (&"test".into(), &"stage".into())
        );
        assert_eq!(tagging["iam:resourcetag/team"], tagging["aws:resourcetag/team"]);
        let untagging = context("iam:UntagRole", &[("TagKeys.member.1", "team")]);
        assert_eq!(untagging["aws:tagkeys"], ["team"]);
        assert!(!untagging.contains_key("aws:requesttag/team"));
    }

    #[test]
    fn the_policy_is_a_key_of_attachments_only() {
        let parameters = [("PolicyArn", "arn:p")];
        assert_eq!(context("iam:AttachRolePolicy", &parameters)["iam:policyarn"], ["arn:p"]);
        assert!(!context("iam:DeletePolicy", &parameters).contains_key("iam:policyarn"));
    }
}
