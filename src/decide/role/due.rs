//! When a role is compared with AWS, apart from the regular check for drift.

/// What is known of the last comparison.
#[derive(Clone, Copy, Debug)]
pub struct LastComparison<'a> {
    /// Hash of what this process last compared the role with; none if it has not.
    pub with: Option<&'a str>,
    /// Whether status says that the role was compared with the same. A hint that saves reads after a restart.
    pub reported: bool,
    /// Whether AWS denied something since that the comparison does not explain.
    pub doubted: bool,
    /// Whether the role is known, and status names the same one.
    pub located: bool,
}

/// Whether the role is to be compared now with what has this hash.
#[must_use]
pub fn must_compare(key: &str, last: LastComparison<'_>) -> bool {
    let LastComparison { with, reported, doubted, located } = last;
    let hinted = with.is_none() && reported;
    !located || doubted || !(with == Some(key) || hinted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_compared_with_another_declaration_after_a_doubt_and_where_status_names_another_role() {
        let same = LastComparison { with: Some("key"), reported: true, doubted: false, located: true };
        for (what, last, due) in [
            ("compared with the same", same, false),
            ("compared with something else", LastComparison { with: Some("other"), ..same }, true),
            ("not compared by this process, and reported", LastComparison { with: None, ..same }, false),
            (
                "not compared by this process, and not reported",
                LastComparison { with: None, reported: false, ..same },
                true,
            ),
            ("doubted", LastComparison { doubted: true, ..same }, true),
            ("reported, and doubted", LastComparison { with: None, doubted: true, ..same }, true),
            ("status names another role", LastComparison { located: false, ..same }, true),
        ] {
            assert_eq!(must_compare("key", last), due, "{what}");
        }
    }
}
