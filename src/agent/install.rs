//! Copies the agent to where another container finds it: its image has no `cp`.

use std::{
    env, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Readable and executable for every user a container may run as.
const MODE: u32 = 0o755;

/// The agent cannot be copied.
#[derive(Debug, Error)]
#[error("cannot copy the agent to {}; its folder must be there and writable, such as an emptyDir", .path.display())]
pub struct InstallError {
    path: PathBuf,
    source: io::Error,
}

/// Copies this very program to `path`, replacing an earlier copy at once.
pub fn install(path: &Path) -> Result<(), InstallError> {
    copy(path).map_err(|source| InstallError { path: path.to_owned(), source })
}

/// Under another name first, so that nobody runs half of it, and so that one which runs already can be replaced.
fn copy(path: &Path) -> io::Result<()> {
    let begun = path.with_added_extension("new");
    fs::copy(env::current_exe()?, &begun)?;
    fs::set_permissions(&begun, fs::Permissions::from_mode(MODE))?;
    fs::rename(&begun, path)
}
