//! Fields of the contract that this version does not act on yet are refused by name, never silently ignored.

use super::Refusal;
use crate::api::{CrossAccountRoleSpec, Reason};

/// Refuses the first field that is set and has no effect in this version.
pub fn supported(spec: &CrossAccountRoleSpec) -> Result<(), Refusal> {
    let CrossAccountRoleSpec {
        account_ref: _,
        role: _,
        trust: _,
        source_grants: _,
        session: _,
        secret: _,
        rollout_restarts,
        suspend: _,
    } = spec;
    let unsupported = [(!rollout_restarts.is_empty(), "rolloutRestarts")];
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
    use crate::api::{RolloutRestart, WorkloadKind};

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
        let message = with(|s| s.rollout_restarts = vec![restart()]).expect_err("it has no effect");
        assert!(message.contains("spec.rolloutRestarts"), "{message}");
    }
}
