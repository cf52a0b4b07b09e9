//! ARNs of IAM, in the partitions `aws`, `aws-cn` and `aws-us-gov`. At most 2048 characters (AWS API reference, IAM).

use schemars::{Schema, SchemaGenerator};

use super::{set, text};

/// ARN of an IAM role, with its path.
pub fn role_arn(_: &mut SchemaGenerator) -> Schema {
    text(
        2048,
        r"^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$",
        "must be the ARN of an IAM role, such as arn:aws:iam::222222222222:role/name, \
         in the partition aws, aws-cn or aws-us-gov",
    )
}

/// ARN of a managed policy, of a customer or of AWS.
pub fn policy_arn(_: &mut SchemaGenerator) -> Schema {
    policy_arn_schema()
}

/// Up to `MAX` different managed policies.
pub fn policy_arns<const MAX: u16>(_: &mut SchemaGenerator) -> Schema {
    set(MAX, policy_arn_schema())
}

fn policy_arn_schema() -> Schema {
    text(
        2048,
        r"^arn:(aws|aws-cn|aws-us-gov):iam::(aws|[0-9]{12}):policy/([\w+=,.@-]+/)*[\w+=,.@-]{1,128}$",
        "must be the ARN of a managed policy, such as arn:aws:iam::aws:policy/ReadOnlyAccess \
         or arn:aws:iam::222222222222:policy/name, in the partition aws, aws-cn or aws-us-gov",
    )
}

/// Up to 100 globs of IAM ARNs.
pub fn arn_globs(_: &mut SchemaGenerator) -> Schema {
    set(
        100,
        text(
            2048,
            r"^([*]|arn:[a-z*?-]+:iam::[a-z0-9*?]+:[\w+=,.@/*?-]+)$",
            "must be an IAM ARN or a glob of them, such as arn:aws:iam::aws:policy/Amazon*, \
             arn:aws:iam::111111111111:* or *",
        ),
    )
}

/// Up to 50 principals of a trust policy. No wildcard: `*` would let every AWS account in.
pub fn principals(_: &mut SchemaGenerator) -> Schema {
    set(
        50,
        text(
            2048,
            r"^([0-9]{12}|arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:(root|(user|role)/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}))$",
            "must be an account id of 12 digits or the ARN of one account root, user or role, \
             such as arn:aws:iam::111111111111:role/name; wildcards are not allowed",
        ),
    )
}
