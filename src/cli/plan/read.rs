//! Reads the role of a declaration from AWS, with the AWS credentials at hand.

use super::error::PlanError;
use super::live::Live;
use super::role::OPERATOR;
use crate::api::{AWSAccount, CrossAccountRole};
use crate::cli::aws_account::OwnAccount;
use crate::cli::cluster::Cluster;
use crate::cli::progress;
use crate::decide::account::access::access;
use crate::decide::target::fields::invalid;
use crate::domain::RoleName;

/// The role of that name in the account, if there is one. Credentials of another account are refused.
pub(super) async fn role(
    cluster: &Cluster,
    cluster_name: Option<String>,
    wanted: &CrossAccountRole,
    account: &AWSAccount,
) -> Result<Live, PlanError> {
    let access = access(account)?;
    let name = RoleName::parse(&wanted.iam_role_name()).map_err(|error| invalid("spec.role.name", error))?;
    let cluster = cluster.name(cluster_name).await?;
    let own = OwnAccount::enter().await?;
    own.is_account(access.id.as_str())?;
    own.is_partition(access.region.partition().as_str())?;
    let found = own.iam.role_state(&name).await.map_err(|failure| own.failed(&format!("role {name}"), &failure))?;
    let live = Live { found, cluster };
    if live.found.is_some() && !live.names_operator(wanted) {
        progress::note(&format!(
            "The trust policy of the role does not name the operator yet. In the plan, user/{OPERATOR} stands for it."
        ));
    }
    Ok(live)
}
