//! The CRDs as manifests.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;
use serde_json::json;

use super::{AWSAccount, CrossAccountRole};

/// The CRDs of both kinds, as they are to be installed.
#[must_use]
pub fn crds() -> [CustomResourceDefinition; 2] {
    let mut crds = [AWSAccount::crd(), CrossAccountRole::crd()];
    for version in crds.iter_mut().flat_map(|crd| &mut crd.spec.versions) {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            unwrap_descriptions(schema);
            mark_as_unobserved(schema);
        }
    }
    crds
}

/// Gives an object that the operator has not seen yet the generation -1 as the observed one. kstatus, by which Flux and
/// Helm wait, takes an object without status for one that is as declared; Flux's own kinds have the same default.
fn mark_as_unobserved(schema: &mut JSONSchemaProps) {
    let status = schema.properties.as_mut().and_then(|properties| properties.get_mut("status"));
    if let Some(status) = status {
        status.default = Some(JSON(json!({"observedGeneration": -1})));
    }
}

/// Puts each description on one line: `kubectl explain` wraps text itself and would keep the line breaks of the source.
fn unwrap_descriptions(schema: &mut JSONSchemaProps) {
    if let Some(description) = &mut schema.description {
        *description = description.replace('\n', " ");
    }
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).for_each(unwrap_descriptions);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        unwrap_descriptions(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        unwrap_descriptions(values);
    }
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
    use super::*;
    use crate::api::committed;

    #[test]
    fn the_committed_crds_are_what_the_types_say() {
        for crd in crds() {
            let name = crd.metadata.name.clone().expect("a CRD has a name");
            // Helm reads nothing outside of a chart.
            for folder in ["crds", "deploy/chart/files/crds"] {
                committed::check(&format!("{folder}/{name}.yaml"), &crd_yaml(&crd).expect("a CRD is YAML"));
            }
        }
    }
}
