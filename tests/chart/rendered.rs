//! What the chart renders is well-formed, complete and takes its place in a restricted cluster.

use std::{fs, os::unix::fs::symlink, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use clap::CommandFactory as _;
use crossaccount::operator::args::Args;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    pod_of, run_with,
    variants::{all_settings, variants},
};
use lab::{
    control_plane::{ControlPlane, control_plane},
    guard,
    helm::{Helm, documents, object},
    repository, run, script,
};

const NAME: &str = "crossaccount-operator";

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() -> Result<()> {
    let helm = Helm::new().await?;
    for (variant, values) in variants() {
        let mut lint = helm.command();
        lint.args(["lint", "--strict", "--values"]).arg(helm.values(&values)?).arg(Helm::chart());
        run(&mut lint).await.with_context(|| variant)?;
    }
    Ok(())
}

#[tokio::test]
async fn the_api_server_takes_every_object_of_every_variant() -> Result<()> {
    let (helm, cluster) = (Helm::new().await?, control_plane().await?);
    know_monitoring(cluster).await?;
    for (variant, values) in variants() {
        let rendered = helm.render(&values).await.with_context(|| variant)?;
        let mut apply = cluster.kubectl();
        apply.args(["apply", "--server-side", "--force-conflicts", "--validate=strict", "--dry-run=server", "-f", "-"]);
        let printed = run_with(&mut apply, &rendered).await.with_context(|| variant)?;
        let (taken, all) = (printed.lines().count(), documents(&rendered)?.len());
        ensure!(taken == all && all > 0, "{variant}: {taken} of {all} objects were taken:\n{printed}");
    }
    Ok(())
}

/// Gives the cluster the CRDs of the Prometheus operator.
async fn know_monitoring(cluster: &ControlPlane) -> Result<()> {
    let crds = script("prometheus.sh").await?.join("crds");
    run(cluster.kubectl().args(["apply", "--server-side", "-f"]).arg(&crds)).await?;
    run(cluster.kubectl().args(["wait", "--for=condition=Established", "--timeout=30s", "-f"]).arg(&crds)).await?;
    Ok(())
}

#[tokio::test]
async fn the_pods_of_every_variant_meet_the_restricted_pod_security_standard() -> Result<()> {
    let (helm, cluster) = (Helm::new().await?, control_plane().await?);
    let create = async |pod: &Value| {
        let mut create = cluster.kubectl();
        create.args(["create", "--dry-run=server", "-f", "-"]);
        run_with(&mut create, &pod.to_string()).await
    };
    for (variant, values) in variants() {
        let rendered = documents(&helm.render(&values).await?)?;
        for deployment in rendered.iter().filter(|document| document["kind"] == "Deployment") {
            let mut pod = pod_of(deployment, "restricted")?;
            pod["spec"]["serviceAccountName"] = NAME.into(); // one that exists in the cluster of the tests
            create(&pod).await.with_context(|| variant)?;

            let container = &mut pod["spec"]["containers"][0];
            ensure!(container["securityContext"]["readOnlyRootFilesystem"] == true, "{variant}: {container}");
            container["securityContext"] = json!({});
            let refused = create(&pod).await.err().context("a pod without a security context was admitted")?;
            ensure!(format!("{refused:#}").contains("violates PodSecurity \"restricted"), "{refused:#}");
        }
    }
    Ok(())
}

/// `--http-addr` and `--lease-namespace` fit a pod as they are.
#[tokio::test]
async fn every_other_flag_of_the_operator_is_a_setting() -> Result<()> {
    const AS_THEY_ARE: [&str; 2] = ["http-addr", "lease-namespace"];
    let helm = Helm::new().await?;
    let mut arguments = Vec::new();
    for values in [all_settings(), json!({"shards": 2})] {
        for deployment in documents(&helm.render(&values).await?)?.iter().filter(|one| one["kind"] == "Deployment") {
            let container = &deployment["spec"]["template"]["spec"]["containers"][0];
            let texts = container["args"].as_array().context("no arguments")?.iter().filter_map(Value::as_str);
            let texts: Vec<String> = texts.map(str::to_owned).collect();
            Args::command().try_get_matches_from([NAME.to_owned()].iter().chain(&texts))?;
            arguments.extend(texts);
        }
    }
    let command = Args::command();
    let run = command.find_subcommand("run").context("there is no `run`")?;
    for flag in run.get_arguments().filter_map(clap::Arg::get_long).filter(|flag| !AS_THEY_ARE.contains(flag)) {
        let set = arguments.iter().any(|argument| argument.starts_with(&format!("--{flag}=")));
        ensure!(set, "no setting of the chart leads to --{flag}: {arguments:?}");
    }
    Ok(())
}

#[test]
fn every_setting_is_in_a_variant() -> Result<()> {
    let text = fs::read_to_string(Helm::chart().join("values.yaml"))?;
    let [settings] = &documents(&text)?[..] else { bail!("values.yaml is one document") };
    for name in settings.as_object().context("settings are an object")?.keys() {
        ensure!(variants().iter().any(|(_, values)| values.get(name).is_some()), "no variant has {name}");
    }
    Ok(())
}

#[tokio::test]
async fn no_setting_is_without_effect() -> Result<()> {
    let helm = Helm::new().await?;
    let plain = helm.render(&json!({})).await?;
    let all = all_settings();
    for (name, value) in all.as_object().context("settings are an object")? {
        // The agent is only in what injects it.
        let base = if name == "agent" { json!({"podInjection": {"enabled": true}}) } else { json!({}) };
        let mut changed = base.clone();
        changed[name] = value.clone();
        let plain = if name == "agent" { helm.render(&base).await? } else { plain.clone() };
        ensure!(helm.render(&changed).await? != plain, "{name}: {value} renders what the default does");
    }
    Ok(())
}

#[tokio::test]
async fn in_the_mode_of_namespaces_no_right_on_secrets_reaches_beyond_them() -> Result<()> {
    let rendered = documents(&Helm::new().await?.render(&json!({"watchNamespaces": ["one", "two"]})).await?)?;
    let cluster_wide = object(&rendered, "ClusterRole", NAME)?.to_string();
    for resource in ["secrets", "crossaccountroles", "pods", "deployments", "events"] {
        ensure!(!cluster_wide.contains(&format!("\"{resource}\"")), "{resource} in all namespaces: {cluster_wide}");
    }
    for namespace in ["one", "two"] {
        let role = rendered.iter().find(|one| one["kind"] == "Role" && one["metadata"]["namespace"] == namespace);
        let role = role.with_context(|| format!("no Role in {namespace}"))?.to_string();
        ensure!(role.contains("\"secrets\"") && role.contains("\"crossaccountroles\""), "{role}");
    }
    Ok(())
}

#[tokio::test]
async fn the_committed_manifests_are_what_the_chart_renders() -> Result<()> {
    let rendered = guard::scratch("rendered")?;
    run(Command::new(repository().join("deploy/render.sh")).arg(&rendered)).await?;
    for name in ["install.yaml", "rbac.yaml"] {
        let committed = fs::read_to_string(repository().join("deploy").join(name))?;
        ensure!(fs::read_to_string(rendered.join(name))? == committed, "{name} is out of date: run `make generate`");
    }
    Ok(())
}

#[tokio::test]
async fn the_base_of_kustomize_is_the_whole_installation_and_takes_an_overlay() -> Result<()> {
    let cluster = control_plane().await?;
    let kustomize = async |folder: &Path| documents(&run(cluster.kubectl().arg("kustomize").arg(folder)).await?);
    let deploy = repository().join("deploy");
    let names = |all: &[Value]| {
        let mut names: Vec<String> =
            all.iter().map(|one| format!("{} {}", one["kind"], one["metadata"]["name"])).collect();
        names.sort();
        names
    };
    let install = documents(&fs::read_to_string(deploy.join("install.yaml"))?)?;
    assert_eq!(names(&kustomize(&deploy).await?), names(&install));

    let overlay = guard::scratch("overlay")?;
    // A base is named by a relative path.
    symlink(&deploy, overlay.join("base"))?;
    let resources = json!({
        "resources": ["base"],
        "images": [{"name": "ghcr.io/crossaccount/crossaccount-operator", "newName": "registry.example/operator", "newTag": "1"}],
        "replicas": [{"name": NAME, "count": 5}],
    });
    fs::write(overlay.join("kustomization.yaml"), resources.to_string())?;
    let built = kustomize(&overlay).await?;
    let deployment = object(&built, "Deployment", NAME)?;
    assert_eq!(deployment["spec"]["replicas"], 5);
    assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example/operator:1");
    Ok(())
}
