//! Who the operator is, and how trust policies must name it.

use super::iam::IamClient;
use super::sts::StsClient;
use crate::domain::{AwsFailure, BaseIdentity, CallerIdentity, FailureKind, RoleName};

/// Asks AWS who the operator is and works out the principal that trust policies name.
///
/// The ARN of a role session hides the role's path, and a principal without its path is another one. So the path is
/// looked up with `GetRole`; `--principal-arn` spares the look-up. Where `GetRole` is not permitted, what was `known` of the
/// same role stays, and otherwise a role without a path is assumed: if that is wrong, AWS refuses the trust policy
/// (`PrincipalNotFound`). After another failure that is a guess, by which no trust policy is changed.
pub(super) async fn look_up(
    sts: &StsClient,
    iam: &IamClient,
    given: Option<&str>,
    known: Option<&BaseIdentity>,
) -> Result<BaseIdentity, AwsFailure> {
    let caller = sts.caller_identity().await?;
    let (principal_arn, guessed) = match (given, caller.role_session()) {
        (Some(arn), _) => (arn.to_owned(), None),
        (None, None) => (caller.arn.clone(), None),
        (None, Some((role, id))) => match role_arn(iam, role).await {
            Ok(Some(arn)) => (arn, None),
            Ok(None) => (without_path(&caller, role), None),
            Err(failure) => {
                let same = |known: &&BaseIdentity| known.caller.role_session().is_some_and(|(_, known)| known == id);
                let guess = (failure.kind != FailureKind::Denied).then_some(failure);
                let before = known.filter(same).map(|known| (known.principal_arn.clone(), known.guessed.clone()));
                before.unwrap_or_else(|| (without_path(&caller, role), guess))
            }
        },
    };
    Ok(BaseIdentity { caller, principal_arn, guessed })
}

async fn role_arn(iam: &IamClient, role: &str) -> Result<Option<String>, AwsFailure> {
    let Ok(name) = RoleName::parse(role) else { return Ok(None) };
    let found = iam.get_role(&name).await.inspect_err(|failure| {
        tracing::info!(role, %failure, "cannot read the path of the operator's own role; if it has one, set --principal-arn");
    })?;
    Ok(found.map(|role| role.arn.to_string()))
}

fn without_path(caller: &CallerIdentity, role: &str) -> String {
    format!("arn:{}:iam::{}:role/{role}", caller.partition(), caller.account)
}
