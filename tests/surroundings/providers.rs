//! Where the operator's own credentials may come from.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sts::config::Credentials;
use serde_json::json;

use lab::{
    aws::policy,
    credential_server::{CredentialServer, LOGIN, TOKEN},
    env::TestEnv,
    guard,
    operator::OperatorSettings,
    wait::eventually,
};

use super::ready;

/// A token as EKS mounts it. Its `iss` is the cluster's provider, its `sub` the service account of the operator.
const TOKEN_OF_POD: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.",
    "eyJpc3MiOiJodHRwczovL29pZGMuZWtzLmV1LXdlc3QtMS5hbWF6b25hd3MuY29tL2lkLzEiLCJhdWQi",
    "OiJzdHMuYW1hem9uYXdzLmNvbSIsInN1YiI6InN5c3RlbTpzZXJ2aWNlYWNjb3VudDpjcm9zc2FjY291",
    "bnQtc3lzdGVtOmNyb3NzYWNjb3VudC1vcGVyYXRvciJ9",
    ".c2ln",
);

/// Where the SDKs keep the login of the session `lab`: the name of the file is this hash (AWS SDKs and Tools reference guide, "IAM
/// Identity Center credential provider").
const SHA1_OF_LAB: &str = "3953f9ddf975ab5097ee468d99555c5b441169bf";

/// Writes a file into a folder of the test.
fn file(name: &str, content: &str) -> Result<PathBuf> {
    let file = guard::scratch("credentials")?.join(name);
    fs::write(&file, content)?;
    Ok(file)
}

fn static_keys(credentials: &Credentials) -> String {
    let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

/// A process that prints credentials as the SDKs expect them (AWS SDKs and Tools reference guide, "Process credential provider").
fn credential_process(credentials: &Credentials) -> Result<String> {
    let set = json!({
        "Version": 1, "AccessKeyId": credentials.access_key_id(), "SecretAccessKey": credentials.secret_access_key(),
    });
    let set = file("set.json", &set.to_string())?;
    Ok(format!("credential_process = cat {}\n", set.display()))
}

/// Ready, and AWS knows the operator by the identity of this ARN.
async fn is(settings: &OperatorSettings, arn: &str) -> Result<()> {
    let operator = ready(&settings.clone().flag("--log-level=info,crossaccount=debug")).await?;
    let log = operator.log().read();
    ensure!(log.contains(arn), "the log does not name {arn}");
    Ok(())
}

fn with_config(env: &TestEnv, config: &Path) -> OperatorSettings {
    env.settings.clone().no_credentials().env("AWS_CONFIG_FILE", config.to_string_lossy())
}

#[tokio::test]
async fn the_operator_takes_its_keys_from_the_environment_or_a_profile() -> Result<()> {
    let env = TestEnv::new("static-keys").await?;
    let operator = &env.aws.operator;
    is(&env.settings, &operator.arn).await?;

    let keys = static_keys(&operator.credentials);
    let shared = file("credentials", &format!("[default]\n{keys}"))?;
    let settings = env.settings.clone().no_credentials();
    is(&settings.env("AWS_SHARED_CREDENTIALS_FILE", shared.to_string_lossy()), &operator.arn).await?;

    let named = file("config", &format!("[profile work]\n{keys}"))?;
    is(&with_config(&env, &named).env("AWS_PROFILE", "work"), &operator.arn).await
}

#[tokio::test]
async fn the_operator_takes_its_credentials_from_a_process_and_from_a_role_of_a_profile() -> Result<()> {
    let env = TestEnv::new("profile-roles").await?;
    let operator = &env.aws.operator;
    let process = credential_process(&operator.credentials)?;
    let config = file("config", &format!("[default]\n{process}"))?;
    is(&with_config(&env, &config), &operator.arn).await?;

    let source = &env.aws.source;
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": operator.arn}}));
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let role = source.create_role("operator-role", &trust, &nothing).await?;
    env.aws.also_assume("operator-role", std::slice::from_ref(&role)).await?;
    let config =
        file("config", &format!("[default]\nrole_arn = {role}\nsource_profile = base\n[profile base]\n{process}"))?;
    is(&with_config(&env, &config), "assumed-role/operator-role/").await
}

#[tokio::test]
async fn the_operator_takes_its_credentials_from_a_web_identity_token_as_irsa_mounts_it() -> Result<()> {
    let env = TestEnv::new("irsa").await?;
    let source = &env.aws.source;
    let provider = "oidc.eks.eu-west-1.amazonaws.com/id/1";
    let federated = format!("arn:aws:iam::{}:oidc-provider/{provider}", source.id());
    let subject = "system:serviceaccount:crossaccount-system:crossaccount-operator";
    let trust = policy(&json!({
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": federated},
        "Condition": {"StringEquals": {format!("{provider}:sub"): subject}},
    }));
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let role = source.create_role("operator-irsa", &trust, &nothing).await?;
    let token = file("token", TOKEN_OF_POD)?;
    let settings = env.settings.clone().no_credentials().env("AWS_ROLE_ARN", role);
    let settings = settings.env("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_string_lossy());
    is(&settings, "assumed-role/operator-irsa/").await
}

#[tokio::test]
async fn the_operator_takes_its_credentials_from_pod_identity_and_from_instance_metadata() -> Result<()> {
    let env = TestEnv::new("pod-identity").await?;
    let operator = &env.aws.operator;
    let server = CredentialServer::start(&session(&env).await?)?;
    let settings = env.settings.clone().no_credentials();

    let secret = file("token", TOKEN)?;
    let pod =
        settings.clone().env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{}/credentials", server.address()));
    is(&pod.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", secret.to_string_lossy()), &operator.arn).await?;

    let instance = settings.without("AWS_EC2_METADATA_DISABLED");
    let instance = instance.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{}", server.address()));
    // Both are on this machine, and no proxy is asked for them.
    is(&instance.env("HTTP_PROXY", "http://127.0.0.1:9"), &operator.arn).await
}

/// A session of the operator's own user.
async fn session(env: &TestEnv) -> Result<Credentials> {
    let session =
        env.aws.source.sts(env.aws.operator.credentials.clone()).get_session_token().send().await?.credentials;
    let session = session.context("GetSessionToken gave no credentials")?;
    let token = Some(session.session_token);
    Ok(Credentials::new(session.access_key_id, session.secret_access_key, token, None, "lab"))
}

#[tokio::test]
async fn the_operator_takes_its_credentials_from_a_login_at_identity_center() -> Result<()> {
    let env = TestEnv::new("identity-center").await?;
    let server = CredentialServer::start(&session(&env).await?)?;
    let home = guard::scratch("home")?;
    let cache = home.join(".aws/sso/cache");
    fs::create_dir_all(&cache)?;
    let login = json!({"accessToken": LOGIN, "expiresAt": "2199-01-01T00:00:00Z", "region": "eu-west-1", "startUrl": "https://lab"});
    fs::write(cache.join(format!("{SHA1_OF_LAB}.json")), login.to_string())?;
    let config = file(
        "config",
        "[default]\nsso_session = lab\nsso_account_id = 111111111111\nsso_role_name = operator\n\
         [sso-session lab]\nsso_region = eu-west-1\nsso_start_url = https://lab\n",
    )?;
    let settings = with_config(&env, &config).env("HOME", home.to_string_lossy());
    let settings = settings.env("AWS_ENDPOINT_URL_SSO", format!("http://{}", server.address()));
    is(&settings, &env.aws.operator.arn).await
}

#[tokio::test]
async fn a_key_that_was_rotated_in_its_file_is_read_again_once_aws_refuses_the_old_one() -> Result<()> {
    let env = TestEnv::new("rotated").await?;
    let user = "crossaccount-operator";
    let shared = file("credentials", &format!("[default]\n{}", static_keys(&env.aws.operator.credentials)))?;
    let settings = env.settings.clone().no_credentials();
    let _operator = ready(&settings.env("AWS_SHARED_CREDENTIALS_FILE", shared.to_string_lossy())).await?;
    env.ready_role("reader").await?;

    let iam = env.aws.source.iam();
    let old = env.aws.operator.credentials.access_key_id();
    iam.delete_access_key().user_name(user).access_key_id(old).send().await?;
    let new = iam.create_access_key().user_name(user).send().await?.access_key.context("no new key")?;
    let new = Credentials::new(new.access_key_id, new.secret_access_key, None, None, "lab");
    fs::write(&shared, format!("[default]\n{}", static_keys(&new)))?;

    // A new role needs the base identity.
    env.create(&env.role("writer")).await?;
    env.settled("writer").await?;
    eventually("the old role is Ready as well", async || env.settled("reader").await.map(drop)).await
}
