{{/* Takes values, and files: of this chart, which has the CRDs. */}}
{{- define "crontask.crds" -}}
{{- range $path, $bytes := .files.Glob "files/crds/*.yaml" }}
{{- $crd := $.files.Get $path | fromYaml }}
{{- if $.values.crds.keep }}
{{- $_ := set $crd.metadata "annotations" (dict "helm.sh/resource-policy" "keep") }}
{{- end }}
---
{{ toYaml $crd }}
{{- end }}
{{- end }}
