//! The manifest: comments, and the object with what is declared in it.

use serde_json::{Value, json};

use crate::api::{CrossAccountRole, Lifecycle};
use crate::cli::paint::plain;
use crate::decide::import::Note;
use crate::domain::RoleArn;

/// An object in YAML, below comments that name its role and what it does not say.
pub fn manifest(arn: &RoleArn, role: &CrossAccountRole, notes: &[Note]) -> Result<String, serde_saphyr::ser::Error> {
    let meaning = match role.spec.role.lifecycle {
        Lifecycle::Observe => "the operator only reads, and lists in status.plannedChanges what Adopt would change",
        Lifecycle::Adopt => "the operator makes the role as this manifest declares it, and never deletes it",
        Lifecycle::Create => "the operator makes the role as this manifest declares it, and deletes it with the object",
    };
    let mut text = comment(&arn.to_string());
    text += &comment(&format!("Lifecycle {}: {meaning}.", role.spec.role.lifecycle));
    if !notes.is_empty() {
        text += "#\n";
    }
    text.extend(notes.iter().map(|note| comment(&format!("* {note}"))));
    // No text of several lines, so that whatever a policy or a tag says stays on the line of its key.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    text += &serde_saphyr::to_string_with_options(&document(role), options)?;
    Ok(text)
}

/// A line of YAML that says nothing to programs, whatever the text has in it.
fn comment(text: &str) -> String {
    format!("# {}\n", plain(text))
}

/// The object without what is a default.
fn document(role: &CrossAccountRole) -> Value {
    let spec = &role.spec;
    let mut document = json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1",
        "kind": "CrossAccountRole",
        "metadata": {"name": role.metadata.name},
        "spec": {"accountRef": spec.account_ref, "role": spec.role},
    });
    if let Some(namespace) = &role.metadata.namespace {
        document["metadata"]["namespace"] = json!(namespace);
    }
    if !spec.trust.principals.is_empty() {
        document["spec"]["trust"] = json!(spec.trust);
    }
    document
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Letters that YAML, a terminal or a shell may take for more than letters.
    const ODD: &str = "[a-z:#&*!|>'\"%@`,\\[\\]{}\\\\ \t\r\n\u{0}\u{1b}\u{85}\u{2028}\u{2029}\u{202e}\u{feff}é-]{0,12}";

    fn role(description: &str, tags: Value, action: &str) -> CrossAccountRole {
        let policy =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]});
        serde_json::from_value(json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": "reader", "namespace": "team"},
            "spec": {
                "accountRef": {"name": "analytics"},
                "role": {"lifecycle": "Observe", "description": description, "tags": tags, "inlinePolicies": {"read": policy}},
                "trust": {"principals": ["333333333333"], "conditions": {"StringEquals": {"aws:PrincipalTag/x": description}}},
            },
        }))
        .expect("a role")
    }

    fn arn() -> RoleArn {
        RoleArn::parse("arn:aws:iam::222222222222:role/reports").expect("an ARN")
    }

    #[test]
    fn a_manifest_has_what_is_declared_below_what_it_does_not_say() {
        let notes = [Note::new("tag x", "it is odd", "It stays on the role")];
        let text = manifest(&arn(), &role("Reads", json!({"on": "yes"}), "s3:GetObject"), &notes).expect("a manifest");
        assert_eq!(
            text,
            "# arn:aws:iam::222222222222:role/reports\n\
             # Lifecycle Observe: the operator only reads, and lists in status.plannedChanges what Adopt would change.\n\
             #\n\
             # * tag x: it is odd. It stays on the role.\n\
             apiVersion: iam.crossaccount.dev/v1alpha1\n\
             kind: CrossAccountRole\n\
             metadata:\n  name: reader\n  namespace: team\n\
             spec:\n  accountRef:\n    name: analytics\n  role:\n    description: Reads\n    inlinePolicies:\n      read:\n        \
             Statement:\n        - Action: s3:GetObject\n          Effect: Allow\n          Resource: \"*\"\n        \
             Version: \"2012-10-17\"\n    lifecycle: Observe\n    maxSessionDurationSeconds: 3600\n    tags:\n      \"on\": \"yes\"\n  \
             trust:\n    conditions:\n      StringEquals:\n        \"aws:PrincipalTag/x\": Reads\n    principals:\n    - \"333333333333\"\n"
        );
    }

    proptest! {
        #[test]
        fn whatever_a_role_says_stays_in_its_place(
            description in ODD, tag in ODD, key in ODD, action in ODD, about in ODD,
        ) {
            let role = role(&description, json!({ key: tag }), &action);
            let notes = [Note::new(about.clone(), format!("{about}\nkind: Secret"), "")];
            let text = manifest(&arn(), &role, &notes).expect("a manifest");
            let read: CrossAccountRole = serde_saphyr::from_str(&text).expect("the manifest is YAML");
            prop_assert_eq!(&read, &role);
            let breaks = ['\u{85}', '\u{2028}', '\u{2029}', '\r', '\u{1b}', '\u{202e}', '\u{feff}'];
            let comments = text.lines().take_while(|line| line.starts_with('#')).collect::<Vec<_>>();
            prop_assert_eq!(comments.len(), 4);
            prop_assert!(comments.iter().all(|line| !line.contains(breaks)), "{:?}", comments);
            prop_assert_eq!(text.matches("\nkind: ").count(), 1, "{}", text);
        }
    }
}
