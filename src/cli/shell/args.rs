//! The flags of `completion` and `man`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The long help of `completion`.
pub const COMPLETION_ABOUT: &str = "\
Prints a script that lets a shell complete the commands and flags of this program.

kubectl completes a plugin by a second program, kubectl_complete-crossaccount. The form `kubectl` prints it: put it into
a folder of PATH and make it executable; then `kubectl crossaccount <TAB>` works in every shell for which kubectl's own
completion is set up. The other forms complete `kubectl-crossaccount <TAB>`.";

/// Examples of `completion`.
pub const COMPLETION_EXAMPLES: &str = "\
Examples:
  # For `kubectl crossaccount <TAB>`
  kubectl crossaccount completion kubectl > ~/.local/bin/kubectl_complete-crossaccount
  chmod +x ~/.local/bin/kubectl_complete-crossaccount

  # For `kubectl-crossaccount <TAB>`
  source <(kubectl crossaccount completion bash)
  kubectl crossaccount completion zsh > \"${fpath[1]}/_kubectl-crossaccount\"
  kubectl crossaccount completion fish > ~/.config/fish/completions/kubectl-crossaccount.fish";

/// Examples of `man`.
pub const MAN_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount man ~/.local/share/man/man1
  man kubectl-crossaccount-status";

/// The arguments of `completion`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Who completes
    #[arg(value_enum)]
    pub form: Form,
}

/// The arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder for the pages; it is made if it is not there
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// Who completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
    /// kubectl, in any of these shells.
    Kubectl,
}
