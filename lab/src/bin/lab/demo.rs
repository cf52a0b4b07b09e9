//! The steps of the demo, each told to the person who watches. Fails, and so does `make demo`, when one does.

use std::env;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::{
    keep,
    stage::{ALLOWED, FORBIDDEN, NAMESPACE, ROLE, SECRET, Stage, TARGET, say},
};
use lab::{folder, guard, mount::Mount, operator::Operator, wait::eventually};

struct Demo {
    stage: Stage,
    mount: Mount,
}

/// Runs the demo. With `KEEP` set it then waits for Ctrl-C instead of cleaning up.
pub async fn run() -> Result<()> {
    let demo = Demo { stage: Stage::set().await?, mount: Mount::new(guard::scratch("mount")?) };
    let operator = demo.stage.start_operator().await?;

    let told = demo.tell(&operator).await;
    if told.is_err() {
        eprintln!("--- the operator's log ends:\n{}", operator.log().tail());
    }
    told?;
    operator.stop().await?;
    Ok(())
}

impl Demo {
    /// What a person would do with a running operator.
    async fn tell(&self, operator: &Operator) -> Result<()> {
        say("kubectl apply -f deploy/samples");
        self.apply_samples().await?;

        say("kubectl wait --for=condition=Ready");
        self.stage.kubectl(&["wait", "--for=condition=Ready", "--timeout=2m", "-n", NAMESPACE, "car", ROLE]).await?;
        self.stage.kubectl(&["get", "awsa"]).await?;
        self.stage.kubectl(&["get", "car", "-A"]).await?;

        let role = self.stage.role_arn().await?;
        say("Mounting the Secret as the kubelet would, and running a program that only knows AWS_CONFIG_FILE");
        self.mount.show(&self.stage.secret().await?)?;
        self.consume(&role).await?;

        if keep() {
            self.stage.tell_how_to_look_around(&format!("tail -f {}", operator.log().path().display()));
            tokio::signal::ctrl_c().await?;
            return Ok(());
        }
        say("kubectl delete: the access goes, and with it all that was made for it");
        self.delete(&role).await?;
        say("Done. `make demo KEEP=1` leaves everything running to look around.");
        Ok(())
    }

    async fn apply_samples(&self) -> Result<()> {
        self.stage.apply_samples().await?;
        // There is no node here, so nothing is mounted at /var/run/secrets/aws, and `config` must name our folder.
        let path = self.mount.path();
        let merge = serde_json::json!({ "spec": { "secret": { "mountPath": path } } }).to_string();
        self.stage.kubectl(&["patch", "-n", NAMESPACE, "car", ROLE, "--type=merge", "-p", &merge]).await
    }

    /// What a container would do that mounts the Secret.
    async fn consume(&self, role: &str) -> Result<()> {
        let status = Command::new(self.stage.emulator.python())
            .arg(folder().join("demo_consumer.py"))
            .args(["--role", role, "--allowed", ALLOWED, "--forbidden", FORBIDDEN])
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("AWS_CONFIG_FILE", self.mount.path().join("config"))
            .env("AWS_ENDPOINT_URL", self.stage.proxy.endpoint())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .status()
            .await?;
        ensure!(status.success(), "the program could not use the credentials as declared ({status})");
        Ok(())
    }

    async fn delete(&self, role: &str) -> Result<()> {
        self.stage.kubectl(&["delete", "--timeout=2m", "-n", NAMESPACE, "car", ROLE]).await?;
        let name = role.rsplit('/').next().unwrap_or(role);
        ensure!(self.stage.aws.target.role(name).await?.is_none(), "{role} is still in account {TARGET}");
        println!("    {role} is gone");
        eventually("the Secret is gone", async || {
            ensure!(self.stage.secret().await.is_err(), "{SECRET} is there");
            Ok(())
        })
        .await?;
        println!("    the Secret {SECRET} is gone");
        Ok(())
    }
}
