//! The kubectl plugin, `kubectl crossaccount`: one folder per command.
//!
//! [`args`] has the command line and [`run`] executes it. A command adds a variant to [`args::Command`], an arm to
//! [`run::execute`], and a folder with its own flags.

pub mod args;
pub mod bootstrap;
pub mod outcome;
pub mod run;
pub mod uninstall;
