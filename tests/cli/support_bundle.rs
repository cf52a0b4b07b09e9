//! `kubectl crossaccount support-bundle`: what a bug report needs is in it, and no secret is.

mod scene;

use std::{collections::BTreeMap, fs, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tar::Archive;

use self::scene::{POD, Scene};
use super::people::Person;
use super::transcript;
use crate::bootstrap::plugin::{Printed, run};
use lab::{aws::MANAGER_EXTERNAL_ID, env::TestEnv, guard::scratch};

/// The name of the file, in a folder of the test.
const FILE: &str = "bundle.tar.gz";

/// The texts of a bundle by path.
type Texts = BTreeMap<String, String>;

/// Has somebody write a bundle into a folder.
async fn bundled(person: &Person, folder: &Path, words: &[&str]) -> Result<Printed> {
    let mut command = person.command(&[&["support-bundle", "--output", FILE], words].concat())?;
    command.current_dir(folder);
    run(command, &person.environment()).await
}

/// Reads a bundle.
fn unpacked(folder: &Path) -> Result<Texts> {
    let mut texts = Texts::new();
    for entry in Archive::new(GzDecoder::new(fs::File::open(folder.join(FILE))?)).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let path = path.strip_prefix("crossaccount-support/").context("a file is beside the folder")?.to_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        texts.insert(path, text);
    }
    Ok(texts)
}

/// The only document of a YAML file.
fn document(texts: &Texts, file: &str) -> Result<Value> {
    let text = texts.get(file).with_context(|| format!("there is no {file}"))?;
    serde_saphyr::from_str(text).with_context(|| format!("{file} is not one document: {text}"))
}

/// Fails if a secret is in a file in any form.
fn has_no_secret(scene: &Scene, texts: &Texts) -> Result<()> {
    for (file, text) in texts {
        ensure!(!text.contains(MANAGER_EXTERNAL_ID), "the external id of the account is in {file}");
        for canary in &scene.canaries {
            let found = canary.found_in(text);
            ensure!(found.is_none(), "{} is in {file}: {}", canary.name, found.unwrap_or_default());
        }
    }
    Ok(())
}

/// Fails unless the objects are there as people need them, and of Secrets only what surrounds them.
fn has_the_objects(scene: &Scene, texts: &Texts) -> Result<()> {
    ensure!(texts["MISSING.txt"] == "Everything was read.\n", "{}", texts["MISSING.txt"]);
    let role = document(texts, "objects/crossaccountroles.yaml")?;
    ensure!(role["status"]["role"]["arn"] == scene.env.role_arn("reader"), "{role}");
    ensure!(role["status"]["externalId"] == "[removed]", "{role}");
    let account = document(texts, "objects/awsaccounts.yaml")?;
    ensure!(account["spec"]["accountId"] == scene.env.aws.target.id(), "{account}");
    let secret = document(texts, "objects/secrets.yaml")?;
    let fields: Vec<&str> = secret.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    ensure!(fields == ["apiVersion", "dataKeysByManager", "kind", "metadata"], "the Secret was read: {secret}");
    let keys = &secret["dataKeysByManager"]["crossaccount-operator"];
    ensure!(*keys == json!(["config", "credentials", "credentials.json"]), "{secret}");
    let explained = &texts[&format!("explain/{}/reader.txt", scene.env.namespace)];
    ensure!(explained.ends_with("Every step works.\n") && !explained.contains('\u{1b}'), "{explained}");
    let status: Value = serde_json::from_str(&texts["status.json"])?;
    ensure!(status["ready"] == true, "{status}");
    Ok(())
}

/// Fails unless one sees how the operator was started, what was reported of it, and what it logged.
fn has_the_operator(texts: &Texts) -> Result<()> {
    let container = document(texts, "operator/deployments.yaml")?["spec"]["template"]["spec"]["containers"][0].clone();
    ensure!(container["args"] == json!(["run", "--log-level=info"]), "{container}");
    ensure!(container["env"][0] == json!({"name": "AWS_REGION", "value": "eu-west-1"}), "{container}");
    ensure!(texts["operator/events.yaml"].contains("reason: Tested"), "{}", texts["operator/events.yaml"]);
    for part in ["operator", "operator.previous"] {
        let log = &texts[&format!("operator/logs/{POD}/{part}.log")];
        ensure!(log.contains("INFO the first line\n") && log.ends_with("INFO the last line\n"), "{log}");
    }
    Ok(())
}

#[tokio::test]
async fn a_bundle_has_what_a_bug_report_needs_and_no_secret_in_any_form() -> Result<()> {
    let scene = Box::pin(Scene::new("support")).await?;
    let folder = scratch("support")?;
    let printed = bundled(&scene.person, &folder, &["--operator-namespace", &scene.operators]).await?;
    ensure!(printed.code == Some(0), "{printed:?}");
    transcript::check(
        &scene.env,
        "support-bundle",
        &["support-bundle", "-n", "analytics", "--output", FILE],
        &printed,
    )?;
    let mode = fs::metadata(folder.join(FILE))?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "others may read it: {mode:o}");

    let texts = unpacked(&folder)?;
    has_no_secret(&scene, &texts)?;
    has_the_objects(&scene, &texts)?;
    has_the_operator(&texts)
}

#[tokio::test]
async fn who_may_read_one_namespace_gets_what_is_there_and_the_names_of_the_missing_permissions() -> Result<()> {
    let env = TestEnv::new("support-tenant").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let (person, folder) = (Person::with(&env, &["get", "list"]).await?, scratch("support")?);
    let printed = bundled(&person, &folder, &[]).await?;
    ensure!(printed.code == Some(0) && printed.out.contains("could not be read: MISSING.txt says"), "{printed:?}");

    let texts = unpacked(&folder)?;
    let role = document(&texts, "objects/crossaccountroles.yaml")?;
    ensure!(role["status"]["role"]["arn"] == env.role_arn("reader"), "{role}");
    ensure!(texts[&format!("explain/{}/reader.txt", env.namespace)].contains("you may not get secrets"), "{texts:?}");
    let (missing, namespace) = (&texts["MISSING.txt"], &env.namespace);
    for line in [
        format!("objects/secrets.yaml: you may not list secrets in namespace {namespace}. "),
        format!("objects/awsaccounts.yaml: AWSAccount {namespace}: you may not get awsaccounts.iam.crossaccount.dev. "),
        "operator/pods.yaml: you may not list pods in namespace crossaccount-system. ".to_owned(),
        "cluster/clusterroles.yaml: you may not list clusterroles.rbac.authorization.k8s.io. ".to_owned(),
    ] {
        ensure!(missing.lines().any(|found| found.starts_with(&line)), "no {line:?} in:\n{missing}");
    }

    let refused = bundled(&person, &folder, &[]).await?;
    ensure!(refused.code == Some(1) && refused.errors.contains("exists; name another file"), "{refused:?}");
    let replaced = bundled(&person, &folder, &["--force"]).await?;
    ensure!(replaced.code == Some(0), "{replaced:?}");
    Ok(())
}

#[tokio::test]
async fn without_a_way_to_the_api_server_there_is_no_file() -> Result<()> {
    let env = TestEnv::bare("support-outage").await?;
    env.kube_proxy.begin_outage();
    let (person, folder) = (Person::through_proxy(&env, "no token")?, scratch("support")?);
    let printed = bundled(&person, &folder, &[]).await?;
    ensure!(printed.code == Some(1) && printed.errors.contains("the API server does not answer"), "{printed:?}");
    ensure!(fs::read_dir(&folder)?.count() == 0, "a file was written");
    Ok(())
}
