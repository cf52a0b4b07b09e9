//! Who the operator is, and how trust policies must name it.

use super::iam::IamClient;
use super::sts::StsClient;
use crate::domain::{AwsFailure, BaseIdentity, CallerIdentity, FailureKind, RoleName};

/// Asks AWS who the operator is and works out the principal that trust policies name.
///
/// The ARN of a role session hides the role's path, and a principal without its path is another one. So the path is
/// looked up with `GetRole`; `--principal-arn` spares the look-up. Where `GetRole` is not permitted, what was `known` of the
/// same role stays, and otherwise a role without a path is assumed: if that is wrong, AWS refuses the trust policy
/// (`PrincipalNotFound`). Another failure is an error, because a wrong principal would change every trust policy.
pub(super) async fn look_up(
    sts: &StsClient,
    iam: &IamClient,
    given: Option<&str>,
    known: Option<&BaseIdentity>,
) -> Result<BaseIdentity, AwsFailure> {
    let caller = sts.caller_identity().await?;
    let principal_arn = match (given, caller.role_session()) {
        (Some(arn), _) => arn.to_owned(),
        (None, None) => caller.arn.clone(),
        (None, Some((role, id))) => match role_arn(iam, role).await {
            Ok(Some(arn)) => arn,
            Ok(None) => without_path(&caller, role),
            Err(failure) => {
                let same = known.filter(|known| known.caller.role_session().is_some_and(|(_, known)| known == id));
                match same {
                    Some(known) => known.principal_arn.clone(),
                    None if failure.kind == FailureKind::Denied => without_path(&caller, role),
                    None => return Err(failure),
                }
            }
        },
    };
    Ok(BaseIdentity { caller, principal_arn })
}

async fn role_arn(iam: &IamClient, role: &str) -> Result<Option<String>, AwsFailure> {
    let Ok(name) = RoleName::parse(role) else { return Ok(None) };
    let found = iam.get_role(&name).await.inspect_err(|failure| {
        tracing::info!(role, %failure, "cannot read the path of the operator's own role; if it has one, set --principal-arn");
    })?;
    Ok(found.map(|role| role.arn.to_string()))
}

fn without_path(caller: &CallerIdentity, role: &str) -> String {
    format!("arn:{}:iam::{}:role/{role}", caller.partition().as_str(), caller.account)
}
