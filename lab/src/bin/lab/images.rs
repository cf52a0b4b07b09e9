//! The images of a release as files.

use std::{env, path::Path};

use anyhow::{Context as _, Result, ensure};

use lab::{
    image::{self, Facts, Image, architecture_named},
    release::{VERSION, checkout},
};

/// The stages of `images/Containerfile`, and the most that the files of their images may have together, in bytes: every node that runs
/// the operator, and every one with a pod that has the agent, downloads them.
const STAGES: [(&str, u64); 2] = [("operator", 25_000_000), ("agent", 6_000_000)];

/// Writes the images into a folder. Each platform is `<architecture>=<folder of programs>`; an image for several is one archive.
pub async fn write(folder: &Path, platforms: &[&str]) -> Result<()> {
    let facts = checkout().await?;
    let registry = env::var("REGISTRY").unwrap_or_else(|_| "ghcr.io/crossaccount".to_owned());
    for (stage, largest) in STAGES {
        let images =
            platforms.iter().map(|platform| for_platform(stage, platform, &facts)).collect::<Result<Vec<_>>>()?;
        let name = images.first().context("name at least one platform")?.name();
        let architectures: Vec<&str> = images.iter().map(Image::architecture).collect();
        let file = folder.join(format!("{name}-{VERSION}-linux-{}.oci.tar", architectures.join("-")));
        let digest = image::write(&file, &format!("{registry}/{name}:{VERSION}"), &images)?;
        println!("{}: {digest}", file.display());
        for image in &images {
            let (name, architecture, size) = (image.name(), image.architecture(), image.size());
            println!("    {architecture}: {size} bytes unpacked, {} as downloaded", image.download());
            ensure!(size <= largest, "{name} for {architecture} has {size} bytes, more than {largest}");
        }
    }
    Ok(())
}

fn for_platform(stage: &str, platform: &str, facts: &Facts) -> Result<Image> {
    let (architecture, programs) =
        platform.split_once('=').context("write a platform as amd64=<folder of programs>")?;
    Image::of_stage(stage, Path::new(programs), architecture_named(architecture)?, facts)
}
