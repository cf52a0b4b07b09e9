//! Texts without what may be secret: messages, notes of Events, logs.

use regex::{NoExpand, Regex};

use crate::aws::redact;

/// Stands in place of something that was removed.
pub const REMOVED: &str = "[removed]";

/// What is removed from a line: a pattern, and what stands in its place.
const RULES: [(&str, &str); 6] = [
    // The password in an address.
    (r#"(://)[^/\s"'@]+@"#, "${1}[removed]@"),
    // RFC 7235: the scheme is no secret, and what follows on it is.
    (r#"(?i)(authorization["'\\]*\s*[:=]\s*["'\\]*(?:(?:basic|bearer)\s+)?)[^\s"'\\,;]+"#, "${1}[removed]"),
    (r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{16,}", "${1}${2}[removed]"),
    // RFC 7519: a token of a ServiceAccount is a JSON object in Base64, which begins so.
    (r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?", "[removed]"),
    // A field or a variable by its name: in JSON, YAML and XML, in a command line, and as the environment of a container.
    (
        concat!(
            r"(?i)((?:secret[_-]?access[_-]?key|session[_-]?token|security[_-]?token|external[_-]?id|password|passwd",
            r"|private[_-]?key|client[_-]?secret|api[_-]?key)",
            r#"(?:["'\\]*\s*,?\s*["'\\]*value)?["'\\]*\s*[:=>]+[\s"'\\\[]*)[^\s"'\\,;&<>)}\]]+"#,
        ),
        "${1}[removed]",
    ),
    // The operator's external ids (`domain::ExternalId`).
    (r"\bcar-[0-9a-f]{40}\b", "car-[removed]"),
];

/// RFC 7468: a private key in a text of several lines, also where its end is missing.
const PRIVATE_KEY: &str = r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)";

/// Other ways to write the signs of Base64 in JSON (RFC 8259, section 7). A key in which they are is no longer one run of
/// characters.
const ESCAPES: [(&str, &str); 7] = [
    (r"\/", "/"),
    (r"\u002f", "/"),
    (r"\u002F", "/"),
    (r"\u002b", "+"),
    (r"\u002B", "+"),
    (r"\u003d", "="),
    (r"\u003D", "="),
];

/// Removes secrets from texts.
#[derive(Debug)]
pub struct Cleaner {
    words: Vec<String>,
    private_key: Regex,
    rules: Vec<(Regex, &'static str)>,
}

impl Cleaner {
    /// One that knows these words to be secret.
    pub fn of(words: impl IntoIterator<Item = String>) -> Result<Self, regex::Error> {
        let mut words: Vec<String> = words.into_iter().collect();
        // A word may be a part of another one.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let rules = RULES.iter().map(|(pattern, shown)| Ok((Regex::new(pattern)?, *shown)));
        Ok(Self { words, private_key: Regex::new(PRIVATE_KEY)?, rules: rules.collect::<Result<_, regex::Error>>()? })
    }

    /// The text without what is known to be secret, or looks like it.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let text = self.private_key.replace_all(text, NoExpand(REMOVED));
        // What quotes a signed request is cut at the end of its line.
        text.split_inclusive('\n').map(|line| self.line(line)).collect()
    }

    fn line(&self, line: &str) -> String {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let mut text = line.to_owned();
        for (written, meant) in ESCAPES.iter().filter(|(written, _)| line.contains(written)) {
            text = text.replace(written, meant);
        }
        for word in &self.words {
            text = text.replace(word, REMOVED);
        }
        for (rule, shown) in &self.rules {
            text = rule.replace_all(&text, *shown).into_owned();
        }
        redact(&text) + end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn clean(text: &str) -> String {
        Cleaner::of(["s3cret-w0rd".to_owned()]).unwrap().clean(text)
    }

    #[test]
    fn a_secret_is_removed_in_every_form_and_what_is_around_it_stays() {
        let escaped = SECRET.replace('/', r"\/");
        let unicode = SECRET.replace('/', r"\u002F");
        for (text, shown) in [
            (format!("the key {SECRET} is old"), "the key [removed] is old"),
            (format!(r#"{{"k":"{escaped}"}}"#), r#"{"k":"[removed]"}"#),
            (format!("'{unicode}'"), "'[removed]'"),
            ("AWS_SECRET_ACCESS_KEY=short next".to_owned(), "AWS_SECRET_ACCESS_KEY=[removed] next"),
            (r#"{"SecretAccessKey": "short", "a": 1}"#.to_owned(), r#"{"SecretAccessKey": "[removed]", "a": 1}"#),
            (r#""{\"SessionToken\":\"ab+c\"}""#.to_owned(), r#""{\"SessionToken\":\"[removed]\"}""#),
            ("<SessionToken>FwoG</SessionToken>".to_owned(), "<SessionToken>[removed]</SessionToken>"),
            (
                r#"{"name":"AWS_SESSION_TOKEN","value":"FwoG"}"#.to_owned(),
                r#"{"name":"AWS_SESSION_TOKEN","value":"[removed]"}"#,
            ),
            (r#"{"sts:ExternalId":["partner"]}"#.to_owned(), r#"{"sts:ExternalId":["[removed]"]}"#),
            ("https://jane:pass@proxy.example.com:3128/".to_owned(), "https://[removed]@proxy.example.com:3128/"),
            ("Authorization: Bearer abc.def".to_owned(), "Authorization: Bearer [removed]"),
            ("sent bearer 0123456789abcdef0".to_owned(), "sent bearer [removed]"),
            ("token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln_-x end".to_owned(), "token [removed] end"),
            (format!("role of car-{}.", "0123456789".repeat(4)), "role of car-[removed]."),
            ("key AKIAIOSFODNN7EXAMPLE".to_owned(), "key …MPLE"),
            ("a s3cret-w0rd, twice: s3cret-w0rd".to_owned(), "a [removed], twice: [removed]"),
        ] {
            assert_eq!(clean(&text), shown, "{text}");
        }
    }

    #[test]
    fn a_private_key_is_removed_although_it_has_lines_and_no_end() {
        let key = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIB\nxyz=\n-----END RSA PRIVATE KEY-----\nb\n";
        assert_eq!(clean(key), "a\n[removed]\nb\n");
        assert_eq!(clean("a -----BEGIN PRIVATE KEY-----\nMIIB\n"), "a [removed]");
    }

    #[test]
    fn what_quotes_a_signed_request_is_cut_at_the_end_of_its_line() {
        let text = "POST Credential=AKIA, SignedHeaders=host\nthe next line\n";
        assert_eq!(clean(text), "POST Credential=[removed]\nthe next line\n");
    }

    #[test]
    fn what_people_need_to_read_stays() {
        for text in [
            "User: arn:aws:sts::111111111111:assumed-role/CrossAccount-Operator-1AB2C3D4E5F6G/crossaccount.analytics",
            "arn:aws:iam::222222222222:role/crossaccount/analytics-reader in eu-west-1, see https://docs.aws.amazon.com/x",
            "--external-id-self-test=true --log-level=info,crossaccount=debug --cluster-name=production",
            "AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
            "The security token included in the request is expired; the external id is not enforced",
            "sha256:3f6221d9a6003c78398e3b239969f352578258df48c8eb051caadae0015bc840",
        ] {
            assert_eq!(clean(text), text);
        }
    }
}
