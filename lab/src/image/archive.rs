//! One image, for one or several platforms, as an archive in the OCI layout (OCI image specification, `image-layout.md`).

use std::{collections::BTreeMap, fs::File, io::Read as _, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use hyper::body::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType};

use super::{Image, layer::header};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Writes the archive of an image, one [`Image`] for each platform, and gives its digest. `reference` is its full name, as in
/// `registry.example/operator:1.0`.
pub fn write(file: &Path, reference: &str, images: &[Image]) -> Result<String> {
    let mut blobs = Blobs::default();
    let mut manifests = Vec::new();
    for image in images {
        manifests.push(blobs.manifest(image));
    }
    let mut named = match manifests.as_slice() {
        [] => bail!("an image needs a platform"),
        [one] => one.clone(),
        several => blobs.add(INDEX, index(several).to_string()),
    };
    let platforms: Vec<&str> = images.iter().map(|image| image.architecture).collect();
    ensure!(
        platforms.iter().enumerate().all(|(at, one)| !platforms[..at].contains(one)),
        "one image for each platform"
    );
    let version = reference.rsplit_once(':').context("a reference ends with a version")?.1;
    // Where containerd and where others read the name.
    named["annotations"] =
        json!({ "io.containerd.image.name": reference, "org.opencontainers.image.ref.name": version });

    let mut archive = Builder::new(File::create(file).with_context(|| format!("cannot write {}", file.display()))?);
    add(&mut archive, "oci-layout", json!({ "imageLayoutVersion": "1.0.0" }).to_string().as_bytes())?;
    add(&mut archive, "index.json", index(&[named.clone()]).to_string().as_bytes())?;
    for (name, content) in &blobs.0 {
        add(&mut archive, &format!("blobs/sha256/{name}"), content)?;
    }
    archive.into_inner()?.sync_all()?;
    Ok(named["digest"].as_str().unwrap_or_default().to_owned())
}

/// The digest of the image in an archive.
pub fn archive_digest(file: &Path) -> Result<String> {
    let mut archive = Archive::new(File::open(file)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()? == Path::new("index.json") {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            let index: Value = serde_json::from_str(&text)?;
            return index["manifests"][0]["digest"].as_str().map(str::to_owned).context("its index names no image");
        }
    }
    bail!("it has no index.json")
}

fn index(manifests: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests })
}

fn add(archive: &mut Builder<File>, path: &str, content: &[u8]) -> Result<()> {
    let mut header = header(EntryType::Regular, 0o644);
    header.set_size(u64::try_from(content.len())?);
    Ok(archive.append_data(&mut header, path, content)?)
}

/// The parts of images, by the hexadecimal digits of their digests.
#[derive(Default)]
struct Blobs(BTreeMap<String, Vec<u8>>);

impl Blobs {
    /// Adds a part and gives its descriptor.
    fn add(&mut self, media_type: &str, content: impl Into<Vec<u8>>) -> Value {
        let content = content.into();
        let descriptor = json!({ "mediaType": media_type, "digest": digest(&content), "size": content.len() });
        self.0.insert(hex(&content), content);
        descriptor
    }

    fn manifest(&mut self, image: &Image) -> Value {
        let layer = self.add(LAYER, image.layer.content.clone());
        let config = json!({
            "architecture": image.architecture,
            "os": "linux",
            "config": image.config,
            "rootfs": { "type": "layers", "diff_ids": [image.layer.diff_id] },
        });
        let config = self.add(CONFIG, config.to_string());
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
        let mut descriptor = self.add(MANIFEST, manifest.to_string());
        descriptor["platform"] = json!({ "os": "linux", "architecture": image.architecture });
        descriptor
    }
}

/// The digest of some content, as OCI writes it.
pub fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(content))
}

fn hex(content: &[u8]) -> String {
    format!("{:x}", Bytes::copy_from_slice(&Sha256::digest(content)))
}
