//! ARNs of IAM, in any partition of AWS. At most 2048 characters (AWS API reference, IAM).

use schemars::{Schema, SchemaGenerator};

use super::{set, text};
use crate::domain::Partition;

const MAX_LENGTH: u16 = 2048;
const ACCOUNT: &str = "[0-9]{12}";
const PATH: &str = r"([\w+=,.@-]+/)*";
const NAME: &str = r"[\w+=,.@-]{1,64}";
const POLICY_NAME: &str = r"[\w+=,.@-]{1,128}";

/// The names of all partitions, as RE2.
fn partition() -> String {
    let names: Vec<&str> = Partition::all().map(Partition::as_str).collect();
    format!("({})", names.join("|"))
}

/// ARN of an IAM role, with its path.
pub fn role_arn(_: &mut SchemaGenerator) -> Schema {
    text(
        MAX_LENGTH,
        &format!("^arn:{}:iam::{ACCOUNT}:role/{PATH}{NAME}$", partition()),
        "must be the ARN of an IAM role, such as arn:aws:iam::222222222222:role/name, in a partition of AWS",
    )
}

/// ARN of a managed policy, of a customer or of AWS.
pub fn policy_arn(_: &mut SchemaGenerator) -> Schema {
    any_policy_arn()
}

/// Up to `MAX` different managed policies.
pub fn policy_arns<const MAX: u16>(_: &mut SchemaGenerator) -> Schema {
    set(MAX, &any_policy_arn())
}

fn any_policy_arn() -> Schema {
    text(
        MAX_LENGTH,
        &format!("^arn:{}:iam::(aws|{ACCOUNT}):policy/{PATH}{POLICY_NAME}$", partition()),
        "must be the ARN of a managed policy, such as arn:aws:iam::aws:policy/ReadOnlyAccess \
         or arn:aws:iam::222222222222:policy/name, in a partition of AWS",
    )
}

/// Up to 100 globs of IAM ARNs.
pub fn arn_globs(_: &mut SchemaGenerator) -> Schema {
    let glob = text(
        MAX_LENGTH,
        r"^([*]|arn:[a-z*?-]+:iam::[a-z0-9*?]+:[\w+=,.@/*?-]+)$",
        "must be an IAM ARN or a glob of them, such as arn:aws:iam::aws:policy/Amazon*, \
         arn:aws:iam::111111111111:* or *",
    );
    set(100, &glob)
}

/// Up to 50 principals of a trust policy. No wildcard: `*` would let every AWS account in.
pub fn principals(_: &mut SchemaGenerator) -> Schema {
    let principal = text(
        MAX_LENGTH,
        &format!("^({ACCOUNT}|arn:{}:iam::{ACCOUNT}:(root|(user|role)/{PATH}{NAME}))$", partition()),
        "must be an account id of 12 digits or the ARN of one account root, user or role, \
         such as arn:aws:iam::111111111111:role/name; wildcards are not allowed",
    );
    set(50, &principal)
}
