{{- define "crontask.webhookSecret" -}}
{{ .Values.webhook.secretName | default (printf "%s-webhook" (include "crontask.fullname" .)) }}
{{- end }}

{{- define "crontask.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Of pods that are no operators: the name, and what a cluster may ask of every pod. Takes the scope, and the name. */}}
{{- define "crontask.otherPodLabels" -}}
{{- $own := dict "app.kubernetes.io/name" (last .) "app.kubernetes.io/instance" (first .).Release.Name }}
{{- with (first .).Values }}
{{- merge $own (.podLabels | default dict) (.commonLabels | default dict) | toYaml }}
{{- end }}
{{- end }}

{{/* The template of where logs are, if it is one: the operator, which says more, refuses the same at its start. */}}
{{- define "crontask.logsURL" -}}
{{- $names := "(namespace|run|pod|start|end|startMillis|endMillis)" }}
{{- $all := "{namespace}, {run}, {pod}, {start}, {end}, {startMillis} or {endMillis}" }}
{{- $expression := "[{][^{}]*[}]" }}
{{- $form := `https?://([A-Za-z0-9-]{1,63}([.][A-Za-z0-9-]{1,63})*|\[[0-9A-Fa-f:.]+\])(:([0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/([A-Za-z0-9._~:/@!$&'()*+,;=\-]|%[0-9A-Fa-f]{2}|[{](namespace|run|pod|start|end|startMillis|endMillis)(,(namespace|run|pod|start|end|startMillis|endMillis))*[}])*)?(([?]|[{][?](namespace|run|pod|start|end|startMillis|endMillis)(,(namespace|run|pod|start|end|startMillis|endMillis))*[}])([A-Za-z0-9._~:/@!$&'()*+,;=\-?]|%[0-9A-Fa-f]{2}|[{]&?(namespace|run|pod|start|end|startMillis|endMillis)(,(namespace|run|pod|start|end|startMillis|endMillis))*[}])*)?(#([A-Za-z0-9._~:/@!$&'()*+,;=\-?]|%[0-9A-Fa-f]{2}|[{](namespace|run|pod|start|end|startMillis|endMillis)(,(namespace|run|pod|start|end|startMillis|endMillis))*[}])*)?` }}
{{- $host := `^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?` }}
{{- with .Values.logsURL }}
  {{- range regexFindAll $expression . -1 }}
    {{- if not (regexMatch (printf "^[{][?&]?%s(,%s)*[}]$" $names $names) .) }}
      {{- fail (printf "logsURL: has %s, which names no variable; write %s; for the braces themselves %%7B and %%7D" . $all) }}
    {{- end }}
  {{- end }}
  {{- if not (regexMatch (printf "%s([/?#]|[{][?]|$)" $host) .) }}
    {{- fail "logsURL: has no host that is one, or an expression in it; write it like https://logs.example.com/search?pod={pod}" }}
  {{- end }}
  {{- $text := regexReplaceAll $expression (regexReplaceAll $host . "") "" }}
  {{- range regexFindAll "[{}]" $text 1 }}
    {{- fail (printf "logsURL: has a %s that belongs to no other; write {pod} for a variable, and %%7B and %%7D for the braces themselves" .) }}
  {{- end }}
  {{- range regexFindAll "[^A-Za-z0-9._~:/@!$&'()*+,;=?#%-]" $text 1 }}
    {{- fail (printf "logsURL: has %q in it, which no URL may have; write it percent-encoded, like %%20 for a space" .) }}
  {{- end }}
  {{- if not (regexMatch (printf "^(%s)$" $form) .) }}
    {{- fail "logsURL: has a host or a port that is none, a % that encodes nothing, a second #, or {?…} and {&…} where they cannot stand; write {?pod} before any other ?, {&pod} after one, and %25 for the % itself" }}
  {{- end }}
  {{- . }}
{{- end }}
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
