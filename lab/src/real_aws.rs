//! Checks against real AWS (`docs/real-aws.md`): that it answers as the strictness of the AWS proxy claims, and that the story of
//! this project holds there. The same code runs against the lab's AWS in `make test`, so that it is known to work.
//!
//! All that is made lies under one IAM path of the run, in both accounts. It is removed at the end, also after a failure.

mod cleaning;
mod place;
mod plan;
mod probe;
mod probes;
mod story;

use anyhow::{Result, bail};

pub use self::{
    cleaning::{clean, left},
    place::{Names, Place},
    plan::{COST, Part, parts},
};
use crate::control_plane::ControlPlane;

/// Runs all checks and removes what they made. `tell` is given a line for each. Fails if one of them does, or if something is
/// left.
pub async fn check(place: &Place, cluster: &'static ControlPlane, tell: &dyn Fn(&str)) -> Result<()> {
    let mut failed = examine(place, cluster, tell).await;
    for (account, title) in [(&place.target, plan::TARGET_IS_CLEAN), (&place.source, plan::SOURCE_IS_CLEAN)] {
        failed.extend(told(tell, title, clean(account, &place.names).await));
    }
    if failed.is_empty() { Ok(()) } else { bail!("{} failed: {}", failed.len(), failed.join("; ")) }
}

/// What failed, by name.
async fn examine(place: &Place, cluster: &'static ControlPlane, tell: &dyn Fn(&str)) -> Vec<String> {
    let subject = match place.prepare().await {
        Ok(subject) => subject,
        Err(error) => return told(tell, plan::CALLER, Err(error)).into_iter().collect(),
    };
    let mut failed: Vec<String> = told(tell, plan::CALLER, Ok(())).into_iter().collect();
    for probe in probes::all() {
        failed.extend(told(tell, &probe.title(), (probe.ask)(&subject).await));
    }
    failed.extend(told(tell, story::CLAIM, story::run(place, cluster).await));
    failed
}

/// Tells how a check ended. Gives its name if it failed.
fn told(tell: &dyn Fn(&str), what: &str, result: Result<()>) -> Option<String> {
    match result {
        Ok(()) => tell(&format!("  ok    {what}")),
        Err(ref error) => tell(&format!("  FAIL  {what}\n        {error:#}")),
    }
    result.err().map(|_| what.to_owned())
}
