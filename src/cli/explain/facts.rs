//! What the caller may see of one object and of what is around it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::{AWSAccount, CrossAccountRole};
use crate::cli::cluster::{Permission, RequestError};

/// Something in the cluster, as far as the caller may see it.
#[derive(Clone, Debug)]
pub enum Seen<T> {
    /// It is there.
    Found(T),
    /// There is none.
    Missing,
    /// The caller lacks this permission.
    Hidden(Permission),
}

impl<T> Seen<T> {
    /// What a request shows. Other failures than these two end the command.
    pub fn of(read: Result<T, RequestError>) -> Result<Self, RequestError> {
        match read {
            Ok(found) => Ok(Self::Found(found)),
            Err(RequestError::NotFound { .. }) => Ok(Self::Missing),
            Err(RequestError::Forbidden(permission)) => Ok(Self::Hidden(permission)),
            Err(error) => Err(error),
        }
    }

    /// The same of a part of it.
    pub fn map<U>(self, part: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Found(found) => Seen::Found(part(found)),
            Self::Missing => Seen::Missing,
            Self::Hidden(permission) => Seen::Hidden(permission),
        }
    }
}

/// Everything that the steps are judged by.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The object.
    pub object: CrossAccountRole,
    /// The account that it names.
    pub account: Seen<AWSAccount>,
    /// Labels of its namespace.
    pub labels: Seen<BTreeMap<String, String>>,
    /// Type and annotations of its Secret, without the data.
    pub secret: Seen<BTreeMap<String, String>>,
    /// What was reported of it lately, the latest first.
    pub events: Seen<Vec<Report>>,
}

/// An Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When it was reported last.
    pub at: Timestamp,
    /// Whether it needs attention.
    pub warning: bool,
    /// Its word.
    pub reason: String,
    /// Its sentence.
    pub note: String,
}
