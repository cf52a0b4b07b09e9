//! The policies and the description of a role that a manifest can declare.

use std::collections::{BTreeMap, BTreeSet};

use super::note::{Note, REMOVED, STAYS};
use super::wanted::Origin;
use crate::api::PolicyDocumentSource;
use crate::decide::grants::policy::is_grant_policy;
use crate::decide::target::fields;
use crate::decide::target::policies::not_reserved;
use crate::domain::policy::PolicyDocument;
use crate::domain::{IamRoleState, PolicyArn};

/// As many policies of a kind as an object may declare.
const MAX: usize = 20;

/// The ARNs for `spec.role.managedPolicyArns`.
pub(super) fn managed(attached: &BTreeSet<PolicyArn>, notes: &mut Vec<Note>) -> Vec<String> {
    for arn in attached.iter().skip(MAX) {
        let problem = format!("an object declares at most {MAX} managed policies");
        notes.push(Note::new(format!("managed policy {arn}"), problem, REMOVED));
    }
    attached.iter().take(MAX).map(PolicyArn::to_string).collect()
}

/// The documents for `spec.role.inlinePolicies`.
pub(super) fn inline(
    state: &IamRoleState,
    origin: Origin<'_>,
    notes: &mut Vec<Note>,
) -> BTreeMap<String, PolicyDocumentSource> {
    let mut declared = BTreeMap::new();
    for (name, found) in &state.inline {
        let about = format!("inline policy {name}");
        let Some((document, source)) = found.as_ref().and_then(|document| Some((document, source(document)?))) else {
            notes.push(Note::new(about, "its text is not a policy document", REMOVED));
            continue;
        };
        if let Err(refusal) = not_reserved(name) {
            let stays = is_grant_policy(name, Some(document)) || document.only_denies();
            if !(stays && origin != Origin::Elsewhere) {
                notes.push(Note::new(about, refusal.message, if stays { STAYS } else { REMOVED }));
            }
        } else if declared.len() == MAX {
            notes.push(Note::new(about, format!("an object declares at most {MAX} inline policies"), REMOVED));
        } else {
            declared.insert(name.clone(), source);
        }
    }
    declared
}

/// The document as it is written in an object.
fn source(document: &PolicyDocument) -> Option<PolicyDocumentSource> {
    serde_json::from_str(&document.to_json()).ok()
}

/// The text for `spec.role.description`.
pub(super) fn description(found: Option<&str>, notes: &mut Vec<Note>) -> Option<String> {
    let text = found.filter(|text| !text.is_empty())?;
    match fields::description(text) {
        Ok(()) => Some(text.to_owned()),
        Err(refusal) => {
            notes.push(Note::new("description", refusal.message, REMOVED));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decide::role::fixture::{allow, arn, deny, object, policy, state};

    #[test]
    fn an_inline_policy_that_cannot_be_declared_is_named_with_what_becomes_of_it() {
        let mut found = state();
        let grants = policy(&json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]));
        found.inline = [
            ("odd".to_owned(), None),
            ("crossaccount-blue".to_owned(), Some(grants)),
            ("crossaccount-deny".to_owned(), Some(deny("*"))),
            ("crossaccount-mine".to_owned(), Some(allow("s3:GetObject"))),
            ("AWSRevokeOlderSessions".to_owned(), Some(deny("*"))),
            ("read".to_owned(), Some(allow("s3:GetObject"))),
        ]
        .into();
        let said = |origin: Origin<'_>| {
            let mut notes = Vec::new();
            assert_eq!(inline(&found, origin, &mut notes).into_keys().collect::<Vec<_>>(), ["read"]);
            notes.into_iter().map(|note| (note.about, note.advice)).collect::<Vec<_>>()
        };
        let note = |name: &str, advice: &str| (format!("inline policy {name}"), advice.to_owned());
        let (removed, mine) = (note("odd", REMOVED), note("crossaccount-mine", REMOVED));
        assert_eq!(
            said(Origin::Elsewhere),
            [
                note("AWSRevokeOlderSessions", STAYS),
                note("crossaccount-blue", STAYS),
                note("crossaccount-deny", STAYS),
                mine.clone(),
                removed.clone(),
            ]
        );
        assert_eq!(said(Origin::Orphan(&object())), [mine, removed]);
    }

    #[test]
    fn policies_beyond_the_number_that_an_object_declares_are_named_each() {
        let mut found = state();
        found.inline = (0..22).map(|number| (format!("p{number:02}"), Some(allow("s3:*")))).collect();
        let attached = (0..21).map(|number| arn(&format!("p{number:02}"))).collect();
        let mut notes = Vec::new();
        assert_eq!(inline(&found, Origin::Elsewhere, &mut notes).len(), 20);
        assert_eq!(managed(&attached, &mut notes).len(), 20);
        let about: Vec<String> = notes.into_iter().map(|note| note.about).collect();
        assert_eq!(about, ["inline policy p20", "inline policy p21", &format!("managed policy {}", arn("p20"))]);
    }

    #[test]
    fn a_description_that_the_api_server_would_refuse_is_left_out_and_named() {
        let mut notes = Vec::new();
        assert_eq!(description(Some("Reads\nreports"), &mut notes).as_deref(), Some("Reads\nreports"));
        assert!(description(None, &mut notes).is_none() && notes.is_empty());
        assert!(description(Some("\u{1b}[2J"), &mut notes).is_none());
        assert_eq!(notes[0].about, "description");
    }
}
