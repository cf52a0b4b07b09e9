//! Wrong settings are refused before anything reaches the cluster, and the message names the setting.

use anyhow::{Context as _, Result, ensure};

use lab::{helm::Helm, run};

#[tokio::test]
async fn wrong_settings_are_refused_by_name() -> Result<()> {
    let helm = Helm::new().await?;
    for (setting, hint) in [
        ("replica=2", "replica"),
        ("replicas=-1", "replicas"),
        ("shards=0", "shards"),
        ("watchNamespaces={Analytics}", "watchNamespaces"),
        ("driftInterval=often", "driftInterval"),
        ("principalArn=operator", "principalArn"),
        ("log.format=xml", "log"),
        ("perObjectMetrics=maybe", "perObjectMetrics"),
        ("image.digest=latest", "digest"),
        ("aws.region=Ireland", "region"),
        ("aws.identity.type=Magic", "type"),
        ("aws.identity.type=IRSA", "aws.identity.irsa.roleArn: name the role"),
        ("aws.identity.type=Secret", "aws.identity.secret.name: name the Secret"),
        ("aws.identity.type=CredentialProcess", "aws.identity.credentialProcess"),
        ("podDisruptionBudget.maxUnavailable=half", "maxUnavailable"),
        ("networkPolicy.extraEgressPorts={70000}", "extraEgressPorts"),
        ("monitoring.interval=often", "interval"),
        ("tracing.endpoint=otel-collector:4317", "endpoint"),
        ("tracing.endpoint=http://user:password@collector:4318", "endpoint"),
        ("tracing.sampleRatio=2", "sampleRatio"),
        (
            "monitoring.serviceMonitor.enabled=true,monitoring.podMonitor.enabled=true",
            "monitoring: enable serviceMonitor or podMonitor, not both",
        ),
    ] {
        let mut template = helm.command();
        template.args(["template", "release"]).arg(Helm::chart()).args(["--set", setting]);
        let refused = run(&mut template).await.err().with_context(|| format!("{setting} was taken"))?;
        ensure!(format!("{refused:#}").contains(hint), "{setting}: {refused:#}");
    }
    Ok(())
}
