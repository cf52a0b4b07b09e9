//! A small world: two objects that name one role, their account, IAM with that role, and what the process remembers.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::iam::Iam;
use crate::api::{AWSAccount, CrossAccountRole, FINALIZER};
use crate::cluster::ObservedSecret;
use crate::controller::state::objects::ObjectState;
use crate::decide::role::fixture::OPERATOR;
use crate::domain::{AccountId, BaseIdentity, CallerIdentity, ObjectIdentity};

/// Id of the account.
pub const ACCOUNT: &str = "222222222222";

/// A principal that a declaration may let in.
pub const DEPLOYER: &str = "arn:aws:iam::111111111111:user/deployer";

/// Everything that a move changes.
#[derive(Clone)]
pub struct World {
    /// AWS's time.
    pub now: Timestamp,
    /// When the process started.
    pub started_at: Timestamp,
    /// The account.
    pub account: AWSAccount,
    /// Objects `a` and `b`; none once an object is gone.
    pub objects: [Option<Object>; 2],
    /// IAM of the account.
    pub iam: Iam,
}

/// One object, its Secret, and what the process remembers of it.
#[derive(Clone)]
pub struct Object {
    /// As the API server has it.
    pub live: CrossAccountRole,
    /// As a cache that lags may still show it.
    pub earlier: Option<CrossAccountRole>,
    /// Memory of the process.
    pub memory: ObjectState,
    /// When its next pass is due; at once if nothing else is said.
    pub wake_at: Option<Timestamp>,
    /// Whether the process saw the object to own its role, and its Secret.
    pub seen: [Option<bool>; 2],
    /// The Secret that it names.
    pub secret: Option<Secret>,
}

/// Who the operator is.
pub fn operator() -> BaseIdentity {
    let account = AccountId::parse("111111111111").expect("an account");
    let caller = CallerIdentity { account, arn: OPERATOR.into(), user_id: "AIDAOPERATOR".into() };
    BaseIdentity { principal_arn: OPERATOR.into(), caller, guessed: None }
}

/// Objects are merged key by key; every other value replaces what was there.
pub fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// Statements of an inline policy that allows these actions.
pub fn read_policy(action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn account() -> AWSAccount {
    serde_json::from_value(json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": "analytics", "generation": 1},
        "spec": {
            "accountId": ACCOUNT, "region": "eu-west-1", "allowedNamespaces": {"names": ["team"]},
            "access": {"chain": [{"roleArn": "arn:aws:iam::222222222222:role/crossaccount-manager"}]},
            "guardrails": {
                "permissionsBoundary": "arn:aws:iam::222222222222:policy/boundary", "principals": [DEPLOYER],
                "deletionPolicies": ["Delete", "Retain"], "lifecycles": ["Create", "Adopt"],
            },
        },
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Available", "message": "",
                                   "lastTransitionTime": "2027-01-01T00:00:00Z", "observedGeneration": 1}]},
    }))
    .expect("an account")
}

impl Object {
    /// An object as a tenant declares it.
    pub fn new(name: &str, spec: &Value) -> Self {
        let mut whole = json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": name, "namespace": "team", "uid": format!("uid-{name}"), "generation": 1,
                         "resourceVersion": "1", "creationTimestamp": format!("2027-01-0{}T00:00:00Z", if name == "a" {1} else {2})},
            "spec": {"accountRef": {"name": "analytics"},
                     "role": {"name": "team-shared", "inlinePolicies": {"read": read_policy("s3:GetObject")}}},
        });
        merge(&mut whole["spec"], spec);
        let live = serde_json::from_value(whole).expect("an object");
        Self { live, earlier: None, memory: ObjectState::default(), wake_at: None, seen: [None; 2], secret: None }
    }

    /// Its identity.
    pub fn identity(&self) -> ObjectIdentity {
        identity(&self.live)
    }

    /// Edits the specification, as a person does. The cache may go on showing what was there before.
    pub fn edit(&mut self, change: impl FnOnce(&mut CrossAccountRole)) {
        let before = self.live.clone();
        change(&mut self.live);
        self.live.metadata.generation = self.live.metadata.generation.map(|generation| generation + 1);
        self.touch();
        self.earlier = Some(before);
    }

    /// Another version of the object.
    pub fn touch(&mut self) {
        let version: u64 = self.live.resource_version().and_then(|text| text.parse().ok()).unwrap_or_default();
        self.live.metadata.resource_version = Some((version + 1).to_string());
    }

    /// The Secret as the operator observes it.
    pub fn observed_secret(&self, role: &CrossAccountRole) -> ObservedSecret {
        ObservedSecret::of(self.secret.clone(), role, ACCOUNT)
    }

    /// Puts the finalizer on.
    pub fn add_finalizer(&mut self) {
        if !self.live.has_finalizer() {
            self.live.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
            self.touch();
        }
    }
}

/// Which object this is.
pub fn identity(role: &CrossAccountRole) -> ObjectIdentity {
    ObjectIdentity {
        cluster: "blue".into(),
        namespace: role.namespace().unwrap_or_default(),
        name: role.name_any(),
        uid: role.uid().unwrap_or_default(),
    }
}

impl World {
    /// A world of these objects, before the first pass.
    pub fn of(objects: [Option<Object>; 2]) -> Self {
        let now: Timestamp = "2027-01-15T08:00:00Z".parse().expect("a time");
        let started_at = now - SignedDuration::from_hours(2);
        Self { now, started_at, account: account(), objects, iam: Iam::default() }
    }

    /// An object that is still there.
    pub fn object(&mut self, who: usize) -> Option<&mut Object> {
        self.objects[who].as_mut()
    }

    /// A new process: whatever was only in memory is lost.
    pub fn restart(&mut self) {
        self.started_at = self.now;
        for object in self.objects.iter_mut().flatten() {
            object.memory = ObjectState::default();
            object.seen = [None; 2];
            object.earlier = None;
        }
    }

    /// Time passes.
    pub fn wait(&mut self, time: SignedDuration) {
        self.now += time;
    }

    /// Deletes an object, as a person does: it stays while it has a finalizer.
    pub fn delete(&mut self, who: usize) {
        let now = self.now;
        let Some(object) = self.object(who) else { return };
        object.edit(|live| live.metadata.deletion_timestamp = Some(Time(now)));
        if !object.live.has_finalizer() {
            self.objects[who] = None;
        }
    }
}
