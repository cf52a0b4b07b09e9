//! Hashes: names cut to a limit without collisions, and jitter that is the same at every look.

use sha2::{Digest, Sha256};

/// SHA-256 over the parts, each preceded by its length so that no two lists of parts look alike, in hex.
#[must_use]
pub fn digest_hex(parts: &[&[u8]]) -> String {
    use std::fmt::Write;
    digest(parts).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
        hex
    })
}

/// `name` itself while it fits into `max` bytes, else its beginning, a hyphen and eight hex digits of its hash, so that
/// two long names that begin alike stay two names. `name` must be ASCII and `max` at least 10.
#[must_use]
pub fn truncate_with_hash(name: &str, max: usize) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    let hash = &digest_hex(&[name.as_bytes()])[..8];
    let kept = &name[..max.saturating_sub(9)];
    format!("{kept}-{hash}")
}

/// A number in `[0, 1)` that depends on nothing but `seed`: jitter that spreads many objects yet never moves for one.
#[must_use]
pub fn jitter(seed: &str) -> f64 {
    let hash = digest(&[seed.as_bytes()]);
    let number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    f64::from(number) / (f64::from(u32::MAX) + 1.0)
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moving_a_letter_between_parts_changes_the_digest() {
        assert_ne!(digest_hex(&[b"ab", b"c"]), digest_hex(&[b"a", b"bc"]));
    }

    proptest! {
        #[test]
        fn a_cut_name_fits_and_a_short_one_is_kept(name in "[a-z0-9.-]{1,300}", max in 10_usize..100) {
            let cut = truncate_with_hash(&name, max);
            prop_assert!(cut.len() <= max);
            prop_assert_eq!(name.len() <= max, cut == name);
        }

        #[test]
        fn long_names_that_differ_only_at_the_end_stay_apart(name in "[a-z]{70,100}") {
            prop_assert_ne!(truncate_with_hash(&format!("{name}a"), 64), truncate_with_hash(&format!("{name}b"), 64));
        }

        #[test]
        fn jitter_is_a_fraction_and_never_moves(seed in ".{0,50}") {
            let fraction = jitter(&seed);
            prop_assert!((0.0..1.0).contains(&fraction));
            prop_assert!((fraction - jitter(&seed)).abs() < f64::EPSILON);
        }
    }
}
