//! Settings that people install the chart with.

use serde_json::{Value, json};

/// Each way to install, by name.
pub fn variants() -> [(&'static str, Value); 13] {
    [
        ("the defaults", json!({})),
        ("two namespaces", json!({"watchNamespaces": ["default", "kube-public"]})),
        ("three shards", json!({"shards": 3, "replicas": 1})),
        ("EKS Pod Identity", json!({"aws": {"region": "eu-west-1", "identity": {"type": "PodIdentity"}}})),
        ("IRSA", irsa()),
        ("keys in a Secret", json!({"aws": {"identity": {"type": "Secret", "secret": {"name": "operator-aws"}}}})),
        ("IAM Roles Anywhere", roles_anywhere()),
        ("pods that are injected", json!({"podInjection": {"enabled": true}, "namespace": {"create": true}})),
        ("the Service scraped, with alerts and dashboard", monitored("serviceMonitor")),
        ("the pods scraped, without a Service", monitored("podMonitor")),
        ("traces, through a network policy", traced()),
        ("the operator alone", alone()),
        ("all settings", all_settings()),
    ]
}

fn irsa() -> Value {
    json!({"aws": {"identity": {"type": "IRSA", "irsa": {"roleArn": "arn:aws:iam::111111111111:role/operator"}}}})
}

fn roles_anywhere() -> Value {
    json!({
        "aws": {"identity": {
            "type": "CredentialProcess",
            "credentialProcess": {
                "image": "registry.example/rolesanywhere/credential-helper:1.8.0",
                "command": "/programs/aws_signing_helper credential-process --certificate /etc/aws/process/tls.crt",
                "secretName": "operator-certificate",
            },
        }},
    })
}

/// Everything for Prometheus and Grafana, by one of the two kinds of monitors.
pub fn monitored(monitor: &str) -> Value {
    json!({
        "monitoring": {
            "labels": {"release": "prometheus"},
            "interval": "1m",
            monitor: {"enabled": true},
            "prometheusRule": {"enabled": true},
            "dashboard": {"enabled": true},
        },
        "metrics": {"service": {"enabled": false}},
        "networkPolicy": {"enabled": true},
    })
}

/// Traces to a collector in the cluster, of every second reconcile.
pub fn traced() -> Value {
    json!({
        "tracing": {"endpoint": "http://otel-collector.monitoring:4318", "sampleRatio": 0.5},
        "networkPolicy": {"enabled": true},
    })
}

/// As little as there can be.
fn alone() -> Value {
    json!({
        "crds": {"install": false},
        "rbac": {"create": false},
        "serviceAccount": {"create": false, "name": "default"},
        "admissionPolicies": {"enabled": false},
        "podDisruptionBudget": {"enabled": false},
        "metrics": {"service": {"enabled": false}},
    })
}

/// Every setting with another value than its default.
pub fn all_settings() -> Value {
    json!({
        "image": {"repository": "registry.example/operator", "digest": format!("sha256:{}", "0".repeat(64)), "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "agent": {"image": {"repository": "registry.example/agent", "tag": "1", "pullPolicy": "Always"}},
        "replicas": 3,
        "clusterName": "production-eu",
        "watchNamespaces": ["default"],
        "concurrency": 8,
        "driftInterval": "30m",
        "principalArn": "arn:aws:iam::111111111111:role/operator",
        "externalIdSelfTest": false,
        "perObjectMetrics": false,
        "nudgePods": true,
        "log": {"format": "text", "level": "info,crossaccount=debug"},
        "aws": {"region": "eu-west-1", "identity": {"type": "Secret", "secret": {"name": "operator-aws", "key": "keys"}}},
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": true}],
        "crds": {"keep": false},
        "rbac": {"aggregate": false},
        "serviceAccount": {"name": "operator", "annotations": {"example.com/owner": "platform"}},
        "podDisruptionBudget": {"maxUnavailable": "50%"},
        "networkPolicy": {"enabled": true, "extraEgressPorts": [3128]},
        "monitoring": {
            "labels": {"release": "prometheus"}, "interval": "1m",
            "serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}, "dashboard": {"enabled": true},
        },
        "tracing": {"endpoint": "https://collector.example", "sampleRatio": 0.1},
        "priorityClassName": "system-cluster-critical",
        "resources": {"requests": {"cpu": "1", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "podAnnotations": {"example.com/scrape": "true"},
        "podLabels": {"team": "platform"},
        "nodeSelector": {"kubernetes.io/os": "linux", "pool": "system"},
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "Exists"}]}],
        }}},
        "topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "crossaccount-operator"}},
        }],
    })
}
