//! What a caller's own policies allow on a role (IAM user guide, "Policy evaluation logic").
//!
//! MiniStack judges by the name of a role alone: it knows neither the path in a role's ARN nor the condition keys of IAM.
//! Where it denies, its denial stands only if the policies deny with those known too.

use serde_json::Value;

use super::{
    super::{
        call::{Call, Form},
        upstream::{Upstream, UpstreamError},
        xml,
    },
    condition::{Context, all_hold, glob, texts},
    documents,
    evaluate::{Caller, covers, statements},
    lookup::{self, Role},
    request_context,
    sessions::Session,
};

/// Whether the caller may carry out a call of IAM on the role that it names.
pub(crate) async fn allows(
    upstream: &Upstream,
    caller: Caller,
    session: Option<&Session>,
    Call { action, form, region, .. }: &Call,
) -> Result<bool, UpstreamError> {
    let account = caller.account.clone();
    let name = form.get("RoleName").unwrap_or_default();
    let role = lookup::role(upstream, &account, name).await?;
    let resource = match &role {
        Some(role) => role.arn.clone(),
        None => format!("arn:aws:iam::{account}:role{}{name}", form.get("Path").unwrap_or("/")),
    };
    let (caller, mut tags) = request_context::identify(upstream, caller).await?;
    tags.extend(session.map(|session| session.tags.clone()).unwrap_or_default());
    let mut context = request_context::of(&caller, &tags, region);
    describe(&mut context, form, role.as_ref());
    let policies = Policies::gather(upstream, &caller, session).await?;
    Ok(policies.allow(&format!("iam:{action}"), &resource, &context))
}

/// The condition keys of IAM (service authorization reference, "Condition keys for AWS Identity and Access Management").
fn describe(context: &mut Context, form: &Form, role: Option<&Role>) {
    let tags: Vec<_> = form.tags().into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    request_context::add_request(context, &Form::default(), &tags, None);
    let mut set = |key: &str, value: &str| drop(context.insert(key.to_ascii_lowercase(), vec![value.to_owned()]));
    let boundary = form.get("PermissionsBoundary").or_else(|| role.and_then(|role| role.boundary.as_deref()));
    for (key, value) in [("iam:PermissionsBoundary", boundary), ("iam:PolicyARN", form.get("PolicyArn"))] {
        if let Some(value) = value {
            set(key, value);
        }
    }
    for (key, value) in role.map(|role| role.tags.as_slice()).unwrap_or_default() {
        set(&format!("aws:ResourceTag/{key}"), value);
        set(&format!("iam:ResourceTag/{key}"), value);
    }
}

/// The policies that decide about a caller.
#[derive(Debug, Default)]
struct Policies {
    identity: Vec<Value>,
    /// Permissions boundary and session policies: each set must allow, too.
    limits: Vec<Vec<Value>>,
}

impl Policies {
    async fn gather(upstream: &Upstream, caller: &Caller, session: Option<&Session>) -> Result<Self, UpstreamError> {
        let account = caller.account.as_str();
        let reply = upstream.as_root(account, "iam", &[("Action", "GetAccountAuthorizationDetails")]).await?;
        let details = Details { upstream, account, answer: documents::shown(reply.text()) };
        let name = caller.principal.rsplit('/').next().unwrap_or_default();
        let (mut identity, boundary) = if caller.principal.contains(":role/") {
            let boundary = lookup::role(upstream, account, name).await?.and_then(|role| role.boundary);
            (details.policies_of("RoleDetailList", "RoleName", name, "RolePolicyList").await?, boundary)
        } else {
            let boundary = lookup::user(upstream, account, name).await?.and_then(|user| user.boundary);
            (details.policies_of("UserDetailList", "UserName", name, "UserPolicyList").await?, boundary)
        };
        let user = details.entry("UserDetailList", "UserName", name).unwrap_or_default();
        for group in xml::members(xml::element(user, "GroupList").unwrap_or_default()) {
            identity.extend(details.policies_of("GroupDetailList", "GroupName", group, "GroupPolicyList").await?);
        }
        let mut limits = Vec::new();
        if let Some(boundary) = boundary {
            limits.push(vec![details.managed(&boundary).await?]);
        }
        if let Some(Session { policy, policy_arns, .. }) = session
            && !(policy.is_none() && policy_arns.is_empty())
        {
            let mut passed: Vec<Value> =
                policy.iter().map(|policy| serde_json::from_str(policy).unwrap_or_default()).collect();
            for arn in policy_arns {
                passed.push(details.managed(arn).await?);
            }
            limits.push(passed);
        }
        Ok(Self { identity, limits })
    }

    /// An explicit deny anywhere decides; else every layer must allow.
    fn allow(&self, action: &str, resource: &str, context: &Context) -> bool {
        let layers = || std::iter::once(&self.identity).chain(&self.limits);
        let says = |layer: &[Value], effect: &str| {
            layer.iter().flat_map(statements).any(|statement| {
                statement["Effect"] == effect
                    && covers(statement, action)
                    && reaches(statement, resource)
                    && all_hold(&statement["Condition"], context)
            })
        };
        !layers().any(|layer| says(layer, "Deny")) && layers().all(|layer| says(layer, "Allow"))
    }
}

/// Whether a statement is about this resource.
fn reaches(statement: &Value, resource: &str) -> bool {
    let listed = |element: &str| texts(&statement[element]).iter().any(|pattern| glob(pattern, resource));
    if statement["NotResource"].is_null() { listed("Resource") } else { !listed("NotResource") }
}

/// An answer of `GetAccountAuthorizationDetails`.
struct Details<'a> {
    upstream: &'a Upstream,
    account: &'a str,
    answer: String,
}

impl Details<'_> {
    fn entry(&self, list: &str, key: &str, name: &str) -> Option<&str> {
        let entries = xml::members(xml::element(&self.answer, list)?);
        entries.into_iter().find(|entry| xml::element(entry, key) == Some(name))
    }

    /// Inline and attached policies of one user, group or role.
    async fn policies_of(&self, list: &str, key: &str, name: &str, inline: &str) -> Result<Vec<Value>, UpstreamError> {
        let entry = self.entry(list, key, name).unwrap_or_default();
        let members = |list| xml::members(xml::element(entry, list).unwrap_or_default());
        let read = |policy| documents::read(xml::element(policy, "PolicyDocument").unwrap_or_default());
        let mut policies: Vec<_> = members(inline).into_iter().map(read).collect();
        for policy in members("AttachedManagedPolicies") {
            policies.push(self.managed(xml::element(policy, "PolicyArn").unwrap_or_default()).await?);
        }
        Ok(policies)
    }

    /// The default version of a managed policy; those of AWS are not among an account's details.
    async fn managed(&self, arn: &str) -> Result<Value, UpstreamError> {
        if let Some(policy) = self.entry("Policies", "Arn", arn) {
            let versions = xml::members(xml::element(policy, "PolicyVersionList").unwrap_or_default());
            let default =
                versions.into_iter().find(|version| xml::element(version, "IsDefaultVersion") == Some("true"));
            return Ok(documents::read(
                default.and_then(|version| xml::element(version, "Document")).unwrap_or_default(),
            ));
        }
        let question = [("Action", "GetPolicyVersion"), ("PolicyArn", arn), ("VersionId", "v1")];
        let reply = self.upstream.as_root(self.account, "iam", &question).await?;
        Ok(documents::read(xml::element(reply.text(), "Document").unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(effect: &str, resource: &str) -> Value {
        json!({"Statement": {"Effect": effect, "Action": "iam:Create*", "Resource": resource}})
    }

    fn allow(policies: &Policies) -> bool {
        policies.allow("iam:CreateRole", "arn:aws:iam::222222222222:role/op/reader", &Context::new())
    }

    #[test]
    fn a_policy_reaches_roles_by_their_path() {
        let on = |resource: &str| Policies { identity: vec![statement("Allow", resource)], limits: Vec::new() };
        assert!(allow(&on("arn:aws:iam::222222222222:role/op/*")));
        assert!(!allow(&on("arn:aws:iam::222222222222:role/reader")));
        assert!(!allow(&Policies::default()));
    }

    #[test]
    fn every_layer_must_allow_and_none_deny() {
        let all = || vec![statement("Allow", "*")];
        assert!(allow(&Policies { identity: all(), limits: vec![all()] }));
        assert!(!allow(&Policies { identity: all(), limits: vec![Vec::new()] }));
        assert!(!allow(&Policies {
            identity: all(),
            limits: vec![vec![statement("Deny", "*"), statement("Allow", "*")]]
        }));
    }

    #[test]
    fn the_boundary_asked_for_or_in_place_is_a_condition_key() {
        let mut asked = Context::new();
        describe(&mut asked, &Form::of(&[("PermissionsBoundary", "arn:b")]), None);
        assert_eq!(asked["iam:permissionsboundary"], ["arn:b"]);
    }
}
