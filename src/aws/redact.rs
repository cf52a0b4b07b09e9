//! Texts without what may be a secret: AWS's words end up in conditions, Events and logs, and these in support bundles.
//!
//! AWS quotes the request in some answers, the `Authorization` header included. Where people put a secret into the wrong
//! variable, that quotes the secret.

/// What stands in place of something removed.
const REMOVED: &str = "[removed]";

/// Everything after one of these is part of a signed request. The values belong to `SigV4` (IAM user guide, "Elements of an
/// AWS API request signature").
const MARKERS: [&str; 3] = ["credential", "signature", "x-amz-security-token"];

/// How a marker is tied to its value, in a header and in a query, also encoded once or twice.
const TIES: [&str; 6] = ["=", "%3d", "%253d", ":", "%3a", "%253a"];

/// A secret access key has 40 characters, and session tokens have more.
const SECRET_LENGTH: usize = 40;

/// An access key id has 20 characters (IAM user guide, "IAM identifiers").
const KEY_ID_LENGTH: usize = 20;

/// Runs of characters that begin like this name something in an ARN.
const NAMES: [&str; 5] = ["role/", "user/", "group/", "policy/", "aws/"];

/// Cuts the text where it begins to quote a signed request, and removes what looks like a secret key or a session token.
/// Of an access key id only the last four characters stay.
#[must_use]
pub fn redact(text: &str) -> String {
    let (kept, end) = match signed_part(text) {
        Some(at) => (&text[..at], REMOVED),
        None => (text, ""),
    };
    let mut out = String::with_capacity(kept.len());
    let mut rest = kept;
    while let Some(start) = rest.find(is_key_char) {
        out.push_str(&rest[..start]);
        let run = &rest[start..];
        let run = &run[..run.find(|c| !is_key_char(c)).unwrap_or(run.len())];
        out.push_str(&shown(run));
        rest = &rest[start + run.len()..];
    }
    out + rest + end
}

/// Whether AWS's text quotes the `Authorization` header.
pub(super) fn quotes_authorization(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("authorization") || text.contains("aws4-hmac") || signed_part(&text).is_some()
}

/// The end of the first marker with a value.
fn signed_part(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase(); // of the same length
    let of_marker = |marker: &&str| {
        lower.match_indices(*marker).find_map(|(at, marker)| {
            let end = at + marker.len();
            // Prose ends a word of its own with a colon.
            let tied =
                |tie: &&&str| lower[end..].starts_with(**tie) && (marker.contains('-') || !tie.contains([':', 'a']));
            TIES.iter().find(tied).map(|tie| end + tie.len())
        })
    };
    MARKERS.iter().filter_map(of_marker).min()
}

/// The base64 alphabet, and what encodes its signs in a URL.
fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '+' | '=' | '%')
}

fn shown(run: &str) -> String {
    if NAMES.iter().any(|name| run.starts_with(name)) {
        return run.to_owned();
    }
    let has = |kind: fn(&char) -> bool| run.chars().any(|c| kind(&c));
    let mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
    if run.len() >= SECRET_LENGTH && mixed {
        return REMOVED.to_owned();
    }
    let is_key_id = |part: &str| {
        part.len() >= KEY_ID_LENGTH
            && (part.starts_with("AKIA") || part.starts_with("ASIA"))
            && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    let part = |part: &str| if is_key_id(part) { format!("…{}", &part[part.len() - 4..]) } else { part.to_owned() };
    run.split_inclusive(|c: char| !c.is_ascii_alphanumeric())
        .map(|piece| match piece.strip_suffix(|c: char| !c.is_ascii_alphanumeric()) {
            Some(word) => part(word) + &piece[word.len()..],
            None => part(piece),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";

    #[test]
    fn what_quotes_a_signed_request_is_cut_there() {
        for (text, kept) in [
            (
                format!("got Credential={SECRET}/20260301/us-east-1/sts/aws4_request, SignedHeaders=host"),
                "got Credential=",
            ),
            ("bad ('Signature=abcdef0123')".to_owned(), "bad ('Signature="),
            (format!("?X-Amz-Credential%3D{KEY_ID}%2F2026&x=1"), "?X-Amz-Credential%3D"),
            (format!("?x-amz-signature%253Dff&Credential={KEY_ID}"), "?x-amz-signature%253D"),
            ("host:sts\nX-AMZ-SECURITY-TOKEN:FwoGZXIvYXdz\nhost".to_owned(), "host:sts\nX-AMZ-SECURITY-TOKEN:"),
            ("?X-Amz-Security-Token=IQoJb3JpZ2lu".to_owned(), "?X-Amz-Security-Token="),
        ] {
            assert_eq!(redact(&text), format!("{kept}{REMOVED}"), "{text}");
            assert!(quotes_authorization(&text), "{text}");
        }
    }

    #[test]
    fn a_secret_that_was_put_into_the_wrong_place_is_removed() {
        let encoded = SECRET.replace('/', "%2F");
        let token = "IQoJb3JpZ2luX2VjEJr".repeat(20).replace('_', "/");
        for text in [SECRET, &encoded, &token, &format!("{SECRET}/20260301")] {
            assert_eq!(redact(&format!("the key '{text}' is wrong")), format!("the key '{REMOVED}' is wrong"));
        }
    }

    #[test]
    fn of_an_access_key_id_the_last_four_characters_stay() {
        assert_eq!(redact(&format!("key {KEY_ID} is inactive")), "key …MPLE is inactive");
        assert_eq!(redact("ASIAIOSFODNN7EXAMPLE/x=1"), "…MPLE/x=1");
    }

    #[test]
    fn what_people_need_to_read_stays() {
        for text in [
            "User: arn:aws:sts::111111111111:assumed-role/Operator/crossaccount-analytics is not authorized to perform: \
             sts:AssumeRole on resource: arn:aws:iam::222222222222:role/crossaccount/Analytics/Team1/Reports/Reader/Of2026",
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:user/deployer\"",
            "The security credentials: expired; signature: none",
            "The role with name AKIA-reader cannot be found.",
            "Cannot exceed quota for PoliciesPerRole: 10 – see arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess2026AndMuchMoreToRead",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
