//! The programs of `examples/`, as users copy them: each reads S3 with the variables of its own manifest.

mod terraform;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{PodSpec, Secret},
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

use super::program::{Sdk, path_with, prepared};
use lab::{
    agent::Agent,
    aws_proxy::AwsProxy,
    emulator::{REGION, emulator},
    env::TestEnv,
    folder,
    guard::scratch,
    log_file::LogFile,
    mount::Mount,
    repository, run,
};

/// How long a program may take to its first line. Far more than any needs: it only bounds the wait of a test that fails.
const LINE_WITHIN: Duration = Duration::from_mins(2);

/// What the manifests name. Where there is no pod, the test replaces it.
const MOUNT: &str = "/var/run/secrets/aws";
const TOKEN: &str = "/run/crossaccount/token";
const AGENT: &str = "http://127.0.0.1:9911/v1/credentials";

/// The folder of an example, and its program.
async fn example(sdk: Sdk) -> Result<(PathBuf, Command)> {
    let name: &str = sdk.into();
    let source = repository().join("examples").join(name);
    if sdk == Sdk::Cli {
        let mut command = Command::new(source.join("app.sh"));
        command.env("PATH", path_with(&prepared("consumers/python").await?.join("bin"))?);
        return Ok((source, command));
    }
    let built = prepared(&format!("../examples/{name}")).await?;
    let mut command = match sdk {
        Sdk::Python => Command::new(built.join("bin/python")),
        Sdk::JavaScript => Command::new("node"),
        Sdk::Java => Command::new("java"),
        Sdk::Go | Sdk::Rust | Sdk::Cli => Command::new(built.join("program")),
    };
    match sdk {
        Sdk::Python => command.arg(built.join("app.py")),
        Sdk::JavaScript => command.arg(built.join("app.js")),
        Sdk::Java => {
            let target = built.join("target").display().to_string();
            command.args(["-cp", &format!("{target}/classes:{target}/dependency/*"), "App"])
        }
        Sdk::Go | Sdk::Rust | Sdk::Cli => &mut command,
    };
    command.env("PATH", env::var_os("PATH").unwrap_or_default());
    Ok((source, command))
}

/// The pod of an example, in the namespace of a test. The API server has judged each field of its manifest.
async fn pod(env: &TestEnv, source: &Path) -> Result<PodSpec> {
    let text = fs::read_to_string(source.join("deployment.yaml"))?;
    let mut manifest: Value = serde_saphyr::from_str(&text)?;
    manifest["metadata"]["namespace"] = json!(env.namespace);
    let name = manifest["metadata"]["name"].as_str().context("it has no name")?.to_owned();
    let deployments: Api<Deployment> = Api::namespaced(env.kube.clone(), &env.namespace);
    let strictly = PatchParams { dry_run: true, ..PatchParams::apply("examples").validation_strict() };
    let taken = deployments.patch(&name, &strictly, &Patch::Apply(&manifest)).await?;
    taken.spec.and_then(|spec| spec.template.spec).context("it has no pod")
}

/// The variables that a pod gives to its program.
fn variables(pod: &PodSpec) -> Result<BTreeMap<String, String>> {
    let program = pod.containers.iter().find(|container| container.name == "app").context("it has no container app")?;
    let given = program.env.iter().flatten();
    Ok(given.filter_map(|variable| Some((variable.name.clone(), variable.value.clone()?))).collect())
}

/// The name of the Secret that a pod mounts.
fn secret(pod: &PodSpec) -> Result<String> {
    let mounted = pod.volumes.iter().flatten().find_map(|volume| volume.secret.as_ref()?.secret_name.clone());
    mounted.context("it mounts no Secret")
}

/// Makes the object that a program is to read, as the administrator of the account, and gives its size.
async fn fill(env: &TestEnv, object: &str) -> Result<usize> {
    let emulator = emulator().await?;
    let keys = env.aws.target.administrator();
    let mut fill = Command::new(emulator.python());
    fill.arg(folder().join("demo_buckets.py"))
        .arg(object)
        .env("AWS_ENDPOINT_URL", emulator.endpoint())
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
        .env_remove("AWS_SESSION_TOKEN");
    run(&mut fill).await?;
    Ok(format!("the content of {object}").len())
}

/// The first line that a program prints. It is ended after that.
async fn first_line(command: &mut Command) -> Result<String> {
    let (errors, stderr) = LogFile::create(scratch("example")?.join("errors.log"))?;
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(process.stdout.take().context("it has no standard output")?).lines();
    let line = timeout(LINE_WITHIN, lines.next_line()).await.context("it prints nothing")??;
    line.with_context(|| format!("it has ended:\n{}", errors.tail()))
}

/// The key that the last call to S3 was signed with, as AWS saw it.
fn signed_with(proxy: &AwsProxy) -> Result<String> {
    let calls = proxy.calls_that(|call| call.service == "s3");
    calls.last().and_then(|call| call.access_key.clone()).context("S3 saw no signed call")
}

fn access_key(secret: &Secret) -> Result<String> {
    let set = secret.data.as_ref().and_then(|data| data.get("credentials.json")).context("the Secret has no set")?;
    let set: Value = serde_json::from_slice(&set.0)?;
    Ok(set["AccessKeyId"].as_str().context("the set has no key")?.to_owned())
}

/// The bucket of the sample and of the examples.
const BUCKET: &str = "reports";

/// The role that the examples are for, with another bucket.
fn sample(bucket: &str) -> Result<CrossAccountRole> {
    let text = fs::read_to_string(repository().join("deploy/samples/role.yaml"))?;
    Ok(serde_saphyr::from_str(&text.replace(&format!("s3:::{BUCKET}/"), &format!("s3:::{bucket}/")))?)
}

/// The same in the namespace of a test, with the Secret mounted where the test has it.
fn sample_in(env: &TestEnv, bucket: &str, mount: &Mount) -> Result<CrossAccountRole> {
    let mut role = sample(bucket)?;
    role.metadata.namespace = Some(env.namespace.clone());
    role.spec.account_ref.name.clone_from(&env.namespace);
    role.spec.secret.mount_path = mount.path().display().to_string();
    Ok(role)
}

/// Gives a program the variables of its manifest, and nothing of the developer's own AWS settings.
fn surround(command: &mut Command, variables: &BTreeMap<String, String>, places: &[(&str, String)]) -> Result<()> {
    let path = command.as_std().get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
    let path = path.context("no PATH is set")?.to_owned();
    let here = |value: &str| places.iter().fold(value.to_owned(), |value, (pod, here)| value.replace(pod, here));
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", scratch("home")?)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().map(|(name, value)| (name, here(value))));
    Ok(())
}

/// The program of an example reads the object, with the credentials that its manifest mounts.
async fn reads_s3(sdk: Sdk) -> Result<()> {
    let name: &str = sdk.into();
    let env = TestEnv::new(&format!("example-{name}")).await?;
    let _operator = env.start().await?;
    let mount = Mount::new(scratch("mount")?);
    // All accounts share the names of buckets.
    let bucket = format!("{}-{BUCKET}", env.namespace);
    let role = sample_in(&env, &bucket, &mount)?;
    env.roles.create(&PostParams::default(), &role).await?;
    env.settled("reports-reader").await?;

    let (source, mut command) = example(sdk).await?;
    let pod = pod(&env, &source).await?;
    let secret = env.secrets.get(&secret(&pod)?).await?;
    mount.show(&secret)?;
    let mut variables = variables(&pod)?;
    assert_eq!(variables.insert("BUCKET".to_owned(), bucket.clone()).as_deref(), Some(BUCKET));
    let object = format!("{bucket}/{}", variables["KEY"]);
    let size = fill(&env, &object).await?;

    let token = scratch("token")?.join("token");
    let agent = Agent::with_token(&mount.path().join("credentials.json"), &token).await?;
    let places = [
        (MOUNT, mount.path().display().to_string()),
        (TOKEN, token.display().to_string()),
        (AGENT, agent.credentials_uri()),
    ];
    let proxy = env.proxy.beside()?;
    surround(&mut command, &variables, &places)?;
    command.env("AWS_ENDPOINT_URL", proxy.endpoint());
    let line = first_line(&mut command).await.with_context(|| format!("the example in {}", source.display()))?;

    ensure!(line == format!("read {size} bytes"), "it prints: {line}");
    assert_eq!(signed_with(&proxy)?, access_key(&secret)?);
    Ok(())
}

#[tokio::test]
async fn the_manifest_of_the_example_for_dotnet_is_one_that_the_api_server_takes() -> Result<()> {
    let env = TestEnv::bare("example-dotnet").await?;
    let pod = pod(&env, &repository().join("examples/dotnet")).await?;
    assert_eq!(Some(secret(&pod)?), sample(BUCKET)?.spec.secret.name);
    assert_eq!(variables(&pod)?["AWS_CONFIG_FILE"], format!("{MOUNT}/config"));
    Ok(())
}

#[tokio::test]
async fn the_example_in_python_reads_s3_as_its_manifest_says() -> Result<()> {
    reads_s3(Sdk::Python).await
}

#[tokio::test]
async fn the_example_in_javascript_reads_s3_as_its_manifest_says() -> Result<()> {
    reads_s3(Sdk::JavaScript).await
}

#[tokio::test]
async fn the_example_in_go_reads_s3_as_its_manifest_says() -> Result<()> {
    reads_s3(Sdk::Go).await
}

#[tokio::test]
async fn the_example_in_java_reads_s3_as_its_manifest_says() -> Result<()> {
    reads_s3(Sdk::Java).await
}

#[tokio::test]
async fn the_example_in_rust_reads_s3_as_its_manifest_says() -> Result<()> {
    reads_s3(Sdk::Rust).await
}

#[tokio::test]
async fn the_example_of_the_cli_reads_s3_as_its_manifest_says() -> Result<()> {
    reads_s3(Sdk::Cli).await
}
