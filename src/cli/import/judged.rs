//! What the account says of an object, as far as the caller may see.

use crate::api::{AWSAccount, CrossAccountRole};
use crate::cli::cluster::Cluster;
use crate::decide::import::{Note, judge};
use crate::domain::IamRole;
use crate::host::error_chain::ErrorChain;

/// A note for each thing that the account refuses, or that could not be judged.
pub async fn judged(cluster: &Cluster, role: &CrossAccountRole, found: &IamRole, account: &AWSAccount) -> Vec<Note> {
    let name = role.metadata.namespace.as_deref().unwrap_or_default();
    match cluster.namespace_for(Some(account), name).await {
        Ok(namespace) => judge(role, found, account, Some(&namespace)),
        Err(error) => {
            let problem = format!("whether the AWSAccount allows it was not judged: {}", ErrorChain(&error));
            let note = Note::new(format!("namespace {name}"), problem, "Look at the condition Ready of the object");
            [note].into_iter().chain(judge(role, found, account, None)).collect()
        }
    }
}
