//! A pod on a real node, from the first credentials to others and through the loss of them, each step told to the person
//! who watches. Fails, and so does `make e2e-node`, when one does.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::annotation;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    keep,
    node::Node,
    stage::{ACCOUNT, ALLOWED, NAMESPACE, ROLE, Stage, TARGET, say},
};
use lab::{
    folder,
    image::{Facts, Image, this_architecture},
    operator::Operator,
    run as run_command, script,
    wait::eventually,
};

/// The pod in `node/pod.yaml`.
const POD: &str = "reader";
/// Its containers that ask again for credentials.
const RENEWING: [&str; 2] = ["process", "served"];
/// Its container that does not.
const STATIC: &str = "static";
/// A user that is not root, in the image of the consumer.
const NOBODY: &str = "65532:65532";

struct EndToEnd {
    stage: Stage,
    pods: Api<Pod>,
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

/// Runs it. With `KEEP` set it then waits for Ctrl-C instead of cleaning up.
pub async fn run() -> Result<()> {
    let stage = Stage::set().await?;
    say("Starting a node: containerd and a kubelet in a machine of its own, with two images");
    let consumer = script("node/consumer.sh").await?;
    let programs = script("programs.sh").await?;
    let images = vec![
        Image::of_stage("agent", &programs, this_architecture()?, &Facts::default())?,
        Image::of_root("consumer", &consumer, &["/usr/bin/python3"], NOBODY)?,
    ];
    let node = Node::start(stage.control_plane, &stage.proxy, images).await?;
    stage.kubectl(&["get", "nodes", "-o", "wide"]).await?;

    let pods = Api::namespaced(stage.control_plane.admin().await?, NAMESPACE);
    let end_to_end = EndToEnd { stage, pods };
    end_to_end.declare().await?;
    let operator = end_to_end.stage.start_operator().await?;
    let told = end_to_end.tell(&operator).await;
    if told.is_err() {
        eprintln!("--- the operator's log ends:\n{}", operator.log().tail());
        eprintln!("--- the node's log ends:\n{}", node.log().tail());
    }
    told?;
    operator.stop().await?;
    Ok(())
}

impl EndToEnd {
    /// Before the operator starts, so that there are no longer sessions first.
    async fn declare(&self) -> Result<()> {
        say("Applying deploy/samples, with sessions of 15 minutes, in a namespace of restricted pods");
        self.stage.apply_samples().await?;
        self.stage.kubectl(&["label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted"]).await?;
        self.patch_role(&json!({ "spec": { "session": { "durationSeconds": 900 } } })).await?;
        self.unrestricted_pods_are_refused().await
    }

    /// What happens to the pod.
    async fn tell(&self, operator: &Operator) -> Result<()> {
        say("Running a pod that mounts the Secret and reads S3 again and again, in three ways");
        self.start_pod().await?;
        let uid = self.unrestarted().await?;
        let first = self.all_read_with_other_than("").await?;
        self.reads(STATIC, |key| key == first).await?;

        say("Asking for new credentials: who can asks again, and who cannot still works with the old ones");
        self.request(annotation::RENEW_REQUESTED_AT).await?;
        let second = self.all_read_with_other_than(&first).await?;
        self.reads(STATIC, |key| key == first).await?;
        self.is_still(&uid).await?;

        say("Revoking what was issued so far: the old credentials are refused, and the others go on with new ones");
        self.request(annotation::REVOKE_REQUESTED_AT).await?;
        self.is_refused(STATIC, &first).await?;
        let third = self.all_read_with_other_than(&second).await?;
        self.is_still(&uid).await?;

        say("Withdrawing the namespace's permission: what the programs still hold is refused");
        self.allow(&json!([])).await?;
        for container in RENEWING {
            self.is_refused(container, &third).await?;
        }

        say("Permitting it again: the same programs work again");
        self.allow(&json!([NAMESPACE])).await?;
        self.all_read_with_other_than(&third).await?;
        self.is_still(&uid).await?;

        if keep() {
            self.stage.tell_how_to_look_around(operator);
            println!("    # what the programs say:");
            println!("    kubectl logs -n {NAMESPACE} {POD} -c {} -f", RENEWING[0]);
            tokio::signal::ctrl_c().await?;
            return Ok(());
        }
        say("Deleting the pod, then the role");
        self.stage.kubectl(&["delete", "--timeout=1m", "-n", NAMESPACE, "pod", POD]).await?;
        self.stage.kubectl(&["delete", "--timeout=1m", "-n", NAMESPACE, "car", ROLE]).await?;
        say("Done. `make e2e-node KEEP=1` leaves everything running to look around.");
        Ok(())
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

    async fn start_pod(&self) -> Result<()> {
        let lab = folder().join("node");
        let file = |name: &str| lab.join(name).display().to_string();
        let program = format!("--from-file={}", file("consumer.py"));
        self.stage.kubectl(&["create", "configmap", "-n", NAMESPACE, "consumer", &program]).await?;
        self.stage.kubectl(&["apply", "-f", &file("pod.yaml")]).await?;
        self.stage.kubectl(&["wait", "--for=condition=Ready", "--timeout=2m", "-n", NAMESPACE, "pod", POD]).await?;
        self.stage.kubectl(&["get", "pod", "-n", NAMESPACE, "-o", "wide"]).await
    }

    /// The last round of a program.
    async fn round(&self, container: &str) -> Result<Round> {
        let last = LogParams { container: Some(container.to_owned()), tail_lines: Some(1), ..LogParams::default() };
        let line = self.pods.logs(POD, &last).await?;
        serde_json::from_str(&line).with_context(|| format!("the program says {line:?}"))
    }

    /// Waits for a round that ended after this was asked, and that is as it should be.
    async fn round_where(&self, container: &str, holds: impl Fn(&Round) -> bool) -> Result<Round> {
        let mut before = None;
        eventually(&format!("{container} sees what it should"), async || {
            let round = self.round(container).await?;
            let before = *before.get_or_insert(round.number);
            ensure!(round.number > before && holds(&round), "{round:?}");
            Ok(round)
        })
        .await
    }

    /// Waits until a program reads what it may read, as the role, signed with a key that will do. Gives the key.
    async fn reads(&self, container: &str, will_do: impl Fn(&str) -> bool) -> Result<String> {
        let role = self.stage.role_arn().await?;
        let name = role.rsplit('/').next().context("a role has a name")?;
        let session = format!("arn:aws:sts::{TARGET}:assumed-role/{name}/");
        let content = format!("the content of {ALLOWED}");
        let holds = |round: &Round| will_do(&round.key) && round.read == content && round.caller.starts_with(&session);
        let round = self.round_where(container, holds).await?;
        println!("    {container}: {} reads {ALLOWED} as {}", round.key, round.caller);
        Ok(round.key)
    }

    /// Waits until each program that can asks again reads with the same key, and with another than `before`.
    async fn all_read_with_other_than(&self, before: &str) -> Result<String> {
        let mut key = self.reads(RENEWING[0], |key| key != before).await?;
        for container in &RENEWING[1..] {
            key = self.reads(container, |other| other == key).await?;
        }
        Ok(key)
    }

    /// Waits until a program is refused with this key.
    async fn is_refused(&self, container: &str, key: &str) -> Result<()> {
        let holds = |round: &Round| round.key == key && round.read == "AccessDenied";
        let round = self.round_where(container, holds).await?;
        println!("    {container}: {key} is refused, {} for {ALLOWED}", round.read);
        Ok(())
    }

    async fn is_still(&self, uid: &str) -> Result<()> {
        ensure!(self.unrestarted().await? == uid, "{POD} is another pod than before");
        println!("    it is the same pod, and no container was restarted");
        Ok(())
    }

    /// The pod's uid, if none of its containers was ever restarted.
    async fn unrestarted(&self) -> Result<String> {
        let pod = self.pods.get(POD).await?;
        let status = pod.status.context("the pod has no status")?;
        for container in status.container_statuses.iter().chain(&status.init_container_statuses).flatten() {
            ensure!(container.restart_count == 0, "{} was restarted: {container:?}", container.name);
        }
        pod.metadata.uid.context("the pod has no uid")
    }
}
