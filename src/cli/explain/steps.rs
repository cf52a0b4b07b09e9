//! All steps, in the order in which the operator takes them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::facts::{Facts, Seen};
use super::sides::{cause, reported};
use super::step::{Side, State, Step};
use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Reason, annotation};
use crate::cli::moments::relative;
use crate::decide::Refusal;
use crate::decide::account::allowed::{Namespace, allowed};
use crate::decide::guardrails::declared;

/// Reasons that are about the declaration itself.
const DECLARATION: [Reason; 3] = [Reason::InvalidSpec, Reason::Conflict, Reason::NotSupported];

/// Judges every step.
#[must_use]
pub fn steps(facts: &Facts, now: Timestamp) -> Vec<Step> {
    let object = &facts.object;
    let mut steps = vec![
        declaration(object),
        permission(facts),
        entrance(facts),
        of_condition("The role in AWS is as declared", object, ConditionType::RoleReady),
        of_condition("AWS gives credentials for the role", object, ConditionType::CredentialsReady),
    ];
    if !object.spec.source_grants.is_empty() || !object.reported_grants().is_empty() {
        steps.push(grants(object));
    }
    steps.push(secret(facts, now));
    steps.push(consumers(object));
    steps
}

fn of_condition(title: &'static str, object: &CrossAccountRole, kind: ConditionType) -> Step {
    reported(title, object.condition(kind), object.metadata.generation)
}

fn declaration(object: &CrossAccountRole) -> Step {
    let title = "The operator accepts the declaration";
    let Some(ready) = object.condition(ConditionType::Ready) else {
        let message = "no operator has looked at the object: check that one runs, and that it watches this namespace";
        return Step::fails(title, message).by(Some(Side::Operator), None);
    };
    let step = reported(title, Some(ready), object.metadata.generation);
    let about = |ready: &Condition| cause(ready).is_some_and(|reason| DECLARATION.contains(&reason));
    match step.state {
        State::Fails if !about(ready) && object.spec.suspend => step,
        State::Fails if !about(ready) => Step::works(title, "it is valid, and no other object has its names"),
        State::Waits if ready.observed_generation == object.metadata.generation => {
            Step::works(title, "it is valid, and no other object has its names")
        }
        State::Works if object.spec.suspend => {
            Step::waits(title, "spec.suspend is true, so nothing is written to AWS and nothing is renewed")
        }
        State::Works => Step::works(title, "it is valid, and no other object has its names"),
        _ => step,
    }
}

/// Judged here and now, by the operator's own rules, as far as the caller may see what they are about.
fn permission(facts: &Facts) -> Step {
    let title = "The AWSAccount allows it";
    let Facts { object, account, labels, .. } = facts;
    let name = &object.spec.account_ref.name;
    let namespace = object.metadata.namespace.clone().unwrap_or_default();
    let account = match account {
        Seen::Hidden(permission) => return by_the_operator(title, object, Step::hidden(title, permission)),
        Seen::Found(account) => Some(account),
        Seen::Missing => None,
    };
    let labels = match labels {
        Seen::Hidden(permission) if account.is_some_and(selects_by_label) => {
            return by_the_operator(title, object, Step::hidden(title, permission));
        }
        Seen::Found(labels) => labels.clone(),
        Seen::Hidden(_) | Seen::Missing => BTreeMap::new(),
    };
    let namespace = Namespace { name: namespace, labels };
    match allowed(name, account, &namespace).and_then(|account| declared(account, object)) {
        Ok(()) => Step::works(
            title,
            format!("AWSAccount {name} allows namespace {}, and its guardrails hold", namespace.name),
        ),
        Err(Refusal { reason, message }) => Step::fails(title, message).by(Some(Side::Platform), Some(reason.doc())),
    }
}

fn selects_by_label(account: &AWSAccount) -> bool {
    account.spec.allowed_namespaces.as_ref().is_some_and(|rule| rule.selector.is_some())
}

/// What the operator says of the permission, where it says something.
fn by_the_operator(title: &'static str, object: &CrossAccountRole, unseen: Step) -> Step {
    match object.condition(ConditionType::Ready) {
        Some(ready) if cause(ready) == Some(Reason::NotAllowed) => {
            Step { missing_permission: unseen.missing_permission, ..of_condition(title, object, ConditionType::Ready) }
        }
        _ => unseen,
    }
}

fn entrance(facts: &Facts) -> Step {
    let title = "The operator enters the AWS account";
    match &facts.account {
        Seen::Hidden(permission) => Step::hidden(title, permission),
        Seen::Missing => Step::waits(title, "there is no AWSAccount to enter by"),
        Seen::Found(account) => {
            let ready = account.condition(ConditionType::Ready);
            let step = reported(title, ready, account.metadata.generation);
            let caller = account.status.as_ref().and_then(|status| status.caller_arn.as_ref());
            match (step.state, caller) {
                (State::Works, Some(caller)) => Step::works(title, format!("AWS says that it is {caller} there")),
                _ => step,
            }
        }
    }
}

/// What is wrong with a grant is usually wrong in the account of the principal.
fn grants(object: &CrossAccountRole) -> Step {
    let step = of_condition("The source accounts permit it", object, ConditionType::SourceGrantsReady);
    match step.side {
        Some(Side::Target) => Step { side: Some(Side::Source), ..step },
        _ => step,
    }
}

fn secret(facts: &Facts, now: Timestamp) -> Step {
    let title = "The Secret holds credentials";
    let name = facts.object.secret_name();
    let annotations = match &facts.secret {
        Seen::Hidden(permission) => return Step::hidden(title, permission),
        Seen::Missing => return Step::waits(title, format!("there is no Secret {name} yet")),
        Seen::Found(annotations) => annotations,
    };
    let Some(expiry) = annotations.get(annotation::EXPIRES_AT).and_then(|text| text.parse::<Timestamp>().ok()) else {
        let message = format!(
            "Secret {name} has no annotation {} with a time, so the operator did not write it",
            annotation::EXPIRES_AT
        );
        return Step::fails(title, message).by(Some(Side::Declaration), Some(Reason::SecretNotOwned.doc()));
    };
    let when = relative(expiry, now);
    if expiry <= now {
        return Step::fails(title, format!("those in Secret {name} expired {when}"))
            .by(None, Some(Reason::Expired.doc()));
    }
    let reported = facts.object.reported_role().and_then(|role| role.arn.as_ref());
    match (annotations.get(annotation::ROLE_ARN), reported) {
        (Some(held), Some(arn)) if held != arn => {
            Step::waits(title, format!("those in Secret {name} are of role {held}, and the role is {arn} by now"))
        }
        _ => Step::works(title, format!("those in Secret {name} expire {when}")),
    }
}

fn consumers(object: &CrossAccountRole) -> Step {
    let title = "Pods have the latest credentials";
    if let Some(rollouts) = object.condition(ConditionType::RolloutsReady).filter(|rollouts| rollouts.status != "True")
    {
        return reported(title, Some(rollouts), object.metadata.generation);
    }
    match object.condition(ConditionType::ConsumersStale) {
        Some(stale) if stale.status == "True" => {
            let remedy = stale.reason.parse().ok().map(Reason::doc);
            Step::fails(title, &stale.message).by(Some(Side::Declaration), remedy)
        }
        Some(stale) => Step::works(title, &stale.message),
        None => Step::works(title, "no pod is known to hold earlier ones"),
    }
}

#[cfg(test)]
mod tests;
