//! The tags of a role that a manifest can declare. Tags that it does not declare stay on the role.

use std::collections::BTreeMap;

use super::note::{Note, STAYS};
use super::wanted::Origin;
use crate::decide::target::fields;
use crate::domain::tag::RESERVED_PREFIX;
use crate::domain::{RoleTags, tag};

/// As many tags as an object may declare.
const MAX: usize = 45;

/// The tags for `spec.role.tags`.
pub(super) fn tags(found: &RoleTags, origin: Origin<'_>, notes: &mut Vec<Note>) -> BTreeMap<String, String> {
    let mut declared = BTreeMap::new();
    for (key, value) in found {
        let lower = key.to_lowercase();
        if lower.starts_with(RESERVED_PREFIX) {
            continue;
        }
        let about = || format!("tag {key}");
        if lower.starts_with("aws:") {
            let advice = "It stays on the role. If another tool keeps the role, such as a CloudFormation stack, let that \
                          tool give it up before lifecycle Adopt";
            notes.push(Note::new(about(), "AWS wrote it, and nobody else can", advice));
            continue;
        }
        if let Err(refusal) = fields::tags("spec.role.tags", &[(key.clone(), value.clone())].into(), MAX) {
            notes.push(Note::new(about(), refusal.message, STAYS));
        } else if declared.len() == MAX {
            notes.push(Note::new(about(), format!("an object declares at most {MAX} tags"), STAYS));
        } else {
            declared.insert(key.clone(), value.clone());
        }
    }
    if origin == Origin::Elsewhere {
        notes.extend(owner(found));
    }
    declared
}

/// Who owns the role by its tags, or gave it up.
fn owner(found: &RoleTags) -> Option<Note> {
    let value = |key: &str| found.get(key).map_or("(no tag)", String::as_str);
    let about = format!("tags {RESERVED_PREFIX}*");
    if [tag::CLUSTER, tag::NAMESPACE, tag::NAME].iter().any(|key| found.contains_key(*key)) {
        let problem = format!(
            "they say that the role belongs to CrossAccountRole {}/{} of cluster {}",
            value(tag::NAMESPACE),
            value(tag::NAME),
            value(tag::CLUSTER)
        );
        let advice = "Lifecycle Adopt is refused while they are there: delete that object with deletionPolicy Retain, or hand the \
                      role over by its tags";
        return Some(Note::new(about, problem, advice));
    }
    let from = found.get(tag::RELEASED_FROM)?;
    let problem = format!("CrossAccountRole {from} gave the role up");
    Some(Note::new(about, problem, "Lifecycle Adopt replaces them"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::role::fixture;

    fn notes(pairs: &[(&str, &str)], origin: Origin<'_>) -> (Vec<String>, Vec<String>) {
        let found = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut notes = Vec::new();
        let declared = tags(&found, origin, &mut notes);
        (declared.into_keys().collect(), notes.iter().map(Note::to_string).collect())
    }

    #[test]
    fn a_tag_that_cannot_be_declared_is_named_and_the_others_are_declared() {
        let (declared, said) = notes(
            &[("team", "finance"), ("aws:cloudformation:stack-name", "reports"), ("odd", "a<b")],
            Origin::Elsewhere,
        );
        assert_eq!(declared, ["team"]);
        assert!(
            said[0].starts_with("tag aws:cloudformation:stack-name: ") && said[0].contains("CloudFormation"),
            "{said:?}"
        );
        assert!(said[1].starts_with("tag odd: ") && said[1].contains("stays on the role"), "{said:?}");
    }

    #[test]
    fn an_owner_is_named_unless_it_is_the_object_itself() {
        let owned = [(tag::CLUSTER, "blue"), (tag::NAMESPACE, "team"), (tag::NAME, "reader"), (tag::CREATED, "true")];
        let (declared, said) = notes(&owned, Origin::Elsewhere);
        assert!(declared.is_empty() && said[0].contains("team/reader of cluster blue"), "{said:?}");
        assert_eq!(notes(&owned, Origin::Orphan(&fixture::object())), (Vec::new(), Vec::new()));
        let (_, said) = notes(&[(tag::RELEASED_FROM, "blue/team/reader")], Origin::Elsewhere);
        assert!(said[0].contains("blue/team/reader gave the role up"), "{said:?}");
    }

    #[test]
    fn tags_beyond_the_number_that_an_object_declares_are_named_each() {
        let many: Vec<(String, String)> = (0..47).map(|number| (format!("key-{number:02}"), String::new())).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let (declared, said) = notes(&many, Origin::Elsewhere);
        assert_eq!((declared.len(), said.len()), (45, 2));
    }
}
