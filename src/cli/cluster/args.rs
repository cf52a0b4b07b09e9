//! The flags of every command that speaks to the cluster. They are named as kubectl names them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

/// Which cluster.
#[derive(Clone, Debug, Default, Args)]
pub struct ConnectionArgs {
    /// Path of the kubeconfig file [default: KUBECONFIG, then ~/.kube/config]
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// Name of the context in the kubeconfig file [default: the current one]
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,
}

/// Which namespace of which cluster.
#[derive(Debug, Args)]
pub struct NamespaceArgs {
    /// The cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// Namespace of the object [default: that of the context]
    #[arg(short, long, value_name = "NAMESPACE", help_heading = "Cluster")]
    pub namespace: Option<String>,
}

/// The parser of flags that take a duration.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration = text.parse().map_err(|_| format!("{text:?} is no duration: write 90s, 10m or 1h"))?;
    Duration::try_from(parsed).map_err(|_| "write a duration that is not negative".to_owned())
}
