//! Cases about `AWSAccount`.

use serde_json::json;

use super::{
    case::{Case, Cases},
    guardrails, object,
    tags::{tags, transitive_keys},
};

/// All cases.
pub fn cases() -> Vec<Case> {
    let cases = Cases::of(object::account(), object::full_account());
    guardrails::of_tenants(guardrails::namespaces(access(account(cases)))).done()
}

fn account(cases: Cases) -> Cases {
    cases
        .required("spec.accountId")
        .required("spec.region")
        .format(
            "spec.accountId",
            &["222222222222"],
            &["", "22222222222", "2222222222223", "22222222222a", " 222222222222"],
            "12 digits in quotes",
        )
        .accepts("an account id with leading zeros", "spec: {accountId: '000000000001'}")
        .refuses("a number", "spec: {accountId: 222222222222}", "spec.accountId", "must be of type string")
        .format("spec.accountId", &[], &[&"2".repeat(33)], "may not be more than 32 bytes")
        .format("spec.region", &[], &[&"r".repeat(33)], "may not be more than 32 bytes")
        .format(
            "spec.region",
            &["eu-west-1", "ap-southeast-2", "us-west-2"],
            &["", "Ireland", "eu-west", "eu-west-1a", "EU-WEST-1", "eu_west_1", "aws-global"],
            "such as eu-west-1",
        )
        .accepts("a region of ISOB", "spec: {region: us-isob-east-1}")
        .accepts("a region of the European Sovereign Cloud", "spec: {region: eusc-de-east-1}")
        .one_of("spec.deletionPolicy", &["Delete", "Retain"])
}

fn access(cases: Cases) -> Cases {
    let arn_of_length = |length: usize| {
        let (begin, end) = ("arn:aws:iam::222222222222:role/", "/manager");
        format!("{begin}{}{end}", "p".repeat(length - begin.len() - end.len()))
    };
    let hop = json!({ "roleArn": "arn:aws:iam::222222222222:role/manager" });
    let cases = cases
        .required("spec.access.chain[0].roleArn")
        .most_items("spec.access.chain", 5, move |_| hop.clone())
        .format(
            "spec.access.chain[0].roleArn",
            &["arn:aws:iam::222222222222:role/a", "arn:aws:iam::222222222222:role/a/b/c+=,.@-_9"],
            &[
                "manager",
                "arn:aws:iam::222222222222:user/manager",
                "arn:aws:iam::22222222222:role/manager",
                "arn:aws:iam:eu-west-1:222222222222:role/manager",
                "arn:aws:sts::222222222222:assumed-role/manager/session",
                "arn:aws-mars:iam::222222222222:role/manager",
                "arn:aws:iam::222222222222:role/*",
                "arn:aws:iam::222222222222:role/",
                "arn:aws:iam::222222222222:role//manager",
                "arn:aws:iam::222222222222:role/manager ",
            ],
            "must be the ARN of an IAM role",
        )
        .longest("spec.access.chain[0].roleArn", 2048, arn_of_length)
        .refuses(
            "a role name of 65 characters at the end of an ARN",
            &format!("spec: {{access: {{chain: [{{roleArn: 'arn:aws:iam::222222222222:role/{}'}}]}}}}", "r".repeat(65)),
            "spec.access.chain[0].roleArn",
            "must be the ARN of an IAM role",
        )
        .accepts(
            "a chain through another account",
            "spec: {access: {chain: [{roleArn: 'arn:aws:iam::111111111111:role/hub'}, \
             {roleArn: 'arn:aws:iam::222222222222:role/manager'}]}}",
        )
        .refuses(
            "a chain that ends in another account",
            "spec: {access: {chain: [{roleArn: 'arn:aws:iam::222222222222:role/manager'}, \
             {roleArn: 'arn:aws:iam::111111111111:role/hub'}]}}",
            "spec",
            "the last roleArn of access.chain must be a role in accountId",
        )
        .accepts("an empty chain", "spec: {access: {chain: []}}")
        .accepts(
            "a chain in China for a region there",
            "spec: {region: cn-north-1, access: {chain: [{roleArn: 'arn:aws-cn:iam::222222222222:role/manager'}]}}",
        )
        .accepts(
            "a chain in GovCloud for a region there",
            "spec: {region: us-gov-west-1, \
             access: {chain: [{roleArn: 'arn:aws-us-gov:iam::222222222222:role/manager'}]}}",
        )
        .accepts(
            "a chain in the European Sovereign Cloud for a region there",
            "spec: {region: eusc-de-east-1, access: {chain: [{roleArn: 'arn:aws-eusc:iam::222222222222:role/manager'}]}}",
        )
        .refuses(
            "a chain in ISOB for a region of ISO",
            "spec: {region: us-iso-east-1, access: {chain: [{roleArn: 'arn:aws-iso-b:iam::222222222222:role/manager'}]}}",
            "spec",
            "every roleArn of access.chain must be in the region's partition",
        )
        .refuses(
            "a chain in another partition than the region",
            "spec: {region: cn-north-1, access: {chain: [{roleArn: 'arn:aws:iam::222222222222:role/manager'}]}}",
            "spec",
            "every roleArn of access.chain must be in the region's partition",
        )
        .format(
            "spec.access.chain[0].externalId",
            &["ab", "A_9+=,.@:/-"],
            &["with space", "a*", "straße"],
            "an external id has 2 to 1224 letters",
        )
        .format("spec.access.chain[0].externalId", &[], &["a"], "should be at least 2 chars long")
        .longest("spec.access.chain[0].externalId", 1224, |length| "e".repeat(length));
    let cases =
        tags(cases, "spec.access.chain[0].sessionTags", 50, |tags| hop_with(&format!("sessionTags: {{{tags}}}")));
    transitive_keys(cases, "spec.access.chain[0].transitiveTagKeys", |tags, keys| {
        hop_with(&format!("sessionTags: {{{tags}}}, transitiveTagKeys: [{keys}]"))
    })
    .refuses(
        "a transitive key without its tag",
        &hop_with("sessionTags: {team: a}, transitiveTagKeys: [team, project]"),
        "spec.access.chain[0]",
        "every key in transitiveTagKeys must be a key of sessionTags",
    )
    .refuses(
        "a transitive key without any tag",
        &hop_with("transitiveTagKeys: [team]"),
        "spec.access.chain[0]",
        "every key in transitiveTagKeys must be a key of sessionTags",
    )
}

fn hop_with(fields: &str) -> String {
    format!("spec: {{access: {{chain: [{{roleArn: 'arn:aws:iam::222222222222:role/manager', {fields}}}]}}}}")
}
