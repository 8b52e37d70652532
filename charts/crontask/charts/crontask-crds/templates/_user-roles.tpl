{{- define "crontask.userRoles" -}}
# Roles for people and programs: to look; to trigger and cancel; to pause as well; to edit. `trigger` and `suspend` are
# asked for by the admission policies: in a role of your own with resourceNames they are of those CronTasks alone.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "crontask.fullname" . }}-view
  labels:
    {{- include "crontask.labels" . | nindent 4 }}
    rbac.authorization.k8s.io/aggregate-to-view: "true"
rules:
  - apiGroups: [crontask.dev]
    resources: [crontasks, scheduledruns]
    verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "crontask.fullname" . }}-trigger
  labels: {{- include "crontask.labels" . | nindent 4 }}
rules:
  - apiGroups: [crontask.dev]
    resources: [crontasks]
    verbs: [get, list, watch, trigger]
  - apiGroups: [crontask.dev]
    resources: [scheduledruns]
    verbs: [create, get, list, watch, patch, update]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "crontask.fullname" . }}-operate
  labels: {{- include "crontask.labels" . | nindent 4 }}
rules:
  - apiGroups: [crontask.dev]
    resources: [crontasks]
    verbs: [get, list, watch, patch, update, trigger, suspend]
  - apiGroups: [crontask.dev]
    resources: [scheduledruns]
    verbs: [create, get, list, watch, patch, update]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "crontask.fullname" . }}-edit
  labels:
    {{- include "crontask.labels" . | nindent 4 }}
    rbac.authorization.k8s.io/aggregate-to-edit: "true"
    rbac.authorization.k8s.io/aggregate-to-admin: "true"
rules:
  - apiGroups: [crontask.dev]
    resources: [crontasks, scheduledruns]
    verbs: [create, get, list, watch, patch, update, delete, deletecollection]
  - apiGroups: [crontask.dev]
    resources: [crontasks]
    verbs: [trigger, suspend]
{{- end }}
