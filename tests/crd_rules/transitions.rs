//! What may change after an object was created.

use anyhow::Result;
use anyhow::ensure;
use kube::{
    Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::Value;

use super::{
    case::{Refusal, api, verdict},
    object::{account, dynamic, merge, named, role, yaml},
};

/// A change to an object that exists, and what the API server says about it.
pub struct Transition {
    name: &'static str,
    before: Value,
    change: Value,
    /// Absent: the change is accepted.
    pub refusal: Option<Refusal>,
}

/// All transitions.
pub fn transitions() -> Vec<Transition> {
    const ROLE_NAME: Option<(&str, &str)> = Some(("spec.role", "role.name cannot be changed, set or removed later"));
    vec![
        of(
            account(),
            "the account id of an account cannot be changed",
            "{}",
            r#"spec: {accountId: "333333333333"}"#,
            Some(("spec.accountId", "accountId cannot be changed")),
        ),
        of(
            account(),
            "everything else of an account can be changed",
            "{}",
            "
            spec:
              region: us-east-1
              access: {chain: [{roleArn: 'arn:aws:iam::222222222222:role/manager'}]}
              allowedNamespaces: {}
              guardrails:
                rolePath: /other/
                allowUnbounded: null
                lifecycles: [Observe]
                roleNames: ['*']
                principalTagKeys: [team]
                sourceIdentities: ['{namespace}']
                deletionPolicies: [Delete]
              deletionPolicy: Retain
            ",
            None,
        ),
        of(
            role(),
            "the account of a role cannot be changed",
            "{}",
            "spec: {accountRef: {name: other}}",
            Some(("spec.accountRef", "accountRef cannot be changed")),
        ),
        of(
            role(),
            "the name of a role cannot be changed",
            "spec: {role: {name: a}}",
            "spec: {role: {name: b}}",
            ROLE_NAME,
        ),
        of(role(), "the name of a role cannot be set later", "{}", "spec: {role: {name: a}}", ROLE_NAME),
        of(
            role(),
            "the name of a role cannot be removed",
            "spec: {role: {name: a}}",
            "spec: {role: {name: null}}",
            ROLE_NAME,
        ),
        of(
            role(),
            "the name of a role cannot be removed with the whole block",
            "spec: {role: {name: a}}",
            "spec: {role: null}",
            ROLE_NAME,
        ),
        of(
            role(),
            "everything else of a role can be changed",
            "spec: {role: {name: a}}",
            "
            spec:
              role: {lifecycle: Adopt, description: other, maxSessionDurationSeconds: 7200, deletionPolicy: Retain}
              trust: {principals: ['111111111111']}
              session: {durationSeconds: 900}
              secret: {name: other, outputs: [Env], mountPath: /aws}
              suspend: true
            ",
            None,
        ),
    ]
}

fn of(mut object: Value, name: &'static str, before: &str, change: &str, refusal: Option<(&str, &str)>) -> Transition {
    // Whatever operator runs beside this test has nothing to do for these objects.
    if object["kind"] == "CrossAccountRole" {
        object["spec"]["suspend"] = true.into();
    }
    merge(&mut object, &yaml(before));
    Transition { name, before: object, change: yaml(change), refusal: refusal.map(|(at, says)| Refusal::new(at, says)) }
}

/// Creates each object, asks the API server about its change, and fails with a list of those about which it says
/// something else.
pub async fn check(client: Client, transitions: &[Transition]) -> Result<()> {
    let mut wrong = Vec::new();
    for (number, transition) in transitions.iter().enumerate() {
        let name = format!("transition-{number}");
        let before = dynamic(&named(transition.before.clone(), &name));
        let api = api(client.clone(), &before);
        api.create(&PostParams::default(), &before).await?;
        let answer = api.patch(&name, &PatchParams::default(), &Patch::Merge(&transition.change)).await;
        api.delete(&name, &DeleteParams::default()).await?;
        wrong.extend(verdict(transition.name, answer.map(|_| ()), transition.refusal.as_ref()));
    }
    ensure!(wrong.is_empty(), "{} of {} changes are wrong:\n{}", wrong.len(), transitions.len(), wrong.join("\n"));
    Ok(())
}
