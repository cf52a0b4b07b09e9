//! What the API server refuses, the operator refuses as well: an object may be older than a rule, or come from an API server
//! whose CRD was changed.

use std::collections::BTreeSet;

use crossaccount::{
    api::{AWSAccount, CrossAccountRole},
    decide::{
        account::allowed::Namespace,
        grants::grantee,
        target::{Situation, Target, target},
    },
    domain::{AccountId, BaseIdentity, CallerIdentity, ObjectIdentity, kubernetes::is_object_name},
};
use serde_json::{Value, json};

use super::{case::Case, object};

/// Cases of roles that the API server refuses and the operator takes.
pub fn accepted(cases: &[Case]) -> Vec<String> {
    let refused =
        cases.iter().filter(|case| case.refusal.as_ref().is_some_and(|refusal| !means_the_same(&refusal.says)));
    refused.filter(|case| judge(&case.object).is_ok()).map(|case| case.name.clone()).collect()
}

/// Cases of roles that the API server takes and the operator refuses, each with the operator's words.
pub fn refused(cases: &[Case]) -> Vec<String> {
    let taken = cases.iter().filter(|case| case.refusal.is_none() && !is_of_another_partition(&case.object));
    taken.filter_map(|case| judge(&case.object).err().map(|why| format!("{}: {why}", case.name))).collect()
}

/// The API server does not know the account of an object, and with it the partition.
fn is_of_another_partition(object: &Value) -> bool {
    object.to_string().contains("arn:aws-")
}

/// Something that is listed twice is like something that is listed once.
fn means_the_same(refusal: &str) -> bool {
    refusal == "Duplicate value"
}

/// What the operator says of an object.
fn judge(object: &Value) -> Result<(), String> {
    // What cannot be read as the type never becomes an object of the operator.
    let mut role: CrossAccountRole = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
    role.spec.suspend = false;
    let account = lenient_account(&role);
    match target_of(&role, &account) {
        Target::Open(desired) => {
            desired.role.map_err(|refusal| refusal.message)?;
            desired.session.map_err(|refusal| refusal.message)?;
        }
        other => return Err(format!("{other:?}")),
    }
    for grant in &role.spec.source_grants {
        grantee(grant, &account).map_err(|refusal| refusal.message)?;
    }
    let workload = role.spec.rollout_restarts.iter().find(|workload| !is_object_name(&workload.name));
    workload.map_or(Ok(()), |workload| Err(format!("no workload is named {}", workload.name)))
}

fn target_of(role: &CrossAccountRole, account: &AWSAccount) -> Target {
    let metadata = |text: &Option<String>| text.clone().unwrap_or_default();
    let object = ObjectIdentity {
        cluster: "blue".into(),
        namespace: metadata(&role.metadata.namespace),
        name: metadata(&role.metadata.name),
        uid: "uid-1".into(),
    };
    let arn = "arn:aws:iam::111111111111:user/operator".to_owned();
    let caller = CallerIdentity {
        account: AccountId::parse("111111111111").unwrap(),
        arn: arn.clone(),
        user_id: "AIDA1".into(),
    };
    let identity = BaseIdentity { caller, principal_arn: arn, guessed: None };
    target(&Situation {
        role,
        object: &object,
        account: Some(account),
        namespace: &Namespace { name: object.namespace.clone(), labels: [].into() },
        conflict: None,
        identity: Ok(&identity),
        operators_own: &[],
    })
}

/// An account that is ready and whose guardrails stand in nobody's way.
fn lenient_account(role: &CrossAccountRole) -> AWSAccount {
    let keys: BTreeSet<&String> = role.spec.role.tags.keys().chain(role.spec.session.tags.keys()).collect();
    let mut account = object::account();
    object::merge(
        &mut account,
        &json!({
            "metadata": {"name": role.spec.account_ref.name, "generation": 1},
            "spec": {"allowedNamespaces": {}, "guardrails": {
                "allowUnbounded": true, "principals": ["*"], "roleNames": ["*"], "principalTagKeys": keys,
                "sourceIdentities": ["*", role.spec.session.source_identity.clone().unwrap_or_default()],
                "lifecycles": ["Create", "Adopt", "Observe"], "deletionPolicies": ["Delete", "Retain"],
            }},
            "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Available", "message": "",
                                       "observedGeneration": 1, "lastTransitionTime": "2027-01-01T00:00:00Z"}]},
        }),
    );
    serde_json::from_value(account).unwrap()
}
