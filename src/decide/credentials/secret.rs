//! What the Secret holds: one set of credentials in the forms that programs read.

use super::keys::{KEY_CONFIG, KEY_INI, KEY_JSON};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::published::PublishedCredentials;
use crate::api::{FIELD_MANAGER, MANAGED_BY_LABEL, Output, ProcessCommand, SecretSpec};
use crate::decide::Refusal;
use crate::decide::target::fields::{self, invalid};
use crate::domain::kubernetes::is_label_value;
use crate::domain::{Credentials, Region, SecretText};

/// Whether a key stays the same through renewals: it has the region or names another file.
#[must_use]
pub fn is_constant(key: &str) -> bool {
    [KEY_CONFIG, "AWS_REGION", "AWS_DEFAULT_REGION"].contains(&key)
}

/// The declared Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredSecret {
    /// Name, in the object's own namespace: there is no field for another.
    pub name: String,
    outputs: BTreeSet<Output>,
    profile: String,
    mount_path: String,
    process_command: ProcessCommand,
    region: Region,
    /// Labels, ours and the declared ones; never those of the object itself, which GitOps tools would prune by.
    pub labels: BTreeMap<String, String>,
    /// The declared annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretContent {
    /// Data by key.
    pub data: BTreeMap<String, SecretText>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl DesiredSecret {
    /// Parses the declaration. Everything that ends up in a file is checked here again: a line break in it could put a
    /// command of a tenant's choice into `credential_process`.
    pub fn of(spec: &SecretSpec, object_name: &str, region: Region) -> Result<Self, Refusal> {
        let SecretSpec { name, outputs, profile, mount_path, process_command, labels, annotations, on_expiry: _ } =
            spec;
        let name = name.clone().unwrap_or_else(|| object_name.to_owned());
        fields::object_name("spec.secret.name", &name)?;
        let word = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        if !(1..=64).contains(&profile.len()) || !profile.bytes().all(word) {
            return Err(invalid("spec.secret.profile", "write 1 to 64 characters of A-Z a-z 0-9 _ . -"));
        }
        let segment =
            |text: &str| !matches!(text, "" | "." | "..") && !text.starts_with("..") && text.bytes().all(word);
        let is_path = mount_path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
        if !is_path || mount_path.len() > 1024 {
            let advice = "write an absolute path of up to 1024 characters of A-Z a-z 0-9 _ . - between single slashes, \
                          without . and .. and without a slash at the end";
            return Err(invalid("spec.secret.mountPath", advice));
        }
        if outputs.is_empty() {
            return Err(invalid("spec.secret.outputs", "name at least one of Process, File and Env"));
        }
        fields::at_most("spec.secret.outputs", outputs.len(), 3)?;
        fields::metadata("spec.secret.labels", labels, is_label_value)?;
        fields::metadata("spec.secret.annotations", annotations, |value| value.chars().count() <= 4096)?;
        let mut labels = labels.clone();
        labels.insert(MANAGED_BY_LABEL.to_owned(), FIELD_MANAGER.to_owned());
        Ok(Self {
            name,
            outputs: outputs.iter().copied().collect(),
            profile: profile.clone(),
            mount_path: mount_path.clone(),
            process_command: *process_command,
            region,
            labels,
            annotations: annotations.clone(),
        })
    }

    /// Renders a set. Each key holds the whole set, so that a reader never sees parts of two.
    #[must_use]
    pub fn render(&self, publication: &PublishedCredentials) -> SecretContent {
        let mut data = BTreeMap::new();
        for output in &self.outputs {
            match output {
                Output::Process => {
                    data.insert(KEY_CONFIG.to_owned(), SecretText::new(self.config_file()));
                    data.insert(KEY_JSON.to_owned(), process_json(&publication.credentials));
                }
                Output::File => {
                    data.insert(KEY_INI.to_owned(), SecretText::new(self.ini_file(&publication.credentials)));
                }
                Output::Env => {
                    let variables = environment(&publication.credentials, Some(&self.region));
                    data.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value)));
                }
            }
        }
        let mut annotations = self.annotations.clone();
        annotations.extend(publication.annotations());
        SecretContent { data, labels: self.labels.clone(), annotations }
    }

    /// In a configuration file every profile but the default one is headed `[profile name]` (AWS SDKs reference).
    fn config_file(&self) -> String {
        let Self { profile, mount_path, process_command, region, .. } = self;
        let section = if profile == "default" { profile.clone() } else { format!("profile {profile}") };
        let region = region.as_str();
        // By name, not by path: where the agent lies is for the pod to say, in its PATH.
        let command = match process_command {
            ProcessCommand::Cat => "cat",
            ProcessCommand::Agent => "crossaccount-agent credential-process --credentials-file",
        };
        format!("[{section}]\nregion = {region}\ncredential_process = {command} {mount_path}/{KEY_JSON}\n")
    }

    fn ini_file(&self, set: &Credentials) -> String {
        format!(
            "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
            self.profile,
            set.access_key_id.expose(),
            set.secret_access_key.expose(),
            set.session_token.expose()
        )
    }
}

/// A set and its region as environment variables of AWS SDKs (AWS SDKs reference, "Environment variables").
#[must_use]
pub fn environment(set: &Credentials, region: Option<&Region>) -> Vec<(&'static str, SecretText)> {
    let plain = |text: &str| SecretText::new(text.to_owned());
    let regions = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter();
    let regions = regions.filter_map(|name| Some((name, plain(region?.as_str()))));
    [
        ("AWS_ACCESS_KEY_ID", set.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", set.secret_access_key.clone()),
        ("AWS_SESSION_TOKEN", set.session_token.clone()),
        ("AWS_CREDENTIAL_EXPIRATION", plain(&set.expires_at.to_string())),
    ]
    .into_iter()
    .chain(regions)
    .collect()
}

/// A set in the format of `credential_process`.
#[must_use]
pub fn process_json(set: &Credentials) -> SecretText {
    let document = json!({
        "Version": 1,
        "AccessKeyId": set.access_key_id.expose(),
        "SecretAccessKey": set.secret_access_key.expose(),
        "SessionToken": set.session_token.expose(),
        "Expiration": set.expires_at.to_string(),
    });
    SecretText::new(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::credentials::published::fixture;

    fn rendered(spec: &serde_json::Value) -> SecretContent {
        let spec: SecretSpec = serde_json::from_value(spec.clone()).expect("a spec");
        let region = Region::parse("eu-west-1").expect("a region");
        DesiredSecret::of(&spec, "reader", region).expect("a secret").render(&fixture::publication())
    }

    #[test]
    fn by_default_there_are_a_config_a_process_file_and_an_ini_file() {
        let content = rendered(&json!({}));
        let keys: Vec<&str> = content.data.keys().map(String::as_str).collect();
        assert_eq!(keys, [KEY_CONFIG, KEY_INI, KEY_JSON]);
        assert_eq!(
            content.data[KEY_CONFIG].expose(),
            "[default]\nregion = eu-west-1\ncredential_process = cat /var/run/secrets/aws/credentials.json\n"
        );
        assert_eq!(
            content.data[KEY_INI].expose(),
            "[default]\naws_access_key_id = ASIAKEY\naws_secret_access_key = se/cr+et\naws_session_token = to/ken==\n"
        );
        let process: serde_json::Value = serde_json::from_str(content.data[KEY_JSON].expose()).expect("JSON");
        assert_eq!(
            process,
            json!({"Version": 1, "AccessKeyId": "ASIAKEY", "SecretAccessKey": "se/cr+et", "SessionToken": "to/ken==",
                   "Expiration": "2027-01-15T09:00:00Z"})
        );
    }

    #[test]
    fn a_named_profile_is_headed_as_each_kind_of_file_wants_it() {
        let content = rendered(&json!({"profile": "reports", "mountPath": "/aws"}));
        assert!(content.data[KEY_CONFIG].expose().starts_with("[profile reports]\n"));
        assert!(content.data[KEY_CONFIG].expose().contains("cat /aws/credentials.json\n"));
        assert!(content.data[KEY_INI].expose().starts_with("[reports]\n"));
    }

    #[test]
    fn the_agent_is_named_with_the_file_that_it_prints() {
        let content = rendered(&json!({"processCommand": "Agent", "mountPath": "/aws"}));
        assert_eq!(
            content.data[KEY_CONFIG].expose(),
            "[default]\nregion = eu-west-1\n\
             credential_process = crossaccount-agent credential-process --credentials-file /aws/credentials.json\n"
        );
    }

    #[test]
    fn the_environment_form_has_the_names_that_sdks_read() {
        let keys: Vec<String> = rendered(&json!({"outputs": ["Env"]})).data.into_keys().collect();
        assert_eq!(
            keys,
            [
                "AWS_ACCESS_KEY_ID",
                "AWS_CREDENTIAL_EXPIRATION",
                "AWS_DEFAULT_REGION",
                "AWS_REGION",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN"
            ]
        );
    }

    #[test]
    fn nothing_a_tenant_writes_can_add_a_line_to_a_file() {
        for spec in [
            json!({"profile": "a]\ncredential_process = evil\n[b"}),
            json!({"profile": ""}),
            json!({"mountPath": "/x\ncredential_process = evil"}),
            json!({"mountPath": "/x; evil"}),
            json!({"mountPath": "/x --evil", "processCommand": "Agent"}),
            json!({"mountPath": "/x/../y"}),
            json!({"mountPath": "x"}),
            json!({"outputs": []}),
        ] {
            let parsed: SecretSpec = serde_json::from_value(spec.clone()).expect("a spec");
            let region = Region::parse("eu-west-1").expect("a region");
            assert!(DesiredSecret::of(&parsed, "reader", region).is_err(), "{spec}");
        }
    }

    #[test]
    fn the_secret_is_marked_as_ours_beside_the_labels_that_are_declared() {
        let content = rendered(&json!({"labels": {"team": "x"}}));
        assert_eq!((content.labels[MANAGED_BY_LABEL].as_str(), content.labels["team"].as_str()), (FIELD_MANAGER, "x"));
    }
}
