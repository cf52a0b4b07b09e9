//! Container images without a container builder: archives in the OCI layout, which containerd imports.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use hyper::body::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use lab::{guard, run};

/// The file in which the cache keeps that a folder is complete; no part of an image.
const CACHE_MARK: &str = "./.complete";

/// An image of one layer.
#[derive(Debug)]
pub struct Image {
    name: &'static str,
    root: PathBuf,
    entrypoint: Vec<String>,
    user: &'static str,
}

impl Image {
    /// An image FROM scratch that holds one static program. `user` is `<uid>:<gid>`.
    pub fn of_program(name: &'static str, program: &Path, user: &'static str) -> Result<Self> {
        let file = program.file_name().context("a program has a name")?;
        let root = guard::scratch(name)?;
        fs::copy(program, root.join(file)).with_context(|| format!("cannot copy {}", program.display()))?;
        let entrypoint = vec![format!("/{}", file.to_string_lossy())];
        Ok(Self { name, root, entrypoint, user })
    }

    /// An image of a whole root file system.
    pub fn of_root(name: &'static str, root: PathBuf, entrypoint: &[&str], user: &'static str) -> Self {
        Self { name, root, entrypoint: entrypoint.iter().map(ToString::to_string).collect(), user }
    }

    /// What pods call it.
    pub fn reference(&self) -> String {
        format!("lab.local/{}:1", self.name)
    }

    /// Writes the archive into a folder.
    pub async fn write(&self, folder: &Path) -> Result<()> {
        let layout = guard::scratch("image")?;
        let blobs = layout.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;

        let layer = self.layer(&layout.join("layer")).await?;
        let layer = Blob::store(&blobs, "application/vnd.oci.image.layer.v1.tar", layer)?;
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "User": self.user, "Entrypoint": self.entrypoint },
            "rootfs": { "type": "layers", "diff_ids": [layer.digest()] },
        });
        let config = Blob::store(&blobs, "application/vnd.oci.image.config.v1+json", config.to_string())?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config.descriptor(),
            "layers": [layer.descriptor()],
        });
        let manifest = Blob::store(&blobs, "application/vnd.oci.image.manifest.v1+json", manifest.to_string())?;
        let mut named = manifest.descriptor();
        // Where containerd reads the name.
        named["annotations"] = json!({ "io.containerd.image.name": self.reference() });
        let index = json!({ "schemaVersion": 2, "manifests": [named] });
        fs::write(layout.join("index.json"), index.to_string())?;
        fs::write(layout.join("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }).to_string())?;

        let archive = folder.join(format!("{}.tar", self.name));
        let files = ["oci-layout", "index.json", "blobs"];
        run(Command::new("tar").arg("--create").arg("--file").arg(archive).arg("-C").arg(&layout).args(files)).await?;
        fs::remove_dir_all(layout)?;
        Ok(())
    }

    /// The root file system as a tar that depends on nothing but its files.
    async fn layer(&self, file: &Path) -> Result<Vec<u8>> {
        let mut tar = Command::new("tar");
        tar.args(["--create", "--sort=name", "--mtime=@0", "--numeric-owner", "--owner=0", "--group=0"])
            .args(["--exclude", CACHE_MARK, "--file"])
            .arg(file)
            .arg("-C")
            .arg(&self.root)
            .arg(".");
        run(&mut tar).await?;
        let layer = fs::read(file)?;
        fs::remove_file(file)?;
        Ok(layer)
    }
}

/// A part of an image, stored under its digest.
struct Blob {
    media_type: &'static str,
    hex: String,
    size: usize,
}

impl Blob {
    fn store(folder: &Path, media_type: &'static str, content: impl AsRef<[u8]>) -> Result<Self> {
        let content = content.as_ref();
        let hex = format!("{:x}", Bytes::copy_from_slice(&Sha256::digest(content)));
        fs::write(folder.join(&hex), content)?;
        Ok(Self { media_type, hex, size: content.len() })
    }

    fn digest(&self) -> String {
        format!("sha256:{}", self.hex)
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest(), "size": self.size })
    }
}
