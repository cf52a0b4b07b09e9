//! What the programs in the pods see.

use anyhow::{Context as _, Result, ensure};
use kube::api::LogParams;
use serde::Deserialize;

use super::{EndToEnd, PODS, RENEWING};
use crate::stage::{ALLOWED, TARGET};
use lab::wait::eventually_within;

/// A kubelet reads a Secret anew about every minute; nothing says it sooner of one that was deleted and is there again.
const SYNC: std::time::Duration = std::time::Duration::from_mins(3);

/// A container that runs `node/consumer.py`.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub pod: &'static str,
    pub container: &'static str,
}

/// What a consumer says about one round.
#[derive(Debug, Deserialize)]
struct Round {
    /// Counts from 0.
    number: u64,
    /// ARN of the session, or why there is none.
    caller: String,
    /// The content of the object, or the code of the refusal.
    read: String,
    /// The access key that the read was signed with.
    key: String,
}

impl EndToEnd {
    /// The last round of a program.
    async fn round(&self, program: Program) -> Result<Round> {
        let container = Some(program.container.to_owned());
        let last = LogParams { container, tail_lines: Some(1), ..LogParams::default() };
        let line = self.pods.logs(program.pod, &last).await?;
        serde_json::from_str(&line).with_context(|| format!("the program says {line:?}"))
    }

    /// Waits for a round that ended after this was asked, and that is as it should be.
    async fn round_where(&self, program: Program, holds: impl Fn(&Round) -> bool) -> Result<Round> {
        let mut before = None;
        eventually_within(SYNC, &format!("{program:?} sees what it should"), async || {
            let round = self.round(program).await?;
            let before = *before.get_or_insert(round.number);
            ensure!(round.number > before && holds(&round), "{round:?}");
            Ok(round)
        })
        .await
    }

    /// Waits until a program reads what it may read, as the role, signed with a key that will do. Gives the key.
    pub async fn reads(&self, program: Program, will_do: impl Fn(&str) -> bool) -> Result<String> {
        let role = self.stage.role_arn().await?;
        let name = role.rsplit('/').next().context("a role has a name")?;
        let session = format!("arn:aws:sts::{TARGET}:assumed-role/{name}/");
        let content = format!("the content of {ALLOWED}");
        let holds = |round: &Round| will_do(&round.key) && round.read == content && round.caller.starts_with(&session);
        let round = self.round_where(program, holds).await?;
        let Program { pod, container } = program;
        println!("    {pod}/{container}: {} reads {ALLOWED} as {}", round.key, round.caller);
        Ok(round.key)
    }

    /// Waits until each program that can asks again reads with the same key, and with another than `before`.
    pub async fn all_read_with_other_than(&self, before: &str) -> Result<String> {
        let mut key = self.reads(RENEWING[0], |key| key != before).await?;
        for program in &RENEWING[1..] {
            key = self.reads(*program, |other| other == key).await?;
        }
        Ok(key)
    }

    /// Waits until a program is refused with this key.
    pub async fn is_refused(&self, program: Program, key: &str) -> Result<()> {
        let holds = |round: &Round| round.key == key && round.read == "AccessDenied";
        let round = self.round_where(program, holds).await?;
        println!("    {}/{}: {key} is refused, {} for {ALLOWED}", program.pod, program.container, round.read);
        Ok(())
    }

    /// Fails if a pod is another one than before, or if one of its containers was restarted.
    pub async fn are_still(&self, uids: &[String]) -> Result<()> {
        ensure!(self.unrestarted().await? == uids, "a pod is another pod than before");
        println!("    they are the same pods, and no container was restarted");
        Ok(())
    }

    /// The uids of the pods, if none of their containers was ever restarted.
    pub async fn unrestarted(&self) -> Result<Vec<String>> {
        let mut uids = Vec::new();
        for name in PODS {
            let pod = self.pods.get(name).await?;
            let status = pod.status.context("the pod has no status")?;
            for container in status.container_statuses.iter().chain(&status.init_container_statuses).flatten() {
                ensure!(container.restart_count == 0, "{name}/{} was restarted: {container:?}", container.name);
            }
            uids.push(pod.metadata.uid.context("the pod has no uid")?);
        }
        Ok(uids)
    }
}
