//! The operator and its users as pods on a real node, from the installation through renewal, revocation and loss, each step
//! told to the person who watches. Fails, and so does `make e2e-node`, when one does.

mod lag;
mod programs;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::annotation;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::{Value, json};

use self::programs::Program;
use crate::{
    installation, keep,
    node::Node,
    stage::{ACCOUNT, NAMESPACE, ROLE, Stage, say},
};
use lab::{
    folder, guard,
    image::{Facts, Image, this_architecture},
    repository, run as run_command, script,
};

/// Where pods find AWS; the manifests of the pods say it, too.
const AWS_OF_PODS: &str = "http://10.244.0.1:4566";
/// The pods of `node/pod.yaml` and `node/injected.yaml`.
const PODS: [&str; 3] = ["reader", "injected", "injected-agent"];
/// The programs that ask again for credentials.
const RENEWING: [Program; 4] = [
    Program { pod: "reader", container: "process" },
    Program { pod: "reader", container: "served" },
    Program { pod: "injected", container: "program" },
    Program { pod: "injected-agent", container: "program" },
];
/// The program that does not.
const STATIC: Program = Program { pod: "reader", container: "static" };
/// A user that is not root, in the image of the consumer.
const NOBODY: &str = "65532:65532";

struct EndToEnd {
    stage: Stage,
    pods: Api<Pod>,
}

/// Runs it. With `KEEP` set it then waits for Ctrl-C instead of cleaning up.
pub async fn run() -> Result<()> {
    let stage = Stage::without_operator().await?;
    say("Starting a node: containerd and a kubelet in a machine of its own, with three images");
    let consumer = script("node/consumer.sh").await?;
    let programs = script("programs.sh").await?;
    let images = vec![
        Image::of_stage("operator", &programs, this_architecture()?, &Facts::default())?,
        Image::of_stage("agent", &programs, this_architecture()?, &Facts::default())?,
        Image::of_root("consumer", &consumer, &["/usr/bin/python3"], NOBODY)?,
    ];
    let node = Node::start(stage.control_plane, &stage.proxy, images).await?;
    stage.kubectl(&["get", "nodes", "-o", "wide"]).await?;

    let pods = Api::namespaced(stage.control_plane.admin().await?, NAMESPACE);
    let end_to_end = EndToEnd { stage, pods };
    let told = end_to_end.tell().await;
    if told.is_err() {
        eprintln!("--- the operator's log ends:\n{}", installation::logs(&end_to_end.stage).await?);
        eprintln!("--- the node's log ends:\n{}", node.log().tail());
    }
    told
}

impl EndToEnd {
    /// What happens, from the installation on.
    async fn tell(&self) -> Result<()> {
        installation::install(&self.stage, AWS_OF_PODS).await?;
        self.declare().await?;
        say("Running pods that read S3 again and again: one mounts the Secret in three ways, two only have a label");
        self.start_pods().await?;
        let uids = self.unrestarted().await?;
        let first = self.all_read_with_other_than("").await?;
        self.reads(STATIC, |key| key == first).await?;

        say("Asking for new credentials: who can asks again, and who cannot still works with the old ones");
        self.request_and_measure(annotation::RENEW_REQUESTED_AT).await?;
        let second = self.all_read_with_other_than(&first).await?;
        self.reads(STATIC, |key| key == first).await?;
        self.are_still(&uids).await?;

        say("Revoking what was issued so far: the old credentials are refused, and the others go on with new ones");
        self.request_and_measure(annotation::REVOKE_REQUESTED_AT).await?;
        self.is_refused(STATIC, &first).await?;
        let third = self.all_read_with_other_than(&second).await?;
        self.are_still(&uids).await?;

        say("Withdrawing the namespace's permission: what the programs still hold is refused");
        self.allow(&json!([])).await?;
        for program in RENEWING {
            self.is_refused(program, &third).await?;
        }

        say("Permitting it again: the same programs work again");
        self.allow(&json!([NAMESPACE])).await?;
        self.all_read_with_other_than(&third).await?;
        self.are_still(&uids).await?;

        if keep() {
            self.stage.tell_how_to_look_around(
                "kubectl logs -n crossaccount-system -l app.kubernetes.io/name=crossaccount-operator -f",
            );
            println!("    # what the programs say:");
            println!("    kubectl logs -n {NAMESPACE} {} -f", PODS[1]);
            tokio::signal::ctrl_c().await?;
            return Ok(());
        }
        say("Deleting the pods and all objects, then the release");
        for pod in PODS {
            self.stage.kubectl(&["delete", "--timeout=1m", "-n", NAMESPACE, "pod", pod]).await?;
        }
        installation::remove(&self.stage).await?;
        say("Done. `make e2e-node KEEP=1` leaves everything running to look around.");
        Ok(())
    }

    /// The samples, with sessions so short that boto3 asks for new ones at each call.
    async fn declare(&self) -> Result<()> {
        say("Applying deploy/samples, with sessions of 15 minutes, in a namespace of restricted pods");
        let sample = |name: &str| repository().join("deploy/samples").join(name).display().to_string();
        let change = json!({ "spec": { "session": { "durationSeconds": 900 } } }).to_string();
        let role = sample("role.yaml");
        let patch = ["patch", "--local", "-f", &role, "--type=merge", "-p", &change, "-o", "json"];
        let changed = run_command(self.stage.control_plane.kubectl().args(patch)).await?;
        let role = guard::scratch("sample")?.join("role.json");
        std::fs::write(&role, changed)?;

        self.stage.kubectl(&["apply", "-f", &sample("namespace.yaml"), "-f", &sample("account.yaml")]).await?;
        self.stage.kubectl(&["label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted"]).await?;
        self.unrestricted_pods_are_refused().await?;
        self.stage.kubectl(&["apply", "-f", &role.display().to_string()]).await?;
        self.stage.kubectl(&["wait", "--for=condition=Ready", "--timeout=1m", "-n", NAMESPACE, "car", ROLE]).await
    }

    async fn patch_role(&self, patch: &Value) -> Result<()> {
        self.stage.kubectl(&["patch", "-n", NAMESPACE, "car", ROLE, "--type=merge", "-p", &patch.to_string()]).await
    }

    /// Asks the operator for something, once: the annotation's value is the time.
    async fn request(&self, annotation: &str) -> Result<()> {
        let now = jiff::Timestamp::now().to_string();
        self.patch_role(&json!({ "metadata": { "annotations": { annotation: now } } })).await
    }

    async fn allow(&self, namespaces: &Value) -> Result<()> {
        let patch = json!({ "spec": { "allowedNamespaces": { "names": namespaces } } });
        self.stage.kubectl(&["patch", "awsa", ACCOUNT, "--type=merge", "-p", &patch.to_string()]).await
    }

    /// Else a pod that runs would say nothing about the restricted standard.
    async fn unrestricted_pods_are_refused(&self) -> Result<()> {
        let mut kubectl = self.stage.control_plane.kubectl();
        let run = run_command(kubectl.args(["run", "-n", NAMESPACE, "careless", "--image=lab.local/consumer:1"])).await;
        let refused = run.err().context("a pod without a security context was admitted")?.to_string();
        ensure!(refused.contains("violates PodSecurity \"restricted:latest\""), "{refused}");
        println!("    a pod without a security context is refused");
        Ok(())
    }

    async fn start_pods(&self) -> Result<()> {
        let lab = folder().join("node");
        let file = |name: &str| lab.join(name).display().to_string();
        let program = format!("--from-file={}", file("consumer.py"));
        self.stage.kubectl(&["create", "configmap", "-n", NAMESPACE, "consumer", &program]).await?;
        self.stage.kubectl(&["apply", "-f", &file("pod.yaml"), "-f", &file("injected.yaml")]).await?;
        for pod in PODS {
            let wait = ["wait", "--for=condition=Ready", "--timeout=2m", "-n", NAMESPACE, "pod", pod];
            self.stage.kubectl(&wait).await?;
        }
        self.stage.kubectl(&["get", "pods", "-n", NAMESPACE, "-o", "wide"]).await
    }
}
