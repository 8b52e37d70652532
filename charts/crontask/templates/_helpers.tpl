{{- define "crontask.fullname" -}}
{{- if contains "crontask" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-crontask" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "crontask.selector" -}}
app.kubernetes.io/name: crontask
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "crontask.labels" -}}
{{ include "crontask.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "crontask.webhookSecret" -}}
{{ .Values.webhook.secretName | default (printf "%s-webhook" (include "crontask.fullname" .)) }}
{{- end }}

{{- define "crontask.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
