//! The name of an object, from the name of a role.

use crate::domain::RoleName;
use crate::domain::kubernetes::is_object_name;

/// The name of the role in lowercase, with a hyphen in place of what Kubernetes does not take. None where nothing is left.
#[must_use]
pub fn object_name(role: &RoleName) -> Option<String> {
    let legal = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let lower = role.as_str().to_ascii_lowercase();
    let plain: String = lower.chars().map(|letter| if legal(letter) { letter } else { '-' }).collect();
    Some(plain.trim_matches('-').to_owned()).filter(|name| is_object_name(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_of_iam_becomes_a_name_of_kubernetes() {
        for (role, name) in [
            ("reports-reader", Some("reports-reader")),
            ("ReportsReader", Some("reportsreader")),
            ("Reports_Reader@prod.1", Some("reports-reader-prod-1")),
            ("_reports_", Some("reports")),
            ("+=,.@-_", None),
        ] {
            assert_eq!(object_name(&RoleName::parse(role).expect("a name")).as_deref(), name, "{role}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_kubernetes_takes(role in "[A-Za-z0-9+=,.@_-]{1,64}") {
            let name = object_name(&RoleName::parse(&role).expect("a name"));
            prop_assert!(name.is_none_or(|name| is_object_name(&name)));
        }
    }
}
