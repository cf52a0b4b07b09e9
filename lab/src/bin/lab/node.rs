//! A real node for the control plane of the lab: kubelet, containerd and runc, and the scheduler that gives it pods.
//!
//! The node is a machine of its own as far as its processes can see (`node/box.sh`), so that it leaves nothing behind.
//! Its network ends at the bridge of its pods; the little that they may reach beyond it is forwarded.

pub mod forward;

use std::{
    env, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::Api;
use tokio::task::JoinHandle;

use self::forward::Forward;
use lab::{
    aws_proxy::AwsProxy,
    control_plane::ControlPlane,
    guard::{self, Guarded},
    image::{self, Image},
    log_file::LogFile,
    pki::{self, Pair},
    script,
};

/// Name of the node. The API server asks its kubelet under this name, and there a forward listens.
const NAME: &str = "localhost";
/// The node's address, on the bridge of its pods.
const ADDRESS: &str = "10.244.0.1";
/// The Service `kubernetes`.
const API_SERVER: &str = "10.254.0.1:443";
/// Where pods find AWS: the host of `AWS_ENDPOINT_URL` in `node/pod.yaml`.
const AWS: &str = "10.244.0.1:4566";

/// A running node and its scheduler. Both end when dropped, or with this process.
pub struct Node {
    log: LogFile,
    forwards: Vec<JoinHandle<()>>,
    _scheduler: Guarded,
    _machine: Guarded,
}

impl Node {
    /// Starts a node that has these images as `lab.local/<name>:1`, and waits until it takes pods.
    pub async fn start(control_plane: &ControlPlane, aws: &AwsProxy, mut images: Vec<Image>) -> Result<Self> {
        let root = fs::metadata("/proc/self")?.uid() == 0;
        ensure!(root, "a node needs root, for namespaces, mounts and control groups");
        let (system, kubernetes) = tokio::try_join!(script("node/root.sh"), script("node/kubernetes.sh"))?;
        let folder = guard::scratch("node")?;
        fs::create_dir(folder.join("images"))?;
        images.push(Image::of_program("pause", &kubernetes.join("pause"), "65535:65535")?);
        for image in images {
            let archive = folder.join("images").join(format!("{}.tar", image.name()));
            image::write(&archive, &format!("lab.local/{}:1", image.name()), &[image])?;
        }
        identify(control_plane, &folder)?;

        let [kubelet_port] = guard::free_ports()?;
        let socket = |name: &str| folder.join(name).display().to_string();
        let [api_socket, aws_socket, kubelet_socket] = ["api-server", "aws", "kubelet"].map(socket);
        let api_server = control_plane.server().trim_start_matches("https://");
        let outside = [
            format!("{api_socket}={api_server}"),
            format!("{aws_socket}={}", aws.endpoint().trim_start_matches("http://")),
            format!("127.0.0.1:{kubelet_port}={kubelet_socket}"),
        ];
        let inside = [
            format!("{API_SERVER}={api_socket}"),
            format!("{AWS}={aws_socket}"),
            format!("{kubelet_socket}={ADDRESS}:{kubelet_port}"),
        ];
        let mut forwards = Vec::new();
        for forward in &outside {
            forwards.push(tokio::spawn(Forward::parse(forward).await?.run()));
        }

        let mut command = guard::command("unshare");
        command
            .arg("--net")
            .arg(lab::folder().join("node/box.sh"))
            .args([&folder, &system, &kubernetes, &env::current_exe()?])
            .arg(kubelet_port.to_string())
            .args(&inside);
        let mut machine = Guarded::spawn("node", &folder, command)?;
        let log = machine.log().clone();
        let nodes: Api<NodeObject> = Api::all(control_plane.admin().await?);
        machine.ready(async || ready(&nodes.get(NAME).await?)).await?;
        let scheduler = scheduler(control_plane, &kubernetes, &folder)?;
        Ok(Self { log, forwards, _scheduler: scheduler, _machine: machine })
    }

    /// What the node's own programs print.
    pub fn log(&self) -> &LogFile {
        &self.log
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for forward in &self.forwards {
            forward.abort();
        }
    }
}

/// Writes who the kubelet is. The folder has another path for it, so its kubeconfig names files beside itself.
fn identify(control_plane: &ControlPlane, folder: &Path) -> Result<()> {
    let authority = control_plane.authority();
    let signed = authority.client(&format!("system:node:{NAME}"), "system:nodes")?;
    let beside = Pair { certificate: PathBuf::from("kubelet.crt"), key: PathBuf::from("kubelet.key") };
    fs::copy(authority.certificate(), folder.join("ca.crt"))?;
    fs::copy(&signed.certificate, folder.join(&beside.certificate))?;
    fs::copy(&signed.key, folder.join(&beside.key))?;
    let user = pki::certificate_user(&beside);
    pki::write_kubeconfig(
        &folder.join("kubelet.kubeconfig"),
        &format!("https://{API_SERVER}"),
        Some(Path::new("ca.crt")),
        &user,
    )
}

fn scheduler(control_plane: &ControlPlane, programs: &Path, folder: &Path) -> Result<Guarded> {
    let authority = control_plane.authority();
    let user = pki::certificate_user(&authority.master("scheduler")?);
    let kubeconfig = folder.join("scheduler.kubeconfig");
    pki::write_kubeconfig(&kubeconfig, control_plane.server(), Some(&authority.certificate()), &user)?;
    let mut command = guard::command(programs.join("kube-scheduler"));
    command
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        // Nobody asks it for its health: a pod that runs is proof enough.
        .args(["--leader-elect=false", "--secure-port=0"]);
    Guarded::spawn("kube-scheduler", folder, command)
}

fn ready(node: &NodeObject) -> Result<()> {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.into_iter().flatten().find(|condition| condition.type_ == "Ready");
    let ready = ready.context("the kubelet has not reported yet")?;
    ensure!(ready.status == "True", "{}", ready.message.as_deref().unwrap_or("it is not Ready"));
    Ok(())
}
