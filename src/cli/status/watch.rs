//! `status --watch`: shows the objects again whenever one of them changes. The API server reports the changes.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use futures::stream::{BoxStream, select};
use futures::{StreamExt as _, future};
use jiff::Timestamp;
use tokio::time::timeout;

use super::read::Selection;
use super::render::rendered;
use super::snapshot::Snapshot;
use super::tree::tree;
use super::view::{Change, View};
use crate::api::AWSAccount;
use crate::cli::cluster::{Cluster, ClusterError, RequestError};
use crate::cli::outcome::print;
use crate::cli::output::Output;
use crate::host::error_chain::ErrorChain;

/// Changes that come together are shown together.
const TOGETHER: Duration = Duration::from_millis(200);
/// Times are shown anew this often, without a request.
const TIMES: Duration = Duration::from_mins(1);
/// Clears a terminal, and puts the cursor at its beginning.
const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";

/// Shows the objects until the caller interrupts it, the caller may not watch them, or nobody reads the output any more.
pub async fn watch(
    cluster: &Cluster,
    selection: &Selection,
    first: Snapshot,
    output: Output,
) -> Result<(), ClusterError> {
    let mut view = View::of(first, matches!(selection, Selection::Everything));
    let mut changes = changes(cluster, selection);
    let mut shown = String::new();
    loop {
        let now = Timestamp::now();
        let text = rendered(&tree(&view.snapshot(), now), selection, output, now);
        if text != shown {
            show(&text)?;
            shown = text;
        }
        let mut next = timeout(TIMES, changes.next()).await.ok().flatten();
        while let Some(change) = next {
            match change {
                Ok(change) => view.take(change),
                Err(refused @ RequestError::Forbidden(_)) => return Err(refused.into()),
                Err(error) => anstream::eprintln!("{}; trying again", ErrorChain(&error)),
            }
            next = timeout(TOGETHER, changes.next()).await.ok().flatten();
        }
    }
}

/// The changes of the objects, and of accounts as far as the caller may watch them.
fn changes(cluster: &Cluster, selection: &Selection) -> BoxStream<'static, Result<Change, RequestError>> {
    let roles = selection
        .objects(cluster)
        .watch(selection.name())
        .map(|event| event.map(|event| Change::Role(Box::new(event))));
    let accounts =
        cluster.wide::<AWSAccount>().watch(None).map(|event| event.map(|event| Change::Account(Box::new(event))));
    let accounts = accounts.take_while(|event| future::ready(!matches!(event, Err(RequestError::Forbidden(_)))));
    select(roles, accounts).boxed()
}

fn show(text: &str) -> Result<(), ClusterError> {
    let before = if io::stdout().is_terminal() { CLEAR } else { "" };
    print(&format!("{before}{text}")).map_err(ClusterError::Output)
}
