//! Waiting until a value that was accepted is seen, or until the status tells why not.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use crossaccount::{
    api::annotation,
    decide::credentials::published::PublishedCredentials,
    domain::{Credentials, SecretText},
};
use jiff::{SignedDuration, Timestamp};
use kube::{
    ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    cases::Expect,
    field::Field,
    objects::{Objects, current},
    row::{After, Row},
    seen::Seen,
};
use lab::{
    env::TestEnv,
    wait::{eventually, eventually_within},
};

/// How long a value may take: the largest number of policies takes a call for each, one after the other.
const WITHIN: Duration = Duration::from_mins(5);

/// Rounds of waiting after which AWS is asked although no status changed.
const LOOK_ANYWAY: usize = 10;

/// What became of a value.
pub enum Verdict {
    /// Its effect is seen.
    Seen(Box<Seen>),
    /// The status names the field or the value, with this reason.
    Told(Box<Seen>, String),
    /// This version cannot act on it; the message of `Ready`.
    NotSupported(String),
}

/// A value to wait for.
pub struct Watch<'a> {
    /// Where.
    pub env: &'a TestEnv,
    /// The field.
    pub field: &'a Field,
    /// Its row.
    pub row: &'a Row,
    /// The objects that hold it.
    pub objects: &'a Objects<'a>,
    /// The value; `null`: it is not set.
    pub value: &'a Value,
}

impl Watch<'_> {
    /// Waits for one or the other.
    pub async fn verdict(&self, expect: Expect) -> Result<Verdict> {
        let first = match self.row.after {
            After::Reconcile => return self.wait(expect, self.row.seen).await,
            After::Deletion | After::Renewal | After::Expiry => {
                self.wait(expect, |seen, _| seen.is_available()).await?
            }
        };
        let Verdict::Seen(seen) = first else { return Ok(first) };
        match self.row.after {
            After::Deletion => self.delete(*seen).await,
            After::Renewal => {
                self.renew(&seen).await?;
                self.wait(expect, self.row.seen).await
            }
            After::Reconcile | After::Expiry => {
                self.expire(&seen).await?;
                self.wait(expect, self.row.seen).await
            }
        }
    }

    async fn wait(&self, expect: Expect, oracle: super::row::Oracle) -> Result<Verdict> {
        let (mut rounds, mut known, mut before) = (0_usize, None, "nothing".to_owned());
        eventually_within(WITHIN, "the value is seen, or told of", async || {
            let (account, role) = self.objects.stored().await?;
            // What happens mostly ends in a status. AWS is asked again then, and else now and then only, since it answers
            // one question after the other and the operator has some too.
            let versions = Some((account.resource_version(), role.resource_version()));
            rounds += 1;
            ensure!(versions != known || rounds.is_multiple_of(LOOK_ANYWAY), "{before}");
            let seen = current(self.env, account, role).await?;
            known = versions;
            let (reason, message) = seen.ready();
            if reason == "NotSupported" {
                return Ok(Verdict::NotSupported(message.to_owned()));
            }
            let unseen = match oracle(&seen, self.value) {
                Ok(()) if expect != Expect::Told => return Ok(Verdict::Seen(Box::new(seen))),
                Ok(()) => "it is accepted as if it were good".to_owned(),
                Err(error) => format!("{error:#}"),
            };
            if matches!(expect, Expect::Either | Expect::Told)
                && let Some(reason) = self.told(&seen)
            {
                return Ok(Verdict::Told(Box::new(seen), reason));
            }
            before = format!("{unseen}; Ready is {:?}, of the account {:?}", seen.ready(), seen.account_ready());
            bail!("{before}")
        })
        .await
    }

    /// The reason that a condition gives, if its message names the field or quotes the value.
    fn told(&self, seen: &Seen) -> Option<String> {
        let quoted = |message: &str| leaves(self.value).iter().any(|text| text.len() > 2 && message.contains(text));
        let name = self.field.name().to_lowercase();
        let names = |message: &str| message.to_lowercase().contains(&name) || quoted(message);
        let told = seen.conditions().find(|told| told.reason != "Available" && names(&told.message));
        told.map(|told| told.reason.clone())
    }

    async fn delete(&self, seen: Seen) -> Result<Verdict> {
        let (account, object) = self.objects.stored().await?;
        let name = object.name_any();
        self.env.roles.delete(&name, &DeleteParams::default()).await?;
        eventually("the object is gone", async || {
            ensure!(self.env.roles.get_opt(&name).await?.is_none(), "it is there");
            Ok(())
        })
        .await?;
        let after = Seen::look(self.env, account, object).await?;
        (self.row.seen)(&after, self.value)?;
        Ok(Verdict::Seen(Box::new(seen)))
    }

    /// Asks for new credentials, and waits until they are there.
    async fn renew(&self, seen: &Seen) -> Result<()> {
        let name = seen.object.name_any();
        let expires = seen.object.status.clone().and_then(|status| status.credentials).and_then(|set| set.expires_at);
        // Times are kept in whole seconds, and the request must be later than the issue.
        let at = Timestamp::now() + SignedDuration::from_secs(1);
        eventually("a second has passed", async || {
            ensure!(Timestamp::now() > at, "not yet");
            Ok(())
        })
        .await?;
        let request = json!({ "metadata": { "annotations": { annotation::RENEW_REQUESTED_AT: at.to_string() } } });
        self.env.patch(&name, request).await?;
        eventually("new credentials are issued", async || {
            let status = self.env.roles.get(&name).await?.status.unwrap_or_default();
            let now = status.credentials.and_then(|set| set.expires_at);
            ensure!(now > expires, "they expire at {now:?}");
            Ok(())
        })
        .await
    }

    /// Puts a set into the Secret that expired while AWS issued no other.
    async fn expire(&self, seen: &Seen) -> Result<()> {
        let iam = seen.iam()?;
        let name = iam.role.arn.rsplit('/').next().unwrap_or_default();
        self.env.proxy.on("AssumeRole").role(name).error(503, "ServiceUnavailable", "the session cannot be issued");
        let secret = seen.secret()?;
        let set: Value = serde_json::from_str(&seen.file("credentials.json")?)?;
        let text = |key: &str| SecretText::new(set[key].as_str().unwrap_or_default().to_owned());
        let inputs_hash = secret.annotations().get(annotation::INPUTS_HASH).context("no inputs hash")?.clone();
        let past = |hours: i64| Timestamp::from_second(Timestamp::now().as_second() - hours * 3600);
        let expired = PublishedCredentials {
            credentials: Credentials {
                access_key_id: text("AccessKeyId"),
                secret_access_key: text("SecretAccessKey"),
                session_token: text("SessionToken"),
                expires_at: past(1)?,
            },
            role_arn: iam.role.arn.clone(),
            issued_at: past(2)?,
            inputs_hash,
            answered: None,
        };
        let patch = json!({ "metadata": { "annotations": expired.annotations() } });
        self.env.secrets.patch(&secret.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }
}

/// The texts in a value.
fn leaves(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(map) => {
            map.iter().flat_map(|(key, value)| [vec![key.as_str()], leaves(value)].concat()).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
