//! Sending other parameters under a client's own signature.
//!
//! `SigV4` covers a hash of the body. MiniStack takes that hash from `x-amz-content-sha256` where the request has one, so
//! a request may say something else than was signed as long as that header tells the hash of what was. The signature
//! itself, and so the proof of who calls, remains MiniStack's to check.

use std::fmt::Write;

use hyper::{
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue},
    http::request::Parts,
};
use sha2::{Digest, Sha256};

use super::call::Form;

const BODY_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// The new parameters take more room than the signed `Content-Length` leaves.
#[derive(Debug, thiserror::Error)]
#[error("the request leaves no room for what the proxy adds: {needed} bytes in a signed length of {signed}")]
pub(crate) struct NoRoom {
    needed: usize,
    signed: usize,
}

/// The request of `parts` and `body` with the parameters of `form` instead. Where the signature covers the length (the
/// Rust SDK's does), the new body is made as long as the old: SDKs escape more than they must, which leaves room.
pub(crate) fn restate(parts: &Parts, body: &[u8], form: &Form) -> Result<(Parts, Bytes), NoRoom> {
    let mut parts = parts.clone();
    if !parts.headers.contains_key(BODY_HASH) {
        let mut hash = String::new();
        for byte in Sha256::digest(body) {
            let _ = write!(hash, "{byte:02x}"); // writing to a string cannot fail
        }
        if let Ok(hash) = HeaderValue::from_str(&hash) {
            parts.headers.insert(BODY_HASH, hash);
        }
    }
    let mut stated = form.encode();
    if signs_length(&parts) {
        if stated.len() > body.len() {
            return Err(NoRoom { needed: stated.len(), signed: body.len() });
        }
        stated.push_str(&"&".repeat(body.len() - stated.len())); // empty parameters are none
    } else {
        parts.headers.remove(CONTENT_LENGTH);
    }
    Ok((parts, stated.into()))
}

fn signs_length(parts: &Parts) -> bool {
    let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    authorization.split_once("SignedHeaders=").is_some_and(|(_, rest)| {
        let names = rest.split(',').next().unwrap_or_default();
        names.split(';').any(|name| name.trim().eq_ignore_ascii_case(CONTENT_LENGTH.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(headers: &str) -> Parts {
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential=A/1/r/iam/aws4_request, SignedHeaders={headers}, Signature=0");
        hyper::Request::post("/").header(AUTHORIZATION, authorization).body(()).unwrap().into_parts().0
    }

    const BODY: &[u8] = b"Action=GetRole&RoleName=Reader&Extra=%7B%22%7D";

    #[test]
    fn the_hash_is_of_what_was_signed() {
        let (parts, body) = restate(&signed("host"), b"", &Form::of(&[("Action", "GetRole")])).unwrap();
        assert_eq!(body, "Action=GetRole");
        assert!(parts.headers[BODY_HASH].to_str().unwrap().starts_with("e3b0c44298fc1c149afb"));
    }

    #[test]
    fn a_signed_length_is_kept() {
        let form = Form::parse(BODY);
        let (_, body) = restate(&signed("content-length;host"), BODY, &form).unwrap();
        assert_eq!(body.len(), BODY.len());
        assert_eq!(Form::parse(&body).get("Extra"), Some("{\"}"));
        assert!(restate(&signed("content-length;host"), b"a=1", &form).is_err());
    }
}
