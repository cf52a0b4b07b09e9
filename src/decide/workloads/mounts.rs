//! How containers mount a Secret.

use k8s_openapi::api::core::v1::{Container, PodSpec, SecretVolumeSource, Volume, VolumeMount};

/// The mounts by which a container of a pod sees files of a Secret.
pub(super) fn mounts_of<'a>(
    container: &'a Container,
    spec: &'a PodSpec,
    secret: &'a str,
) -> impl Iterator<Item = &'a VolumeMount> {
    let volumes = move || spec.volumes.iter().flatten().filter(move |volume| holds(volume, secret));
    let mounts = container.volume_mounts.iter().flatten();
    mounts.filter(move |mount| volumes().any(|volume| volume.name == mount.name))
}

/// The part of its volume that a mount shows; none if it shows the whole volume. The kubelet never updates a part.
pub(super) fn part(mount: &VolumeMount) -> Option<&str> {
    mount.sub_path.as_deref().or(mount.sub_path_expr.as_deref()).filter(|part| !part.is_empty())
}

/// Whether a container of a pod takes anything from a Secret: by a volume or by environment variables.
#[must_use]
pub fn uses(spec: &PodSpec, secret: &str) -> bool {
    let by_environment = |container: &Container| {
        let variables = container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref());
        let mut variables = variables.filter_map(|source| source.secret_key_ref.as_ref());
        let mut as_a_whole = container.env_from.iter().flatten().filter_map(|source| source.secret_ref.as_ref());
        variables.any(|reference| reference.name == secret) || as_a_whole.any(|reference| reference.name == secret)
    };
    spec.volumes.iter().flatten().any(|volume| holds(volume, secret))
        || spec.init_containers.iter().flatten().chain(&spec.containers).any(by_environment)
}

fn holds(volume: &Volume, secret: &str) -> bool {
    let direct = |source: &SecretVolumeSource| source.secret_name.as_deref() == Some(secret);
    let projected = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    volume.secret.as_ref().is_some_and(direct)
        || projected.filter_map(|source| source.secret.as_ref()).any(|source| source.name == secret)
}
