//! The story that is the same for each SDK.

use anyhow::{Context as _, Result, bail, ensure};
use crossaccount::api::{CrossAccountRole, annotation};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::api::PostParams;
use serde_json::{Value, json};

use super::{
    program::{Program, Sdk},
    way::Way,
};
use lab::{aws_proxy::AwsProxy, env::TestEnv, guard::scratch, mount::Mount, wait::eventually};

/// No session of AWS is shorter than 15 minutes, and SDKs ask again only when the end is near: 15 minutes before it at the
/// earliest (boto3), at the end itself at the latest (Go with `credential_process`). So the mounted copy of the first set,
/// and only that, names an end as near as this.
const NEAR: SignedDuration = SignedDuration::from_secs(10);

/// A program and the proxy that sees what it signs with.
struct Consumer {
    program: Program,
    proxy: AwsProxy,
    /// Which role it must be.
    role: String,
}

impl Consumer {
    /// Has the program call AWS and gives the access key that it signed with. The inner error is the program's own.
    async fn signs_with(&mut self) -> Result<Result<String, String>> {
        self.proxy.reset_counts();
        let arn = match self.program.caller().await? {
            Ok(arn) => arn,
            Err(error) => return Ok(Err(error)),
        };
        let role = &self.role;
        ensure!(arn.contains(&format!(":assumed-role/{role}/")), "it is {arn} and not a session of {role}");
        let calls = self.proxy.calls();
        let call = calls.iter().rfind(|call| call.action == "GetCallerIdentity").context("AWS saw no call")?;
        Ok(Ok(call.access_key.clone().context("the call was not signed")?))
    }
}

fn set(secret: &Secret) -> Result<Value> {
    let data = secret.data.as_ref().and_then(|data| data.get("credentials.json")).context("the Secret has no set")?;
    Ok(serde_json::from_slice(&data.0)?)
}

fn access_key(secret: &Secret) -> Result<String> {
    Ok(set(secret)?["AccessKeyId"].as_str().context("the set has no key")?.to_owned())
}

/// The Secret with a set that says it ends soon. AWS itself knows better.
fn ending_soon(secret: &Secret) -> Result<Secret> {
    let mut set = set(secret)?;
    set["Expiration"] = json!((Timestamp::now() + NEAR).to_string());
    let mut copy = secret.clone();
    copy.data.get_or_insert_default().insert("credentials.json".to_owned(), ByteString(set.to_string().into_bytes()));
    Ok(copy)
}

/// Has the operator issue another set.
async fn renew(env: &TestEnv, name: &str, before: &CrossAccountRole) -> Result<Secret> {
    // Times are kept in whole seconds, and the request must be later than the issue.
    let issued = before.status.clone().and_then(|s| s.credentials).and_then(|c| c.issued_at).context("not issued")?;
    let now = eventually("a second has passed", async || {
        let now = Timestamp::now();
        ensure!(now.as_second() > issued.0.as_second(), "not yet");
        Ok(now)
    })
    .await?;
    let request = json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now.to_string()}}});
    env.patch(name, request).await?;
    env.issued_again(name, before).await?;
    Ok(env.secrets.get(name).await?)
}

/// A program that was started with the first set signs with the second one once that is mounted, without a restart and
/// without one failed call.
pub async fn follows_a_renewal(sdk: Sdk, way: Way) -> Result<()> {
    let (sdk_name, way_name): (&str, &str) = (sdk.into(), way.into());
    let env = TestEnv::new(&format!("{sdk_name}-{way_name}")).await?;
    let _operator = env.start().await?;
    let mount = Mount::new(scratch("mount")?);
    let mut role = env.role("reader");
    role.spec.secret.mount_path = mount.path().display().to_string();
    role.spec.secret.process_command = way.process_command();
    env.roles.create(&PostParams::default(), &role).await?;
    let before = env.settled("reader").await?;
    let first = env.secrets.get("reader").await?;
    mount.show(&first)?;

    let proxy = env.proxy.beside()?;
    let (mut environment, _sidecar) = way.open(mount.path()).await?;
    environment.push(("AWS_ENDPOINT_URL", proxy.endpoint()));
    let program = Program::start(sdk, &environment).await?;
    let mut consumer = Consumer { program, proxy, role: env.iam_name("reader") };
    // On a busy machine a first call may take longer than its set seems to last.
    eventually("the program works with the first set", async || {
        mount.show(&ending_soon(&first)?)?;
        match consumer.signs_with().await? {
            Ok(key) => ensure!(key == access_key(&first)?, "it signs with {key}"),
            Err(error) => bail!("it fails: {error}"),
        }
        Ok(())
    })
    .await?;

    let second = renew(&env, "reader", &before).await?;
    assert_ne!(access_key(&first)?, access_key(&second)?);
    mount.show(&second)?;

    let mut failures = Vec::new();
    eventually("the program signs with the new key", async || {
        match consumer.signs_with().await? {
            Ok(key) => ensure!(key == access_key(&second)?, "it signs with {key}"),
            Err(error) => {
                failures.push(error.clone());
                bail!("it fails: {error}");
            }
        }
        Ok(())
    })
    .await?;
    assert_eq!(failures, Vec::<String>::new());
    Ok(())
}
