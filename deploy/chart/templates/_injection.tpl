{{/*
What the two policies of injection.yaml share. Expressions are in CEL. A value that breaks the rules of its annotation is ignored
here, so that no expression fails on it; the guard then refuses the pod with a message.
*/}}

{{- define "crossaccount.injection.prefix" -}}iam.crossaccount.dev/{{- end -}}

{{/* Names of Kubernetes objects, absolute paths as in spec.secret.mountPath, and regions. */}}
{{- define "crossaccount.injection.isName" -}}^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*${{- end -}}
{{- define "crossaccount.injection.isPath" -}}^(/[.]?[A-Za-z0-9_-][A-Za-z0-9_.-]*)+${{- end -}}
{{- define "crossaccount.injection.isRegion" -}}^[a-z]+(-[a-z0-9]+)+${{- end -}}
{{/* `name` or `name=secret`. */}}
{{- define "crossaccount.injection.isEntry" -}}^[a-z0-9][-.a-z0-9]*(=[a-z0-9][-.a-z0-9]*)?${{- end -}}

{{/* Which pods: those with the label, and none that the cluster or the operator itself needs to start. */}}
{{- define "crossaccount.injection.scope" -}}
objectSelector:
  matchExpressions:
  - {key: iam.crossaccount.dev/role, operator: Exists}
namespaceSelector:
  matchExpressions:
  - {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, {{ .Release.Namespace }}]}
  {{- with .Values.watchNamespaces }}
  - {key: kubernetes.io/metadata.name, operator: In, values: {{ toJson . }}}
  {{- end }}
{{- end -}}

{{/* What the label and the annotations of a pod ask for. */}}
{{- define "crossaccount.injection.variables" -}}
{{- $prefix := include "crossaccount.injection.prefix" . -}}
- name: annotations
  expression: object.metadata.?annotations.orValue({})
- name: role
  expression: string(object.metadata.?labels["{{ $prefix }}role"].orValue(""))
- name: agent
  expression: variables.annotations[?"{{ $prefix }}agent"].orValue("false") == "true"
- name: skipped
  expression: variables.annotations[?"{{ $prefix }}skip-containers"].orValue("").split(",").map(name, name.trim())
# The folder in which programs find the Secret. The agent's own mount is always at the default path.
- name: path
  expression: >-
    !variables.agent && variables.annotations[?"{{ $prefix }}mount-path"].orValue("").matches(r'{{ include "crossaccount.injection.isPath" . }}')
    ? string(variables.annotations["{{ $prefix }}mount-path"]) : "/var/run/secrets/aws"
- name: secret
  expression: >-
    variables.annotations[?"{{ $prefix }}secret"].orValue("").matches(r'{{ include "crossaccount.injection.isName" . }}')
    ? string(variables.annotations["{{ $prefix }}secret"]) : variables.role
- name: region
  expression: >-
    [string(variables.annotations[?"{{ $prefix }}region"].orValue(""))].filter(region, region.matches(r'{{ include "crossaccount.injection.isRegion" . }}'))
# Each entry of the annotation `roles`, as it is written, and as name and Secret.
- name: entries
  expression: >-
    "{{ $prefix }}roles" in variables.annotations
    ? string(variables.annotations["{{ $prefix }}roles"]).split(",").map(entry, entry.trim()) : []
- name: listed
  expression: >-
    variables.entries.filter(entry, entry.matches(r'{{ include "crossaccount.injection.isEntry" . }}')).map(entry, entry.split("="))
    .map(entry, [entry[0], entry.size() > 1 ? entry[1] : entry[0] == variables.role ? variables.secret : entry[0]])
- name: several
  expression: >-
    !variables.agent && variables.listed.size() > 0
    && variables.listed.all(entry, variables.listed.exists_one(other, other[0] == entry[0]))
# Name and Secret of each role. That of the label is among them.
- name: roles
  expression: >-
    (variables.listed.exists(entry, entry[0] == variables.role) ? [] : [[variables.role, variables.secret]]) + variables.listed
# The variables of a container, by name and value. The first one says whether a container has its own configuration.
- name: environment
  expression: >-
    (variables.agent ? [
      ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9911/v1/credentials"],
      ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/run/secrets/aws-agent/token"],
      ["AWS_EC2_METADATA_DISABLED", "true"]
    ] : [
      ["AWS_CONFIG_FILE", variables.path + "/config"],
      ["AWS_SHARED_CREDENTIALS_FILE", "/dev/null"],
      ["AWS_SDK_LOAD_CONFIG", "1"],
      ["AWS_EC2_METADATA_DISABLED", "true"]
    ]) + variables.region.map(region, ["AWS_REGION", region]) + variables.region.map(region, ["AWS_DEFAULT_REGION", region])
# The mount of a container: the volume and where it is.
- name: mount
  expression: >-
    variables.agent ? ["aws-credentials-token", "/var/run/secrets/aws-agent"] : ["aws-credentials", variables.path]
{{- end -}}

{{/*
Operations that give the containers of one list environment and mount: (dict "list" "containers" "if" <CEL that is true for
those that may have them>). A container with its own configuration, or its own mount at the path, is left as it is.
*/}}
{{- define "crossaccount.injection.containers" -}}
object.spec.?{{ .list }}.orValue([]).transformList(i, c,
  {{ .if }}
  && !(c.name in variables.skipped)
  && c.name != "aws-credentials-agent"
  && !c.?env.orValue([]).exists(e, e.name == variables.environment[0][0])
  && !c.?volumeMounts.orValue([]).exists(m, m.mountPath == variables.mount[1]),
  (has(c.env) ? [] : [JSONPatch{op: "add", path: "/spec/{{ .list }}/" + string(i) + "/env", value: []}])
  + variables.environment.filter(v, !c.?env.orValue([]).exists(e, e.name == v[0])).map(v, JSONPatch{
      op: "add", path: "/spec/{{ .list }}/" + string(i) + "/env/-",
      value: Object.spec.{{ .list }}.env{name: v[0], value: v[1]}
    })
  + (has(c.volumeMounts) ? [] : [JSONPatch{op: "add", path: "/spec/{{ .list }}/" + string(i) + "/volumeMounts", value: []}])
  + [JSONPatch{
      op: "add", path: "/spec/{{ .list }}/" + string(i) + "/volumeMounts/-",
      value: Object.spec.{{ .list }}.volumeMounts{name: variables.mount[0], mountPath: variables.mount[1], readOnly: true}
    }]
).flatten()
{{- end -}}
