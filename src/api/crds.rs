//! The CRDs as manifests.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

use super::{AWSAccount, CrossAccountRole};

/// The CRDs of both kinds.
#[must_use]
pub fn crds() -> [CustomResourceDefinition; 2] {
    [AWSAccount::crd(), CrossAccountRole::crd()]
}

/// One CRD as YAML; the files in `crds/` have exactly this content.
pub fn crd_yaml(crd: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    let manifest = serde_saphyr::to_string(crd)?;
    Ok(format!("# Generated from src/api by `crossaccount-operator crds`.\n{}\n", manifest.trim_end()))
}

/// All CRDs as one stream of YAML documents, as `crossaccount-operator crds` prints it.
pub fn crds_yaml() -> Result<String, serde_saphyr::ser::Error> {
    let documents = crds().iter().map(crd_yaml).collect::<Result<Vec<_>, _>>()?;
    Ok(documents.join("---\n"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// `UPDATE_CRDS=1 cargo test committed_crds` writes the files instead.
    #[test]
    fn the_committed_crds_are_what_the_types_say() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
        for crd in crds() {
            let name = crd.metadata.name.clone().unwrap();
            let path = folder.join(format!("{name}.yaml"));
            let expected = crd_yaml(&crd).unwrap();
            if std::env::var_os("UPDATE_CRDS").is_some() {
                std::fs::write(&path, &expected).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == expected,
                "crds/{name}.yaml is out of date: run `UPDATE_CRDS=1 cargo test committed_crds`"
            );
        }
    }
}
