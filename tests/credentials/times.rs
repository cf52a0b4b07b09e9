//! The times of a set in a Secret: other ones are put there, and it is watched that they only ever get later.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use crossaccount::{
    api::{CrossAccountRole, annotation},
    decide::credentials::{published::PublishedCredentials, secret::DesiredSecret},
    domain::{Region, SecretText},
};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    ResourceExt as _,
    api::{Patch, PatchParams, WatchEvent, WatchParams},
};
use serde_json::json;

use lab::{emulator::REGION, env::TestEnv, wait::eventually};

/// Writes a Secret as if its set had been issued and did expire then. AWS takes the set for as long as before.
pub async fn put_times(env: &TestEnv, name: &str, issued_at: Timestamp, expires_at: Timestamp) -> Result<()> {
    let role = env.roles.get(name).await?;
    let (data, annotations) = env.secret(name).await?;
    let data = data.into_iter().map(|(key, text)| (key, SecretText::new(text))).collect();
    let mut set = PublishedCredentials::read(&data, &annotations).context("the Secret holds no set")?;
    set.issued_at = issued_at;
    set.credentials.expires_at = expires_at;
    let region = Region::parse(REGION).context("no region")?;
    let secret =
        DesiredSecret::of(&role.spec.secret, name, region).map_err(|refusal| anyhow::anyhow!(refusal.message))?;
    let content = secret.render(&set);
    let data: BTreeMap<String, ByteString> =
        content.data.iter().map(|(key, text)| (key.clone(), ByteString(text.expose().as_bytes().to_vec()))).collect();
    let patch = Patch::Merge(json!({"metadata": {"annotations": content.annotations}, "data": data}));
    env.secrets.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Makes the set of an object one that is due to be replaced between two and twelve seconds from now and expires fifty
/// seconds after that, at the earliest.
pub async fn nearly_due(env: &TestEnv, name: &str) -> Result<()> {
    // Of a life of 100 s, renewal is due after 40 s to 50 s.
    let issued_at = Timestamp::now() - SignedDuration::from_secs(38);
    put_times(env, name, issued_at, issued_at + SignedDuration::from_secs(100)).await
}

/// Makes the set of an object one that is due to be replaced now and expires in fifteen seconds.
pub async fn due(env: &TestEnv, name: &str) -> Result<()> {
    let now = Timestamp::now();
    put_times(env, name, now - SignedDuration::from_secs(15), now + SignedDuration::from_secs(15)).await
}

/// Waits until a set of one of these functions is replaced by one of AWS's, and status says so.
pub async fn renewed(env: &TestEnv, name: &str) -> Result<CrossAccountRole> {
    eventually("the set is renewed", async || {
        let until = lasting(env, name).await?;
        let role = env.settled(name).await?;
        let told = role.status.as_ref().and_then(|status| status.credentials.as_ref()?.expires_at.as_ref());
        ensure!(told.is_some_and(|told| told.0 == until), "status tells of {told:?}");
        Ok(role)
    })
    .await
}

/// Waits until a set of one of these functions is replaced by one of AWS's, whatever status says.
pub async fn lasts(env: &TestEnv, name: &str) -> Result<()> {
    eventually("the set is replaced", async || lasting(env, name).await.map(drop)).await
}

async fn lasting(env: &TestEnv, name: &str) -> Result<Timestamp> {
    let until = expiry(&env.secrets.get(name).await?)?;
    ensure!(until.duration_since(Timestamp::now()) > SignedDuration::from_mins(10), "it expires at {until}");
    Ok(until)
}

/// Does something, and fails if the Secret meanwhile holds no set, holds one beyond its end, or gets one that expires
/// earlier than the one before.
pub async fn good_all_the_while<T>(env: &TestEnv, name: &str, run: impl Future<Output = Result<T>>) -> Result<T> {
    let params = WatchParams::default().fields(&format!("metadata.name={name}"));
    let first = env.secrets.get(name).await?;
    let version = first.resource_version().context("the Secret has no resource version")?;
    let mut versions = env.secrets.watch(&params, &version).await?.boxed();
    let look = async {
        let mut until = expiry(&first)?;
        loop {
            let left = until.duration_since(Timestamp::now()).max(SignedDuration::ZERO).unsigned_abs();
            let next = tokio::time::timeout(left, versions.next()).await;
            let next = next.with_context(|| format!("Secret {name} holds a set that expired at {until}"))?;
            let secret = match next.context("the watch ended")?? {
                WatchEvent::Added(secret) | WatchEvent::Modified(secret) => secret,
                WatchEvent::Bookmark(_) => continue,
                other => bail!("Secret {name}: {other:?}"),
            };
            let expires = expiry(&secret)?;
            ensure!(expires >= until, "Secret {name} held a set until {until} and then one until {expires}");
            until = expires;
        }
    };
    tokio::select! {
        failed = look => failed,
        ran = run => ran,
    }
}

fn expiry(secret: &Secret) -> Result<Timestamp> {
    let written = secret.annotations().get(annotation::EXPIRES_AT).context("the Secret names no end of its set")?;
    Ok(written.parse()?)
}
