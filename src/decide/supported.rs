//! Fields of the contract that this version does not act on yet are refused by name, never silently ignored.

use super::Refusal;
use crate::api::{CrossAccountRoleSpec, Reason};

/// Refuses the first field that is set and has no effect in this version.
pub fn supported(spec: &CrossAccountRoleSpec) -> Result<(), Refusal> {
    let CrossAccountRoleSpec {
        account_ref: _,
        role: _,
        trust: _,
        source_grants,
        session: _,
        secret: _,
        rollout_restarts: _,
        suspend: _,
    } = spec;
    let unsupported = [(!source_grants.is_empty(), "sourceGrants")];
    match unsupported.into_iter().find(|(set, _)| *set) {
        Some((_, field)) => Err(Refusal::new(
            Reason::NotSupported,
            format!("spec.{field} is not supported by this version of the operator; remove it"),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::SourceGrant;

    #[test]
    fn a_field_without_effect_is_refused_by_its_name() {
        let with = |change: fn(&mut CrossAccountRoleSpec)| {
            let mut spec = CrossAccountRoleSpec::default();
            change(&mut spec);
            supported(&spec).map_err(|refusal| refusal.message)
        };
        assert_eq!(with(|_| {}), Ok(()));
        let message = with(|s| s.source_grants = vec![SourceGrant::default()]).expect_err("a refusal");
        assert!(message.contains("spec.sourceGrants"), "{message}");
    }
}
