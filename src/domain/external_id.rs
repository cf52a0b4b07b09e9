//! The external id: what keeps one tenant's object from using another's role.

use std::fmt;

use super::{ObjectIdentity, digest_hex};

/// How every external id begins.
const PREFIX: &str = "car-";

/// As many digits of a hash follow.
const LENGTH: usize = 40;

/// The value of `sts:ExternalId` in a role's trust policy.
///
/// It is made from the object's identity and never taken from a specification, so no tenant can name another's
/// (IAM user guide, "The confused deputy problem"). Being a function of cluster, namespace, name and UID it needs no
/// storage, survives any crash, and is another one for an object created again. AWS does not treat it as a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalId(String);

impl ExternalId {
    /// The external id of this object; 44 characters within `[\w+=,.@:\/-]` (STS API reference, `AssumeRole`).
    #[must_use]
    pub fn of(object: &ObjectIdentity) -> Self {
        let ObjectIdentity { cluster, namespace, name, uid } = object;
        let hash = digest_hex(&[cluster.as_bytes(), namespace.as_bytes(), name.as_bytes(), uid.as_bytes()]);
        Self(format!("{PREFIX}{}", &hash[..LENGTH]))
    }

    /// Whether an external id has the form of those that operators make, for whatever object.
    #[must_use]
    pub fn has_form(text: &str) -> bool {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.strip_prefix(PREFIX).is_some_and(|hash| hash.len() == LENGTH && hash.bytes().all(hex))
    }

    /// As sent to AWS.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(cluster: &str, namespace: &str, name: &str, uid: &str) -> ObjectIdentity {
        ObjectIdentity { cluster: cluster.into(), namespace: namespace.into(), name: name.into(), uid: uid.into() }
    }

    #[test]
    fn every_part_of_the_identity_changes_the_external_id() {
        let base = ExternalId::of(&object("c", "n", "o", "u"));
        assert_eq!(base, ExternalId::of(&object("c", "n", "o", "u")));
        for other in [
            object("d", "n", "o", "u"),
            object("c", "m", "o", "u"),
            object("c", "n", "p", "u"),
            object("c", "n", "o", "v"),
        ] {
            assert_ne!(base, ExternalId::of(&other));
        }
        assert_ne!(ExternalId::of(&object("c", "ab", "c", "u")), ExternalId::of(&object("c", "a", "bc", "u")));
    }

    #[test]
    fn an_external_id_is_recognized_by_its_form() {
        let id = ExternalId::of(&object("c", "n", "o", "u"));
        assert!(ExternalId::has_form(id.as_str()));
        for other in ["", "car-", "7d1f0a", &id.as_str()[1..], &format!("{id}0"), &id.as_str().to_uppercase()] {
            assert!(!ExternalId::has_form(other), "{other}");
        }
    }
}
