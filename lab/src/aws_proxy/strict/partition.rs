//! Partitions. "You cannot use IAM credentials from one partition to interact with resources in a different partition" (AWS
//! Fault Isolation Boundaries, "Partitions"), and ARNs name theirs (AWS General Reference, "Amazon Resource Names").
//!
//! MiniStack knows `aws` alone. The region of a request's credential scope says in which partition the client is: its ARNs are
//! restated for MiniStack, and those in the answer stated as they are there. So each name is exchanged with that of `aws`,
//! which changes nothing when it is done twice.

use std::{collections::HashMap, sync::Mutex};

use serde_json::Value;

use super::{
    super::{
        call::{Call, Form},
        fault::AwsError,
        locked,
        upstream::UpstreamError,
    },
    Ask,
    condition::texts,
    evaluate::statements,
};

/// The partition that MiniStack knows.
pub(crate) const MINISTACK: &str = "aws";

/// Partitions and how the codes of their regions begin (the SDKs' `partitions.json`); all other regions are of `aws`.
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
];

/// The partition of a region.
pub(crate) fn of_region(region: &str) -> &'static str {
    PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or(MINISTACK, |(_, name)| name)
}

/// In which partition each account is: that in which it was first met.
#[derive(Default)]
pub(crate) struct Homes(Mutex<HashMap<String, &'static str>>);

impl Homes {
    /// Whether credentials of this account are good in a partition. Elsewhere nobody knows them.
    pub(crate) fn has(&self, account: &str, partition: &'static str) -> bool {
        *locked(&self.0).entry(account.to_owned()).or_insert(partition) == partition
    }

    pub(crate) fn forget(&self) {
        locked(&self.0).clear();
    }
}

/// How IAM and STS answer to credentials of another partition.
pub(crate) fn unknown_here() -> AwsError {
    AwsError::new(403, "InvalidClientTokenId", "The security token included in the request is invalid")
}

/// Refuses a call that names something of another partition.
pub(crate) async fn check(ask: &Ask<'_>, partition: &str) -> Result<Option<AwsError>, UpstreamError> {
    let Call { service, action, form, .. } = ask.call;
    let is_elsewhere = |arn: &&str| is_elsewhere(arn, partition);
    if let ("sts", "AssumeRole", Some(role)) =
        (service.as_str(), action.as_str(), form.get("RoleArn").filter(is_elsewhere))
    {
        let caller = ask.caller_arn().await?;
        let message = format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}");
        return Ok(Some(AwsError::new(403, "AccessDenied", message)));
    }
    let named = ["PolicyArn", "PermissionsBoundary", "PolicySourceArn"].iter().filter_map(|name| form.get(name));
    if named.chain(form.list_of("PolicyArns", "arn")).any(|arn| is_elsewhere(&arn)) {
        return Ok(Some(AwsError::new(400, "ValidationError", "Invalid ARN partition")));
    }
    let documents = ["AssumeRolePolicyDocument", "PolicyDocument", "Policy"].iter().filter_map(|name| form.get(name));
    Ok(documents
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .find_map(|document| refusal(&document, partition)))
}

/// Principals of another partition do not exist here. Resources have to be of this one, or leave it open.
fn refusal(document: &Value, partition: &str) -> Option<AwsError> {
    let malformed = |message: String| AwsError::new(400, "MalformedPolicyDocument", message);
    statements(document).iter().find_map(|statement| {
        let of = |element: &Value| texts(element).into_iter().find(|arn| is_elsewhere(arn, partition));
        if let Some(principal) = of(&statement["Principal"]["AWS"]).or_else(|| of(&statement["NotPrincipal"]["AWS"])) {
            return Some(malformed(format!("Invalid principal in policy: \"AWS\":\"{principal}\"")));
        }
        let resource = of(&statement["Resource"]).or_else(|| of(&statement["NotResource"]))?;
        let named = name(&resource).unwrap_or_default();
        Some(malformed(format!("Partition \"{named}\" is not valid for resource \"{resource}\".")))
    })
}

fn is_elsewhere(arn: &str, partition: &str) -> bool {
    name(arn).is_some_and(|named| named != partition && !named.contains(['*', '?']))
}

fn name(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').next()
}

/// The parameters of a call from a partition as MiniStack takes them.
pub(crate) fn restated(form: &Form, partition: &str) -> Form {
    form.map_values(|value| exchanged(value, partition))
}

/// A text of MiniStack as it is in a partition, or the other way round. Documents are in answers percent-encoded.
pub(crate) fn exchanged(text: &str, partition: &str) -> String {
    if partition == MINISTACK {
        return text.to_owned();
    }
    let exchange = |text: &str, own: &str, ministack: &str| {
        text.split(own).map(|part| part.replace(ministack, own)).collect::<Vec<_>>().join(ministack)
    };
    let plain = exchange(text, &format!("arn:{partition}:"), &format!("arn:{MINISTACK}:"));
    exchange(&plain, &format!("arn%3A{partition}%3A"), &format!("arn%3A{MINISTACK}%3A"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_region_names_its_partition() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-east-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(of_region(region), partition, "{region}");
        }
    }

    #[test]
    fn an_exchange_is_undone_by_another_one() {
        let here = "arn:aws:iam::1:role/a arn%3Aaws%3As3 arn:aws-cn:iam::1:root arn:aws-us-gov:x";
        let there = exchanged(here, "aws-cn");
        assert_eq!(there, "arn:aws-cn:iam::1:role/a arn%3Aaws-cn%3As3 arn:aws:iam::1:root arn:aws-us-gov:x");
        assert_eq!(exchanged(&there, "aws-cn"), here);
        assert_eq!(exchanged(here, "aws"), here);
    }

    #[test]
    fn a_document_is_about_one_partition() {
        let code =
            |statement: Value| refusal(&json!({ "Statement": [statement] }), "aws-cn").map(|error| error.message);
        for fine in [
            json!({"Resource": ["*", "arn:aws-cn:s3:::b", "arn:*:s3:::b", "arn:aws*:s3:::b"]}),
            json!({"Principal": "*"}),
            json!({"Principal": {"AWS": ["*", "111111111111", "arn:aws-cn:iam::111111111111:root"]}}),
            json!({"Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}}),
        ] {
            assert_eq!(code(fine.clone()), None, "{fine}");
        }
        for (wrong, message) in [
            (
                json!({"Resource": ["*", "arn:aws:s3:::b"]}),
                r#"Partition "aws" is not valid for resource "arn:aws:s3:::b"."#,
            ),
            (
                json!({"NotResource": "arn:aws-iso:s3:::b"}),
                r#"Partition "aws-iso" is not valid for resource "arn:aws-iso:s3:::b"."#,
            ),
            (
                json!({"Principal": {"AWS": "arn:aws:iam::111111111111:root"}}),
                r#"Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:root""#,
            ),
        ] {
            assert_eq!(code(wrong).as_deref(), Some(message));
        }
    }

    #[test]
    fn an_account_is_at_home_where_it_was_met_first() {
        let homes = Homes::default();
        assert!(homes.has("1", "aws-cn") && homes.has("1", "aws-cn") && homes.has("2", "aws"));
        assert!(!homes.has("1", "aws"));
        homes.forget();
        assert!(homes.has("1", "aws"));
    }
}
