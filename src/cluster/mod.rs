//! Effects on Kubernetes.
