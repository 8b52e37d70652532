{{- define "crontask.admissionPolicy" -}}
# What only admission can see of a run: the time of its creation, and its old self. CEL in the API server: nothing of ours
# has to run for it.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ include "crontask.fullname" . }}
  labels: {{- include "crontask.labels" . | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [crontask.dev]
        apiVersions: [v1alpha1]
        operations: [CREATE, UPDATE]
        # Without the status, which the operator writes.
        resources: [scheduledruns]
  variables:
    - name: created
      expression: timestamp(object.metadata.creationTimestamp)
    - name: at
      # The schema takes a lower-case t and z, timestamp() does not.
      expression: "has(object.spec.at) ? timestamp(string(object.spec.at).upperAscii()) : timestamp(0)"
    - name: sameAt
      expression: oldObject != null && object.spec.?at == oldObject.spec.?at
  validations:
    - expression: >-
        !has(object.spec.at) || object.spec.?allowPast.orValue(false) || variables.sameAt ||
        variables.at >= variables.created - duration('60s')
      message: "spec.at: is more than a minute before the creation; write a time to come, or set allowPast: true"
      messageExpression: >-
        'spec.at: ' + string(variables.at) + ' is more than a minute before the creation at ' +
        string(variables.created) + '; write a time to come, or set allowPast: true'
    - expression: oldObject == null || object.spec.?args.orValue({}) == oldObject.spec.?args.orValue({})
      message: spec.args cannot be changed; create another ScheduledRun
    - expression: oldObject == null || object.spec.?handler.orValue({}) == oldObject.spec.?handler.orValue({})
      message: spec.handler cannot be changed; create another ScheduledRun
    - expression: oldObject == null || object.spec.?cursor == oldObject.spec.?cursor
      message: spec.cursor cannot be changed; create another ScheduledRun
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ include "crontask.fullname" . }}
  labels: {{- include "crontask.labels" . | nindent 4 }}
spec:
  policyName: {{ include "crontask.fullname" . }}
  validationActions: [Deny]
{{- end }}
