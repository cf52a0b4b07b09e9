//! Who the operator is, and how trust policies must name it.

use super::iam::IamClient;
use super::sts::StsClient;
use crate::domain::{AwsFailure, BaseIdentity, CallerIdentity, RoleName};

/// Asks AWS who we are and works out the principal that trust policies name.
///
/// The ARN of a role session hides the role's path, and a principal without its path is another one. So the path is
/// looked up with `GetRole` where that is permitted; `--principal-arn` spares the look-up. Where neither helps, a role
/// without a path is assumed: if that is wrong, AWS refuses the trust policy (`PrincipalNotFound`).
pub(super) async fn look_up(sts: &StsClient, iam: &IamClient, given: Option<&str>) -> Result<BaseIdentity, AwsFailure> {
    let caller = sts.caller_identity().await?;
    let principal_arn = match (given, caller.role_session()) {
        (Some(arn), _) => arn.to_owned(),
        (None, None) => caller.arn.clone(),
        (None, Some((role, _))) => match role_arn(iam, role).await {
            Some(arn) => arn,
            None => without_path(&caller, role),
        },
    };
    Ok(BaseIdentity { caller, principal_arn })
}

async fn role_arn(iam: &IamClient, role: &str) -> Option<String> {
    let name = RoleName::parse(role).ok()?;
    match iam.get_role(&name).await {
        Ok(role) => role.map(|role| role.arn.to_string()),
        Err(failure) => {
            tracing::info!(role, %failure, "the path of the operator's own role is unknown; give --principal-arn if it has one");
            None
        }
    }
}

fn without_path(caller: &CallerIdentity, role: &str) -> String {
    format!("arn:{}:iam::{}:role/{role}", caller.partition().as_str(), caller.account)
}
