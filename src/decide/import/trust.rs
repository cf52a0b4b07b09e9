//! From a trust policy to `spec.trust`, which has principals that may call `sts:AssumeRole`, and one set of conditions for all of
//! them. What is declared never trusts anybody whom the role does not trust on the same conditions.

mod statement;

use self::statement::{Trusted, operators_principal, sets_extras_for, trusted};
use super::note::{Note, REMOVED};
use super::wanted::Origin;
use crate::api::TrustSpec;
use crate::decide::role::trust::is_for_operator;
use crate::domain::policy::Statement;
use crate::domain::{ExternalId, IamRole};

/// As many principals as an object may declare.
const MAX: usize = 50;

/// Principals and conditions for the object, and a note for each part of the trust policy that they do not say.
pub(super) fn trust(role: &IamRole, origin: Origin<'_>, notes: &mut Vec<Note>) -> TrustSpec {
    let Some(document) = &role.trust else {
        notes.push(Note::new("trust policy", "it cannot be read as a policy document", REMOVED));
        return TrustSpec::default();
    };
    let operators: Vec<&str> = document.statements().filter_map(operators_principal).collect();
    let mut groups: Vec<Trusted> = Vec::new();
    for (index, statement) in document.statements().enumerate() {
        let place = format!("trust policy, Statement[{index}]");
        if operators_principal(statement).is_some() || sets_extras_for(statement, &operators) {
            if !is_of_object(statement, origin) {
                notes.push(Note::new(
                    place,
                    "it is for a CrossAccountRole operator",
                    "The operator writes its own statement",
                ));
            }
            continue;
        }
        let Some(found) = trusted(statement, document.has_variables_enabled(), &place, notes) else { continue };
        match groups.iter_mut().find(|group| group.on_same_conditions(&found)) {
            Some(group) => group.add(found.principals),
            None => groups.push(found),
        }
    }
    chosen(groups, notes)
}

/// Whether the operator wrote the statement for the object that is made again. Another external id is that of another object.
fn is_of_object(statement: Statement<'_>, origin: Origin<'_>) -> bool {
    match origin {
        Origin::Elsewhere => false,
        Origin::Orphan(object) => {
            operators_principal(statement).is_none() || is_for_operator(statement, &ExternalId::of(object))
        }
    }
}

/// The conditions that most principals have, the first of those. The others cannot be declared beside them.
fn chosen(mut groups: Vec<Trusted>, notes: &mut Vec<Note>) -> TrustSpec {
    let most = groups.iter().map(|group| group.principals.len()).max();
    let Some(best) = groups.iter().position(|group| Some(group.principals.len()) == most) else {
        return TrustSpec::default();
    };
    let Trusted { place, mut principals, conditions } = groups.remove(best);
    for other in groups {
        let problem = format!(
            "{} may assume the role on other conditions than in {place}, and spec.trust.conditions apply to all principals",
            other.principals.join(", ")
        );
        notes.push(Note::new(other.place, problem, REMOVED));
    }
    for beyond in principals.drain(MAX.min(principals.len())..) {
        notes.push(Note::new(
            "trust policy",
            format!("an object declares at most {MAX} principals, so {beyond} is left out"),
            REMOVED,
        ));
    }
    TrustSpec { principals, conditions }
}

#[cfg(test)]
mod tests;
