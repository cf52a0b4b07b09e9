//! `kubectl crossaccount exec`, `env`, `credentials` and `profile`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use crossaccount::{
    decide::credentials::{data::texts, published::PublishedCredentials},
    domain::Credentials,
};
use jiff::{SignedDuration, Timestamp};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::process::Command;

use super::people::{Person, document};
use super::transcript;
use crate::bootstrap::plugin::{Printed, run};
use lab::{env::TestEnv, guard::scratch, operator::Operator, shipped_program};

/// Prints what `exec` and `env` set, one value a line.
const SHOW: &str = r#"printf '%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" "$AWS_CREDENTIAL_EXPIRATION" "$AWS_REGION" "${AWS_PROFILE-none}""#;

/// A person's laptop: a home folder, which is also the place of temporary files, and settings that lead to another identity.
struct Laptop {
    person: Person,
    home: PathBuf,
}

impl Laptop {
    fn of(person: Person) -> Result<Self> {
        Ok(Self { person, home: scratch("laptop")? })
    }

    fn environment(&self) -> Vec<(String, String)> {
        let home = self.home.to_string_lossy().into_owned();
        let settings = [("HOME", home.clone()), ("TMPDIR", home), ("AWS_PROFILE", "another".to_owned())];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        self.person.environment().into_iter().chain(settings).collect()
    }

    /// Runs the plugin, with words that follow on `-n` and the namespace.
    async fn runs(&self, words: &[&str], last: &[&str]) -> Result<Printed> {
        let mut command = self.person.command(words)?;
        command.args(last);
        run(command, &self.environment()).await
    }

    /// Runs a script of sh, which finds the plugin in its `PATH`.
    async fn script(&self, script: &str, argument: &str) -> Result<Printed> {
        let plugin = shipped_program("kubectl-crossaccount")?;
        let folder = plugin.parent().context("it is in no folder")?.display().to_string();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "sh", argument]).env("PATH", format!("{folder}:{}", env::var("PATH")?));
        run(command, &self.environment()).await
    }

    fn is_empty(&self) -> Result<()> {
        let found: Vec<_> = fs::read_dir(&self.home)?.collect();
        ensure!(found.is_empty(), "something was written to disk: {found:?}");
        Ok(())
    }
}

/// The role `reader`, and the administrator's laptop.
async fn ready(name: &str) -> Result<(TestEnv, Operator, Laptop)> {
    let env = TestEnv::new(name).await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    let laptop = Laptop::of(Person::admin(&env))?;
    Ok((env, operator, laptop))
}

/// What the Secret holds now.
async fn published(env: &TestEnv) -> Result<PublishedCredentials> {
    let secret = env.secrets.get("reader").await?;
    let annotations = secret.metadata.annotations.unwrap_or_default();
    PublishedCredentials::read(&texts(secret.data), &annotations).context("the Secret holds no set")
}

/// What [`SHOW`] prints for the set of the Secret.
async fn expected(env: &TestEnv) -> Result<String> {
    let Credentials { access_key_id, secret_access_key, session_token, expires_at } = published(env).await?.credentials;
    let (id, secret, token) = (access_key_id.expose(), secret_access_key.expose(), session_token.expose());
    Ok(format!("{id}\n{secret}\n{token}\n{expires_at}\n{}\nnone\n", env.account().spec.region))
}

/// AWS says that this output of `credential_process` is a session of the role.
async fn is_the_role(env: &TestEnv, set: &Value) -> Result<()> {
    let field = |name: &str| set[name].as_str().map(str::to_owned).with_context(|| format!("there is no {name}"));
    ensure!(set["Version"] == 1, "Version is {}", set["Version"]);
    ensure!(field("Expiration")?.parse::<Timestamp>()? > Timestamp::now(), "it has expired: {}", set["Expiration"]);
    let (id, secret, token) = (field("AccessKeyId")?, field("SecretAccessKey")?, field("SessionToken")?);
    let keys = aws_sdk_sts::config::Credentials::new(id, secret, Some(token), None, "laptop");
    let caller = env.aws.target.sts(keys).get_caller_identity().send().await?;
    let arn = caller.arn().unwrap_or_default();
    ensure!(arn.contains(&format!(":assumed-role/{}/", env.iam_name("reader"))), "AWS says {arn}");
    Ok(())
}

/// A failure that prints nothing on standard output, and nothing secret at all.
fn is_refused(printed: &Printed, set: &PublishedCredentials, words: &str) -> Result<()> {
    ensure!(printed.code == Some(1) && printed.out.is_empty() && printed.errors.contains(words), "{printed:?}");
    let Credentials { access_key_id, secret_access_key, session_token, .. } = &set.credentials;
    for secret in [access_key_id, secret_access_key, session_token] {
        ensure!(!printed.errors.contains(secret.expose()), "the error shows a secret: {}", printed.errors);
    }
    Ok(())
}

#[tokio::test]
async fn with_what_credentials_prints_aws_lets_the_caller_in_as_the_role() -> Result<()> {
    let (env, _operator, laptop) = ready("session-credentials").await?;
    let printed = laptop.runs(&["credentials", "reader"], &[]).await?;
    ensure!(printed.code == Some(0) && printed.errors.is_empty(), "{:?}", printed.errors);
    is_the_role(&env, &document(&printed)?).await?;
    laptop.is_empty()
}

#[tokio::test]
async fn exec_passes_the_variables_on_and_ends_with_the_code_of_the_command() -> Result<()> {
    let (env, _operator, laptop) = ready("session-exec").await?;
    let printed = laptop.runs(&["exec", "reader"], &["--", "sh", "-c", &format!("{SHOW}; exit 7")]).await?;
    ensure!(printed.code == Some(7), "{:?} {}", printed.code, printed.errors);
    ensure!(printed.out == expected(&env).await?, "other variables: {}", printed.out);
    laptop.is_empty()?;

    let missing = laptop.runs(&["exec", "reader"], &["--", "no-such-program"]).await?;
    is_refused(&missing, &published(&env).await?, "cannot run no-such-program; check that it is in PATH")
}

#[tokio::test]
async fn a_shell_that_evaluates_the_lines_of_env_has_the_variables() -> Result<()> {
    let (env, _operator, laptop) = ready("session-env").await?;
    let lines = laptop.runs(&["env", "reader"], &[]).await?.succeeded()?;
    let evaluated = laptop.script(&format!("eval \"$1\"; {SHOW}"), &lines).await?.succeeded()?;
    ensure!(evaluated == expected(&env).await?, "other variables: {evaluated}");
    laptop.is_empty()
}

#[tokio::test]
async fn profile_writes_a_section_whose_command_gives_the_role_and_keeps_the_rest_of_the_file() -> Result<()> {
    const BEFORE: &str = "# mine\n[default]\nregion=us-east-1 ; near\n";
    let (env, _operator, laptop) = ready("session-profile").await?;
    let file = laptop.home.join(".aws/config");
    fs::create_dir(laptop.home.join(".aws"))?;
    fs::write(&file, BEFORE)?;
    let printed = laptop.runs(&["profile", "reader"], &[]).await?;
    let text = fs::read_to_string(&file)?;
    ensure!(text.starts_with(&format!("{BEFORE}\n[profile {}-reader]\nregion = ", env.namespace)), "{text}");
    let command = text.lines().find_map(|line| line.strip_prefix("credential_process = ")).context("no command")?;
    ensure!(command.contains(" --context "), "the profile would change with the current context: {command}");
    is_the_role(&env, &document(&laptop.script("eval \"$1\"", command).await?)?).await?;
    transcript::check(&env, "profile", &["profile", "reader"], &at_home(&printed, &laptop.home))?;

    laptop.runs(&["profile", "reader"], &[]).await?.succeeded()?;
    ensure!(fs::read_to_string(&file)? == text, "a second time changes the file");
    let refused = laptop.runs(&["profile", "reader", "--profile", "default"], &[]).await?;
    is_refused(&refused, &published(&env).await?, "has a section of profile default that this command did not write")?;
    ensure!(fs::read_to_string(&file)? == text, "the file was changed all the same");
    Ok(())
}

/// What was printed, with the home folder of Jane.
fn at_home(printed: &Printed, home: &Path) -> Printed {
    let replaced = |text: &str| text.replace(&home.display().to_string(), "/home/jane");
    Printed { out: replaced(&printed.out), errors: replaced(&printed.errors), code: printed.code }
}

#[tokio::test]
async fn each_command_names_the_right_to_get_secrets_where_it_is_missing_and_writes_nothing() -> Result<()> {
    let (env, _operator, _admin) = ready("session-tenant").await?;
    let laptop = Laptop::of(Person::with(&env, &["get", "list"]).await?)?;
    let set = published(&env).await?;
    let commands: [(&str, &[&str]); 4] =
        [("credentials", &[]), ("env", &[]), ("profile", &[]), ("exec", &["--", "sh", "-c", SHOW])];
    for (command, last) in commands {
        let refused = laptop.runs(&[command, "reader"], last).await?;
        is_refused(&refused, &set, &format!("you may not get secrets in namespace {}", env.namespace))?;
        laptop.is_empty()?;
    }
    let refused = laptop.runs(&["env", "reader"], &[]).await?;
    transcript::check(&env, "env-few-rights", &["env", "reader"], &refused)
}

#[tokio::test]
async fn credentials_that_expired_or_that_somebody_edited_are_refused() -> Result<()> {
    let (env, operator, laptop) = ready("session-expired").await?;
    operator.stop().await?;
    let mut set = published(&env).await?;
    set.credentials.expires_at = Timestamp::now() - SignedDuration::from_mins(5);
    annotate(&env, json!(set.annotations())).await?;
    let refused = laptop.runs(&["exec", "reader"], &["--", "sh", "-c", SHOW]).await?;
    is_refused(&refused, &set, &format!("expired at {}", set.credentials.expires_at))?;
    let status = format!("`kubectl crossaccount status reader -n {}`", env.namespace);
    is_refused(&refused, &set, &status)?;

    annotate(&env, json!({crossaccount::api::annotation::EXPIRES_AT: "2099-01-01T00:00:00Z"})).await?;
    let refused = laptop.runs(&["credentials", "reader"], &[]).await?;
    is_refused(&refused, &set, "does not hold the credentials of CrossAccountRole")
}

#[tokio::test]
async fn an_object_without_credentials_is_refused_with_the_command_that_shows_why() -> Result<()> {
    let env = TestEnv::new("session-none").await?;
    env.create(&env.role("reader")).await?;
    let laptop = Laptop::of(Person::admin(&env))?;
    let expected = format!(
        "CrossAccountRole {0}/reader has no credentials yet; `kubectl crossaccount status reader -n {0}` shows why",
        env.namespace
    );
    let commands: [(&str, &[&str]); 4] =
        [("credentials", &[]), ("env", &[]), ("profile", &[]), ("exec", &["--", "sh", "-c", SHOW])];
    for (command, last) in commands {
        let refused = laptop.runs(&[command, "reader"], last).await?;
        ensure!(refused.code == Some(1) && refused.out.is_empty(), "{command}: {refused:?}");
        ensure!(refused.errors.contains(&expected), "{command}: {refused:?}");
        laptop.is_empty()?;
    }
    Ok(())
}

async fn annotate(env: &TestEnv, annotations: Value) -> Result<()> {
    let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    env.secrets.patch("reader", &PatchParams::default(), &patch).await?;
    Ok(())
}
