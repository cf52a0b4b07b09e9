{{/* Name of everything that the release has: its own name, if that says what it is. */}}
{{- define "crossaccount.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "crossaccount.serviceAccountName" -}}
{{- default (include "crossaccount.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* The operator as the API server knows it. */}}
{{- define "crossaccount.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "crossaccount.serviceAccountName" . }}
{{- end -}}

{{- define "crossaccount.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "crossaccount.labels" -}}
{{ include "crossaccount.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The reference of an image: (dict "image" .Values.image "root" $). */}}
{{- define "crossaccount.image" -}}
{{- with .image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ default $.root.Chart.AppVersion .tag }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* What every container of this chart is held to: the restricted Pod Security Standard, and a root that nobody writes to. */}}
{{- define "crossaccount.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
