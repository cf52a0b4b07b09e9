//! The set of credentials on the mount: whole and in date, or an error that says what is wrong with it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::error::Category;
use thiserror::Error;

use crate::domain::{Credentials, SecretText};

/// A whole set that has not expired, with the text it was read from.
#[derive(Debug)]
pub struct MountedSet {
    /// The file as it is: what a program is given that asked for the process format.
    pub text: SecretText,
    /// What it says.
    pub credentials: Credentials,
}

/// Why there is no set to hand out.
#[derive(Debug, Error)]
pub enum Unusable {
    /// The file is not there, so the Secret is not, or it is mounted elsewhere.
    #[error(
        "{} is not there; mount the Secret of the CrossAccountRole at its spec.secret.mountPath, with output Process", .0.display()
    )]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {}; check that this user may read it (defaultMode and fsGroup of the pod)", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is there and holds no set that can be used.
    #[error("{} {defect}", .path.display())]
    Defective {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        defect: Defect,
    },
}

/// What is wrong with the content of the file. Never shows any of it: half a set is as secret as a whole one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Defect {
    /// Not JSON, or cut off.
    #[error("is not complete JSON (line {line}, column {column})")]
    Torn {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault, from 1.
        column: usize,
    },
    /// JSON, but not an object of texts.
    #[error("has a field of the wrong type (line {line}, column {column})")]
    WrongType {
        /// Line of the field.
        line: usize,
        /// Column of its end.
        column: usize,
    },
    /// Another version of the format. AWS has defined version 1 only.
    #[error("does not say \"Version\": 1, the only version of the format")]
    OtherVersion,
    /// A field that every set has.
    #[error("has no {0}")]
    Lacks(&'static str),
    /// `Expiration` is not a time of RFC 3339.
    #[error("has an Expiration that is not an RFC 3339 timestamp (example: 2027-01-15T09:00:00Z)")]
    NoTime,
    /// The set has expired, so the operator could not renew it, or the kubelet did not bring it here.
    #[error("expired at {0}; `kubectl get car` says why it was not renewed")]
    Expired(Timestamp),
}

/// The format of `credential_process` (AWS SDKs reference, "Process credential provider"), as the operator writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessFormat {
    version: Option<u32>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl MountedSet {
    /// Reads the file whole. The kubelet replaces it by a rename, so what one opening reads is of one version.
    pub fn read(path: &Path, now: Timestamp) -> Result<Self, Unusable> {
        let text = match fs::read_to_string(path) {
            Ok(text) => SecretText::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unusable::Missing(path.to_owned())),
            Err(source) => return Err(Unusable::Unreadable { path: path.to_owned(), source }),
        };
        match parse(&text, now) {
            Ok(credentials) => Ok(Self { text, credentials }),
            Err(defect) => Err(Unusable::Defective { path: path.to_owned(), defect }),
        }
    }
}

fn parse(text: &SecretText, now: Timestamp) -> Result<Credentials, Defect> {
    // The parser's own words may quote what it found.
    let format: ProcessFormat = serde_json::from_str(text.expose()).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => Defect::WrongType { line, column },
            Category::Io | Category::Syntax | Category::Eof => Defect::Torn { line, column },
        }
    })?;
    let ProcessFormat { version, access_key_id, secret_access_key, session_token, expiration } = format;
    let secret = |field: Option<String>, name| {
        field.filter(|text| !text.is_empty()).map(SecretText::new).ok_or(Defect::Lacks(name))
    };
    let set = Credentials {
        access_key_id: secret(access_key_id, "AccessKeyId")?,
        secret_access_key: secret(secret_access_key, "SecretAccessKey")?,
        session_token: secret(session_token, "SessionToken")?,
        expires_at: expiration.ok_or(Defect::Lacks("Expiration"))?.parse().map_err(|_| Defect::NoTime)?,
    };
    if version != Some(1) {
        return Err(Defect::OtherVersion);
    }
    if set.expires_at <= now {
        return Err(Defect::Expired(set.expires_at));
    }
    Ok(set)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub const EXPIRATION: &str = "2027-01-15T09:00:00Z";

    pub fn process_json() -> Value {
        json!({"Version": 1, "AccessKeyId": "ASIACANARY", "SecretAccessKey": "canary-secret",
               "SessionToken": "canary-token", "Expiration": EXPIRATION})
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn parsed(text: &str) -> Result<Credentials, Defect> {
        parse(&SecretText::new(text.to_owned()), at("2027-01-15T08:59:59Z"))
    }

    #[test]
    fn a_whole_set_is_taken_with_fields_that_later_versions_may_add() {
        let mut whole = process_json();
        whole["AccountId"] = json!("222222222222");
        let set = parsed(&whole.to_string()).unwrap();
        assert_eq!(set.access_key_id.expose(), "ASIACANARY");
        assert_eq!(set.secret_access_key.expose(), "canary-secret");
        assert_eq!(set.session_token.expose(), "canary-token");
        assert_eq!(set.expires_at, at(EXPIRATION));
    }

    #[test]
    fn a_set_is_expired_from_the_second_it_names() {
        let text = SecretText::new(process_json().to_string());
        assert_eq!(parse(&text, at(EXPIRATION)), Err(Defect::Expired(at(EXPIRATION))));
        assert!(parse(&text, at("2027-01-15T08:59:59Z")).is_ok());
    }

    #[test]
    fn a_set_that_lacks_a_part_is_refused_by_the_name_of_the_part() {
        for part in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"] {
            let mut set = process_json();
            set.as_object_mut().unwrap().remove(part);
            assert_eq!(parsed(&set.to_string()), Err(Defect::Lacks(part)));
        }
        for part in ["AccessKeyId", "SecretAccessKey", "SessionToken"] {
            let mut set = process_json();
            set[part] = json!("");
            assert_eq!(parsed(&set.to_string()), Err(Defect::Lacks(part)), "empty");
        }
    }

    #[test]
    fn another_version_and_a_time_in_other_words_are_refused() {
        for version in [json!(2), Value::Null] {
            let mut set = process_json();
            set["Version"] = version;
            assert_eq!(parsed(&set.to_string()), Err(Defect::OtherVersion));
        }
        let mut set = process_json();
        set["Expiration"] = json!("tomorrow");
        assert_eq!(parsed(&set.to_string()), Err(Defect::NoTime));
    }

    #[test]
    fn a_file_cut_off_anywhere_is_torn_and_no_error_shows_what_it_holds() {
        let whole = process_json().to_string();
        for end in 0..whole.len() {
            let defect = parsed(&whole[..end]).unwrap_err();
            assert!(matches!(defect, Defect::Torn { .. }), "cut after {end}: {defect:?}");
        }
        let swapped = json!({"Version": "canary-version", "AccessKeyId": ["canary"], "Expiration": 7});
        for text in [swapped.to_string(), json!("canary").to_string(), "canary".into(), "{\"canary\": ".into()] {
            let defect = parsed(&text).unwrap_err();
            let shown = format!("{defect} {defect:?}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}
