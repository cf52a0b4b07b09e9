//! The tree in the form that was asked for.

use jiff::Timestamp;

use super::model::Tree;
use super::read::Selection;
use super::text;
use crate::cli::output::{Output, json};

/// Text or JSON.
pub fn rendered(tree: &Tree, selection: &Selection, output: Output, now: Timestamp) -> String {
    match output {
        Output::Json => json(tree),
        Output::Text if tree.accounts.is_empty() => match selection {
            Selection::Everything => "There are no CrossAccountRoles and no AWSAccounts.\n".to_owned(),
            Selection::Namespace(namespace) | Selection::One { namespace, .. } => {
                format!("There are no CrossAccountRoles in namespace {namespace}.\n")
            }
        },
        Output::Text => text::text(tree, now),
    }
}
