//! `orphans adopt`: the object of a role, made again.

use super::args::AdoptArgs;
use super::error::OrphansError;
use super::search::{Orphan, Place};
use crate::api::{CrossAccountRole, Lifecycle};
use crate::cli::cluster::RequestError;
use crate::cli::confirm::confirm;
use crate::cli::import::{judged, manifest};
use crate::cli::progress;
use crate::decide::import::{Imported, Note, Origin, Wanted, import};
use crate::domain::ObjectIdentity;

pub(super) async fn adopt(args: AdoptArgs) -> Result<String, OrphansError> {
    let AdoptArgs { place, role, dry_run, yes } = args;
    let place = Place::enter(place).await?;
    // Of those that the list has: so that nothing is taken for an orphan by a wrong name of the cluster.
    let orphan = place.named(&role).await?;
    let orphan = place.read_again(&orphan.state.role.arn.name).await?;
    let (object, text) = declared(&place, &orphan).await?;
    if dry_run {
        return Ok(text);
    }
    progress::note(&text);
    let full_name = orphan.object();
    if !yes {
        confirm(&format!(
            "This creates CrossAccountRole {full_name}, and the operator makes its role as declared above."
        ))?;
    }
    let ObjectIdentity { namespace, name, .. } = &orphan.owner;
    match place.cluster.within::<CrossAccountRole>(namespace).create(&object).await {
        // The kind is known: all objects were listed.
        Err(RequestError::UnknownKind(_)) => return Err(OrphansError::NoNamespace(namespace.clone())),
        created => created?,
    };
    Ok(format!(
        "CrossAccountRole {full_name} is created. `kubectl crossaccount status {name} -n {namespace}` shows what the operator does.\n"
    ))
}

/// The object, and its manifest.
async fn declared(place: &Place, orphan: &Orphan) -> Result<(CrossAccountRole, String), OrphansError> {
    let (account, found) = (&place.account, &orphan.state.role);
    let ObjectIdentity { namespace, name, .. } = &orphan.owner;
    // The operator deletes such a role with its object, as it would have done before.
    let lifecycle = if orphan.was_created() { Lifecycle::Create } else { Lifecycle::Adopt };
    let account_name = place.account_name();
    let wanted = Wanted {
        name,
        namespace: Some(namespace),
        account: &account_name,
        lifecycle,
        origin: Origin::Orphan(&orphan.owner),
    };
    let Imported { role, mut notes } = import(&orphan.state, &wanted);
    notes.push(Note::new(
        "spec.session, spec.secret, spec.sourceGrants, spec.rolloutRestarts",
        "they are not in AWS",
        "The manifest leaves them at their defaults: add what the earlier object had",
    ));
    notes.extend(judged(&place.cluster, &role, found, account).await);
    let text = manifest(&found.arn, &role, &notes).map_err(|error| OrphansError::Render(error.to_string()))?;
    Ok((role, text))
}
