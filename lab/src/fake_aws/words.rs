//! Roles as IAM writes them in XML.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::roles::Role;
use crate::aws_proxy::escape;

/// The answer to `GetRole` and `CreateRole`.
pub(super) fn role(role: &Role) -> String {
    format!("<Role>{}{}{}</Role>", common(role), settings(role), boundary_and_tags(role))
}

/// An entry of `ListRoles`, which has neither tags nor boundary.
pub(super) fn listed(role: &Role) -> String {
    format!("{}{}", common(role), settings(role))
}

/// An entry of `GetAccountAuthorizationDetails`, which has neither description nor longest session.
pub(super) fn detail(role: &Role) -> String {
    let inline = role.inline.iter().map(|(name, document)| {
        format!("<PolicyName>{}</PolicyName><PolicyDocument>{}</PolicyDocument>", escape(name), encoded(document))
    });
    format!(
        "{}{}{}{}",
        common(role),
        boundary_and_tags(role),
        element("RolePolicyList", &members(inline)),
        element("AttachedManagedPolicies", &members(role.attached.iter().map(|arn| attached(arn)))),
    )
}

/// The answer to `GetRolePolicy`.
pub(super) fn inline(role: &str, policy: &str, document: &str) -> String {
    let document = element("PolicyDocument", &encoded(document));
    format!("<RoleName>{}</RoleName><PolicyName>{}</PolicyName>{document}", escape(role), escape(policy))
}

/// A managed policy.
pub(super) fn attached(arn: &str) -> String {
    let name = arn.rsplit('/').next().unwrap_or_default();
    format!("<PolicyName>{}</PolicyName><PolicyArn>{}</PolicyArn>", escape(name), escape(arn))
}

/// A text.
pub(super) fn text(text: &str) -> String {
    escape(text)
}

/// A whole list.
pub(super) fn list<'a>(
    name: &str,
    entries: impl IntoIterator<Item = &'a String>,
    entry: impl Fn(&str) -> String,
) -> String {
    page(name, entries, |text: &String| entry(text), None)
}

/// One page of a list, with the marker of the next.
pub(super) fn page<T>(
    name: &str,
    entries: impl IntoIterator<Item = T>,
    entry: impl Fn(T) -> String,
    next: Option<String>,
) -> String {
    let list = element(name, &members(entries.into_iter().map(entry)));
    match next {
        Some(marker) => format!("{list}<IsTruncated>true</IsTruncated><Marker>{}</Marker>", escape(&marker)),
        None => format!("{list}<IsTruncated>false</IsTruncated>"),
    }
}

fn common(role: &Role) -> String {
    format!(
        "<Path>{}</Path><RoleName>{}</RoleName><RoleId>{}</RoleId><Arn>{}</Arn><CreateDate>{}</CreateDate>\
         <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>",
        escape(&role.path),
        escape(&role.name),
        role.id,
        escape(&role.arn),
        role.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        encoded(&role.trust),
    )
}

fn settings(role: &Role) -> String {
    let longest = element("MaxSessionDuration", &role.max_session);
    format!("<Description>{}</Description>{longest}", escape(&role.description))
}

fn boundary_and_tags(role: &Role) -> String {
    let boundary = role.boundary.as_ref().map_or_else(String::new, |arn| {
        let arn = element("PermissionsBoundaryArn", &escape(arn));
        element("PermissionsBoundary", &format!("<PermissionsBoundaryType>Policy</PermissionsBoundaryType>{arn}"))
    });
    let tags =
        role.tags.iter().map(|(key, value)| format!("<Key>{}</Key><Value>{}</Value>", escape(key), escape(value)));
    format!("{boundary}{}", element("Tags", &members(tags)))
}

/// IAM percent-encodes the documents that it returns (IAM API reference, `GetRole`).
fn encoded(document: &str) -> String {
    utf8_percent_encode(document, NON_ALPHANUMERIC).to_string()
}

fn members(entries: impl Iterator<Item = String>) -> String {
    entries.map(|entry| element("member", &entry)).collect()
}

fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}
