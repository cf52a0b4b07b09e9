//! The checks before anything is done for an object, in their order.

use super::Refusal;
use super::account::unusable;
use super::allowed::{Namespace, allowed};
use super::conditions::find;
use super::desired::{Desired, desired};
use super::failure::Verdict;
use super::retry::Retry;
use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Reason};
use crate::domain::{AwsFailure, BaseIdentity, ObjectIdentity, RoleArn};

/// Lets an object in: allowed? the only one of its names? do we have an identity? is the declaration valid, and
/// within the guardrails?
///
/// Permission comes before everything else, so that a withdrawn one is acted on even while AWS or the account is in
/// trouble, and no declaration can be written to dodge it. `unrivalled` says whether an older object has one of its names.
pub fn admit(
    role: &CrossAccountRole,
    object: ObjectIdentity,
    account: Option<&AWSAccount>,
    namespace: &Namespace,
    unrivalled: Result<(), Refusal>,
    identity: &Result<BaseIdentity, AwsFailure>,
    managers: &[RoleArn],
) -> Result<Desired, Refusal> {
    let account = allowed(&role.spec.account_ref.name, account, namespace)?;
    unrivalled?;
    let base = identity.as_ref().map_err(|failure| {
        let Verdict { reason, message, .. } = unusable(failure);
        Refusal::new(reason, message)
    })?;
    let desired = desired(role, object, account, base)?;
    not_the_operators_own(&desired, base, managers)?;
    Ok(desired)
}

/// No tenant may have the roles by which the operator itself works, whatever their trust policies say.
fn not_the_operators_own(desired: &Desired, base: &BaseIdentity, managers: &[RoleArn]) -> Result<(), Refusal> {
    let base = RoleArn::parse(&base.principal_arn).ok();
    let chain = desired.access.chain.iter().map(|hop| &hop.role_arn);
    let same = |arn: &&RoleArn| arn.account == desired.role_arn.account && arn.name.is_same_as(&desired.role_arn.name);
    match chain.chain(managers).chain(&base).find(same) {
        None => Ok(()),
        Some(arn) => {
            let told =
                format!("the operator itself works with role {arn}, so no object may; choose another spec.role.name");
            Err(Refusal::new(Reason::NotAllowed, told))
        }
    }
}

/// Whether the account can be managed at present. If not, roles in it are left as they are; sessions of roles that are
/// known go on being renewed, for which the account's manager is not needed.
pub fn manageable(account: Option<&AWSAccount>) -> Result<(), Verdict> {
    let Some(account) = account else { return Ok(()) }; // refused before
    let conditions = account.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let name = account.metadata.name.as_deref().unwrap_or_default();
    let (reason, retry, why) = match find(conditions, ConditionType::Ready) {
        Some(ready) if ready.observed_generation != account.metadata.generation => {
            (Reason::Progressing, Retry::Soon, "it was edited and is being checked".to_owned())
        }
        Some(ready) if ready.status == "True" => return Ok(()),
        Some(ready) => (Reason::AccountNotReady, Retry::Slow, format!("{}: {}", ready.reason, ready.message)),
        None => (Reason::Progressing, Retry::Soon, "it was not checked yet".to_owned()),
    };
    Err(Verdict { reason, message: format!("AWSAccount {name} is not Ready: {why}"), retry })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{AccountId, CallerIdentity, FailureKind};

    fn object() -> ObjectIdentity {
        ObjectIdentity { cluster: "c".into(), namespace: "team".into(), name: "reader".into(), uid: "u".into() }
    }

    fn identity() -> Result<BaseIdentity, AwsFailure> {
        let caller = CallerIdentity {
            account: AccountId::parse("111111111111").expect("an account"),
            arn: "arn:aws:iam::111111111111:user/operator".into(),
            user_id: "AIDA".into(),
        };
        Ok(BaseIdentity { principal_arn: caller.arn.clone(), caller })
    }

    fn no_identity() -> Result<BaseIdentity, AwsFailure> {
        Err(AwsFailure {
            service: "sts",
            operation: "GetCallerIdentity",
            kind: FailureKind::Expired,
            code: "ExpiredToken".into(),
            message: "expired".into(),
        })
    }

    fn role(spec: &Value) -> CrossAccountRole {
        let mut whole = json!({"accountRef": {"name": "analytics"}});
        whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        CrossAccountRole::new("reader", serde_json::from_value(whole).expect("a spec"))
    }

    fn account(spec: &Value, status: &Value) -> AWSAccount {
        let mut whole = json!({"accountId": "222222222222", "region": "eu-west-1",
                               "guardrails": {"permissionsBoundary": "arn:aws:iam::222222222222:policy/b"}});
        whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        serde_json::from_value(json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount",
            "metadata": {"name": "analytics", "generation": 2}, "spec": whole, "status": status,
        }))
        .expect("an account")
    }

    #[test]
    fn the_first_thing_that_is_wrong_is_told_in_the_order_of_the_checks() {
        let namespace = Namespace { name: "team".into(), ..Namespace::default() };
        // Each object has all the faults of the later ones, too.
        let misnamed = json!({"role": {"name": "a b"}});
        let (closed, open) = (json!({}), json!({"allowedNamespaces": {"names": ["team"]}}));
        let rival = || Err(Refusal::new(Reason::Conflict, "an older object has the role"));
        for (what, spec, allowed, unrivalled, identity, reason) in [
            ("a namespace that is not allowed", &misnamed, &closed, rival(), no_identity(), Reason::NotAllowed),
            ("a name that an older one has", &misnamed, &open, rival(), no_identity(), Reason::Conflict),
            ("no identity", &misnamed, &open, Ok(()), no_identity(), Reason::BaseIdentityUnavailable),
            ("an invalid declaration", &misnamed, &open, Ok(()), identity(), Reason::InvalidSpec),
        ] {
            let account = account(allowed, &json!({"conditions": []}));
            let verdict = admit(&role(spec), object(), Some(&account), &namespace, unrivalled, &identity, &[]);
            assert_eq!(verdict.map(|_| ()).map_err(|refusal| refusal.reason), Err(reason), "{what}");
        }
        let account = account(&open, &json!({"conditions": []}));
        assert!(admit(&role(&json!({})), object(), Some(&account), &namespace, Ok(()), &identity(), &[]).is_ok());
    }

    #[test]
    fn the_roles_by_which_the_operator_works_are_nobodys() {
        let namespace = Namespace { name: "team".into(), ..Namespace::default() };
        let account = account(&json!({"allowedNamespaces": {}}), &json!({"conditions": []}));
        let other_way_in = RoleArn::parse("arn:aws:iam::222222222222:role/ops/manager").expect("an ARN");
        let elsewhere = RoleArn::parse("arn:aws:iam::333333333333:role/Reader").expect("an ARN");
        let managers = [other_way_in, elsewhere];
        let admitted = |name: &str| {
            let role = role(&json!({"role": {"name": name}}));
            admit(&role, object(), Some(&account), &namespace, Ok(()), &identity(), &managers).map(drop)
        };
        let refusal = admitted("Manager").expect_err("it is a way in");
        assert_eq!(refusal.reason, Reason::NotAllowed);
        assert!(refusal.message.contains("role/ops/manager"), "{}", refusal.message);
        assert_eq!(admitted("reader"), Ok(()), "of the same name in another account");
    }

    #[test]
    fn an_account_is_manageable_once_it_is_ready_for_its_present_declaration() {
        let ready = |status: &str, generation: i64| {
            json!({"conditions": [{"type": "Ready", "status": status, "reason": "TrustDenied", "message": "hop 1 of 1",
                    "lastTransitionTime": "2027-01-01T00:00:00Z", "observedGeneration": generation}]})
        };
        let check = |status: &Value| manageable(Some(&account(&json!({}), status))).map_err(|v| v.message);
        assert_eq!(check(&ready("True", 2)), Ok(()));
        for (status, told) in [
            (ready("True", 1), "edited"),
            (ready("False", 2), "TrustDenied: hop 1 of 1"),
            (json!({"conditions": []}), "not checked yet"),
        ] {
            let message = check(&status).expect_err(told);
            assert!(message.contains(told) && message.contains("analytics"), "{message}");
        }
    }
}
