//! What a command ends with.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// What a command has to say, and how the process ends.
#[derive(Debug)]
pub struct Outcome {
    /// For standard output.
    pub text: String,
    /// The exit code.
    pub code: ExitCode,
}

/// Writes to standard output. Colours stay only if it is a terminal and `NO_COLOR` is not set.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
