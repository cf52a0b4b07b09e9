//! Everything of one object is in one partition: accounts, roles and policies of one never reach those of another (AWS Fault
//! Isolation Boundaries, "Partitions"). The partition of an account is that of its region.

use super::access::access;
use crate::api::{AWSAccount, Reason};
use crate::decide::Refusal;
use crate::domain::{AccountAccess, BaseIdentity, Partition, glob_covers, partition_of_arn};

/// Refuses an account whose boundary or globs are of another partition than its region. `access` refuses the chain: the
/// chain alone is needed to close a role.
pub fn guardrails_in_one(account: &AWSAccount) -> Result<(), Refusal> {
    let partition = access(account)?.region.partition();
    let rules = &account.spec.guardrails;
    let name = account.metadata.name.as_deref().unwrap_or_default();
    let field = |list: &str| format!("AWSAccount {name}: spec.guardrails.{list}");
    if let Some(boundary) = &rules.permissions_boundary {
        is_in(partition, &field("permissionsBoundary"), boundary)?;
    }
    let lists = [
        ("managedPolicies", rules.managed_policies.as_deref().unwrap_or_default()),
        ("principals", rules.principals.as_slice()),
        ("grantees", rules.grantees.as_deref().unwrap_or_default()),
    ];
    for (list, globs) in lists {
        for (index, glob) in globs.iter().enumerate() {
            may_be_in(partition, &field(&format!("{list}[{index}]")), glob)?;
        }
    }
    Ok(())
}

/// Refuses an account that the operator's identity cannot reach: a call could only fail, in words about a key that does not
/// exist.
pub fn operator_reaches(access: &AccountAccess, base: &BaseIdentity) -> Result<(), Refusal> {
    let (partition, own) = (access.region.partition().as_str(), base.caller.partition());
    if own == partition {
        return Ok(());
    }
    let message = format!(
        "the operator's own identity, {}, is in partition {own}, but {}. No identity reaches another partition; run an operator \
         with an identity of partition {partition}, or correct spec.region",
        base.caller.arn,
        place(access)
    );
    Err(Refusal::new(Reason::InvalidSpec, message))
}

/// Refuses a principal of the operator (`--principal-arn`) that no trust policy of the account can name.
pub fn trusts_can_name(access: &AccountAccess, base: &BaseIdentity) -> Result<(), Refusal> {
    let principal = &base.principal_arn;
    if partition_of_arn(principal) == Some(access.region.partition().as_str()) {
        return Ok(());
    }
    let message = format!(
        "the operator's --principal-arn, {principal}, is in another partition, but {}; give the ARN of the user or role that \
         the operator is: {}",
        place(access),
        base.caller.arn
    );
    Err(Refusal::new(Reason::InvalidSpec, message))
}

fn place(access: &AccountAccess) -> String {
    let AccountAccess { name, region, .. } = access;
    format!("AWSAccount {name} is in partition {} (spec.region {})", region.partition().as_str(), region.as_str())
}

/// Refuses an ARN of another partition, by the name of its field. What is no ARN at all is refused where it is parsed.
pub fn is_in(partition: Partition, field: &str, arn: &str) -> Result<(), Refusal> {
    match partition_of_arn(arn) {
        Some(other) if other != partition.as_str() => Err(elsewhere(partition, field, arn)),
        _ => Ok(()),
    }
}

/// The same for a glob, whose partition may have wildcards.
fn may_be_in(partition: Partition, field: &str, glob: &str) -> Result<(), Refusal> {
    match partition_of_arn(glob) {
        Some(other) if !glob_covers(other, partition.as_str()) => Err(elsewhere(partition, field, glob)),
        _ => Ok(()),
    }
}

fn elsewhere(partition: Partition, field: &str, arn: &str) -> Refusal {
    let (own, other) = (partition.as_str(), partition_of_arn(arn).unwrap_or_default());
    let message = format!(
        "{field}: {arn} is in partition {other}, but the account is in partition {own}; write an ARN that begins with arn:{own}:"
    );
    Refusal::new(Reason::InvalidSpec, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{AccountId, CallerIdentity};

    /// An account in GovCloud with these guardrails.
    fn account(guardrails: &Value) -> AWSAccount {
        let spec = json!({
            "accountId": "222222222222", "region": "us-gov-west-1", "guardrails": guardrails,
            "access": {"chain": [{"roleArn": "arn:aws-us-gov:iam::222222222222:role/manager"}]},
        });
        AWSAccount::new("analytics", serde_json::from_value(spec).expect("a spec"))
    }

    /// The value of a field with this ARN in it.
    type Field = fn(&str) -> Value;

    fn base(caller: &str, principal: &str) -> BaseIdentity {
        let account = AccountId::parse("111111111111").expect("an account");
        let caller = CallerIdentity { account, arn: caller.into(), user_id: "AIDA1".into() };
        BaseIdentity { caller, principal_arn: principal.into(), guessed: None }
    }

    #[test]
    fn every_arn_of_the_guardrails_is_of_the_regions_partition() {
        let fields: [(&str, Field); 4] = [
            ("permissionsBoundary", |arn| json!(arn)),
            ("managedPolicies[0]", |arn| json!([arn])),
            ("principals[1]", |arn| json!(["*", arn])),
            ("grantees[0]", |arn| json!([arn])),
        ];
        for (field, of) in fields {
            let list = field.split('[').next().unwrap_or_default();
            let check = |arn: &str| guardrails_in_one(&account(&json!({ list: of(arn) })));
            assert_eq!(check("arn:aws-us-gov:iam::222222222222:policy/x"), Ok(()), "{field}");
            for other in Partition::all().filter(|partition| *partition != Partition::GovCloud) {
                let arn = format!("arn:{}:iam::222222222222:policy/x", other.as_str());
                let refusal = check(&arn).expect_err(field);
                assert_eq!(refusal.reason, Reason::InvalidSpec);
                for word in ["AWSAccount analytics", &format!("spec.guardrails.{field}: {arn} "), "aws-us-gov"] {
                    assert!(refusal.message.contains(word), "{word}: {}", refusal.message);
                }
            }
        }
    }

    #[test]
    fn a_glob_may_leave_its_partition_open() {
        let globs = |globs: Value| guardrails_in_one(&account(&json!({ "principals": globs })));
        assert_eq!(
            globs(json!(["*", "arn:*:iam::111111111111:*", "arn:aws-us-*:iam::*:root", "arn:aws*:iam::*:root"])),
            Ok(())
        );
        assert!(globs(json!(["arn:aws-?ov:iam::*:root"])).is_err());
    }

    #[test]
    fn an_operator_reaches_accounts_of_its_own_partition_only() {
        let access = access(&account(&json!({}))).expect("a way in");
        let (own, other) = ("arn:aws-us-gov:iam::111111111111:user/op", "arn:aws:iam::111111111111:user/op");
        assert_eq!(
            operator_reaches(&access, &base(own, own)).and_then(|()| trusts_can_name(&access, &base(own, own))),
            Ok(())
        );
        let unknown = "arn:aws-mars:iam::111111111111:user/op";
        for (refused, words) in [
            (operator_reaches(&access, &base(other, own)), format!("own identity, {other}, is in partition aws,")),
            (operator_reaches(&access, &base(unknown, own)), "is in partition aws-mars,".to_owned()),
            (trusts_can_name(&access, &base(own, other)), format!("--principal-arn, {other},")),
        ] {
            let refusal = refused.expect_err(&words);
            assert_eq!(refusal.reason, Reason::InvalidSpec);
            for word in [words.as_str(), "AWSAccount analytics is in partition aws-us-gov (spec.region us-gov-west-1)"]
            {
                assert!(refusal.message.contains(word), "{word}: {}", refusal.message);
            }
        }
    }
}
