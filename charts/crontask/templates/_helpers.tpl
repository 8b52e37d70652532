{{- define "crontask.webhookSecret" -}}
{{ .Values.webhook.secretName | default (printf "%s-webhook" (include "crontask.fullname" .)) }}
{{- end }}

{{- define "crontask.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The operator's rights, in the whole cluster or in a namespace. */}}
{{- define "crontask.operatorRules" -}}
- apiGroups: [crontask.dev]
  resources: [crontasks]
  verbs: [get, list, watch]
- apiGroups: [crontask.dev]
  resources: [scheduledruns]
  verbs: [create, get, list, watch, patch, delete]
- apiGroups: [crontask.dev]
  resources: [crontasks/status, scheduledruns/status]
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  verbs: [create, get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [events]
  verbs: [create, get, patch]
{{- end }}
