//! What is known of the sessions that were issued through the proxy, beyond what MiniStack keeps.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderValue},
};
use jiff::Timestamp;

use super::super::{fault::AwsError, locked, reply::Reply};

/// A session of an assumed role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// Unique id of the role (`AROA…`): a recreated role of the same name is another one.
    pub(crate) role_id: String,
    /// `arn:aws:sts::…:assumed-role/<role>/<session name>`
    pub(crate) arn: String,
    /// When it began.
    pub(crate) issued_at: Option<Timestamp>,
    /// Persists through role chaining (IAM user guide, "Monitor and control actions taken with assumed roles").
    pub(crate) source_identity: Option<String>,
    /// Session tags that go on to the next session of a chain (IAM user guide, "Pass session tags in AWS STS").
    pub(crate) transitive_tags: Vec<(String, String)>,
    /// All session tags, inherited ones included.
    pub(crate) tags: Vec<(String, String)>,
    /// Session policies: the inline one, and the ARNs of managed ones.
    pub(crate) policy: Option<String>,
    pub(crate) policy_arns: Vec<String>,
}

/// When and where a role was last used.
#[derive(Clone, Debug)]
pub(crate) struct LastUsed {
    pub(crate) at: Timestamp,
    pub(crate) region: String,
}

/// Sessions by access key id, and what became of their roles.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    sessions: HashMap<String, Session>,
    last_used: HashMap<String, LastUsed>,
    /// By role and service.
    services: HashMap<(String, String), LastUsed>,
    deleted_roles: HashSet<String>,
}

impl Sessions {
    pub(crate) fn issued(&self, access_key: &str, session: Session) {
        locked(&self.0).sessions.insert(access_key.to_owned(), session);
    }

    pub(crate) fn get(&self, access_key: &str) -> Option<Session> {
        locked(&self.0).sessions.get(access_key).cloned()
    }

    /// Notes that a session is used. `false` if its role was deleted: its credentials are then no longer good.
    pub(crate) fn used(&self, access_key: &str, service: &str, region: &str) -> bool {
        let mut known = locked(&self.0);
        let Some(role_id) = known.sessions.get(access_key).map(|session| session.role_id.clone()) else { return true };
        if known.deleted_roles.contains(&role_id) {
            return false;
        }
        let last = LastUsed { at: Timestamp::now(), region: region.to_owned() };
        known.services.insert((role_id.clone(), service.to_owned()), last.clone());
        known.last_used.insert(role_id, last);
        true
    }

    /// Whether a session ended because its role was deleted.
    pub(crate) fn ended_with_its_role(&self, access_key: &str) -> bool {
        let known = locked(&self.0);
        known.sessions.get(access_key).is_some_and(|session| known.deleted_roles.contains(&session.role_id))
    }

    pub(crate) fn last_used(&self, role_id: &str) -> Option<LastUsed> {
        locked(&self.0).last_used.get(role_id).cloned()
    }

    pub(crate) fn service_used(&self, role_id: &str, service: &str) -> Option<LastUsed> {
        locked(&self.0).services.get(&(role_id.to_owned(), service.to_owned())).cloned()
    }

    pub(crate) fn role_deleted(&self, role_id: &str) {
        locked(&self.0).deleted_roles.insert(role_id.to_owned());
    }

    pub(crate) fn forget(&self) {
        *locked(&self.0) = Known::default();
    }
}

/// MiniStack forgets a session some time after its end, and then does not know its key any more. AWS does: it says that
/// the token has expired (IAM API reference, "Common errors", `ExpiredToken`).
pub(crate) fn expired(service: &str, reply: Reply) -> Reply {
    if reply.error_code() != Some("InvalidClientTokenId") {
        return reply;
    }
    let message = "The security token included in the request is expired";
    Reply::error(service, &AwsError::new(403, "ExpiredToken", message))
}

/// Makes the key a request is signed with one that nobody knows, so that MiniStack refuses it in the words of the service.
pub(crate) fn revoke(headers: &mut HeaderMap, access_key: &str) {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Ok(unknown) = HeaderValue::from_str(&authorization.replace(access_key, "ASIA0000000000000000")) {
        headers.insert(AUTHORIZATION, unknown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_with_its_role_and_use_of_it_is_remembered() {
        let sessions = Sessions::default();
        sessions.issued("ASIA1", Session { role_id: "AROA1".into(), ..Session::default() });
        assert!(sessions.used("ASIA1", "s3", "eu-west-1"));
        assert_eq!(sessions.last_used("AROA1").unwrap().region, "eu-west-1");
        assert!(sessions.service_used("AROA1", "s3").is_some() && sessions.service_used("AROA1", "sqs").is_none());
        sessions.role_deleted("AROA1");
        assert!(!sessions.used("ASIA1", "s3", "eu-west-1"));
    }
}
