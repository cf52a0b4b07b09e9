//! The plugin's command line. kubectl finds the program by its name, and passes on all that follows `crossaccount`.

use clap::{Parser, Subcommand};

use super::bootstrap;
use super::bootstrap::args::BootstrapArgs;
use super::uninstall;
use super::uninstall::args::UninstallArgs;

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
    /// Prints what an AWS account needs before the operator can work in it, or checks that it has it
    #[command(long_about = bootstrap::args::ABOUT, after_long_help = bootstrap::args::EXAMPLES)]
    Bootstrap(BootstrapArgs),

    /// Lists what the objects have in AWS, and ends them before the operator is uninstalled
    #[command(after_long_help = uninstall::args::EXAMPLES)]
    Uninstall(UninstallArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_help_of_bootstrap_explains_the_kinds_of_account_and_has_examples() {
        let mut command = Args::command();
        let help = command.find_subcommand_mut("bootstrap").unwrap().render_long_help().to_string();
        assert!(help.contains("Three kinds of account") && help.contains("# For Terraform"), "{help}");
    }
}
