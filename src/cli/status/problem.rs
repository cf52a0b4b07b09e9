//! What the conditions of an object say is wrong.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::model::{Health, Problem};
use crate::api::{ConditionType, Reason, condition};

/// Conditions of which `False` is bad news, and those of which `True` is.
const GOOD: [ConditionType; 5] = [
    ConditionType::Ready,
    ConditionType::RoleReady,
    ConditionType::CredentialsReady,
    ConditionType::SourceGrantsReady,
    ConditionType::RolloutsReady,
];
const BAD: [ConditionType; 1] = [ConditionType::ConsumersStale];

/// Reasons of a condition that is as it should be.
const FINE: [Reason; 2] = [Reason::Available, Reason::Observed];

/// What is wrong, most important first. What several conditions say in the same words is listed once.
#[must_use]
pub fn problems(conditions: &[Condition], generation: Option<i64>) -> Vec<Problem> {
    let Some(ready) = condition(conditions, ConditionType::Ready) else {
        return vec![nobody_looked(
            "No operator has looked at this object. Check that one runs, and that it watches this namespace.",
        )];
    };
    let mut found: Vec<Problem> = Vec::new();
    if ready.observed_generation != generation {
        found.push(nobody_looked("The operator has not yet looked at the latest change of this object."));
    }
    for kind in GOOD.into_iter().chain(BAD) {
        let Some(condition) = condition(conditions, kind) else { continue };
        let message = &condition.message;
        // `Ready` repeats the message of the part that is wrong, with words around it.
        let said = found.iter().any(|problem| problem.message.contains(message.as_str()));
        if is_wrong(kind, condition) && !said {
            found.push(problem(condition));
        }
    }
    found
}

/// How an object with these problems is.
#[must_use]
pub fn health(conditions: &[Condition], generation: Option<i64>, problems: &[Problem]) -> Health {
    let ready = condition(conditions, ConditionType::Ready);
    let works = ready.is_some_and(|ready| ready.status == "True" && ready.observed_generation == generation);
    match (works, problems) {
        (true, []) => Health::Ready,
        (true, _) => Health::Attention,
        (false, _) => Health::NotReady,
    }
}

fn is_wrong(kind: ConditionType, condition: &Condition) -> bool {
    let fine = FINE.iter().any(|reason| reason.as_str() == condition.reason);
    if BAD.contains(&kind) { condition.status == "True" } else { condition.status != "True" || !fine }
}

fn problem(condition: &Condition) -> Problem {
    let Condition { type_, reason, message, .. } = condition;
    let remedy = reason.parse::<Reason>().ok().map(Reason::doc);
    Problem { condition: Some(type_.clone()), reason: Some(reason.clone()), message: message.clone(), remedy }
}

fn nobody_looked(message: &str) -> Problem {
    Problem { condition: None, reason: None, message: message.to_owned(), remedy: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conditions(rows: &[(&str, &str, &str, &str)]) -> Vec<Condition> {
        let of = |(kind, status, reason, message): &(&str, &str, &str, &str)| {
            serde_json::from_value(json!({
                "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 2,
                "lastTransitionTime": "2027-01-15T08:00:00Z",
            }))
            .unwrap()
        };
        rows.iter().map(of).collect()
    }

    #[test]
    fn each_state_has_its_problems_and_its_health() {
        let good = ("Ready", "True", "Available", "The credentials are valid.");
        let no = "AWSAccount a does not allow namespace b";
        for (what, rows, generation, expected, health_expected) in [
            ("as declared", vec![good, ("RoleReady", "True", "Available", "x")], 2, vec![], Health::Ready),
            ("only observed", vec![("Ready", "True", "Observed", "x")], 2, vec![], Health::Ready),
            ("edited since", vec![good], 3, vec![None], Health::NotReady),
            ("never looked at", vec![], 2, vec![None], Health::NotReady),
            (
                "said twice",
                vec![("Ready", "False", "NotAllowed", no), ("RoleReady", "False", "NotAllowed", no)],
                2,
                vec![Some("Ready")],
                Health::NotReady,
            ),
            (
                "a part that Ready repeats",
                vec![
                    (
                        "Ready",
                        "True",
                        "Degraded",
                        "ManagerDenied: no iam:GetUser. The last valid credentials are kept.",
                    ),
                    ("SourceGrantsReady", "False", "ManagerDenied", "no iam:GetUser"),
                ],
                2,
                vec![Some("Ready")],
                Health::Attention,
            ),
            (
                "two different things",
                vec![("Ready", "False", "Expired", "expired"), ("RoleReady", "False", "TrustDenied", "no trust")],
                2,
                vec![Some("Ready"), Some("RoleReady")],
                Health::NotReady,
            ),
            (
                "pods with earlier credentials",
                vec![good, ("ConsumersStale", "True", "RestartNeeded", "pods a, b")],
                2,
                vec![Some("ConsumersStale")],
                Health::Attention,
            ),
            ("no such pods", vec![good, ("ConsumersStale", "False", "Available", "none")], 2, vec![], Health::Ready),
            ("suspended", vec![("Ready", "True", "Suspended", "x")], 2, vec![Some("Ready")], Health::Attention),
        ] {
            let conditions = conditions(&rows);
            let found = problems(&conditions, Some(generation));
            let kinds: Vec<_> = found.iter().map(|problem| problem.condition.as_deref()).collect();
            assert_eq!(kinds, expected, "{what}");
            assert_eq!(health(&conditions, Some(generation), &found), health_expected, "{what}");
        }
    }

    #[test]
    fn a_problem_has_the_remedy_of_the_page_of_reasons() {
        let found = problems(&conditions(&[("Ready", "False", "TrustDenied", "no")]), Some(2));
        assert_eq!(found[0].remedy, Some(Reason::TrustDenied.doc()));
    }
}
