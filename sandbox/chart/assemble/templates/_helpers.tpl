{{- define "name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $long := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{ .Values.fullnameOverride | default $long | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "webhook" -}}
{{ include "fullname" . }}-webhook
{{- end }}

{{- define "selector" -}}
app.kubernetes.io/name: {{ include "name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "shared" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- range $label, $text := .Values.webhook.customLabels }}
{{ $label }}: {{ $text }}
{{- end }}
{{- end }}

{{- define "labels" -}}
{{ include "shared" . }}
control-plane: {{ include "webhook" . }}
{{- end }}

{{- define "account" -}}
{{- $made := ternary (include "webhook" .) "default" .Values.webhook.serviceAccount.create -}}
{{ .Values.webhook.serviceAccount.name | default $made }}
{{- end }}

{{- define "image" -}}
{{ .repository }}{{ ternary "@" ":" (hasPrefix "sha256:" .version) }}{{ .version }}
{{- end }}
