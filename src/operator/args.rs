//! The command line: every flag is also an environment variable `CROSSACCOUNT_<FLAG>`; the flag wins.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use std::net::SocketAddr;

use clap::{ArgAction, Parser, Subcommand};

use crate::{
    controller::settings::{ControllerSettings, namespace},
    host::{
        logs::{LogFilter, LogFormat},
        metrics::PerObject,
    },
};

const RUN_ABOUT: &str = "\
Runs the controllers until SIGTERM or SIGINT.

Work in flight is finished first, for at most 5 seconds; a second signal ends the process at once.

Kubernetes settings are those of every client: the files in KUBECONFIG, else ~/.kube/config, else the service
account of the pod. AWS settings are those of every AWS SDK: AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL,
AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_CA_BUNDLE, the shared config files, and credentials from
the environment, a profile, a web identity token (IRSA), EKS Pod Identity, or the instance. HTTPS_PROXY,
HTTP_PROXY and NO_PROXY apply to both, SSL_CERT_FILE too. OTEL_EXPORTER_OTLP_ENDPOINT names a collector
that traces are sent to.

Each flag can also be given as the environment variable shown with it. The flag wins over the variable.";

const RUN_EXAMPLES: &str = "\
Examples:
  crossaccount-operator run --cluster-name production-eu
  crossaccount-operator run --watch-namespaces analytics,reporting --drift-interval 30m
  crossaccount-operator run --shard 0/2 --lease-namespace crossaccount-system
  crossaccount-operator run --leader-elect=false --http-addr 127.0.0.1:0 --log-level info,crossaccount=debug";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "crossaccount-operator", version, about = "Cross-account AWS access as a Kubernetes object")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the controllers until SIGTERM or SIGINT
    #[command(long_about = RUN_ABOUT, after_long_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),

    /// Prints the CustomResourceDefinitions as YAML
    ///
    /// To install them: crossaccount-operator crds | kubectl apply --server-side -f -
    Crds,
}

/// The flags of `run`.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// Settings of the controllers.
    #[command(flatten)]
    pub controllers: ControllerSettings,

    /// Reconcile only while holding the leader lease
    ///
    /// With several replicas, one works and the others stand by. A lost lease ends the process. Use false only for
    /// development, or for a single replica with the Recreate strategy.
    #[arg(
        long,
        env = "CROSSACCOUNT_LEADER_ELECT",
        value_name = "BOOL",
        action = ArgAction::Set,
        default_value_t = true,
        help_heading = "Process"
    )]
    pub leader_elect: bool,

    /// Namespace of the leader lease [default: the pod's own, else crossaccount-system]
    ///
    /// The lease is named crossaccount-operator, or crossaccount-operator-0-of-2 for shard 0/2. Processes that watch
    /// different namespaces of one cluster need different lease namespaces, else all but one of them stand by.
    #[arg(
        long,
        env = "CROSSACCOUNT_LEASE_NAMESPACE",
        value_name = "NAMESPACE",
        value_parser = namespace,
        help_heading = "Process"
    )]
    pub lease_namespace: Option<String>,

    /// Address of /metrics, /healthz and /readyz [default: [::]:8080, or 0.0.0.0:8080 where there is no IPv6]
    ///
    /// The default answers over IPv4 and IPv6. Port 0 picks a free port; the log names it (admin server listening,
    /// addr=...).
    #[arg(long, env = "CROSSACCOUNT_HTTP_ADDR", value_name = "ADDRESS:PORT", help_heading = "Process")]
    pub http_addr: Option<SocketAddr>,

    /// Whether /metrics has one expiry series per object
    ///
    /// auto exposes crossaccount_credentials_expiry_timestamp_seconds{namespace,name} for up to 1,000 objects and omits
    /// it for more. crossaccount_credentials_min_seconds_to_expiry is always there.
    #[arg(
        long,
        env = "CROSSACCOUNT_PER_OBJECT_METRICS",
        value_name = "WHEN",
        value_enum,
        default_value_t = PerObject::Auto,
        help_heading = "Process"
    )]
    pub per_object_metrics: PerObject,

    /// Form of the log lines on standard error
    #[arg(
        long,
        env = "CROSSACCOUNT_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t = LogFormat::Text,
        help_heading = "Process"
    )]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug or trace, and target=level for one part, separated by commas
    ///
    /// Example: info,crossaccount=debug. The AWS SDK and the HTTP and TLS libraries never log below info, whatever this
    /// says, because their wire logs hold credentials.
    #[arg(
        long,
        env = "CROSSACCOUNT_LOG_LEVEL",
        value_name = "FILTER",
        default_value = "info",
        help_heading = "Process"
    )]
    pub log_level: LogFilter,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::CommandFactory as _;

    use super::*;
    use crate::controller::settings::Namespaces;

    fn run(flags: &[&str]) -> Result<RunArgs, String> {
        let line = ["crossaccount-operator", "run"].iter().chain(flags);
        match Args::try_parse_from(line).map_err(|error| error.to_string())?.command {
            Command::Run(run) => Ok(*run),
            Command::Crds => panic!("parsed as crds"),
        }
    }

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let RunArgs {
            controllers,
            leader_elect,
            lease_namespace,
            http_addr,
            per_object_metrics,
            log_format,
            log_level: _,
        } = run(&[]).unwrap();
        let ControllerSettings {
            cluster_name,
            watch_namespaces,
            shard,
            concurrency,
            drift_interval,
            principal_arn,
            external_id_self_test,
            nudge_pods,
        } = controllers;
        assert_eq!((cluster_name, lease_namespace, principal_arn), (None, None, None));
        assert_eq!((watch_namespaces, shard), (Namespaces::All, None));
        assert_eq!((concurrency, drift_interval), (64, Duration::from_hours(1)));
        assert!(leader_elect && external_id_self_test && !nudge_pods);
        assert_eq!(http_addr, None);
        assert_eq!((per_object_metrics, log_format), (PerObject::Auto, LogFormat::Text));
    }

    #[test]
    fn every_flag_is_also_an_environment_variable_named_after_it() {
        let command = Args::command();
        let flags = command.find_subcommand("run").unwrap().get_arguments().filter(|arg| arg.get_long().is_some());
        let mut seen = 0;
        for arg in flags {
            let long = arg.get_long().unwrap();
            let expected = format!("CROSSACCOUNT_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(expected.as_str()), "--{long}");
            seen += 1;
        }
        assert_eq!(seen, 14);
    }

    #[test]
    fn flags_are_parsed_into_values_that_need_no_second_look() {
        let args = run(&[
            "--cluster-name=production-eu",
            "--watch-namespaces=b, a,b",
            "--shard=1/2",
            "--leader-elect=false",
            "--concurrency=1",
            "--drift-interval=1h 30m",
            "--principal-arn=arn:aws-cn:iam::111111111111:role/platform/operator",
            "--external-id-self-test=false",
            "--nudge-pods=true",
            "--per-object-metrics=true",
            "--http-addr=127.0.0.1:0",
            "--log-format=json",
            "--log-level=warn,crossaccount=debug",
        ])
        .unwrap();
        assert_eq!(args.controllers.watch_namespaces.to_string(), "a,b");
        assert_eq!(args.controllers.shard.unwrap().to_string(), "1/2");
        assert_eq!(args.controllers.drift_interval, Duration::from_mins(90));
        assert!(!args.leader_elect && !args.controllers.external_id_self_test && args.controllers.nudge_pods);
        assert_eq!((args.per_object_metrics, args.log_format), (PerObject::Always, LogFormat::Json));
    }

    #[test]
    fn wrong_values_are_refused_with_what_to_write_instead() {
        for (flag, hint) in [
            ("--cluster-name=", "1 to 256"),
            ("--cluster-name=my cluster", "letters, digits"),
            ("--watch-namespaces=", "namespace"),
            ("--watch-namespaces=a,,b", "namespace"),
            ("--watch-namespaces=Analytics", "lower-case"),
            ("--shard=team=a", "0/2 and 1/2"),
            ("--shard=2/2", "counted from 0"),
            ("--leader-elect", "value is required"),
            ("--leader-elect=yes", "true, false"),
            ("--lease-namespace=kube_system", "lower-case"),
            ("--concurrency=0", "1..="),
            ("--drift-interval=0s", "at least 1s"),
            ("--drift-interval=-1h", "at least 1s"),
            ("--drift-interval=often", "90s, 30m, 1h"),
            ("--principal-arn=arn:aws:sts::111111111111:assumed-role/operator/session", "arn:aws:iam::"),
            ("--principal-arn=operator", "arn:aws:iam::"),
            ("--per-object-metrics=maybe", "auto, true, false"),
            ("--http-addr=8080", "socket address"),
            ("--log-format=xml", "text, json"),
            ("--log-level=inof", "error, warn, info, debug, trace"),
        ] {
            let error = run(&[flag]).expect_err(flag);
            assert!(error.contains(hint), "{flag}: {error}");
        }
    }
}
