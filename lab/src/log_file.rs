//! What a child process prints.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// How many lines an error shows.
const TAIL: usize = 30;

/// The file that a process's standard output and error go to.
#[derive(Debug, Clone)]
pub struct LogFile(PathBuf);

impl LogFile {
    /// A new file. The handle is for the process.
    pub fn create(path: PathBuf) -> io::Result<(Self, File)> {
        let file = File::create(&path)?;
        Ok((Self(path), file))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// All of it so far.
    pub fn read(&self) -> String {
        match fs::read(&self.0) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(cannot read {}: {error})", self.0.display()),
        }
    }

    /// The last lines of it.
    pub fn tail(&self) -> String {
        let log = self.read();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}
