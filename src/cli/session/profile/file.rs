//! The AWS configuration file. It is replaced whole, so no reader finds half of it.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::section::{Obstacle, Profile, with_profile};

/// Why a profile cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Nothing says where the file is.
    #[error("cannot find your home folder; name the AWS configuration file with --config")]
    NoHome,
    /// A word does not fit into `credential_process`.
    #[error(
        "{0:?} has a character that AWS SDKs do not read alike in credential_process; give the context, or the kubeconfig \
         file, another name, and name it with --context or --kubeconfig"
    )]
    Unquotable(String),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}; the file is as it was", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file has several sections of the profile.
    #[error("{} has several sections of profile {profile}; remove all but one", path.display())]
    Several {
        /// The file.
        path: PathBuf,
        /// The profile.
        profile: String,
    },
    /// Somebody else wrote the section.
    #[error(
        "{} has a section of profile {profile} that this command did not write; choose another name with --profile, or replace \
         the section with --force",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The profile.
        profile: String,
    },
}

/// The file that is asked for, else the one that AWS SDKs read.
pub fn file(asked: Option<PathBuf>) -> Result<PathBuf, ProfileError> {
    if let Some(file) = asked {
        return Ok(file);
    }
    let home = env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or(ProfileError::NoHome);
    match env::var_os("AWS_CONFIG_FILE").filter(|file| !file.is_empty()).map(PathBuf::from) {
        Some(file) => match file.strip_prefix("~") {
            Ok(below) => Ok(home?.join(below)),
            Err(_) => Ok(file),
        },
        None => Ok(home?.join(".aws/config")),
    }
}

/// Puts the section of a profile into the file. The file keeps its mode, and a link stays a link.
pub fn write(path: &Path, profile: &Profile, force: bool) -> Result<(), ProfileError> {
    let before = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ProfileError::Read { path: path.to_owned(), source }),
    };
    let after = with_profile(&before, profile, force).map_err(|obstacle| {
        let (path, profile) = (path.to_owned(), profile.name.clone());
        match obstacle {
            Obstacle::Several => ProfileError::Several { path, profile },
            Obstacle::Foreign => ProfileError::Foreign { path, profile },
        }
    })?;
    replace(path, &after).map_err(|source| ProfileError::Write { path: path.to_owned(), source })
}

/// A new file is for its owner alone: that is the mode of a temporary file.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let (target, mode) = match fs::metadata(path) {
        Ok(metadata) => (path.canonicalize()?, Some(metadata.permissions())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (std::path::absolute(path)?, None),
        Err(error) => return Err(error),
    };
    let folder = target.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let mut begun = NamedTempFile::new_in(folder)?;
    begun.write_all(text.as_bytes())?;
    if let Some(mode) = mode {
        begun.as_file().set_permissions(mode)?;
    }
    begun.as_file().sync_all()?;
    begun.persist(target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn profile() -> Profile {
        let command = "kubectl-crossaccount credentials reader -n analytics".to_owned();
        Profile { name: "reader".to_owned(), region: None, command }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_is_for_its_owner_alone_and_its_folder_is_made() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".aws/config");
        write(&path, &profile(), false).unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with("[profile reader]\n"));
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_file_keeps_its_mode_and_a_link_stays_a_link() {
        let home = tempfile::tempdir().unwrap();
        let (path, link) = (home.path().join("real"), home.path().join("config"));
        fs::write(&path, "[default]\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        write(&link, &profile(), false).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&path).unwrap().starts_with("[default]\n\n[profile reader]\n"));
        assert_eq!((mode(&path), fs::read_dir(home.path()).unwrap().count()), (0o640, 2));
    }

    #[test]
    fn a_file_that_is_refused_stays_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config");
        let text = "[profile reader]\nrole_arn = x\n";
        fs::write(&path, text).unwrap();
        let refused = write(&path, &profile(), false).unwrap_err().to_string();
        assert!(refused.contains("did not write") && refused.contains("--force"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
