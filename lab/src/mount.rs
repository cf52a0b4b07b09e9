//! A Secret volume, laid out and updated as the kubelet does.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use k8s_openapi::api::core::v1::Secret;

/// A mounted Secret: each version in a folder of its own, `..data` points to the current one, and each key is a link
/// through `..data`. One rename switches all keys at once, so that a reader never sees two versions mixed in one file.
#[derive(Debug)]
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts at this existing, empty folder.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Shows this version of the Secret from now on.
    pub fn show(&self, secret: &Secret) -> Result<()> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let current = self.0.join("..data");
        let version = format!("..version_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let earlier = fs::read_link(&current).ok();

        fs::create_dir(self.0.join(&version))?;
        for (key, value) in secret.data.iter().flatten() {
            fs::write(self.0.join(&version).join(key), &value.0)?;
        }
        let next = self.0.join("..data_tmp");
        symlink(&version, &next)?;
        fs::rename(&next, &current)?;
        for key in secret.data.iter().flatten().map(|(key, _)| key) {
            match symlink(Path::new("..data").join(key), self.0.join(key)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                linked => linked?,
            }
        }
        if let Some(earlier) = earlier {
            fs::remove_dir_all(self.0.join(earlier))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;
    use crate::guard::scratch;

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
        Secret { data: Some(data.collect()), ..Secret::default() }
    }

    #[test]
    fn a_mount_shows_the_latest_version_and_keeps_no_other() -> Result<()> {
        let mount = Mount::new(scratch("mount")?);
        mount.show(&secret(&[("config", "one"), ("credentials", "1")]))?;
        mount.show(&secret(&[("config", "two"), ("credentials", "2")]))?;
        assert_eq!(fs::read_to_string(mount.path().join("config"))?, "two");
        assert_eq!(fs::read_to_string(mount.path().join("credentials"))?, "2");
        let mut versions = 0;
        for entry in fs::read_dir(mount.path())? {
            versions += usize::from(entry?.file_type()?.is_dir());
        }
        assert_eq!(versions, 1);
        Ok(())
    }
}
