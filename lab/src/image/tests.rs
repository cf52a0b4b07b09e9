//! Archives as those who import them read them.

use std::{collections::BTreeMap, fs::File, io::Read as _, time::SystemTime};

use anyhow::ensure;
use flate2::read::GzDecoder;
use serde_json::from_slice;
use tempfile::tempdir;

use super::{archive::digest, *};

/// The content of an archive by its paths.
struct Archive(BTreeMap<String, Vec<u8>>);

impl Archive {
    fn read(tar: &[u8]) -> Result<Self> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(tar).entries()? {
            let mut entry = entry?;
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.insert(entry.path()?.display().to_string(), content);
        }
        Ok(Self(files))
    }

    fn written(images: &[Image]) -> Result<Self> {
        let folder = tempdir()?;
        let file = folder.path().join("image.tar");
        let digest = write(&file, "registry.example/it:1.2.3", images)?;
        let archive = Self::read(&fs::read(file)?)?;
        assert_eq!(archive.index()?["manifests"][0]["digest"], digest.as_str());
        Ok(archive)
    }

    fn index(&self) -> Result<Value> {
        assert_eq!(from_slice::<Value>(&self.0["oci-layout"])?, json!({ "imageLayoutVersion": "1.0.0" }));
        Ok(from_slice(&self.0["index.json"])?)
    }

    /// What a descriptor stands for, if it is what the descriptor says.
    fn blob(&self, descriptor: &Value) -> Result<&[u8]> {
        let named = descriptor["digest"].as_str().context("a descriptor without a digest")?;
        let content = self.0.get(&format!("blobs/{}", named.replace(':', "/"))).context("no such blob")?;
        ensure!(digest(content) == named, "{named} is the digest of something else");
        ensure!(descriptor["size"] == content.len(), "{descriptor} has the wrong size");
        Ok(content)
    }

    fn json(&self, descriptor: &Value) -> Result<Value> {
        Ok(from_slice(self.blob(descriptor)?)?)
    }

    /// Configuration, and the files of the one layer with their modes, from the descriptor of a manifest.
    fn image(&self, manifest: &Value) -> Result<(Value, BTreeMap<String, u32>)> {
        let manifest = self.json(manifest)?;
        let config = self.json(&manifest["config"])?;
        assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
        let mut tar = Vec::new();
        GzDecoder::new(self.blob(&manifest["layers"][0])?).read_to_end(&mut tar)?;
        assert_eq!(config["rootfs"]["diff_ids"], json!([digest(&tar)]));
        let files = tar::Archive::new(tar.as_slice())
            .entries()?
            .map(|entry| {
                let entry = entry?;
                Ok((entry.path()?.display().to_string(), entry.header().mode()?))
            })
            .collect::<Result<_>>()?;
        Ok((config, files))
    }
}

fn facts() -> Facts {
    Facts { version: "1.2.3".to_owned(), revision: "c0ffee".to_owned(), source: "https://example.com/it".to_owned() }
}

/// A folder as `images/build.sh` fills it.
fn programs() -> Result<tempfile::TempDir> {
    let folder = tempdir()?;
    for name in ["crossaccount-operator", "crossaccount-agent"] {
        fs::write(folder.path().join(name), format!("this is {name}"))?;
    }
    Ok(folder)
}

fn of_stage(stage: &str, architecture: &'static str) -> Result<Image> {
    Image::of_stage(stage, programs()?.path(), architecture, &facts())
}

#[test]
fn the_images_are_those_that_the_containerfile_describes() -> Result<()> {
    let folders = [("etc/", 0o755), ("etc/ssl/", 0o755), ("etc/ssl/certs/", 0o755)];
    let certificates = [("etc/ssl/certs/ca-certificates.crt", 0o644)];
    let operator = [&folders[..], &certificates, &[("crossaccount-operator", 0o755)]].concat();
    for (stage, files) in [("operator", operator), ("agent", vec![("crossaccount-agent", 0o755)])] {
        let name = format!("crossaccount-{stage}");
        let image = of_stage(stage, "amd64")?;
        assert_eq!(image.name(), name);
        let archive = Archive::written(&[image])?;
        let (config, found) = archive.image(&archive.index()?["manifests"][0])?;
        assert_eq!(found, files.into_iter().map(|(path, mode)| (path.to_owned(), mode)).collect());
        assert_eq!((&config["os"], &config["architecture"]), (&json!("linux"), &json!("amd64")));

        let config = &config["config"];
        assert_eq!((&config["User"], &config["Entrypoint"]), (&json!("65532:65532"), &json!([format!("/{name}")])));
        let label = |label: &str| config["Labels"][format!("org.opencontainers.image.{label}")].clone();
        assert_eq!(["title", "version", "revision"].map(label), [json!(name), json!("1.2.3"), json!("c0ffee")]);
        assert_eq!(["source", "licenses"].map(label), [json!("https://example.com/it"), json!("Apache-2.0")]);
        assert!(label("description").is_string());
    }
    Ok(())
}

#[test]
fn an_archive_has_the_name_and_holds_nothing_that_its_index_does_not_lead_to() -> Result<()> {
    let archive = Archive::written(&[of_stage("operator", "amd64")?])?;
    let index = archive.index()?;
    let named = &index["manifests"][0];
    assert_eq!(named["annotations"]["io.containerd.image.name"], "registry.example/it:1.2.3");
    assert_eq!(named["annotations"]["org.opencontainers.image.ref.name"], "1.2.3");
    archive.image(named)?;
    assert_eq!(archive.0.len(), 2 + 3, "the layout and its index; manifest, configuration and layer");
    Ok(())
}

#[test]
fn two_builds_of_the_same_programs_are_the_same_bytes() -> Result<()> {
    let build = |programs: &Path| -> Result<Vec<u8>> {
        let file = programs.join("image.tar");
        write(&file, "it:1", &[Image::of_stage("operator", programs, "amd64", &facts())?])?;
        Ok(fs::read(file)?)
    };
    let [first, second] = [programs()?, programs()?];
    File::open(second.path().join("crossaccount-operator"))?.set_modified(SystemTime::UNIX_EPOCH)?;
    let before = build(first.path())?;
    assert!(before == build(second.path())?, "the archives differ");

    fs::write(second.path().join("crossaccount-operator"), "another program")?;
    assert!(before != build(second.path())?, "another program gives the same archive");
    Ok(())
}

#[test]
fn an_image_for_two_platforms_has_an_index_with_a_manifest_for_each() -> Result<()> {
    let archive = Archive::written(&[of_stage("agent", "amd64")?, of_stage("agent", "arm64")?])?;
    let index = archive.json(&archive.index()?["manifests"][0])?;
    let manifests = index["manifests"].as_array().context("no manifests")?;
    assert_eq!(manifests.len(), 2);
    for (manifest, architecture) in manifests.iter().zip(["amd64", "arm64"]) {
        assert_eq!(manifest["platform"], json!({ "os": "linux", "architecture": architecture }));
        assert_eq!(archive.image(manifest)?.0["architecture"], architecture);
    }

    let twice = Archive::written(&[of_stage("agent", "amd64")?, of_stage("agent", "amd64")?]);
    assert!(twice.is_err_and(|error| error.to_string().contains("one image for each platform")));
    Ok(())
}

#[test]
fn a_program_that_is_not_built_is_named() -> Result<()> {
    let empty = tempdir()?;
    let error = Image::of_stage("agent", empty.path(), "amd64", &facts()).expect_err("no program").to_string();
    assert!(error.contains("there is no crossaccount-agent in"), "{error}");
    Ok(())
}
