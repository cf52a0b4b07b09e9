//! The steps for people.

use jiff::Timestamp;

use super::facts::{Facts, Report, Seen};
use super::step::{State, Step};
use crate::cli::branches::{Branch, draw};
use crate::cli::moments::relative;
use crate::cli::paint::{BAD, FAINT, GOOD, STRONG, WARN, painted, plain};

/// Warnings that are shown; earlier ones say little about now.
const WARNINGS: usize = 3;

/// A line for each step, with what is below it, and a last line about what to do first.
#[must_use]
pub fn text(facts: &Facts, steps: &[Step], now: Timestamp) -> String {
    let name = painted(STRONG, &facts.object.full_name());
    let mut branches: Vec<Branch> = steps.iter().map(of_step).collect();
    branches.extend(warnings(&facts.events, steps, now));
    format!("{}\n{}\n", draw(&Branch::new(&format!("CrossAccountRole {name}"), branches)), summary(steps))
}

fn of_step(step: &Step) -> Branch {
    let Step { title, state, message, side, remedy, missing_permission } = step;
    let mark = match state {
        State::Works => painted(GOOD, "✓"),
        State::Fails => painted(BAD, "✗"),
        State::Waits => painted(WARN, "…"),
        State::Unknown => painted(FAINT, "?"),
    };
    let mut below = vec![Branch::leaf(plain(message))];
    below.extend(side.map(|side| Branch::leaf(format!("who can fix it: {}", painted(STRONG, &side.to_string())))));
    below.extend(remedy.iter().map(|remedy| Branch::leaf(painted(FAINT, remedy))));
    let seen = *state != State::Unknown;
    below.extend(missing_permission.iter().filter(|_| seen).map(|permission| {
        Branch::leaf(painted(FAINT, &format!("this is what the operator says; you may not {permission}")))
    }));
    Branch::new(&format!("{mark} {title}"), below)
}

/// What a step already says is not repeated.
fn warnings(events: &Seen<Vec<Report>>, steps: &[Step], now: Timestamp) -> Option<Branch> {
    let is_news = |report: &&Report| report.warning && !steps.iter().any(|step| step.message.contains(&report.note));
    let line = |report: &Report| {
        let Report { at, reason, note, warning: _ } = report;
        Branch::leaf(plain(&format!("{}, {reason}: {note}", relative(*at, now))))
    };
    match events {
        Seen::Found(reports) => {
            let warnings: Vec<_> = reports.iter().filter(is_news).take(WARNINGS).map(line).collect();
            (!warnings.is_empty()).then(|| Branch::new("Latest warnings in Events", warnings))
        }
        Seen::Hidden(permission) => {
            let below = vec![Branch::leaf(format!("you may not {permission}"))];
            Some(Branch::new(&format!("{} Latest warnings in Events", painted(FAINT, "?")), below))
        }
        Seen::Missing => None,
    }
}

fn summary(steps: &[Step]) -> String {
    let first = |wanted: State| steps.iter().find(|step| step.state == wanted);
    match (first(State::Fails), first(State::Waits), first(State::Unknown)) {
        (Some(Step { title, side: Some(side), .. }), ..) => {
            format!("The first step that fails is \"{title}\". Who can fix it: {side}.")
        }
        (Some(step), ..) => format!("The first step that fails is \"{}\".", step.title),
        (None, Some(step), _) => format!("Nothing fails. The operator is at \"{}\".", step.title),
        (None, None, Some(_)) => "Nothing that you may see fails.".to_owned(),
        (None, None, None) => "Every step works.".to_owned(),
    }
}
