{{/* The name that what is made begins with. This chart, installed as crontask-crds, calls it as the chart crontask would. */}}
{{- define "crontask.fullname" -}}
{{- $release := .Release.Name | trimSuffix "-crds" }}
{{- if contains "crontask" $release }}{{ $release | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-crontask" $release | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "crontask.selector" -}}
app.kubernetes.io/name: crontask
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "crontask.labels" -}}
{{ include "crontask.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- range $label, $value := .Values.commonLabels }}
{{- if has $label (include "crontask.ownLabels" . | splitList " ") }}
{{- fail (printf "commonLabels: %s is a label of the chart's own; remove it" $label) }}
{{- end }}
{{ $label | quote }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "crontask.ownLabels" -}}
app.kubernetes.io/name app.kubernetes.io/instance app.kubernetes.io/version app.kubernetes.io/managed-by app.kubernetes.io/component helm.sh/chart
{{- end }}

{{/* The labels, with those of one object, each once. Takes the scope, and these: they go before commonLabels. */}}
{{- define "crontask.labelsAnd" -}}
{{- $more := last . | default dict }}
{{- range include "crontask.ownLabels" . | splitList " " }}
{{- $more = omit $more . }}
{{- end }}
{{- mergeOverwrite (include "crontask.labels" (first .) | fromYaml) $more | toYaml }}
{{- end }}

{{/* What a run may set that somebody makes who may trigger its task and may not create pods. */}}
{{- define "crontask.triggerFields" -}}
'taskRef', 'at', 'delay', 'scheduledTime', 'args', 'idempotencyKey', 'suspend', 'cancel', 'cancelReason', 'cancelMode', 'onComplete', 'rerunOf'
{{- end }}

{{/* Labels and annotations of crontask.dev/ that are made by people and programs; all others are the operator's alone. */}}
{{- define "crontask.metadataVariables" -}}
- name: before
  expression: "oldObject == null ? {} : oldObject.metadata"
- name: labelsBefore
  expression: variables.before.?labels.orValue({})
- name: annotationsBefore
  expression: variables.before.?annotations.orValue({})
- name: ours
  expression: >-
    object.metadata.?labels.orValue({}).filter(key, key.startsWith('crontask.dev/') &&
    !(key in ['crontask.dev/owner']) &&
    (!(key in variables.labelsBefore) || variables.labelsBefore[key] != object.metadata.labels[key])) +
    variables.labelsBefore.filter(key, key.startsWith('crontask.dev/') &&
    !(key in ['crontask.dev/owner']) && !(key in object.metadata.?labels.orValue({}))) +
    object.metadata.?annotations.orValue({}).filter(key, key.startsWith('crontask.dev/') &&
    !(key in [{{ include "crontask.annotations" . }}]) &&
    (!(key in variables.annotationsBefore) || variables.annotationsBefore[key] != object.metadata.annotations[key])) +
    variables.annotationsBefore.filter(key, key.startsWith('crontask.dev/') &&
    !(key in [{{ include "crontask.annotations" . }}]) && !(key in object.metadata.?annotations.orValue({})))
{{- end }}

{{- define "crontask.annotations" -}}
'crontask.dev/resume', 'crontask.dev/suspended-by', 'crontask.dev/approve', 'crontask.dev/reject', 'crontask.dev/backfill', 'crontask.dev/revision', 'crontask.dev/switched-from', 'crontask.dev/switch-back'
{{- end }}

{{- define "crontask.metadataRules" -}}
- expression: variables.ours.size() == 0
  reason: Forbidden
  message: "metadata: a label or annotation of crontask.dev/ that is the operator's alone; leave it as it is"
  messageExpression: >-
    'metadata: ' + variables.ours.join(', ') + ': is written by the operator alone; leave it as it is'
- expression: >-
    object.metadata.?ownerReferences.orValue([]).all(each, !each.apiVersion.startsWith('crontask.dev/') ||
    each in variables.before.?ownerReferences.orValue([]))
  reason: Forbidden
  message: >-
    metadata.ownerReferences: only the operator makes a CronTask or a ScheduledRun the owner of others of their kind;
    remove it
{{- end }}
