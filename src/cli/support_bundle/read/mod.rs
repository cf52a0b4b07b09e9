//! Reads the parts of the bundle with the caller's own rights. What cannot be read is a part of its own.

mod listed;
mod logs;
mod objects;
mod operator;

use k8s_openapi::apimachinery::pkg::version::Info;
use serde_json::json;

use super::part::{Content, Part};
use crate::cli::cluster::{Cluster, Scope};

/// Which objects, and where the operator is.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// One namespace, or all of them.
    pub objects: Scope,
    /// Namespace of the operator.
    pub operator: String,
}

/// Reads everything. It fails only if the API server does not answer, or does not know the caller.
pub async fn parts(cluster: &Cluster, wanted: &Wanted) -> kube::Result<Vec<Part>> {
    let server = match cluster.version().await {
        Err(error) if !is_answer(&error) => return Err(error),
        server => server,
    };
    let (objects, operator) = tokio::join!(
        Box::pin(objects::parts(cluster, &wanted.objects)),
        Box::pin(operator::parts(cluster, &wanted.operator)),
    );
    Ok([versions(server), objects, operator].concat())
}

/// Whether somebody answered who knows the caller. All other requests would fail, too.
fn is_answer(error: &kube::Error) -> bool {
    const UNAUTHORIZED: u16 = 401;
    matches!(error, kube::Error::Api(status) if status.code != UNAUTHORIZED)
}

fn versions(server: kube::Result<Info>) -> Vec<Part> {
    const FILE: &str = "versions.json";
    let plugin = env!("CARGO_PKG_VERSION");
    let (server, missing) = match server {
        Ok(Info { git_version, platform, .. }) => (json!({"version": git_version, "platform": platform}), None),
        Err(error) => (json!(null), Some(Part::missing(FILE, format!("the version of the API server: {error}")))),
    };
    let document = json!({"plugin": plugin, "apiServer": server});
    [Part::new(FILE, Content::Document(document))].into_iter().chain(missing).collect()
}
