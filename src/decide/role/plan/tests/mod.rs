//! The plan: a table of differences and their steps, and properties over many roles, goals and failures.

mod end;
mod generated;
mod model;
mod properties;
mod table;

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::decide::role::denial::{Denial, Denied};
use crate::decide::role::fixture;
use crate::domain::PolicyArn;
use crate::domain::policy::PolicyDocument;

/// The time of every plan.
fn now() -> Timestamp {
    "2027-01-15T08:00:00Z".parse().expect("a time")
}

fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

static OBJECT: LazyLock<ObjectIdentity> = LazyLock::new(fixture::object);
static BOUNDARY: LazyLock<PolicyArn> = LazyLock::new(|| fixture::arn("boundary"));

/// The plan for the role of the fixture, with these facts changed.
fn plan_with<'a>(
    goal: Goal<'_>,
    state: Option<&IamRoleState>,
    change: impl FnOnce(&mut Given<'a>),
) -> Result<Plan, Refusal> {
    let mut given = fixture::given(&OBJECT, &BOUNDARY);
    change(&mut given);
    plan(goal, &given, state)
}

/// The plan that makes the role as the fixture declares it.
fn to_declared(state: &IamRoleState) -> Plan {
    plan_with(Goal::Declared(&fixture::desired()), Some(state), |_| {}).expect("a plan")
}

/// A plan in words: steps are separated by commas, stages by bars; side steps follow a tilde.
fn in_words(plan: &Plan) -> String {
    let stage = |steps: &Vec<Step>| steps.iter().map(step).collect::<Vec<_>>().join(", ");
    let stages = plan.stages.iter().map(stage).collect::<Vec<_>>().join(" | ");
    if plan.side.is_empty() { stages } else { format!("{stages} ~ {}", stage(&plan.side)) }
}

fn step(step: &Step) -> String {
    let name = |arn: &PolicyArn| arn.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    match step {
        Step::Create(role) => format!("create {}", role.name),
        Step::Deny(denial) => format!("deny {}", denied(denial)),
        Step::PutBoundary(arn) => format!("bound by {}", name(arn)),
        Step::DeleteBoundary => "unbound".to_owned(),
        Step::Detach(arn) => format!("detach {}", name(arn)),
        Step::Attach(arn) => format!("attach {}", name(arn)),
        Step::DeleteInline(name) => format!("delete {name}"),
        Step::PutInline(name, document) => format!("put {name} [{}]", statements(document)),
        Step::UpdateTrust(document) => format!("trust {}", model::trusted(Some(document)).join("+")),
        Step::Update(settings) => format!("update to {} s", settings.max_session_seconds),
        Step::Tag(tags) => format!("tag {}", tags.keys().map(|key| short(key)).collect::<Vec<_>>().join("+")),
        Step::Untag(keys) => format!("untag {}", keys.iter().map(|key| short(key)).collect::<Vec<_>>().join("+")),
        Step::LeaveInstanceProfile(name) => format!("leave {name}"),
        Step::DeleteRole => "delete role".to_owned(),
    }
}

fn denied(Denial { everyone, own, request, others }: &Denial) -> String {
    let time = |moment: &Timestamp| moment.strftime("%H:%M:%S").to_string();
    let everyone = match everyone {
        Denied::Nobody => None,
        Denied::Before(moment) => Some(format!("before {}", time(moment))),
        Denied::Everyone => Some("everyone".to_owned()),
    };
    let own = own.as_ref().map(|(_, moment)| format!("own before {}", time(moment)));
    let request = request.as_ref().map(|moment| format!("as asked at {}", time(moment)));
    let others = (!others.is_empty()).then(|| "others'".to_owned());
    everyone.into_iter().chain(own).chain(request).chain(others).collect::<Vec<_>>().join(" and ")
}

fn statements(document: &PolicyDocument) -> String {
    let statement = |statement: crate::domain::policy::Statement<'_>| {
        format!("{}{}", if statement.allows() { "" } else { "not " }, statement.texts("Action").join("+"))
    };
    document.statements().map(statement).collect::<Vec<_>>().join("; ")
}

fn short(key: &str) -> &str {
    key.strip_prefix("crossaccount.dev/").unwrap_or(key)
}
