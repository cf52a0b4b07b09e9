//! How the operator gets into an account.

use std::collections::BTreeMap;

use super::{AccountId, Region, RoleArn};

/// An account and the chain of roles that leads into it, parsed from an `AWSAccount`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountAccess {
    /// Name of the `AWSAccount` object, for session names and messages.
    pub name: String,
    /// The account that must answer at the end of the chain.
    pub id: AccountId,
    /// Region of the STS endpoint that is asked.
    pub region: Region,
    /// Roles to assume one after the other, starting from the base identity. Empty: the base identity is in the account.
    pub chain: Vec<Hop>,
}

/// One role on the way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// Role to assume.
    pub role_arn: RoleArn,
    /// External id its trust policy asks for.
    pub external_id: Option<String>,
    /// Session tags.
    pub session_tags: BTreeMap<String, String>,
    /// Keys of the tags that go on to the next hops.
    pub transitive_tag_keys: Vec<String>,
}
