//! The files for Terraform. `OpenTofu`, which reads the same files, runs the one that needs no provider.

use std::{collections::BTreeMap, env, fs};

use anyhow::{Result, ensure};
use kube::api::PostParams;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{BUCKET, MOUNT, access_key, fill, sample, sample_in, signed_with, surround};
use lab::{env::TestEnv, guard::scratch, mount::Mount, repository, run, script};

/// The account that the files name.
const ACCOUNT: &str = "222222222222";

#[tokio::test]
async fn the_example_for_terraform_reads_the_file_and_the_profile_of_the_sample() -> Result<()> {
    let evaluator = script("hcl.sh").await?;
    let mut evaluate = Command::new(evaluator.join("evaluate"));
    evaluate.arg(repository().join("examples/terraform/main.tf")).args(["aws", "222222222222"]);
    let printed: Value = serde_json::from_str(&run(&mut evaluate).await?)?;
    let provider = &printed["provider.aws"];
    let secret = sample(BUCKET)?.spec.secret;
    assert_eq!(provider["shared_config_files"], json!([format!("{}/config", secret.mount_path)]));
    assert_eq!(provider["profile"], secret.profile.as_str());
    Ok(())
}

#[tokio::test]
async fn a_state_is_kept_in_a_bucket_of_the_other_account_with_the_mounted_credentials() -> Result<()> {
    let env = TestEnv::new("example-terraform").await?;
    let _operator = env.start().await?;
    let mount = Mount::new(scratch("mount")?);
    let bucket = format!("{}-{BUCKET}", env.namespace);
    let mut role = sample_in(&env, &bucket, &mount)?;
    let state = "state/reports.tfstate";
    // What the backend needs (OpenTofu documentation, "Backend Type: s3", "S3 Bucket Permissions").
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{bucket}")},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": format!("arn:aws:s3:::{bucket}/{state}")},
    ]});
    role.spec.role.inline_policies.insert("state".to_owned(), serde_json::from_value(policy)?);
    env.roles.create(&PostParams::default(), &role).await?;
    env.settled("reports-reader").await?;
    fill(&env, &format!("{bucket}/january.csv")).await?; // it makes the bucket
    let secret = env.secrets.get(role.spec.secret.name.as_deref().unwrap_or_default()).await?;
    mount.show(&secret)?;

    let folder = scratch("terraform")?;
    let text = fs::read_to_string(repository().join("examples/terraform/state/main.tf"))?;
    let here = text.replace(MOUNT, &mount.path().display().to_string()).replace(ACCOUNT, env.aws.target.id());
    fs::write(folder.join("main.tf"), here.replace(&format!("\"{BUCKET}\""), &format!("\"{bucket}\"")))?;
    let proxy = env.proxy.beside()?;
    let tofu = script("tofu.sh").await?.join("tofu");
    for words in [&["init", "-backend-config=use_path_style=true"][..], &["apply", "-auto-approve"]] {
        let mut command = Command::new(&tofu);
        command.env("PATH", env::var_os("PATH").unwrap_or_default());
        surround(&mut command, &BTreeMap::new(), &[])?;
        command.args(words).args(["-input=false", "-no-color"]).current_dir(&folder);
        for service in ["", "_S3", "_STS", "_IAM"] {
            command.env(format!("AWS_ENDPOINT_URL{service}"), proxy.endpoint());
        }
        run(&mut command).await?;
    }
    ensure!(!folder.join("terraform.tfstate").exists(), "the state is in a file");
    let written =
        proxy.calls_that(|call| call.service == "s3" && call.action.starts_with("PUT ") && call.action.contains(state));
    ensure!(!written.is_empty(), "no state was written: {:?}", proxy.calls());
    assert_eq!(signed_with(&proxy)?, access_key(&secret)?);
    Ok(())
}
