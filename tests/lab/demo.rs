//! The steps of the demo, each told to the person who watches. Fails, and so does `make demo`, when one does.

use std::env;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use tokio::process::Command;

use crate::support::{
    aws::{AwsWorld, Base},
    aws_proxy::AwsProxy,
    control_plane::{ControlPlane, control_plane},
    emulator::{Emulator, REGION, emulator},
    guard,
    mount::Mount,
    operator::{Operator, OperatorSettings},
    repository, run as run_command,
    wait::eventually,
};

/// The accounts in `deploy/samples`.
const SOURCE: &str = "111111111111";
const TARGET: &str = "222222222222";
/// The objects in `deploy/samples`.
const NAMESPACE: &str = "analytics";
const ROLE: &str = "reports-reader";
const SECRET: &str = "reports-reader-aws";
/// What the sample role may read, and what is beside it.
const ALLOWED: &str = "reports/2026-10.csv";
const FORBIDDEN: &str = "payroll/2026-10.csv";

struct Demo {
    control_plane: &'static ControlPlane,
    emulator: &'static Emulator,
    /// What the operator and the program take for AWS.
    endpoint: String,
    aws: AwsWorld,
    mount: Mount,
}

/// Runs the demo. With `KEEP` set it then waits for Ctrl-C instead of cleaning up.
pub async fn run() -> Result<()> {
    say("Starting a Kubernetes control plane and an AWS");
    let (control_plane, emulator) = tokio::try_join!(control_plane(), emulator())?;
    println!("    Kubernetes at {}, AWS at {}", control_plane.server(), emulator.endpoint());

    say("Preparing two AWS accounts as a platform team would");
    let aws = AwsWorld::of_accounts(emulator.endpoint(), SOURCE, TARGET, Base::User).await?;
    // The operator and the program meet AWS through the proxy that makes the emulator as strict as AWS is.
    let proxy = AwsProxy::start(emulator.address())?;
    let demo =
        Demo { control_plane, emulator, endpoint: proxy.endpoint(), aws, mount: Mount::new(guard::scratch("mount")?) };
    demo.fill_buckets().await?;
    println!("    in {SOURCE}: the operator's own identity, {}", demo.aws.operator.arn);
    println!("    in {TARGET}: {} and {}", demo.aws.manager_arn, demo.aws.boundary_arn);
    println!("    in {TARGET}: s3://{ALLOWED} and s3://{FORBIDDEN}");

    say("Starting the operator as its service account");
    let operator = demo.start_operator().await?;

    let told = demo.tell(&operator).await;
    if told.is_err() {
        eprintln!("--- the operator's log ends:\n{}", operator.log().tail());
    }
    told?;
    operator.stop().await?;
    Ok(())
}

fn say(what: &str) {
    println!("==> {what}");
}

impl Demo {
    /// What a person would do with a running operator.
    async fn tell(&self, operator: &Operator) -> Result<()> {
        say("kubectl apply -f deploy/samples");
        self.apply_samples().await?;

        say("kubectl wait --for=condition=Ready");
        self.kubectl(&["wait", "--for=condition=Ready", "--timeout=2m", "-n", NAMESPACE, "car", ROLE]).await?;
        self.kubectl(&["get", "awsa"]).await?;
        self.kubectl(&["get", "car", "-A"]).await?;

        let role = self.role_arn().await?;
        say("Mounting the Secret as the kubelet would, and running a program that only knows AWS_CONFIG_FILE");
        self.mount.show(&self.secret().await?)?;
        self.consume(&role).await?;

        if env::var_os("KEEP").is_some_and(|keep| !keep.is_empty()) {
            return self.keep(operator).await;
        }
        say("kubectl delete: the access goes, and with it all that was made for it");
        self.delete(&role).await?;
        say("Done. `make demo KEEP=1` leaves everything running to look around.");
        Ok(())
    }

    /// As the administrator of account B.
    async fn fill_buckets(&self) -> Result<()> {
        let keys = self.aws.target.administrator();
        let mut fill = Command::new(self.emulator.python());
        fill.arg(repository().join("tests/lab/demo_buckets.py"))
            .args([ALLOWED, FORBIDDEN])
            .env("AWS_ENDPOINT_URL", self.emulator.endpoint())
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
            .env_remove("AWS_SESSION_TOKEN");
        run_command(&mut fill).await?;
        Ok(())
    }

    async fn start_operator(&self) -> Result<Operator> {
        let base = &self.aws.operator.credentials;
        OperatorSettings::new(self.control_plane, &self.endpoint, base).await?.start().await
    }

    async fn apply_samples(&self) -> Result<()> {
        let samples = repository().join("deploy/samples");
        self.kubectl(&["apply", "-f", &samples.to_string_lossy()]).await?;
        // There is no node here, so nothing is mounted at /var/run/secrets/aws, and `config` must name our folder.
        let path = self.mount.path();
        let merge = serde_json::json!({ "spec": { "secret": { "mountPath": path } } }).to_string();
        self.kubectl(&["patch", "-n", NAMESPACE, "car", ROLE, "--type=merge", "-p", &merge]).await
    }

    async fn role_arn(&self) -> Result<String> {
        let roles: Api<CrossAccountRole> = Api::namespaced(self.control_plane.admin().await?, NAMESPACE);
        let status = roles.get(ROLE).await?.status.and_then(|status| status.role).and_then(|role| role.arn);
        status.context("the CrossAccountRole is Ready but its status names no role")
    }

    async fn secret(&self) -> Result<Secret> {
        Ok(Api::namespaced(self.control_plane.admin().await?, NAMESPACE).get(SECRET).await?)
    }

    /// What a container would do that mounts the Secret.
    async fn consume(&self, role: &str) -> Result<()> {
        let status = Command::new(self.emulator.python())
            .arg(repository().join("tests/lab/demo_consumer.py"))
            .args(["--role", role, "--allowed", ALLOWED, "--forbidden", FORBIDDEN])
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("AWS_CONFIG_FILE", self.mount.path().join("config"))
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .status()
            .await?;
        ensure!(status.success(), "the program could not use the credentials as declared ({status})");
        Ok(())
    }

    async fn delete(&self, role: &str) -> Result<()> {
        self.kubectl(&["delete", "--timeout=2m", "-n", NAMESPACE, "car", ROLE]).await?;
        let name = role.rsplit('/').next().unwrap_or(role);
        ensure!(self.aws.target.role(name).await?.is_none(), "{role} is still in account {TARGET}");
        println!("    {role} is gone");
        eventually("the Secret is gone", async || {
            ensure!(self.secret().await.is_err(), "{SECRET} is there");
            Ok(())
        })
        .await?;
        println!("    the Secret {SECRET} is gone");
        Ok(())
    }

    async fn keep(&self, operator: &Operator) -> Result<()> {
        let keys = self.aws.target.administrator();
        say("Everything keeps running until Ctrl-C. In another terminal:");
        println!("    export KUBECONFIG={}", self.control_plane.admin_kubeconfig().display());
        println!("    export PATH={}:$PATH", self.control_plane.programs().display());
        println!("    kubectl get car,awsa,secret -A");
        println!("    kubectl describe -n {NAMESPACE} car {ROLE}");
        println!("    # as an administrator of account {TARGET}:");
        println!("    export AWS_ENDPOINT_URL={} AWS_DEFAULT_REGION={REGION}", self.emulator.endpoint());
        println!(
            "    export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}",
            keys.access_key_id(),
            keys.secret_access_key()
        );
        println!("    aws iam list-roles --path-prefix /crossaccount/");
        println!("    # what the operator says:");
        println!("    tail -f {}", operator.log().path().display());
        tokio::signal::ctrl_c().await?;
        Ok(())
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<()> {
        let printed = run_command(self.control_plane.kubectl().args(arguments)).await?;
        for line in printed.lines() {
            println!("    {line}");
        }
        Ok(())
    }
}
