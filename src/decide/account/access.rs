//! An `AWSAccount` as the way into an account.

use crate::api::{AWSAccount, Hop as HopSource, Reason};
use crate::decide::Refusal;
use crate::decide::failure::{Retry, Verdict};
use crate::decide::target::fields;
use crate::domain::{AccountAccess, AccountId, CallerIdentity, Hop, Region, RoleArn};

/// Parses the account's id, region and chain. The API server has checked the same rules; this is the boundary.
pub fn access(account: &AWSAccount) -> Result<AccountAccess, Refusal> {
    let name = account.metadata.name.clone().unwrap_or_default();
    let wrong = |field: &str, message: String| {
        Refusal::new(Reason::InvalidSpec, format!("AWSAccount {name}: {field}: {message}"))
    };
    let spec = &account.spec;

    let id = AccountId::parse(&spec.account_id)
        .ok_or_else(|| wrong("spec.accountId", format!("{:?} is not 12 digits", spec.account_id)))?;
    let region = Region::parse(&spec.region)
        .ok_or_else(|| wrong("spec.region", format!("{:?} is not a region such as eu-west-1", spec.region)))?;
    let mut chain = Vec::with_capacity(spec.access.chain.len());
    for (index, hop) in spec.access.chain.iter().enumerate() {
        let HopSource { role_arn, external_id, session_tags, transitive_tag_keys } = hop;
        let field = format!("spec.access.chain[{index}].roleArn");
        let role_arn = RoleArn::parse(role_arn).map_err(|e| wrong(&field, e.to_string()))?;
        if role_arn.partition != region.partition() {
            return Err(wrong(&field, format!("{role_arn} is not in the partition of {}", region.as_str())));
        }
        let field = format!("AWSAccount {name}: spec.access.chain[{index}]");
        fields::tags(&format!("{field}.sessionTags"), session_tags, 50)?;
        if let Some(key) = transitive_tag_keys.iter().find(|key| !session_tags.contains_key(*key)) {
            return Err(wrong(
                &format!("spec.access.chain[{index}].transitiveTagKeys"),
                format!("{key:?} is not a key of sessionTags; add it there, or take it out here"),
            ));
        }
        if let Some(id) = external_id {
            fields::name(&format!("{field}.externalId"), id, 2..=1224, ":/")?;
        }
        chain.push(Hop {
            role_arn,
            external_id: external_id.clone(),
            session_tags: session_tags.clone(),
            transitive_tag_keys: transitive_tag_keys.clone(),
        });
    }
    match chain.last() {
        Some(last) if last.role_arn.account != id => {
            let message = format!(
                "ends in account {} ({}), but spec.accountId is {id}; correct one of the two",
                last.role_arn.account, last.role_arn
            );
            Err(wrong("spec.access.chain", message))
        }
        _ => Ok(AccountAccess { name, id, region, chain }),
    }
}

/// The way in must have led into the account itself, whatever the chain says.
pub fn check_account(access: &AccountAccess, caller: &CallerIdentity) -> Result<(), Verdict> {
    let AccountAccess { name, id, chain, .. } = access;
    if caller.account == *id {
        return Ok(());
    }
    let CallerIdentity { account, arn, .. } = caller;
    let message = if chain.is_empty() {
        format!(
            "AWSAccount {name} has no spec.access.chain, so the operator's own identity must be in account {id}, but it is \
             {arn} in account {account}; give the chain the role by which to manage account {id}, or correct spec.accountId"
        )
    } else {
        format!(
            "the end of the chain should be in account {id}, but AWS says that it is {arn} in account {account}; check \
             which server the operator's AWS endpoint reaches"
        )
    };
    Err(Verdict { reason: Reason::WrongIdentity, message, retry: Retry::Slow })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::AWSAccountSpec;

    fn account(id: &str, region: &str, chain: &[&str]) -> AWSAccount {
        let hop = |arn: &&str| HopSource { role_arn: (*arn).to_owned(), ..HopSource::default() };
        let mut spec = AWSAccountSpec { account_id: id.into(), region: region.into(), ..AWSAccountSpec::default() };
        spec.access.chain = chain.iter().map(hop).collect();
        AWSAccount::new("analytics", spec)
    }

    #[test]
    fn a_chain_must_end_in_the_account_and_stay_in_its_partition() {
        let first = "arn:aws:iam::111111111111:role/hub";
        let last = "arn:aws:iam::222222222222:role/manager";
        assert_eq!(access(&account("222222222222", "eu-west-1", &[first, last])).map(|a| a.chain.len()), Ok(2));
        for (id, region, chain, message) in [
            ("2222", "eu-west-1", vec![], "spec.accountId"),
            ("222222222222", "Mars", vec![], "spec.region"),
            ("222222222222", "eu-west-1", vec![last, first], "ends in account 111111111111"),
            ("222222222222", "eu-west-1", vec!["hub"], "chain[0].roleArn"),
            ("222222222222", "us-gov-west-1", vec![last], "partition"),
        ] {
            let refusal = access(&account(id, region, &chain)).expect_err(message);
            assert!(refusal.message.contains(message) && refusal.message.contains("analytics"), "{}", refusal.message);
        }
    }
}
