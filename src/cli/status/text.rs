//! The tree of `status` for people.

use jiff::Timestamp;

use super::model::{Account, Health, Problem, Role, Secret, Tree};
use crate::cli::branches::{Branch, draw};
use crate::cli::moments::relative;
use crate::cli::paint::{BAD, FAINT, GOOD, STRONG, WARN, painted, plain};
use crate::cli::unused::args::DAYS;

/// Draws it. Colours are in the text; the output drops them where nobody sees them.
#[must_use]
pub fn text(tree: &Tree, now: Timestamp) -> String {
    tree.accounts.iter().map(|account| draw(&of_account(account, now))).collect::<Vec<_>>().join("\n")
}

fn of_account(account: &Account, now: Timestamp) -> Branch {
    let Account { name, account_id, health, reason, missing_permission, problems, roles } = account;
    let id = account_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    let head =
        format!("{} AWSAccount {}{id}  {}", mark(*health), painted(STRONG, name), reason.as_deref().unwrap_or(""));
    let mut branches: Vec<Branch> = problems.iter().map(of_problem).collect();
    branches.extend(
        missing_permission
            .iter()
            .map(|permission| Branch::leaf(painted(FAINT, &format!("not shown: you may not {permission}")))),
    );
    branches.extend(roles.iter().map(|role| of_role(role, now)));
    Branch::new(head.trim_end(), branches)
}

fn of_role(role: &Role, now: Timestamp) -> Branch {
    let Role {
        namespace,
        name,
        health,
        reason,
        role_arn,
        last_used,
        unused_services,
        denied_before,
        secret,
        grants,
        restarts,
        planned_changes,
        problems,
    } = role;
    let full_name = painted(STRONG, &format!("{namespace}/{name}"));
    let head = format!("{} CrossAccountRole {full_name}  {}", mark(*health), reason.as_deref().unwrap_or(""));
    let of_role = denied_before
        .map(|at| format!("sessions issued before {at} are denied"))
        .into_iter()
        .chain(last_used.map(|at| format!("last used {}", relative(at, now))))
        .chain(
            (!unused_services.is_empty()).then(|| format!("not used for {DAYS} days: {}", unused_services.join(", "))),
        );
    let of_role: Vec<Branch> = of_role.map(|line| Branch::leaf(plain(&line))).collect();
    let branches = problems
        .iter()
        .map(of_problem)
        .chain(role_arn.iter().map(|arn| Branch::new(&format!("role {}", plain(arn)), of_role.clone())))
        .chain(secret.iter().map(|secret| Branch::leaf(of_secret(secret, now))))
        .chain(grants.iter().map(|arn| Branch::leaf(format!("{} may assume the role", plain(arn)))))
        .chain(restarts.iter().map(|workload| Branch::leaf(format!("{workload} restarts after each renewal"))))
        .chain(
            planned_changes.iter().map(|line| Branch::leaf(format!("Create or Adopt would change: {}", plain(line)))),
        );
    Branch::new(head.trim_end(), branches.collect())
}

fn of_secret(secret: &Secret, now: Timestamp) -> String {
    let Secret { name, expires_at, renews_at, expired, issued_at: _ } = secret;
    let end = match expires_at {
        Some(at) if *expired => painted(BAD, &format!(", its credentials expired {}", relative(*at, now))),
        Some(at) => format!(", its credentials expire {}", relative(*at, now)),
        None => String::new(),
    };
    let renewal = renews_at
        .filter(|_| !expired)
        .map(|at| if at > now { format!(", renewal {}", relative(at, now)) } else { ", renewal is due".to_owned() });
    format!("Secret {name}{end}{}", renewal.unwrap_or_default())
}

fn of_problem(problem: &Problem) -> Branch {
    let Problem { condition, reason, message, remedy } = problem;
    let origin = match (condition, reason) {
        (Some(condition), Some(reason)) => format!("{condition}, {reason}: "),
        _ => String::new(),
    };
    let remedy = remedy.iter().map(|remedy| Branch::leaf(painted(FAINT, remedy)));
    Branch::new(&painted(WARN, &format!("{origin}{message}")), remedy.collect())
}

/// One sign for each state.
#[must_use]
pub fn mark(health: Health) -> String {
    match health {
        Health::Ready => painted(GOOD, "✓"),
        Health::Attention => painted(WARN, "!"),
        Health::NotReady => painted(BAD, "✗"),
        Health::Unknown => painted(FAINT, "?"),
    }
}
