//! The partition of an `AWSAccount` is that of its region, and its ARNs must be of the same one. As rules in CEL, of the whole
//! specification.

use kube::core::Rule;

use crate::domain::Partition;

/// Every role of the chain is in the region's partition.
pub fn chain_of_region() -> Rule {
    let begins = begins_as_the_region_asks("hop.roleArn");
    let rule = format!("!has(self.access.chain) || self.access.chain.all(hop, {begins})");
    let message = format!("every roleArn of access.chain must be in the region's partition: {}", prefixes());
    Rule::new(rule).message(message.as_str())
}

/// The permissions boundary is in the region's partition.
pub fn boundary_of_region() -> Rule {
    let begins = begins_as_the_region_asks("self.guardrails.permissionsBoundary");
    let message = format!("guardrails.permissionsBoundary must be in the region's partition: {}", prefixes());
    Rule::new(format!("!has(self.guardrails.permissionsBoundary) || {begins}")).message(message.as_str())
}

/// Every glob of a list of the guardrails is about ARNs of the region's partition. The operator judges partitions with wildcards.
pub fn globs_of_region(list: &str) -> Rule {
    let begins = begins_as_the_region_asks("glob");
    let wild = "glob == '*' || glob.matches('^arn:[^:]*[*?]')";
    let rule = format!("!has(self.guardrails.{list}) || self.guardrails.{list}.all(glob, {wild} || {begins})");
    let message = format!("every ARN of guardrails.{list} must be in the region's partition: {}", prefixes());
    Rule::new(rule).message(message.as_str())
}

/// Whether a text begins as ARNs do in the partition of `region`, as CEL.
fn begins_as_the_region_asks(text: &str) -> String {
    let choose = |otherwise: String, partition: Partition| match partition.region_prefix() {
        "" => otherwise,
        prefix => {
            format!("self.region.startsWith('{prefix}') ? 'arn:{}:' : {otherwise}", partition.as_str())
        }
    };
    let choice = Partition::all().fold(format!("'arn:{}:'", Partition::Aws.as_str()), choose);
    format!("{text}.startsWith({choice})")
}

/// How ARNs begin in each partition, for people.
fn prefixes() -> String {
    let others = Partition::all().filter(|partition| *partition != Partition::Aws);
    let of = |partition: Partition| format!("arn:{}: for {}…", partition.as_str(), partition.region_prefix());
    let others: Vec<String> = others.map(of).collect();
    format!("{}, arn:aws: for all others", others.join(", "))
}
