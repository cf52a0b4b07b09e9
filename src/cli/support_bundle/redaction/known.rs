//! Names whose values hold nothing secret.

use crate::api::annotation;

/// Annotations of ours, and those of others by which one sees how something was installed.
#[must_use]
pub fn is_known_annotation(name: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "argocd.argoproj.io/tracking-id",
        "checksum/aws-config",
        "deployment.kubernetes.io/revision",
        "eks.amazonaws.com/role-arn",
        "eks.amazonaws.com/sts-regional-endpoints",
        "kubectl.kubernetes.io/default-container",
        "kubectl.kubernetes.io/restartedAt",
        "meta.helm.sh/release-name",
        "meta.helm.sh/release-namespace",
    ];
    name.starts_with(annotation::PREFIX) || KNOWN.contains(&name)
}

/// Variables that the chart, AWS and their webhooks set, and the operator's own. Those of proxies and collectors may have a
/// password, which is removed from every text.
#[must_use]
pub fn is_known_variable(name: &str) -> bool {
    const KNOWN: [&str; 24] = [
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_IAM",
        "AWS_ENDPOINT_URL_STS",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "KUBECONFIG",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
        "RUST_BACKTRACE",
        "SSL_CERT_FILE",
    ];
    const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
    let is_proxy = PROXIES.contains(&name.to_ascii_uppercase().as_str());
    KNOWN.contains(&name) || is_proxy || name.starts_with("CROSSACCOUNT_")
}
