//! The policy documents alone, for other tools.

use serde_json::json;

use crate::decide::bootstrap::{Identity, Setup};

/// One JSON object: under the name of each managed policy, role and user what it has.
pub(super) fn render(setup: &Setup) -> Result<String, serde_json::Error> {
    let Setup { boundary, identity, policy, place: _, purpose: _, bounded_path: _ } = setup;
    let mut out = json!({});
    if let Some(boundary) = boundary {
        out["managedPolicies"][&boundary.name] = boundary.document.clone();
    }
    let policies = json!({policy.name.clone(): policy.document});
    match identity {
        Identity::Role { name, trust, .. } => out["roles"][name] = json!({"trust": trust, "policies": policies}),
        Identity::User { name } => out["users"][name] = json!({"policies": policies}),
    }
    serde_json::to_string_pretty(&out).map(|text| text + "\n")
}
