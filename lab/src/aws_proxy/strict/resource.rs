//! What a call of IAM is about (service authorization reference, "Actions, resources, and condition keys for AWS Identity and
//! Access Management").
//!
//! The ARN of something that exists has its path. Something that does not exist has no path that IAM could know: it is judged by
//! its name alone, before IAM looks whether it exists (keikoproj/iam-manager issue 31, jupyter-infra/jupyter-deploy pull
//! request 350). A list is about the path that it is asked for.

use super::{
    super::call::Call,
    evaluate::Caller,
    names::Kind,
    snapshot::{Snapshot, principal_of},
};

/// One permission that a call needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// Such as `iam:CreateRole`.
    pub(crate) action: String,
    /// The ARN that is compared with `Resource`, or `*`.
    pub(crate) arn: String,
    /// How a denial names the resource (IAM user guide, "Troubleshoot access denied error messages").
    pub(crate) shown: String,
    /// The role or user that exists already and that the call is about.
    pub(crate) target: Option<(Kind, String)>,
}

/// Each permission that a call needs, all of which the caller must have.
pub(crate) fn needs(call: &Call, caller: &Caller, account: &Snapshot) -> Vec<Need> {
    let mut needs = vec![main(call, caller, account)];
    // "To create a new role with tags" takes permission to tag it as well (IAM user guide, "Tag IAM roles"; the same of users,
    // customer managed policies and instance profiles).
    if let Some(kind) = call.action.strip_prefix("Create")
        && !call.form.tags().is_empty()
    {
        let Need { arn, shown, .. } = &needs[0];
        let (action, arn, shown) = (format!("iam:Tag{kind}"), arn.clone(), shown.clone());
        needs.push(Need { action, arn, shown, target: None });
    }
    // "To add a role to an instance profile, the caller must be granted the PassRole permission on the IAM role" (IAM API
    // reference, `AddRoleToInstanceProfile`).
    if call.action == "AddRoleToInstanceProfile"
        && let Some(role) = call.form.get("RoleName")
    {
        needs.push(entity("PassRole", "Role", role, account));
    }
    needs
}

fn main(call: &Call, caller: &Caller, account: &Snapshot) -> Need {
    let (action, get) = (call.action.as_str(), |name: &str| call.form.get(name));
    let arn = |resource: String| format!("arn:aws:iam::{}:{resource}", account.account());
    let by_arn = |arn: String| Need { action: format!("iam:{action}"), shown: arn.clone(), arn, target: None };
    for (kind, plural, word) in KINDS {
        if action.strip_prefix("Create") == Some(kind)
            && let Some(name) = get(&format!("{kind}Name"))
        {
            return by_arn(arn(format!("{word}{}{name}", get("Path").unwrap_or("/"))));
        }
        if action.strip_prefix("List") == Some(plural) {
            return by_arn(arn(format!("{word}{}", get("PathPrefix").unwrap_or("/"))));
        }
    }
    if let Some(profile) = get("InstanceProfileName") {
        let found = account.instance_profile(profile).map(str::to_owned);
        let found = found.unwrap_or_else(|| arn(format!("instance-profile/{profile}")));
        return Need { shown: format!("instance profile {profile}"), ..by_arn(found) };
    }
    let of_group = matches!(action, "AddUserToGroup" | "RemoveUserFromGroup");
    let kinds: &[Kind] = if of_group { &["Group"] } else { &["Role", "User", "Group"] };
    if let Some((kind, name)) = kinds.iter().find_map(|&kind| Some((kind, get(&format!("{kind}Name"))?))) {
        return entity(action, kind, name, account);
    }
    if let Some(policy) = get("PolicyArn") {
        return Need { shown: format!("policy {policy}"), ..by_arn(policy.to_owned()) };
    }
    if let Some(reported) = get("Arn").filter(|_| action == "GenerateServiceLastAccessedDetails") {
        return by_arn(reported.to_owned());
    }
    if let Some(simulated) = get("PolicySourceArn") {
        return by_arn(simulated.to_owned());
    }
    if let ("User", name, _) = principal_of(&caller.arn)
        && OF_ONESELF.contains(&action)
    {
        return entity(action, "User", name, account);
    }
    by_arn("*".to_owned())
}

fn entity(action: &str, kind: Kind, name: &str, account: &Snapshot) -> Need {
    let (found, word) = (account.entity(kind, name), kind.to_lowercase());
    Need {
        action: format!("iam:{action}"),
        arn: match &found {
            Some(entity) => entity.arn().to_owned(),
            None => format!("arn:aws:iam::{}:{word}/{name}", account.account()),
        },
        shown: format!("{word} {name}"),
        target: found.map(|_| (kind, name.to_owned())),
    }
}

/// What has a path: its kind and plural in names of actions, and its kind in ARNs.
const KINDS: [(&str, &str, &str); 5] = [
    ("Role", "Roles", "role"),
    ("User", "Users", "user"),
    ("Group", "Groups", "group"),
    ("Policy", "Policies", "policy"),
    ("InstanceProfile", "InstanceProfiles", "instance-profile"),
];

/// Without `UserName`, "IAM determines the user name implicitly based on the AWS access key ID signing the request" (IAM API
/// reference, `GetUser`, `CreateAccessKey` and others).
const OF_ONESELF: [&str; 5] = ["GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"];

#[cfg(test)]
mod tests {
    use super::{super::snapshot::tests::account, *};
    use crate::aws_proxy::Form;

    const IAM: &str = "arn:aws:iam::222222222222:";

    fn need(action: &str, parameters: &[(&str, &str)]) -> Vec<Need> {
        let call = Call {
            service: "iam".into(),
            action: action.into(),
            region: "us-east-1".into(),
            access_key: None,
            form: Form::of(parameters),
        };
        let caller = Caller { arn: format!("{IAM}user/ops/anna"), ..Caller::default() };
        needs(&call, &caller, &account())
    }

    #[test]
    fn a_call_is_about_what_its_parameters_name() {
        for (action, parameters, arn, shown) in [
            ("GetRole", &[("RoleName", "reader")][..], "role/op/reader", "role reader"),
            ("GetRole", &[("RoleName", "absent")], "role/absent", "role absent"),
            ("AttachRolePolicy", &[("RoleName", "reader"), ("PolicyArn", "arn:p")], "role/op/reader", "role reader"),
            ("PutUserPolicy", &[("UserName", "anna")], "user/ops/anna", "user anna"),
            ("AddUserToGroup", &[("UserName", "anna"), ("GroupName", "staff")], "group/staff", "group staff"),
            ("CreateAccessKey", &[], "user/ops/anna", "user anna"),
            (
                "RemoveRoleFromInstanceProfile",
                &[("RoleName", "reader"), ("InstanceProfileName", "hosts")],
                "instance-profile/op/hosts",
                "instance profile hosts",
            ),
        ] {
            let needed = need(action, parameters);
            let found: Vec<_> = needed.iter().map(|need| (need.arn.as_str(), need.shown.as_str())).collect();
            assert_eq!(found, [(format!("{IAM}{arn}").as_str(), shown)], "{action} {parameters:?}");
        }
    }

    #[test]
    fn what_is_created_or_listed_is_named_by_the_path_in_the_request() {
        for (action, parameters, arn) in [
            ("CreateRole", &[("RoleName", "new"), ("Path", "/op/")][..], "role/op/new"),
            ("CreateRole", &[("RoleName", "reader")], "role/reader"),
            ("CreatePolicy", &[("PolicyName", "new")], "policy/new"),
            ("ListRoles", &[("PathPrefix", "/op/")], "role/op/"),
            ("ListUsers", &[], "user/"),
        ] {
            let needed = need(action, parameters);
            assert_eq!(needed[0].arn, format!("{IAM}{arn}"), "{action}");
            assert_eq!(needed[0].target, None, "{action}");
        }
    }

    #[test]
    fn what_names_a_policy_or_nothing_is_about_that() {
        assert_eq!(need("DeletePolicy", &[("PolicyArn", "arn:p")])[0].arn, "arn:p");
        assert_eq!(need("GetAccountAuthorizationDetails", &[])[0].arn, "*");
    }

    #[test]
    fn what_is_created_with_tags_is_tagged() {
        let tags = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
        let needed = need("CreateRole", &[&[("RoleName", "new")], &tags[..]].concat());
        let found: Vec<_> =
            needed.iter().map(|need| (need.action.as_str(), need.arn.trim_start_matches(IAM))).collect();
        assert_eq!(found, [("iam:CreateRole", "role/new"), ("iam:TagRole", "role/new")]);
    }

    #[test]
    fn a_role_that_joins_an_instance_profile_is_passed() {
        let needed = need("AddRoleToInstanceProfile", &[("RoleName", "reader"), ("InstanceProfileName", "hosts")]);
        let found: Vec<_> =
            needed.iter().map(|need| (need.action.as_str(), need.arn.trim_start_matches(IAM))).collect();
        assert_eq!(
            found,
            [("iam:AddRoleToInstanceProfile", "instance-profile/op/hosts"), ("iam:PassRole", "role/op/reader")]
        );
    }
}
