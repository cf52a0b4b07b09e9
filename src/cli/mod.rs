//! The kubectl plugin, `kubectl crossaccount`: one folder per command.
//!
//! [`args`] has the command line and [`run`] executes it. A command adds a variant to [`args::Command`], an arm to
//! [`run::execute`], and a folder with its own flags.

pub mod args;
mod aws_account;
pub mod bootstrap;
mod branches;
pub mod change;
pub mod cluster;
mod confirm;
pub mod explain;
pub mod graph;
pub mod import;
mod moments;
pub mod orphans;
pub mod outcome;
pub mod output;
mod paint;
pub mod plan;
mod progress;
pub mod run;
mod runtime;
pub mod session;
pub mod shell;
pub mod status;
pub mod support_bundle;
pub mod uninstall;
mod unused;
