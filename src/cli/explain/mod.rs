//! `kubectl crossaccount explain`: every step from the declaration to the pods, and which side of it is wrong.

pub mod args;
mod facts;
mod read;
mod sides;
mod step;
mod steps;
mod text;

use std::process::ExitCode;

use jiff::Timestamp;
use serde::Serialize;

use self::args::ExplainArgs;
use self::read::facts;
use self::step::{State, Step};
use self::steps::steps;
use super::cluster::args::NamespaceArgs;
use super::cluster::{Cluster, ClusterError, RequestError};
use super::outcome::Outcome;
use super::output::{Output, json};
use super::{progress, runtime};

/// The JSON form. It is stable: fields are added, and none is renamed or removed within a version.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    version: &'static str,
    namespace: String,
    name: String,
    works: bool,
    steps: Vec<Step>,
}

/// Explains one object.
pub fn run(args: ExplainArgs) -> Result<Outcome, ClusterError> {
    runtime::block_on(Box::pin(explain(args))).map_err(ClusterError::Setup)?
}

async fn explain(args: ExplainArgs) -> Result<Outcome, ClusterError> {
    let ExplainArgs { name, place: NamespaceArgs { connection, namespace }, output } = args;
    let cluster = Cluster::connect(connection).await?;
    let namespace = cluster.namespace(namespace);
    let reading = Box::pin(explained(&cluster, namespace, name, output));
    let (text, works) = progress::shown("Reading the object and what is around it", reading).await?;
    Ok(Outcome { text, code: if works { ExitCode::SUCCESS } else { ExitCode::FAILURE } })
}

/// What is said of one object, and whether every step works that the caller may see.
pub(super) async fn explained(
    cluster: &Cluster,
    namespace: String,
    name: String,
    output: Output,
) -> Result<(String, bool), RequestError> {
    let facts = facts(cluster, &namespace, &name).await?;
    let now = Timestamp::now();
    let steps = steps(&facts, now);
    // What the caller may not see is no failure.
    let works = steps.iter().all(|step| matches!(step.state, State::Works | State::Unknown));
    let text = match output {
        Output::Text => text::text(&facts, &steps, now),
        Output::Json => json(&Explanation { version: "v1", namespace, name, works, steps }),
    };
    Ok((text, works))
}
