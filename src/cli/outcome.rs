//! What a command ends with.

use std::process::ExitCode;

/// What a command has to say, and how the process ends.
#[derive(Debug)]
pub struct Outcome {
    /// For standard output.
    pub text: String,
    /// The exit code.
    pub code: ExitCode,
}
