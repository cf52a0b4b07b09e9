//! The programs that judge objects: kstatus, by which Flux and Helm wait, and the health scripts for Argo CD.

use std::{fs, path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command};

use lab::{guard::scratch, repository, script};

/// What one of them says about an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Judgement {
    /// Its word for the state of the object.
    pub status: String,
    /// What people read beside it.
    pub message: String,
}

/// What both say about an object.
#[derive(Clone, Debug)]
pub struct Judgements {
    /// Of kstatus.
    pub kstatus: Judgement,
    /// Of the health script.
    pub argo: Judgement,
}

impl Judgements {
    /// The two words.
    pub fn words(&self) -> (&str, &str) {
        (&self.kstatus.status, &self.argo.status)
    }
}

/// What kstatus and the script for Argo CD say about objects of one kind of ours, in the order of the objects.
pub async fn judge(kind: &str, objects: &[Value]) -> Result<Vec<Judgements>> {
    let argo = judge_by(&format!("iam.crossaccount.dev_{kind}"), objects).await?;
    let kstatus = answers(&mut Command::new(script("tools.sh").await?.join("kstatus")), objects).await?;
    Ok(kstatus.into_iter().zip(argo).map(|(kstatus, argo)| Judgements { kstatus, argo }).collect())
}

/// What the health script for `GROUP_KIND` says about objects.
pub async fn judge_by(group_kind: &str, objects: &[Value]) -> Result<Vec<Judgement>> {
    let file = scratch("health")?.join("health.lua");
    fs::write(&file, health_script(group_kind)?)?;
    answers(Command::new(script("tools.sh").await?.join("argo-health")).arg(file), objects).await
}

/// The health script for `GROUP_KIND`, as the patch for Argo CD has it.
pub fn health_script(group_kind: &str) -> Result<String> {
    let patch: Value = serde_saphyr::from_str(&fs::read_to_string(argo_patch())?)?;
    let key = format!("resource.customizations.health.{group_kind}");
    let script = patch["data"][&key].as_str();
    Ok(script.with_context(|| format!("{} has no {key}", argo_patch().display()))?.to_owned())
}

fn argo_patch() -> PathBuf {
    repository().join("deploy/gitops/argocd/argocd-cm.yaml")
}

async fn answers(program: &mut Command, objects: &[Value]) -> Result<Vec<Judgement>> {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("the program has no standard input")?;
    let lines = objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let give = async move {
        input.write_all(lines.as_bytes()).await?;
        input.shutdown().await
    };
    let (given, output) = tokio::join!(give, child.wait_with_output());
    let output = output?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    given?;
    let answers = String::from_utf8(output.stdout)?;
    let answers = answers.lines().map(serde_json::from_str).collect::<serde_json::Result<Vec<_>>>()?;
    ensure!(answers.len() == objects.len(), "{} answers about {} objects", answers.len(), objects.len());
    Ok(answers)
}
