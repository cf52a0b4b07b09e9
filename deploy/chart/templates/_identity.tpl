{{/* How the operator is somebody in AWS: (dict "Values" .Values "part" "env" | "mounts" | "volumes"). */}}
{{- define "crossaccount.identity.env" -}}
{{- with .Values.aws.region }}
- {name: AWS_REGION, value: {{ . | quote }}}
{{- end }}
{{- with .Values.aws.identity }}
{{- if eq .type "Secret" }}
- {name: AWS_SHARED_CREDENTIALS_FILE, value: {{ printf "/etc/aws/keys/%s" .secret.key | quote }}}
{{- else if eq .type "CredentialProcess" }}
- {name: AWS_CONFIG_FILE, value: /etc/aws/config/config}
{{- end }}
{{- end }}
{{- end -}}

{{- define "crossaccount.identity.mounts" -}}
{{- with .Values.aws.identity }}
{{- if eq .type "Secret" }}
# Not by subPath: keys that are rotated in the Secret are read again.
- {name: aws-keys, mountPath: /etc/aws/keys, readOnly: true}
{{- else if eq .type "CredentialProcess" }}
- {name: aws-config, mountPath: /etc/aws/config, readOnly: true}
- {name: aws-programs, mountPath: /programs, readOnly: true}
{{- if .credentialProcess.secretName }}
- {name: aws-process, mountPath: /etc/aws/process, readOnly: true}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "crossaccount.identity.volumes" -}}
{{- $fullname := include "crossaccount.fullname" . }}
{{- with .Values.aws.identity }}
{{- if eq .type "Secret" }}
- name: aws-keys
  secret:
    secretName: {{ required "aws.identity.secret.name: name the Secret with the operator's own keys" .secret.name }}
    defaultMode: 0440
{{- else if eq .type "CredentialProcess" }}
- name: aws-config
  configMap:
    name: {{ $fullname }}-aws
- name: aws-programs
  image:
    reference: {{ required "aws.identity.credentialProcess.image: name the image that has the program" .credentialProcess.image }}
    pullPolicy: IfNotPresent
{{- with .credentialProcess.secretName }}
- name: aws-process
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
