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
        rollout_restarts,
        suspend: _,
    } = spec;
    let unsupported = [(!source_grants.is_empty(), "sourceGrants"), (!rollout_restarts.is_empty(), "rolloutRestarts")];
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
    use crate::api::{RolloutRestart, SourceGrant, WorkloadKind};

    fn restart() -> RolloutRestart {
        RolloutRestart { kind: WorkloadKind::Deployment, name: "reports".into() }
    }

    #[test]
    fn a_field_without_effect_is_refused_by_its_name() {
        let with = |change: fn(&mut CrossAccountRoleSpec)| {
            let mut spec = CrossAccountRoleSpec::default();
            change(&mut spec);
            supported(&spec).map_err(|refusal| refusal.message)
        };
        assert_eq!(with(|_| {}), Ok(()));
        for (change, field) in [
            ((|s| s.source_grants = vec![SourceGrant::default()]) as fn(&mut CrossAccountRoleSpec), "sourceGrants"),
            (|s| s.rollout_restarts = vec![restart()], "rolloutRestarts"),
        ] {
            let message = with(change).expect_err(field);
            assert!(message.contains(&format!("spec.{field}")), "{message}");
        }
    }
}
