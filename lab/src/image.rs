//! Container images without a container engine: archives in the OCI layout, which containerd, Podman and Skopeo read.
//!
//! The same files give the same bytes, so the digest of an image proves what is in it. Nothing in an archive says when or where it was
//! made.

mod archive;
mod certificates;
mod layer;
mod recipe;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

pub use self::{
    archive::{archive_digest, digest, write},
    recipe::Facts,
};
use self::{
    layer::{Entry, Layer, Tree},
    recipe::Recipe,
};

/// Where programs and certificates are in the stage `build` of the Containerfile.
const PROGRAMS: &str = "/programs/";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// An image of one layer for one platform.
#[derive(Debug)]
pub struct Image {
    name: String,
    architecture: &'static str,
    config: Value,
    layer: Layer,
}

impl Image {
    /// The image that a stage of `images/Containerfile` describes, `operator` or `agent`, with programs from a folder that
    /// `images/build.sh` filled. `architecture` is that of the programs, in the words of [`architecture_named`].
    pub fn of_stage(stage: &str, programs: &Path, architecture: &'static str, facts: &Facts) -> Result<Self> {
        let recipe = Recipe::read(stage, facts)?;
        let mut tree = Tree::default();
        for (from, to) in &recipe.files {
            tree.add(to, of_build_stage(from, programs)?);
        }
        let title = recipe.labels.get("org.opencontainers.image.title");
        let name = title.with_context(|| format!("the stage {stage} has no title"))?.clone();
        let config = json!({ "User": recipe.user, "Entrypoint": recipe.entrypoint, "Labels": recipe.labels });
        Ok(Self { name, architecture, config, layer: Layer::of(&tree)? })
    }

    /// An image that holds one static program and is described nowhere else. `user` is `<uid>:<gid>`.
    pub fn of_program(name: &str, program: &Path, user: &str) -> Result<Self> {
        let file = program.file_name().context("a program has a name")?.to_string_lossy();
        let mut tree = Tree::default();
        tree.add(&format!("/{file}"), Entry::program(program));
        let config = json!({ "User": user, "Entrypoint": [format!("/{file}")] });
        Ok(Self { name: name.to_owned(), architecture: this_architecture()?, config, layer: Layer::of(&tree)? })
    }

    /// An image of a whole root file system.
    pub fn of_root(name: &str, root: &Path, entrypoint: &[&str], user: &str) -> Result<Self> {
        let config = json!({ "User": user, "Entrypoint": entrypoint });
        let layer = Layer::of(&Tree::of_folder(root)?)?;
        Ok(Self { name: name.to_owned(), architecture: this_architecture()?, config, layer })
    }

    /// Its name, without registry and version.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The processors that it is for.
    pub fn architecture(&self) -> &'static str {
        self.architecture
    }

    /// Bytes of its files, unpacked.
    pub fn size(&self) -> u64 {
        self.layer.size
    }

    /// Bytes of its compressed layer, which is what a node downloads.
    pub fn download(&self) -> usize {
        self.layer.content.len()
    }
}

/// The architecture of this machine, as images call it.
pub fn this_architecture() -> Result<&'static str> {
    architecture_named(std::env::consts::ARCH)
}

/// An architecture as images call it.
pub fn architecture_named(name: &str) -> Result<&'static str> {
    match name {
        "amd64" | "x86_64" => Ok("amd64"),
        "arm64" | "aarch64" => Ok("arm64"),
        _ => bail!("there is no image for {name}: write amd64 or arm64"),
    }
}

/// A file of the stage in which a container engine builds the programs.
fn of_build_stage(path: &str, programs: &Path) -> Result<Entry> {
    if path == CERTIFICATES {
        return Ok(Entry::text(certificates::bundle()));
    }
    let name =
        path.strip_prefix(PROGRAMS).with_context(|| format!("nothing makes {path} without a container engine"))?;
    let program: PathBuf = programs.join(name);
    let metadata = fs::metadata(&program).with_context(|| format!("there is no {name} in {}", programs.display()))?;
    ensure!(metadata.is_file(), "{} is no file", program.display());
    Ok(Entry::program(&program))
}
