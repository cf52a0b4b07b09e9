//! What rules ask MiniStack about, as the root of an account.

use serde_json::Value;

use super::{
    super::{
        upstream::{Upstream, UpstreamError},
        xml,
    },
    documents,
};

/// A role as `GetRole` tells it.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) trust: Value,
    /// Seconds.
    pub(crate) max_session_duration: u32,
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
}

/// The role of this exact name.
pub(crate) async fn role(upstream: &Upstream, account: &str, name: &str) -> Result<Option<Role>, UpstreamError> {
    let reply = upstream.as_root(account, "iam", &[("Action", "GetRole"), ("RoleName", name)]).await?;
    let text = reply.text();
    let field = |name| xml::element(text, name).map(str::to_owned);
    let (Some(arn), Some(id)) = (field("Arn"), field("RoleId")) else { return Ok(None) };
    Ok(Some(Role {
        arn,
        id,
        trust: documents::read(xml::element(text, "AssumeRolePolicyDocument").unwrap_or_default()),
        max_session_duration: field("MaxSessionDuration").and_then(|seconds| seconds.parse().ok()).unwrap_or(3600),
        boundary: field("PermissionsBoundaryArn"),
        tags: tags(text),
    }))
}

/// A user as `GetUser` tells it.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
}

/// The user of this exact name.
pub(crate) async fn user(upstream: &Upstream, account: &str, name: &str) -> Result<Option<User>, UpstreamError> {
    let reply = upstream.as_root(account, "iam", &[("Action", "GetUser"), ("UserName", name)]).await?;
    let field = |name| xml::element(reply.text(), name).map(str::to_owned);
    let (Some(arn), Some(id)) = (field("Arn"), field("UserId")) else { return Ok(None) };
    Ok(Some(User { arn, id, boundary: field("PermissionsBoundaryArn"), tags: tags(reply.text()) }))
}

/// The tags in a description of a role or user.
pub(crate) fn tags(text: &str) -> Vec<(String, String)> {
    let tag = |member: &str| {
        Some((xml::unescape(xml::element(member, "Key")?), xml::unescape(xml::element(member, "Value")?)))
    };
    xml::members(xml::element(text, "Tags").unwrap_or_default()).into_iter().filter_map(tag).collect()
}
