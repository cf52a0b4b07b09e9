//! Values of flags: parsed once, with an answer that says what to write instead.

use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

use jiff::SignedDuration;

use crate::domain::Principal;

/// The namespaces whose objects are reconciled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespaces {
    /// Every namespace, also those made later.
    All,
    /// These and no others; never empty.
    Only(BTreeSet<String>),
}

impl FromStr for Namespaces {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::All);
        }
        // An empty list is refused, not read as "all": an unset variable in a script must not widen what is watched.
        text.split(',').map(|name| namespace(name.trim())).collect::<Result<_, _>>().map(Self::Only)
    }
}

impl fmt::Display for Namespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Only(names) => f.write_str(&names.iter().map(String::as_str).collect::<Vec<_>>().join(",")),
        }
    }
}

/// A namespace name: a DNS label of RFC 1123, as the API server requires.
pub(crate) fn namespace(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = !text.starts_with('-') && !text.ends_with('-');
    if (1..=63).contains(&text.len()) && text.chars().all(inner) && edges {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is not a namespace name; write 1 to 63 lower-case letters, digits and hyphens, not at the edges"
    ))
}

/// A cluster name: it becomes a tag value, so the characters and the length are those of IAM (API reference, Tag).
pub(super) fn cluster_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/=+-@".contains(c);
    if (1..=256).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("write 1 to 256 letters, digits and _.:/=+-@".to_owned())
}

/// A positive duration in words, like `90s`, `30m` or `1h 30m`.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration =
        text.parse().map_err(|error| format!("write a duration like 90s, 30m, 1h or 1h30m ({error})"))?;
    Duration::try_from(parsed)
        .ok()
        .filter(|duration| *duration >= Duration::from_secs(1))
        .ok_or_else(|| format!("`{text}` is too short; write at least 1s"))
}

/// The IAM ARN of a role or a user: what may stand in a trust policy and survives a new session.
pub(super) fn principal_arn(text: &str) -> Result<String, String> {
    match Principal::parse(text) {
        Some(Principal::Arn(arn)) if !arn.ends_with(":root") => Ok(arn),
        _ => Err("write the ARN of the role or user itself, not of a session, like \
                  arn:aws:iam::111111111111:role/platform/crossaccount-operator"
            .to_owned()),
    }
}
