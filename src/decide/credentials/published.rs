//! The set of credentials that a Secret holds, read back and checked.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::keys::{KEY_INI, KEY_JSON};
use crate::api::annotation;
use crate::domain::{Credentials, RoleArn, SecretText, digest_hex};

/// A set of credentials as it was published, with what is needed to judge it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedCredentials {
    /// The set.
    pub credentials: Credentials,
    /// ARN of the role it belongs to.
    pub role_arn: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Digest of everything it was requested with.
    pub inputs_hash: String,
    /// Value of the annotation `renew-requested-at` that the set answers.
    pub answered: Option<Timestamp>,
}

impl PublishedCredentials {
    /// Whether the set answers a request for new credentials. Values are compared for equality only: people round them,
    /// and their clocks differ.
    #[must_use]
    pub fn answers(&self, requested: Timestamp) -> bool {
        self.answered == Some(requested)
    }

    /// Whether the set is of the role of this name, and in this account if that is known.
    #[must_use]
    pub fn is_of(&self, role_name: &str, account: Option<&str>) -> bool {
        let arn = RoleArn::parse(&self.role_arn);
        arn.is_ok_and(|arn| {
            arn.name.as_str().eq_ignore_ascii_case(role_name) && account.is_none_or(|id| id == arn.account.as_str())
        })
    }

    /// The annotations that go with the set.
    #[must_use]
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let answered = self.answered.map(|at| (annotation::RENEW_REQUESTED_AT, at.to_string()));
        [
            (annotation::ROLE_ARN, self.role_arn.clone()),
            (annotation::ISSUED_AT, self.issued_at.to_string()),
            (annotation::EXPIRES_AT, self.credentials.expires_at.to_string()),
            (annotation::INPUTS_HASH, self.inputs_hash.clone()),
            (annotation::CONTENT_HASH, self.content_hash()),
        ]
        .into_iter()
        .chain(answered)
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }

    /// Covers the set and its times, so that an edit of either is seen. Keys and tokens are long random texts: their
    /// digest gives nothing away.
    fn content_hash(&self) -> String {
        let Self { credentials, role_arn, issued_at, inputs_hash, answered: _ } = self;
        let Credentials { access_key_id, secret_access_key, session_token, expires_at } = credentials;
        digest_hex(&[
            access_key_id.expose().as_bytes(),
            secret_access_key.expose().as_bytes(),
            session_token.expose().as_bytes(),
            expires_at.to_string().as_bytes(),
            role_arn.as_bytes(),
            issued_at.to_string().as_bytes(),
            inputs_hash.as_bytes(),
        ])
    }

    /// Reads the set back from a Secret's data and annotations: from whichever key still holds it as it was written.
    /// None if no key does.
    #[must_use]
    pub fn read(data: &BTreeMap<String, SecretText>, annotations: &BTreeMap<String, String>) -> Option<Self> {
        let text = |key: &str| annotations.get(key).cloned();
        let time = |key: &str| text(key).and_then(|t| t.parse::<Timestamp>().ok());
        let expires_at = time(annotation::EXPIRES_AT)?;
        let (role_arn, issued_at, inputs_hash) =
            (text(annotation::ROLE_ARN)?, time(annotation::ISSUED_AT)?, text(annotation::INPUTS_HASH)?);
        let (expected, answered) = (text(annotation::CONTENT_HASH)?, time(annotation::RENEW_REQUESTED_AT));
        [from_json(data), from_ini(data), from_environment(data)]
            .into_iter()
            .flatten()
            .map(|[access_key_id, secret_access_key, session_token]| Self {
                credentials: Credentials { access_key_id, secret_access_key, session_token, expires_at },
                role_arn: role_arn.clone(),
                issued_at,
                inputs_hash: inputs_hash.clone(),
                answered,
            })
            .find(|publication| publication.content_hash() == expected)
    }
}

/// Access key id, secret access key, session token.
type Triple = [SecretText; 3];

fn from_json(data: &BTreeMap<String, SecretText>) -> Option<Triple> {
    let value: serde_json::Value = serde_json::from_str(data.get(KEY_JSON)?.expose()).ok()?;
    triple(|key| value[key].as_str().map(str::to_owned), ["AccessKeyId", "SecretAccessKey", "SessionToken"])
}

fn from_ini(data: &BTreeMap<String, SecretText>) -> Option<Triple> {
    let text = data.get(KEY_INI)?.expose();
    let value = |key: &str| text.lines().find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(" = ")?.to_owned()));
    triple(value, ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"])
}

fn from_environment(data: &BTreeMap<String, SecretText>) -> Option<Triple> {
    let value = |key: &str| data.get(key).map(|text| text.expose().to_owned());
    triple(value, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
}

fn triple(value: impl Fn(&str) -> Option<String>, keys: [&str; 3]) -> Option<Triple> {
    let [id, secret, token] = keys.map(|key| value(key).map(SecretText::new));
    Some([id?, secret?, token?])
}

#[cfg(test)]
pub(super) mod fixture {
    use super::*;

    pub fn publication() -> PublishedCredentials {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        PublishedCredentials {
            credentials: Credentials {
                access_key_id: SecretText::new("ASIAKEY".into()),
                secret_access_key: SecretText::new("se/cr+et".into()),
                session_token: SecretText::new("to/ken==".into()),
                expires_at: time("2027-01-15T09:00:00Z"),
            },
            role_arn: "arn:aws:iam::222222222222:role/crossaccount/team-reader".into(),
            issued_at: time("2027-01-15T08:00:00Z"),
            inputs_hash: "inputs".into(),
            answered: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{Output, SecretSpec};
    use crate::decide::credentials::secret::{DesiredSecret, SecretContent};
    use crate::domain::Region;

    fn content(outputs: &[Output]) -> SecretContent {
        let spec = SecretSpec { outputs: outputs.to_vec(), ..SecretSpec::default() };
        let region = Region::parse("eu-west-1").expect("a region");
        DesiredSecret::of(&spec, "reader", region).expect("a secret").render(&fixture::publication())
    }

    #[test]
    fn a_set_is_read_back_from_any_of_its_forms() {
        for outputs in
            [&[Output::Process][..], &[Output::File], &[Output::Env], &[Output::Env, Output::File, Output::Process]]
        {
            let SecretContent { data, annotations, .. } = content(outputs);
            assert_eq!(PublishedCredentials::read(&data, &annotations), Some(fixture::publication()), "{outputs:?}");
        }
    }

    #[test]
    fn an_edited_form_is_passed_over_and_the_set_found_in_another() {
        let SecretContent { mut data, annotations, .. } = content(&[Output::Process, Output::File]);
        data.insert(KEY_JSON.into(), SecretText::new("{}".into()));
        assert_eq!(PublishedCredentials::read(&data, &annotations), Some(fixture::publication()));
        data.insert(KEY_INI.into(), SecretText::new("[default]".into()));
        assert_eq!(PublishedCredentials::read(&data, &annotations), None);
    }

    #[test]
    fn any_edited_annotation_makes_the_set_unusable() {
        for key in [
            annotation::ROLE_ARN,
            annotation::ISSUED_AT,
            annotation::EXPIRES_AT,
            annotation::INPUTS_HASH,
            annotation::CONTENT_HASH,
        ] {
            let SecretContent { data, mut annotations, .. } = content(&[Output::Process]);
            annotations.insert(key.into(), "2030-01-01T00:00:00Z".into());
            assert_eq!(PublishedCredentials::read(&data, &annotations), None, "{key} changed");
            annotations.remove(key);
            assert_eq!(PublishedCredentials::read(&data, &annotations), None, "{key} removed");
        }
    }

    fn sets() -> impl Strategy<Value = PublishedCredentials> {
        let key = || "[A-Za-z0-9/+=]{1,60}".prop_map(SecretText::new);
        (key(), key(), key(), 0_i64..4_000_000_000, 900_i64..43_200).prop_map(|(id, secret, token, second, life)| {
            let issued_at = Timestamp::from_second(second).expect("a time");
            let expires_at = issued_at + jiff::SignedDuration::from_secs(life);
            let credentials =
                Credentials { access_key_id: id, secret_access_key: secret, session_token: token, expires_at };
            PublishedCredentials { credentials, issued_at, ..fixture::publication() }
        })
    }

    fn outputs() -> impl Strategy<Value = Vec<Output>> {
        prop::sample::subsequence(vec![Output::Process, Output::File, Output::Env], 1..=3)
    }

    fn shown(set: &PublishedCredentials, outputs: &[Output]) -> SecretContent {
        let spec = SecretSpec { outputs: outputs.to_vec(), ..SecretSpec::default() };
        let region = Region::parse("eu-west-1").expect("a region");
        DesiredSecret::of(&spec, "reader", region).expect("a secret").render(set)
    }

    proptest! {
        #[test]
        fn every_set_is_read_back_as_exactly_the_same(set in sets(), outputs in outputs()) {
            let SecretContent { data, annotations, .. } = shown(&set, &outputs);
            prop_assert_eq!(PublishedCredentials::read(&data, &annotations), Some(set));
        }

        #[test]
        fn a_set_of_which_a_byte_was_changed_anywhere_is_the_same_set_or_none(
            set in sets(), outputs in outputs(), at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f,
        ) {
            let SecretContent { mut data, mut annotations, .. } = shown(&set, &outputs);
            let keys: Vec<String> = data.keys().chain(annotations.keys()).cloned().collect();
            let key = at.get(&keys);
            let edit = |text: &str| {
                let mut bytes = text.as_bytes().to_vec();
                *at.get_mut(&mut bytes) = byte;
                String::from_utf8(bytes).expect("ASCII")
            };
            let edited = data.get(key).map(|text| SecretText::new(edit(text.expose())));
            match edited {
                Some(edited) => drop(data.insert(key.clone(), edited)),
                None => drop(annotations.entry(key.clone()).and_modify(|text| *text = edit(text))),
            }
            if let Some(read) = PublishedCredentials::read(&data, &annotations) {
                prop_assert_eq!(read, set, "{}", key);
            }
        }

        #[test]
        fn a_secret_of_anything_is_read_without_harm_and_is_nobodys_set(
            texts in prop::collection::vec(any::<String>(), 9), hash in "[0-9a-f]{64}",
        ) {
            let SecretContent { mut data, mut annotations, .. } = shown(&fixture::publication(), &[Output::Process, Output::File]);
            for (value, text) in data.values_mut().zip(&texts) {
                *value = SecretText::new(text.clone());
            }
            prop_assert_eq!(PublishedCredentials::read(&data, &annotations), None);
            annotations.insert(annotation::CONTENT_HASH.into(), hash);
            prop_assert_eq!(PublishedCredentials::read(&data, &annotations), None);
            annotations.values_mut().zip(&texts).for_each(|(value, text)| value.clone_from(text));
            prop_assert_eq!(PublishedCredentials::read(&data, &annotations), None);
        }
    }
}
