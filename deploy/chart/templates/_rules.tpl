{{/* What the operator may do in each namespace that it watches. */}}
{{- define "crossaccount.namespacedRules" -}}
- apiGroups: [iam.crossaccount.dev]
  resources: [crossaccountroles]
  verbs: [get, list, watch]
# The finalizers. The specification itself is never written.
- apiGroups: [iam.crossaccount.dev]
  resources: [crossaccountroles]
  verbs: [patch]
- apiGroups: [iam.crossaccount.dev]
  resources: [crossaccountroles/status]
  verbs: [patch]
# By this right the admission policies know who may write credentials and status.
- apiGroups: [iam.crossaccount.dev]
  resources: [crossaccountroles]
  verbs: [publish]
# Secrets name their CrossAccountRole as a blocking owner; clusters with the admission plugin
# OwnerReferencesPermissionEnforcement ask for this.
- apiGroups: [iam.crossaccount.dev]
  resources: [crossaccountroles/finalizers]
  verbs: [update]
# Server-side apply needs `create` and `patch`; list and watch are of metadata only.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# For spec.rolloutRestarts. May be left out: then workloads named there are not restarted, and RolloutsReady says so.
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, patch]
# To name pods that still hold earlier credentials. May be left out: then ConsumersStale says that it is not known.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- if .Values.nudgePods }}
# One annotation of pods, after which the kubelet shows them new credentials at once.
- apiGroups: [""]
  resources: [pods]
  verbs: [patch]
{{- end }}
{{- end -}}

{{/* What it may do beside: accounts belong to no namespace, and namespaces are read for `allowedNamespaces`. */}}
{{- define "crossaccount.clusterRules" -}}
- apiGroups: [iam.crossaccount.dev]
  resources: [awsaccounts]
  verbs: [get, list, watch]
# The finalizers. The specification itself is never written.
- apiGroups: [iam.crossaccount.dev]
  resources: [awsaccounts]
  verbs: [patch]
- apiGroups: [iam.crossaccount.dev]
  resources: [awsaccounts/status]
  verbs: [patch]
- apiGroups: [iam.crossaccount.dev]
  resources: [awsaccounts]
  verbs: [publish]
# Labels for `allowedNamespaces`, and the UID of kube-system as the cluster's name.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
{{- end -}}
