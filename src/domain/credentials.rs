//! Temporary credentials, which nothing can print.

use std::fmt;

use jiff::Timestamp;
use zeroize::Zeroizing;

/// A text that never shows in `Debug`, has no `Display`, and is wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the text in.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Each call of this is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// One whole set of temporary credentials. The parts of two sets are never mixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Access key id (`ASIA…`). Not usable alone, but treated like the rest.
    pub access_key_id: SecretText,
    /// Secret access key.
    pub secret_access_key: SecretText,
    /// Session token. AWS names no maximum length for it.
    pub session_token: SecretText,
    /// When AWS stops accepting the set.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_credentials_shows_no_part_of_them() {
        let set = Credentials {
            access_key_id: SecretText::new("ASIACANARY".into()),
            secret_access_key: SecretText::new("canary-secret".into()),
            session_token: SecretText::new("canary-token".into()),
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let shown = format!("{set:?} {set:#?} {:?}", Some(&set));
        assert!(!shown.to_lowercase().contains("canary"), "{shown}");
        assert!(shown.contains("<redacted>"));
    }
}
