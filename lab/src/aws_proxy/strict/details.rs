//! What AWS tells about a role and MiniStack leaves out: when it was last used (IAM user guide, "Viewing last accessed
//! information"; AWS API reference, `RoleLastUsed`) and, in bulk, its permissions boundary (AWS API reference, `RoleDetail`).

use std::{collections::HashMap, sync::Mutex};

use super::{
    super::{
        locked,
        upstream::{Upstream, UpstreamError},
        xml,
    },
    Strictness, lookup,
    sessions::Sessions,
};

/// Permissions boundaries by account and role, as last looked up.
#[derive(Default)]
pub(crate) struct Boundaries(Mutex<HashMap<(String, String), Option<String>>>);

impl Boundaries {
    /// A call may have changed the boundary: it is looked up anew.
    pub(crate) fn changed(&self, account: &str, role: &str) {
        locked(&self.0).remove(&(account.to_owned(), role.to_owned()));
    }

    pub(crate) async fn of(
        &self,
        upstream: &Upstream,
        account: &str,
        role: &str,
    ) -> Result<Option<String>, UpstreamError> {
        let key = (account.to_owned(), role.to_owned());
        if let Some(boundary) = locked(&self.0).get(&key).cloned() {
            return Ok(boundary);
        }
        let boundary = lookup::role(upstream, account, role).await?.and_then(|role| role.boundary);
        locked(&self.0).insert(key, boundary.clone());
        Ok(boundary)
    }

    pub(crate) fn forget(&self) {
        locked(&self.0).clear();
    }
}

/// Adds when the role was last used to its description.
pub(crate) fn with_last_used(role: &str, sessions: &Sessions) -> String {
    let last_used = xml::element(role, "RoleId").and_then(|id| sessions.last_used(id));
    let last_used = last_used.map_or_else(String::new, |last| {
        let at = last.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        format!("<LastUsedDate>{at}</LastUsedDate><Region>{}</Region>", last.region)
    });
    add(role, &format!("<RoleLastUsed>{last_used}</RoleLastUsed>"))
}

/// Completes the roles of a `GetAccountAuthorizationDetails` answer.
pub(crate) async fn complete(
    answer: &str,
    account: &str,
    upstream: &Upstream,
    rules: &Strictness,
) -> Result<String, UpstreamError> {
    let listed = xml::element(answer, "RoleDetailList").unwrap_or_default();
    if listed.is_empty() {
        return Ok(answer.to_owned());
    }
    let mut completed = String::new();
    for role in xml::members(listed) {
        let mut role = with_last_used(role, &rules.sessions);
        let name = xml::element(&role, "RoleName").unwrap_or_default();
        if let Some(boundary) = rules.boundaries.of(upstream, account, name).await? {
            let kind = "<PermissionsBoundaryType>PermissionsBoundaryPolicy</PermissionsBoundaryType>";
            let arn = format!("<PermissionsBoundaryArn>{boundary}</PermissionsBoundaryArn>");
            role = add(&role, &format!("<PermissionsBoundary>{kind}{arn}</PermissionsBoundary>"));
        }
        completed.extend(["<member>", &role, "</member>"]);
    }
    Ok(answer.replacen(listed, &completed, 1))
}

/// Adds an element to a role, beside its trust policy, which every description of a role has.
fn add(role: &str, element: &str) -> String {
    const AFTER: &str = "</AssumeRolePolicyDocument>";
    role.replacen(AFTER, &format!("{AFTER}{element}"), 1)
}

#[cfg(test)]
mod tests {
    use super::{super::sessions::Session, *};

    const ROLE: &str = "<RoleId>AROA1</RoleId><AssumeRolePolicyDocument>x</AssumeRolePolicyDocument>";

    #[test]
    fn a_role_that_was_never_used_says_so_and_a_used_one_says_where() {
        let sessions = Sessions::default();
        assert_eq!(xml::element(&with_last_used(ROLE, &sessions), "RoleLastUsed"), Some(""));
        sessions.issued("ASIA1", Session { role_id: "AROA1".into(), ..Session::default() });
        sessions.used("ASIA1", "s3", "eu-west-1");
        let role = with_last_used(ROLE, &sessions);
        assert_eq!(xml::element(&role, "Region"), Some("eu-west-1"));
        assert!(xml::element(&role, "LastUsedDate").is_some());
    }
}
