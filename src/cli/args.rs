//! The plugin's command line. kubectl finds the program by its name, and passes on all that follows `crossaccount`.

use clap::{Parser, Subcommand};

use super::bootstrap::args::BootstrapArgs;
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
    Bootstrap(BootstrapArgs),

    /// Lists what the objects have in AWS, and ends them before the operator is uninstalled
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
}
