//! `orphans list`: what is found, for people and for programs.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use super::search::{Orphan, Place};
use crate::cli::output::{Output, json};
use crate::cli::paint::plain;

/// The JSON form. It is stable: fields are added, and none is renamed or removed within a version.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    version: &'static str,
    account: String,
    account_id: String,
    cluster: String,
    orphans: Vec<ListedOrphan>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedOrphan {
    role_arn: String,
    role_name: String,
    namespace: String,
    name: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    /// Whether the operator created it.
    deletable: bool,
}

pub(super) fn list(place: &Place, orphans: &[Orphan], output: Output) -> String {
    match output {
        Output::Text => text(place, orphans),
        Output::Json => json(&Listed {
            version: "v1",
            account: place.account_name(),
            account_id: place.account.spec.account_id.clone(),
            cluster: place.cluster_name.clone(),
            orphans: orphans.iter().map(listed).collect(),
        }),
    }
}

fn listed(orphan: &Orphan) -> ListedOrphan {
    let role = &orphan.state.role;
    ListedOrphan {
        role_arn: role.arn.to_string(),
        role_name: role.arn.name.to_string(),
        namespace: orphan.owner.namespace.clone(),
        name: orphan.owner.name.clone(),
        created_at: role.created_at,
        last_used_at: role.last_used,
        deletable: orphan.was_created(),
    }
}

fn text(place: &Place, orphans: &[Orphan]) -> String {
    let account = format!("AWSAccount {} ({})", place.account_name(), place.account.spec.account_id);
    let (path, cluster) = (&place.account.spec.guardrails.role_path, &place.cluster_name);
    if orphans.is_empty() {
        return format!("{account} has no orphans: no role under {path} of cluster {cluster} lacks its object.\n");
    }
    let plural = if orphans.len() == 1 { "" } else { "s" };
    let mut text = format!("{account} has {} orphan{plural} under {path} of cluster {cluster}:\n", orphans.len());
    for orphan in orphans {
        let role = &orphan.state.role;
        let used = role.last_used.map_or("IAM knows of no use".to_owned(), |at| at.to_string());
        let deletion = if orphan.was_created() {
            "`orphans delete` may delete it, since the operator created it"
        } else {
            "`orphans delete` does not delete it, since the operator did not create it"
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{}\n  object     {}, which does not exist\n  created    {}\n  last used  {used}\n  deletion   {deletion}\n",
            role.arn,
            plain(&orphan.object()),
            role.created_at
        );
    }
    text
}
