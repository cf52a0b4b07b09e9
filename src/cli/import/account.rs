//! The `AWSAccount` of a role, and what the cluster says of it.

use kube::ResourceExt as _;

use super::error::ImportError;
use crate::api::AWSAccount;
use crate::cli::cluster::{Cluster, ClusterError, RequestError};
use crate::decide::import::Note;
use crate::domain::{Region, RoleArn};
use crate::host::error_chain::ErrorChain;

/// The account that the object is to name.
pub(super) struct Chosen {
    /// Its name.
    pub name: String,
    /// The object, where it could be read.
    pub account: Option<AWSAccount>,
    /// Why not, if not.
    pub unread: Option<Note>,
}

/// The account that was asked for, else the one of the role's account.
pub(super) async fn chosen(
    cluster: Result<&Cluster, &ClusterError>,
    asked: Option<String>,
    role: &RoleArn,
) -> Result<Chosen, ImportError> {
    let Some(name) = asked else { return matching(cluster, role).await };
    let unread = match cluster {
        Err(error) => unread(&name, &ErrorChain(error)),
        Ok(cluster) => match cluster.wide::<AWSAccount>().get(&name).await {
            Ok(account) if !is_of(&account, role) => return Err(other(&account, role)),
            Ok(account) => return Ok(Chosen { name, account: Some(account), unread: None }),
            Err(RequestError::NotFound { .. }) => Note::new(
                format!("AWSAccount {name}"),
                "it does not exist",
                "The operator refuses the object until it does",
            ),
            Err(error) => unread(&name, &ErrorChain(&error)),
        },
    };
    Ok(Chosen { name, account: None, unread: Some(unread) })
}

fn unread(name: &str, why: &ErrorChain<'_>) -> Note {
    let advice =
        "Guardrails and allowed namespaces were not judged: after you apply the object, look at its condition Ready";
    Note::new(format!("AWSAccount {name}"), format!("it was not read: {why}"), advice)
}

/// The only account of the cluster that is the role's.
async fn matching(cluster: Result<&Cluster, &ClusterError>, role: &RoleArn) -> Result<Chosen, ImportError> {
    let unknown = |why: &ErrorChain<'_>| {
        ImportError::WhichAccount(format!(
            "cannot look in the cluster for the AWSAccount of account {}: {why}",
            role.account
        ))
    };
    let cluster = cluster.map_err(|error| unknown(&ErrorChain(error)))?;
    let accounts = cluster.wide::<AWSAccount>().list().await.map_err(|error| unknown(&ErrorChain(&error)))?;
    let mut found: Vec<AWSAccount> = accounts.into_iter().filter(|account| is_of(account, role)).collect();
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(AWSAccount::name_any).collect();
        let which = format!("the AWSAccounts {} are all of account {}", names.join(", "), role.account);
        return Err(ImportError::WhichAccount(which));
    }
    match found.pop() {
        Some(account) => Ok(Chosen { name: account.name_any(), account: Some(account), unread: None }),
        None => Err(ImportError::WhichAccount(format!("the cluster has no AWSAccount of account {}", role.account))),
    }
}

fn is_of(account: &AWSAccount, role: &RoleArn) -> bool {
    let partition = Region::parse(&account.spec.region).map(|region| region.partition());
    account.spec.account_id == role.account.as_str() && partition == Some(role.partition)
}

fn other(account: &AWSAccount, role: &RoleArn) -> ImportError {
    let found = format!("account {} in {}", account.spec.account_id, account.spec.region);
    ImportError::OtherAccount { name: account.name_any(), found, role: role.to_string() }
}
