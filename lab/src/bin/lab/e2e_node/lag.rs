//! How long it takes from the Secret to the file in a pod.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

use super::{EndToEnd, PODS};
use crate::stage::NAMESPACE;
use lab::wait::eventually;

/// Waits in a container for the kubelet to swap the folder of the Secret, and prints when it did.
const WATCH: &str = "
import os, time
link = '/var/run/secrets/aws/..data'
before = os.readlink(link)
print('watching', flush=True)
while os.readlink(link) == before:
    time.sleep(0.01)
print(time.time())
";

impl EndToEnd {
    /// Asks the operator for other credentials, and says how long after the Secret the file in a pod has them.
    pub async fn request_and_measure(&self, annotation: &str) -> Result<()> {
        let before = self.stage.secret().await?.metadata.resource_version;
        let mut watch = self.watch()?;
        let mut lines = BufReader::new(watch.stdout.take().context("no output")?).lines();
        lines.next_line().await?.context("the watch of the file ended")?;

        self.request(annotation).await?;
        let written = eventually("the Secret has other credentials", async || {
            let now = Timestamp::now();
            anyhow::ensure!(self.stage.secret().await?.metadata.resource_version != before, "it has the old ones");
            Ok(now)
        })
        .await?;
        let line = lines.next_line().await?.context("the watch of the file ended")?;
        let seen = Timestamp::UNIX_EPOCH + SignedDuration::from_secs_f64(line.parse()?);
        println!("    the file in the pod changed {:#} after the Secret", seen.duration_since(written));
        watch.wait().await?;
        Ok(())
    }

    fn watch(&self) -> Result<Child> {
        let mut kubectl = self.stage.control_plane.kubectl();
        kubectl.args(["exec", "-n", NAMESPACE, PODS[1], "--", "/usr/bin/python3", "-c", WATCH]);
        Ok(kubectl.stdout(Stdio::piped()).kill_on_drop(true).spawn()?)
    }
}
