//! The file of the bundle. It is written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, PersistError};

/// Why the file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is one of this name.
    #[error("{} exists; name another file with --output, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// Anything else.
    #[error("cannot write {}; no file was left behind", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Fails if there is something of this name, so that nobody waits for a bundle that cannot be written.
pub fn check(path: &Path, force: bool) -> Result<(), FileError> {
    if !force && fs::symlink_metadata(path).is_ok() {
        return Err(FileError::Exists(path.to_owned()));
    }
    Ok(())
}

/// Writes the file, for its owner alone: that is the mode of a temporary file.
pub fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), FileError> {
    let failed = |source| FileError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let begun = begin(folder, bytes).map_err(failed)?;
    let persisted: Result<File, PersistError> = if force { begun.persist(path) } else { begun.persist_noclobber(path) };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(FileError::Exists(path.to_owned())),
        Err(error) => Err(failed(error.error)),
    }
}

fn begin(folder: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut begun = NamedTempFile::new_in(folder)?;
    begun.write_all(bytes)?;
    begun.as_file().sync_all()?;
    Ok(begun)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_file_is_for_its_owner_alone_and_is_replaced_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.tar.gz");
        check(&path, false).unwrap();
        write(&path, b"one", false).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for refused in [check(&path, false), write(&path, b"two", false)] {
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("exists") && refused.contains("--force"), "{refused}");
        }
        assert_eq!(fs::read(&path).unwrap(), b"one");
        check(&path, true).unwrap();
        write(&path, b"two", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left behind");
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let refused = write(&folder.path().join("missing/bundle.tar.gz"), b"one", false).unwrap_err().to_string();
        assert!(refused.contains("no file was left behind"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
