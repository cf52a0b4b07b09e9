//! Which target every situation gives, and in whose words.

mod access;
mod end;
mod partition;
mod reported;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::*;
use crate::domain::{AccountId, CallerIdentity, FailureKind};

const OPERATOR: &str = "arn:aws:iam::111111111111:user/operator";

/// What Kubernetes says, as values that a test can change.
struct World {
    role: CrossAccountRole,
    account: Option<AWSAccount>,
    namespace: Namespace,
    conflict: Option<Refusal>,
    identity: Result<BaseIdentity, AwsFailure>,
    operators_own: Vec<RoleArn>,
}

/// Objects are merged key by key; every other value replaces what was there.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn operator(arn: &str) -> BaseIdentity {
    let account = AccountId::parse("111111111111").expect("an account");
    let caller = CallerIdentity { account, arn: arn.into(), user_id: "AIDAOPERATOR".into() };
    BaseIdentity { principal_arn: arn.into(), caller, guessed: None }
}

/// A declaration that is allowed and valid in an account that is ready, with these changes of the two specifications.
fn world(role: &Value, account: &Value) -> World {
    let mut whole = json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": "reader", "namespace": "team", "uid": "uid-1", "finalizers": ["iam.crossaccount.dev/cleanup"]},
        "spec": {"accountRef": {"name": "analytics"}},
    });
    merge(&mut whole["spec"], role);
    let role = serde_json::from_value(whole).expect("a role");
    let mut whole = json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": "analytics", "generation": 1},
        "spec": {
            "accountId": "222222222222", "region": "eu-west-1", "allowedNamespaces": {"names": ["team"]},
            "access": {"chain": [{"roleArn": "arn:aws:iam::222222222222:role/crossaccount-manager"}]},
            "guardrails": {"permissionsBoundary": "arn:aws:iam::222222222222:policy/boundary"},
        },
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Available", "message": "",
                                   "lastTransitionTime": "2027-01-01T00:00:00Z", "observedGeneration": 1}]},
    });
    merge(&mut whole["spec"], account);
    World {
        role,
        account: Some(serde_json::from_value(whole).expect("an account")),
        namespace: Namespace { name: "team".into(), labels: [("aws".to_owned(), "yes".to_owned())].into() },
        conflict: None,
        identity: Ok(operator(OPERATOR)),
        operators_own: Vec::new(),
    }
}

impl World {
    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn deleted(self) -> Self {
        self.but(|world| world.role.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH)))
    }

    fn target(&self) -> Target {
        let World { role, account, namespace, conflict, identity, operators_own } = self;
        let object = ObjectIdentity {
            cluster: "blue".into(),
            namespace: "team".into(),
            name: "reader".into(),
            uid: "uid-1".into(),
        };
        target(&Situation {
            role,
            object: &object,
            account: account.as_ref(),
            namespace,
            conflict: conflict.as_ref(),
            identity: identity.as_ref(),
            operators_own,
        })
    }

    /// The target in a word or two: its kind, the reason, and for a hold whether the session can still be renewed.
    fn in_words(&self) -> String {
        match self.target() {
            Target::Open(_) => "Open".to_owned(),
            Target::Held(Hold { problem, desired }) => {
                let reason = problem.map_or("without a problem".to_owned(), |problem| problem.reason.to_string());
                format!("Held {reason}{}", if desired.is_some() { ", renewed" } else { "" })
            }
            Target::Closed(refusal) => format!("Closed {}", refusal.reason),
            Target::Absent { .. } => "Absent".to_owned(),
            Target::Released { closed: None } => "Released".to_owned(),
            Target::Released { closed: Some(refusal) } => format!("Released, closed {}", refusal.reason),
        }
    }
}

fn plain() -> World {
    world(&json!({}), &json!({}))
}

fn suspended(account: &Value) -> World {
    world(&json!({"suspend": true}), account)
}

fn conflict(world: &mut World) {
    world.conflict = Some(Refusal::new(Reason::Conflict, "another object has the role"));
}

fn failure(operation: &'static str, kind: FailureKind) -> AwsFailure {
    AwsFailure { service: "aws", operation, kind, code: "Code".into(), message: "message".into() }
}

/// The path of the operator's own role could not be read.
fn guessed_principal(world: &mut World) {
    let failure = failure("GetRole", FailureKind::Throttled);
    world.identity = Ok(BaseIdentity { guessed: Some(failure), ..operator(OPERATOR) });
}

fn no_identity(world: &mut World) {
    world.identity = Err(failure("GetCallerIdentity", FailureKind::NoCredentials));
}

fn not_ready(world: &mut World) {
    let status = world.account.as_mut().and_then(|account| account.status.as_mut()).expect("a status");
    status.conditions[0].status = "False".into();
}

fn never_checked(world: &mut World) {
    world.account.as_mut().expect("an account").status = None;
}

fn account_goes(world: &mut World) {
    let account = world.account.as_mut().expect("an account");
    account.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
}
