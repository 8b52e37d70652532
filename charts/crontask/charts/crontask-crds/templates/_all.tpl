{{/* All of it that the values ask for. Takes root: a chart's scope; files: as for the CRDs. */}}
{{- define "crontask.ofTheCluster" -}}
{{- with .root.Values }}
{{- if .crds.enabled }}
{{ include "crontask.crds" (dict "values" . "files" $.files) }}
{{- end }}
{{- if .admissionPolicy.enabled }}
---
{{ include "crontask.admissionPolicy" $.root }}
---
{{ include "crontask.admissionRights" $.root }}
{{- end }}
{{- if .userRoles.enabled }}
---
{{ include "crontask.userRoles" $.root }}
{{- end }}
{{- end }}
{{- end }}
