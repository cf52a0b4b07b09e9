//! What the stories of the lab are played on: a control plane, an AWS with two prepared accounts, and the operator.

use anyhow::{Context as _, Result};
use crossaccount::api::CrossAccountRole;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use tokio::process::Command;

use lab::{
    aws::{AwsWorld, Base},
    aws_proxy::AwsProxy,
    control_plane::{ControlPlane, OPERATOR_ACCOUNT, OwnControlPlane, control_plane},
    emulator::{Emulator, REGION, emulator},
    folder,
    operator::{Operator, OperatorSettings},
    repository, run as run_command,
};

/// Account A of `deploy/samples`.
pub const SOURCE: &str = "111111111111";
/// Account B of `deploy/samples`.
pub const TARGET: &str = "222222222222";
/// The `AWSAccount` in `deploy/samples`.
pub const ACCOUNT: &str = "analytics-prod";
/// The namespace in `deploy/samples`.
pub const NAMESPACE: &str = "analytics";
/// The `CrossAccountRole` in `deploy/samples`.
pub const ROLE: &str = "reports-reader";
/// Its Secret.
pub const SECRET: &str = "reports-reader-aws";
/// What the sample role may read.
pub const ALLOWED: &str = "reports/2026-10.csv";
/// What is beside it.
pub const FORBIDDEN: &str = "payroll/2026-10.csv";

/// Tells the person who watches what comes next.
pub fn say(what: &str) {
    println!("==> {what}");
}

/// Everything but the operator, running.
pub struct Stage {
    /// Kubernetes.
    pub control_plane: &'static ControlPlane,
    /// AWS as an account's administrator meets it.
    pub emulator: &'static Emulator,
    /// What the operator and programs take for AWS: it makes the emulator as strict as AWS is.
    pub proxy: AwsProxy,
    /// The two accounts.
    pub aws: AwsWorld,
    _own: Option<OwnControlPlane>,
}

impl Stage {
    /// Starts Kubernetes and AWS, and prepares the accounts and buckets.
    pub async fn set() -> Result<Self> {
        Self::on(control_plane()).await
    }

    /// The same with an empty cluster, into which the operator is to be installed.
    pub async fn without_operator() -> Result<Self> {
        let own = OwnControlPlane::start_empty().await?;
        let plane = own.plane();
        Ok(Self { _own: Some(own), ..Self::on(async { Ok(plane) }).await? })
    }

    async fn on(control_plane: impl Future<Output = Result<&'static ControlPlane>>) -> Result<Self> {
        say("Starting a Kubernetes control plane and an AWS");
        let (control_plane, emulator) = tokio::try_join!(control_plane, emulator())?;
        println!("    Kubernetes at {}, AWS at {}", control_plane.server(), emulator.endpoint());

        say("Preparing two AWS accounts as a platform team would");
        let aws = AwsWorld::of_accounts(emulator.endpoint(), SOURCE, TARGET, Base::User).await?;
        let proxy = AwsProxy::start(emulator.address())?;
        let stage = Self { control_plane, emulator, proxy, aws, _own: None };
        stage.fill_buckets().await?;
        println!("    in {SOURCE}: the operator's own identity, {}", stage.aws.operator.arn);
        println!("    in {TARGET}: {} and {}", stage.aws.manager_arn, stage.aws.boundary_arn);
        println!("    in {TARGET}: s3://{ALLOWED} and s3://{FORBIDDEN}");
        Ok(stage)
    }

    /// As the administrator of account B.
    async fn fill_buckets(&self) -> Result<()> {
        let keys = self.aws.target.administrator();
        let mut fill = Command::new(self.emulator.python());
        fill.arg(folder().join("demo_buckets.py"))
            .args([ALLOWED, FORBIDDEN])
            .env("AWS_ENDPOINT_URL", self.emulator.endpoint())
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
            .env_remove("AWS_SESSION_TOKEN");
        run_command(&mut fill).await?;
        Ok(())
    }

    /// Starts the operator as its service account.
    pub async fn start_operator(&self) -> Result<Operator> {
        say("Starting the operator as its service account");
        let (namespace, account) = OPERATOR_ACCOUNT;
        let kubeconfig = self.control_plane.service_account_kubeconfig(namespace, account).await?;
        let base = &self.aws.operator.credentials;
        OperatorSettings::new(&kubeconfig, &self.proxy.endpoint(), base).quiet().start().await
    }

    /// Applies `deploy/samples`.
    pub async fn apply_samples(&self) -> Result<()> {
        let samples = repository().join("deploy/samples");
        self.kubectl(&["apply", "-f", &samples.to_string_lossy()]).await
    }

    /// ARN of the sample role, once it is Ready.
    pub async fn role_arn(&self) -> Result<String> {
        let roles: Api<CrossAccountRole> = Api::namespaced(self.control_plane.admin().await?, NAMESPACE);
        let status = roles.get(ROLE).await?.status.and_then(|status| status.role).and_then(|role| role.arn);
        status.context("the CrossAccountRole is Ready but its status names no role")
    }

    /// The Secret of the sample role.
    pub async fn secret(&self) -> Result<Secret> {
        Ok(Api::namespaced(self.control_plane.admin().await?, NAMESPACE).get(SECRET).await?)
    }

    /// Runs kubectl as an administrator and shows what it prints.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<()> {
        let printed = run_command(self.control_plane.kubectl().args(arguments)).await?;
        for line in printed.lines() {
            println!("    {line}");
        }
        Ok(())
    }

    /// How to look around from another terminal.
    pub fn tell_how_to_look_around(&self, operators_log: &str) {
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
        println!("    {operators_log}");
    }
}
