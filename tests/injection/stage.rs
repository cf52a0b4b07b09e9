//! The policies of the chart in force in one namespace, and pods that are sent there.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, PostParams},
};
use serde_json::{Value, json};

use lab::{env::TestEnv, guard, helm::Helm, run, wait::eventually};

/// A namespace in which the policies are in force, one of their operator, and one without.
pub struct Stage {
    /// The first of these.
    pub env: TestEnv,
    operator: String,
    elsewhere: String,
}

impl Stage {
    /// Installs the policies under a name of the test and waits until the API server has both.
    pub async fn new(name: &str) -> Result<Self> {
        let env = TestEnv::bare(name).await?;
        let (operator, elsewhere) = (env.add_namespace("operator").await?, env.add_namespace("elsewhere").await?);
        let stage = Self { env, operator, elsewhere };
        stage.apply(&stage.rendered().await?).await?;
        let probe = labelled("probe");
        let bad = annotated(&probe, json!({"iam.crossaccount.dev/agent": "perhaps"}));
        eventually("both policies are in force", async || {
            let injected = stage.admit(&probe).await?;
            ensure!(injected["spec"]["volumes"][0]["name"] == "aws-credentials", "{injected}");
            stage.refused(&bad).await
        })
        .await?;
        Ok(stage)
    }

    /// The policies as the chart renders them for a release in the operator's namespace that watches the other one.
    async fn rendered(&self) -> Result<String> {
        let helm = Helm::new().await?;
        let values = json!({
            "podInjection": {"enabled": true},
            "agent": {"image": {"repository": "agent", "tag": "test"}},
            "watchNamespaces": [self.env.namespace, self.operator],
        });
        let mut command = helm.command();
        command.args(["template", &self.env.namespace]).arg(Helm::chart()).args(["--namespace", &self.operator]);
        run(command.args(["--show-only=templates/injection.yaml", "--values"]).arg(helm.values(&values)?)).await
    }

    /// Applies manifests.
    pub async fn apply(&self, manifests: &str) -> Result<()> {
        let file: PathBuf = guard::scratch("manifests")?.join("manifests.yaml");
        fs::write(&file, manifests)?;
        run(self.env.control_plane.kubectl().args(["apply", "--server-side", "-f"]).arg(file)).await?;
        Ok(())
    }

    /// A pod as the API server would store it.
    pub async fn admit(&self, pod: &Value) -> Result<Value> {
        self.dry_run(&self.env.namespace, pod).await
    }

    /// The same in a namespace that the policies do not cover.
    pub async fn admit_elsewhere(&self, pod: &Value) -> Result<Value> {
        self.dry_run(&self.elsewhere, pod).await
    }

    /// The same in the namespace of the release.
    pub async fn admit_beside_the_operator(&self, pod: &Value) -> Result<Value> {
        self.dry_run(&self.operator, pod).await
    }

    async fn dry_run(&self, namespace: &str, pod: &Value) -> Result<Value> {
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let created = self.pods(namespace).create(&params, &serde_json::from_value(pod.clone())?).await?;
        Ok(serde_json::to_value(created)?)
    }

    /// Checks that a pod is refused by the guard.
    pub async fn refused(&self, pod: &Value) -> Result<()> {
        self.refusal(pod).await.map(drop)
    }

    /// The message with which the guard refuses a pod.
    pub async fn refusal(&self, pod: &Value) -> Result<String> {
        match self.admit(pod).await {
            Ok(admitted) => bail!("it is admitted: {}", admitted["spec"]),
            Err(error) => {
                let message = format!("{error:#}");
                ensure!(message.contains("-injection-guard'"), "somebody else refuses it: {message}");
                Ok(message)
            }
        }
    }

    /// Creates an object of this kind in the namespace.
    pub async fn create<K: kube::Resource<DynamicType = ()>>(&self, object: Value) -> Result<()> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.env.kube.clone(), &self.env.namespace, &ApiResource::erase::<K>(&()));
        api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        Ok(())
    }

    /// The pods of the namespace in which the policies are in force. They are unstructured: tests look at fields that are newer
    /// than the client.
    pub fn api(&self) -> Api<DynamicObject> {
        self.pods(&self.env.namespace)
    }

    fn pods(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.env.kube.clone(), namespace, &ApiResource::erase::<Pod>(&()))
    }
}

/// A pod of one container with the label. Without a token of its own, whose volume has another name each time.
pub fn labelled(role: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "app", "labels": {"iam.crossaccount.dev/role": role}},
        "spec": {"automountServiceAccountToken": false, "containers": [{"name": "app", "image": "app"}]},
    })
}

/// The same pod with annotations.
pub fn annotated(pod: &Value, annotations: Value) -> Value {
    let mut pod = pod.clone();
    pod["metadata"]["annotations"] = annotations;
    pod
}

/// The variables of a container by name and value.
pub fn environment(container: &Value) -> Vec<(&str, &str)> {
    pairs(&container["env"], "name", "value")
}

/// The mounts of a container by volume and path.
pub fn mounts(container: &Value) -> Vec<(&str, &str)> {
    pairs(&container["volumeMounts"], "name", "mountPath")
}

fn pairs<'a>(list: &'a Value, first: &str, second: &str) -> Vec<(&'a str, &'a str)> {
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    list.as_array().into_iter().flatten().map(|each| (text(&each[first]), text(&each[second]))).collect()
}

/// The names in a list.
pub fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|each| each["name"].as_str()).collect()
}

/// The one in a list that has this name.
pub fn named<'a>(list: &'a Value, name: &str) -> Result<&'a Value> {
    let found = list.as_array().into_iter().flatten().find(|each| each["name"] == name);
    found.with_context(|| format!("there is no {name} in {list}"))
}
