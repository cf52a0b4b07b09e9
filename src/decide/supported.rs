//! Fields of the contract that this version does not act on yet are refused by name, never silently ignored.

use super::Refusal;
use crate::api::{CrossAccountRoleSpec, Lifecycle, OnExpiry, ProcessCommand, Reason};

/// Refuses the first field that is set and has no effect in this version.
pub fn supported(spec: &CrossAccountRoleSpec) -> Result<(), Refusal> {
    let CrossAccountRoleSpec {
        account_ref: _,
        role,
        trust: _,
        source_grants,
        session: _,
        secret,
        rollout_restarts,
        suspend,
    } = spec;
    let unsupported = [
        (role.lifecycle != Lifecycle::Create, "role.lifecycle other than Create"),
        (!source_grants.is_empty(), "sourceGrants"),
        (secret.process_command == ProcessCommand::Agent, "secret.processCommand: Agent"),
        (secret.on_expiry == OnExpiry::Delete, "secret.onExpiry: Delete"),
        (!rollout_restarts.is_empty(), "rolloutRestarts"),
        (*suspend, "suspend: true"),
    ];
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
        for (change, field) in [
            ((|s| s.role.lifecycle = Lifecycle::Adopt) as fn(&mut CrossAccountRoleSpec), "role.lifecycle"),
            (|s| s.source_grants = vec![SourceGrant::default()], "sourceGrants"),
            (|s| s.secret.process_command = ProcessCommand::Agent, "secret.processCommand"),
            (|s| s.secret.on_expiry = OnExpiry::Delete, "secret.onExpiry"),
            (|s| s.suspend = true, "suspend"),
        ] {
            let message = with(change).expect_err(field);
            assert!(message.contains(&format!("spec.{field}")), "{message}");
        }
    }
}
