//! `orphans delete`: roles that the operator created, with their policies.

use std::process::ExitCode;

use super::args::DeleteArgs;
use super::deletion::{Deletion, contents};
use super::error::OrphansError;
use super::search::{Orphan, Place};
use crate::cli::confirm::confirm;
use crate::cli::outcome::Outcome;
use crate::cli::paint::plain;
use crate::cli::progress;
use crate::domain::RoleName;
use crate::host::error_chain::ErrorChain;

/// What a deletion does not do.
const GRANTS: &str = "\
Permissions that source grants gave in other accounts were not touched: an inline policy crossaccount-... of a user, group
or role may still name a deleted role.
";

pub(super) async fn delete(args: DeleteArgs) -> Result<Outcome, OrphansError> {
    let DeleteArgs { place, roles, yes } = args;
    let place = Place::enter(place).await?;
    let orphans = place.orphans().await?;
    let (mut deletions, mut failed) = (Vec::new(), false);
    for role in &roles {
        match checked(&place, &orphans, role).await {
            Ok(found) => deletions.push(found),
            Err(error) => failed |= said(&error),
        }
    }
    if !deletions.is_empty() && !yes {
        confirm(&question(&deletions))?;
    }
    let mut text = String::new();
    for shown in deletions {
        match deleted(&place, &shown).await {
            Ok(line) => text += &line,
            Err(error) => failed |= said(&error),
        }
    }
    if !text.is_empty() {
        text += GRANTS;
    }
    Ok(Outcome { text, code: if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS } })
}

/// A role that may be deleted.
async fn checked(place: &Place, orphans: &[Orphan], role: &RoleName) -> Result<Deletion, OrphansError> {
    // Of those that the list has: so that nothing is taken for an orphan by a wrong name of the cluster.
    if !orphans.iter().any(|orphan| orphan.state.role.arn.name.is_same_as(role)) {
        return Err(OrphansError::NoOrphan(role.clone(), place.account_name()));
    }
    let orphan = place.read_again(role).await?;
    if !orphan.was_created() {
        return Err(OrphansError::NotCreated(orphan.state.role.arn));
    }
    Deletion::of(orphan, &place.own).await
}

/// Deletes a role that is as it was shown, and reads that it is gone.
async fn deleted(place: &Place, shown: &Deletion) -> Result<String, OrphansError> {
    let arn = &shown.orphan.state.role.arn;
    let again = Deletion::of(place.read_again(&arn.name).await?, &place.own).await?;
    if !again.is_as(shown) {
        return Err(OrphansError::Changed(arn.clone()));
    }
    progress::shown(&format!("Deleting {arn}"), Box::pin(again.delete(&place.own))).await?;
    Ok(format!("{arn} is deleted, and IAM says that it is gone.\n"))
}

fn question(deletions: &[Deletion]) -> String {
    let lines = deletions.iter().map(|one| {
        let arn = &one.orphan.state.role.arn;
        format!("  {arn} of {}, with {}\n", plain(&one.orphan.object()), plain(&contents(&one.orphan.state)))
    });
    format!("This deletes:\n{}Their sessions end.", lines.collect::<String>())
}

/// One failure does not stop the others.
fn said(error: &OrphansError) -> bool {
    progress::note(&format!("kubectl crossaccount: {}", plain(&ErrorChain(error).to_string())));
    true
}
