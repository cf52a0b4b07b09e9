//! The plugin's command line. kubectl finds the program by its name, and passes on all that follows `crossaccount`.

use clap::{Parser, Subcommand};

use super::bootstrap;
use super::bootstrap::args::BootstrapArgs;
use super::change;
use super::change::args::{ChangeArgs, RevokeArgs};
use super::explain;
use super::explain::args::ExplainArgs;
use super::graph;
use super::graph::args::GraphArgs;
use super::import;
use super::import::args::ImportArgs;
use super::orphans;
use super::orphans::args::OrphansArgs;
use super::plan;
use super::plan::args::PlanArgs;
use super::session;
use super::session::args::{EnvArgs, ExecArgs, ProfileArgs, SessionArgs};
use super::shell;
use super::shell::args::{CompletionArgs, ManArgs};
use super::status;
use super::status::args::StatusArgs;
use super::support_bundle;
use super::support_bundle::args::SupportBundleArgs;
use super::uninstall;
use super::uninstall::args::UninstallArgs;
use super::unused;
use super::unused::args::UnusedArgs;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-crossaccount",
    bin_name = "kubectl crossaccount",
    version,
    about = "Works with CrossAccountRoles and with the AWS accounts behind them"
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows accounts, roles, Secrets and consumers, what is wrong, and what to do
    #[command(long_about = status::args::ABOUT, after_long_help = status::args::EXAMPLES)]
    Status(StatusArgs),

    /// Goes through every step from the declaration to the pods, and says which side is wrong
    #[command(long_about = explain::args::ABOUT, after_long_help = explain::args::EXAMPLES)]
    Explain(ExplainArgs),

    /// Shows what a declaration would change in AWS, before it is applied
    #[command(long_about = plan::args::ABOUT, after_long_help = plan::args::EXAMPLES)]
    Plan(PlanArgs),

    /// Draws who can reach what: as a page, for Graphviz, for Markdown or for programs
    #[command(long_about = graph::args::ABOUT, after_long_help = graph::args::EXAMPLES)]
    Graph(GraphArgs),

    /// Shows which services a role may use and does not use, and the narrower policies
    #[command(long_about = unused::args::ABOUT, after_long_help = unused::args::EXAMPLES)]
    Unused(UnusedArgs),

    /// Asks for new credentials now
    #[command(after_long_help = change::args::RENEW_EXAMPLES)]
    Renew(ChangeArgs),

    /// Ends all sessions of a role, also those of copied credentials, and asks for new ones
    #[command(long_about = change::args::REVOKE_ABOUT, after_long_help = change::args::REVOKE_EXAMPLES)]
    Revoke(RevokeArgs),

    /// Stops writes to AWS and renewals for an object; its credentials stay until they expire
    #[command(long_about = change::args::SUSPEND_ABOUT, after_long_help = change::args::SUSPEND_EXAMPLES)]
    Suspend(ChangeArgs),

    /// Ends a suspension
    #[command(after_long_help = change::args::RESUME_EXAMPLES)]
    Resume(ChangeArgs),

    /// Runs a command with the credentials of a role in its environment
    #[command(long_about = session::args::EXEC_ABOUT, after_long_help = session::args::EXEC_EXAMPLES)]
    Exec(ExecArgs),

    /// Prints the credentials of a role as variables for a shell
    #[command(long_about = session::args::ENV_ABOUT, after_long_help = session::args::ENV_EXAMPLES)]
    Env(EnvArgs),

    /// Prints the credentials of a role in the form that an AWS profile asks a command for
    #[command(long_about = session::args::CREDENTIALS_ABOUT, after_long_help = session::args::CREDENTIALS_EXAMPLES)]
    Credentials(SessionArgs),

    /// Writes an AWS profile that gets its credentials from the Secret of a role
    #[command(long_about = session::args::PROFILE_ABOUT, after_long_help = session::args::PROFILE_EXAMPLES)]
    Profile(ProfileArgs),

    /// Prints what an AWS account needs before the operator can work in it, or checks that it has it
    #[command(long_about = bootstrap::args::ABOUT, after_long_help = bootstrap::args::EXAMPLES)]
    Bootstrap(BootstrapArgs),

    /// Prints a manifest for an IAM role that exists
    #[command(long_about = import::args::ABOUT, after_long_help = import::args::EXAMPLES)]
    Import(ImportArgs),

    /// Lists roles whose object is gone, takes them back, or deletes them
    #[command(long_about = orphans::args::ABOUT, after_long_help = orphans::args::EXAMPLES)]
    Orphans(OrphansArgs),

    /// Writes a file for a bug report: objects, Events, and the operator with its logs, without secrets
    #[command(long_about = support_bundle::args::ABOUT, after_long_help = support_bundle::args::EXAMPLES)]
    SupportBundle(SupportBundleArgs),

    /// Lists what the objects have in AWS, and ends them before the operator is uninstalled
    #[command(after_long_help = uninstall::args::EXAMPLES)]
    Uninstall(UninstallArgs),

    /// Prints a completion script for a shell, or for kubectl
    #[command(long_about = shell::args::COMPLETION_ABOUT, after_long_help = shell::args::COMPLETION_EXAMPLES)]
    Completion(CompletionArgs),

    /// Writes manual pages
    #[command(after_long_help = shell::args::MAN_EXAMPLES)]
    Man(ManArgs),

    /// Prints what may follow on the words so far, for kubectl
    #[command(hide = true)]
    Complete {
        /// The words after `kubectl crossaccount`; the last one is not complete.
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        words: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    fn has_examples(command: &mut clap::Command) {
        for below in command.get_subcommands_mut().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
            let help = below.render_long_help().to_string();
            assert!(help.contains("Examples:\n"), "{help}");
            has_examples(below);
        }
    }

    #[test]
    fn every_command_and_each_below_it_has_examples_in_its_help() {
        let mut command = Args::command();
        command.build();
        has_examples(&mut command);
    }

    #[test]
    fn the_help_of_bootstrap_explains_the_kinds_of_account_and_has_examples() {
        let mut command = Args::command();
        let help = command.find_subcommand_mut("bootstrap").unwrap().render_long_help().to_string();
        assert!(help.contains("Three kinds of account") && help.contains("# For Terraform"), "{help}");
    }
}
