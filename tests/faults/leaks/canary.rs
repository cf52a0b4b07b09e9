//! Words that may not be seen, in every form in which something might show them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// One word, and what it looks like elsewhere.
pub struct Canary {
    /// What it is, for the message of a failure.
    pub name: String,
    forms: Vec<String>,
}

impl Canary {
    /// A word of at least eight bytes: shorter ones occur by chance.
    pub fn new(name: impl Into<String>, word: &str) -> Self {
        let name = name.into();
        assert!(word.len() >= 8, "{name} is too short to be told from other text: {word}");
        let mut forms = vec![word.to_owned(), utf8_percent_encode(word, NON_ALPHANUMERIC).to_string()];
        for shift in 0..3 {
            let inside = base64_inside(word.as_bytes(), shift);
            forms.push(inside.replace('+', "-").replace('/', "_"));
            forms.push(inside);
        }
        forms.push(word.replace('/', r"\/")); // as some programs write JSON
        forms.sort();
        forms.dedup();
        Self { name, forms }
    }

    /// What it looks like in all forms.
    pub fn forms(&self) -> &[String] {
        &self.forms
    }

    /// The place where a text shows it, with a little of what stands around.
    pub fn found_in(&self, text: &str) -> Option<String> {
        let at = self.forms.iter().find_map(|form| text.find(form.as_str()))?;
        let around: String = text[..at].chars().rev().take(120).collect();
        Some(around.chars().rev().collect::<String>() + "<<here>>")
    }
}

/// The part of the Base64 of a longer text that depends on this word alone, where the word begins so many bytes after a
/// multiple of three.
fn base64_inside(word: &[u8], shift: usize) -> String {
    let mut bits = vec![0; shift];
    bits.extend_from_slice(word);
    let whole = bits.len() / 3 * 3;
    let text: String = bits[..whole].chunks(3).flat_map(four_of).collect();
    // The first characters also hold bits of what stands before.
    text[(shift * 8).div_ceil(6)..].to_owned()
}

fn four_of(three: &[u8]) -> [char; 4] {
    let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift & 63) as usize]))
}

#[test]
fn a_canary_is_found_in_every_form() {
    let canary = Canary::new("a key", "s3cr3t/+key");
    for shown in [
        "x s3cr3t/+key y",            // as it is
        "x=s3cr3t%2F%2Bkey&y",        // in a URL
        "czNjcjN0LytrZXk=",           // Base64 of it
        "eHMzY3IzdC8ra2V5",           // of x and it
        "eHlzM2NyM3QvK2tleXo=",       // of xy, it, and z
        "eyJrIjoiczNjcjN0LytrZXkifQ", // in an object, without padding
        r#"{"k":"s3cr3t\/+key"}"#,    // in JSON
    ] {
        assert!(canary.found_in(shown).is_some(), "{shown}");
    }
    assert!(canary.found_in("x s3cr3t/ y eHlzM2NyM3QvK2").is_none());
}
