//! What is asked of `sts:AssumeRole`.

use std::collections::{BTreeMap, BTreeSet};

use super::{ObjectIdentity, PolicyArn, digest_hex, truncate_with_hash};

/// A role session name: 2 to 64 of `[\w+=,.@-]` (STS API reference, `AssumeRole`). It shows in the target account's
/// CloudTrail, so it says which object the session was made for and holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionName(String);

impl SessionName {
    /// `<namespace>.<name>` cut with a hash to 64. Kubernetes names are within the alphabet.
    #[must_use]
    pub fn of(object: &ObjectIdentity) -> Self {
        Self(truncate_with_hash(&format!("{}.{}", object.namespace, object.name), 64))
    }

    /// The name under which the operator enters an account to manage it: the name of an `AWSAccount`, cut likewise.
    #[must_use]
    pub fn of_manager(account_name: &str) -> Self {
        Self(truncate_with_hash(&format!("crossaccount.{account_name}"), 64))
    }

    /// As sent to AWS.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The options of a session, as declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRequest {
    /// Lifetime in seconds, 900 to 43,200 and at most the role's own maximum.
    pub duration_seconds: i32,
    /// Session tags.
    pub tags: BTreeMap<String, String>,
    /// Keys of tags that go on through a chain of roles.
    pub transitive_tag_keys: Vec<String>,
    /// Source identity, fixed for the whole chain.
    pub source_identity: Option<String>,
    /// Inline session policy, minified JSON: the session can do no more than this.
    pub policy: Option<String>,
    /// Managed session policies, likewise.
    pub policy_arns: Vec<PolicyArn>,
}

impl SessionRequest {
    /// The actions that both sides must allow besides `sts:AssumeRole`: only those in use.
    #[must_use]
    pub fn extra_actions(&self) -> Vec<&'static str> {
        [("sts:TagSession", !self.tags.is_empty()), ("sts:SetSourceIdentity", self.source_identity.is_some())]
            .into_iter()
            .filter_map(|(action, used)| used.then_some(action))
            .collect()
    }

    /// A digest of everything that makes one session another one. The order of keys and policies does not.
    #[must_use]
    pub fn fingerprint(&self, role_arn: &str, role_id: &str) -> String {
        let Self { duration_seconds, tags, transitive_tag_keys, source_identity, policy, policy_arns } = self;
        let tags: Vec<&str> = tags.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]).collect();
        let keys: BTreeSet<&str> = transitive_tag_keys.iter().map(String::as_str).collect();
        let arns: BTreeSet<&str> = policy_arns.iter().map(PolicyArn::as_str).collect();
        let joined = |set: BTreeSet<&str>| set.into_iter().collect::<Vec<_>>().join("\u{0}");
        let source = source_identity.as_deref().unwrap_or_default();
        digest_hex(&[
            role_arn.as_bytes(),
            role_id.as_bytes(),
            &duration_seconds.to_be_bytes(),
            tags.join("\u{0}").as_bytes(),
            joined(keys).as_bytes(),
            source.as_bytes(),
            policy.as_deref().unwrap_or_default().as_bytes(),
            joined(arns).as_bytes(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_and_policies_does_not_make_another_session() {
        let arn = |name: &str| PolicyArn::parse(&format!("arn:aws:iam::aws:policy/{name}")).expect("an ARN");
        let session = |keys: &[&str], arns: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let mut session = SessionRequest::for_hop(&BTreeMap::new(), &keys);
            session.policy_arns = arns.iter().map(|name| arn(name)).collect();
            session.fingerprint("role", "id")
        };
        assert_eq!(session(&["a", "b"], &["c", "d"]), session(&["b", "a"], &["d", "c"]));
        assert_ne!(session(&["a", "b"], &["c", "d"]), session(&["a"], &["c", "d"]));
        assert_ne!(session(&["a", "b"], &["c", "d"]), session(&["a", "b"], &["c"]));
    }

    #[test]
    fn the_longest_names_of_kubernetes_make_a_legal_session_name() {
        let object = ObjectIdentity {
            cluster: "c".into(),
            namespace: "n".repeat(63),
            name: format!("{}.{}", "o".repeat(63), "p".repeat(189)),
            uid: "u".into(),
        };
        let name = SessionName::of(&object);
        assert_eq!(name.as_str().len(), 64);
        assert!(name.as_str().bytes().all(super::super::arn::is_name_byte));
    }
}
