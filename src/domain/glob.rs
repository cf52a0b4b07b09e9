//! Globs of the guardrails: `*` for any text, `?` for one character.

/// Whether everything that `pattern` may stand for is let in by `glob`.
///
/// `pattern` may hold wildcards itself, as actions in a policy do. A `*` of the pattern is only covered by a `*` of the
/// glob, and a `?` by either. That is sound: what is said to be covered is. It is not complete: `a*` and `a?*` together
/// cover `a*`, yet neither does alone. When in doubt, the answer is no.
#[must_use]
pub fn glob_covers(glob: &str, pattern: &str) -> bool {
    let (glob, pattern): (Vec<char>, Vec<char>) = (glob.chars().collect(), pattern.chars().collect());
    // reachable[g]: the first g characters of the glob can cover what of the pattern was read so far
    let mut reachable: Vec<bool> = vec![false; glob.len() + 1];
    reachable[0] = true;
    skip_stars(&glob, &mut reachable);
    for &read in &pattern {
        let mut next = vec![false; glob.len() + 1];
        for (g, &expected) in glob.iter().enumerate() {
            if reachable[g] {
                match expected {
                    '*' => next[g] = true,
                    '?' => next[g + 1] |= read != '*',
                    literal => next[g + 1] |= literal == read && read != '?',
                }
            }
        }
        skip_stars(&glob, &mut next);
        reachable = next;
    }
    reachable[glob.len()]
}

/// A star may stand for nothing.
fn skip_stars(glob: &[char], reachable: &mut [bool]) {
    for (g, &expected) in glob.iter().enumerate() {
        if expected == '*' && reachable[g] {
            reachable[g + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_glob_lets_in_what_it_says_and_nothing_wider() {
        for (glob, pattern, covered) in [
            ("s3:Get*", "s3:GetObject", true),
            ("s3:Get*", "s3:Get*", true),
            ("s3:Get*", "s3:G*", false),
            ("s3:Get*", "*", false),
            ("s3:Get*", "s3:?etObject", false),
            ("s3:Get?bject", "s3:GetObject", true),
            ("s3:Get?bject", "s3:Get?bject", true),
            ("s3:Get?bject", "s3:Get*bject", false),
            ("*", "*", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
            ("*a*", "xax", true),
            ("a?c", "ac", false),
        ] {
            assert_eq!(glob_covers(glob, pattern), covered, "{glob} over {pattern}");
        }
    }

    /// Plain wildcard matching of a text without wildcards, written the slow way.
    fn matches(glob: &[char], text: &[char]) -> bool {
        match (glob, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
            (['?', glob @ ..], [_, text @ ..]) => matches(glob, text),
            ([a, glob @ ..], [b, text @ ..]) => a == b && matches(glob, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn what_is_covered_never_matches_a_text_that_the_glob_does_not(glob in "[ab*?]{0,5}", pattern in "[ab*?]{0,5}", text in "[ab]{0,6}") {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            if glob_covers(&glob, &pattern) && matches(&chars(&pattern), &chars(&text)) {
                prop_assert!(matches(&chars(&glob), &chars(&text)));
            }
        }

        #[test]
        fn over_plain_text_it_is_plain_matching(glob in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob_covers(&glob, &text), matches(&chars(&glob), &chars(&text)));
        }
    }
}
