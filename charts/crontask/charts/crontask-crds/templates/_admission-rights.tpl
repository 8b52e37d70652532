{{- define "crontask.admissionRights" -}}
{{- $name := include "crontask.fullname" . }}
{{- $group := "authorizer.group('crontask.dev')" }}
{{- $here := ".namespace(request.namespace)" }}
# Who may do what, beyond the verbs that RBAC knows: `trigger` and `suspend` are verbs of CronTasks that nothing but these
# policies asks for. The operator, known by its right to write statuses, is not asked.
#
# A run: whoever may trigger a task may have it run, with args and at a time of his own, and cancel its runs. Whoever may
# create pods in the namespace may in addition set all else, as he could run the same without crontask.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ $name }}-run-rights
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
  matchConditions:
    - name: not-the-operator
      expression: "!{{ $group }}.resource('scheduledruns').subresource('status'){{ $here }}.check('update').allowed()"
  variables:
    - name: created
      expression: "oldObject == null"
    - name: mayCreatePods
      expression: authorizer.group('').resource('pods'){{ $here }}.check('create').allowed()
    # Without what asks the authorizer: messages may not.
    - name: cannot
      expression: "request.userInfo.username + ' may not create pods in namespace ' + request.namespace"
    # A fan-out over a CronTask, and nothing else: how a task is run for many nominal times, or many args.
    - name: fansOut
      expression: >-
        has(object.spec.handler) && object.spec.handler.all(key, key == 'forEach') &&
        has(object.spec.handler.forEach.handler.task) && object.spec.handler.forEach.handler.all(key, key == 'task') &&
        object.spec.handler.forEach.all(key, !(key in ['collect', 'retry', 'timeout']))
    - name: task
      expression: >-
        has(object.spec.taskRef) ? object.spec.taskRef.name :
        variables.fansOut ? object.spec.handler.forEach.handler.task : ''
    - name: named
      expression: "has(object.metadata.name) ? object.metadata.name : object.metadata.generateName + '00000'"
    - name: begin
      expression: "variables.named.contains('-') ? variables.named.substring(0, variables.named.lastIndexOf('-')) : ''"
    - name: more
      expression: >-
        object.spec.filter(key, !(key in [{{ include "crontask.triggerFields" . }}]) &&
        !(key == 'allowPast' && !object.spec.allowPast))
    {{- include "crontask.metadataVariables" . | nindent 4 }}
  validations:
    - expression: >-
        !(has(object.spec.taskRef)) ||
        {{ $group }}.resource('crontasks').name(object.spec.taskRef.name){{ $here }}.check('trigger').allowed()
      reason: Forbidden
      message: "spec.taskRef: you may not trigger this CronTask; ask for the verb trigger on it"
      messageExpression: >-
        'spec.taskRef: ' + request.userInfo.username + ' may not trigger the CronTask ' +
        object.spec.taskRef.name + ' in namespace ' + request.namespace +
        '; bind a role with the verb trigger on it, like {{ $name }}-trigger'
    - expression: >-
        !(has(object.spec.onComplete) && has(object.spec.onComplete.taskRef)) ||
        {{ $group }}.resource('crontasks').name(object.spec.onComplete.taskRef.name){{ $here }}.check('trigger').allowed()
      reason: Forbidden
      message: "spec.onComplete.taskRef: you may not trigger this CronTask; ask for the verb trigger on it"
      messageExpression: >-
        'spec.onComplete.taskRef: ' + request.userInfo.username + ' may not trigger the CronTask ' +
        object.spec.onComplete.taskRef.name + ' in namespace ' + request.namespace +
        '; bind a role with the verb trigger on it, like {{ $name }}-trigger'
    - expression: >-
        !(variables.fansOut) ||
        {{ $group }}.resource('crontasks').name(object.spec.handler.forEach.handler.task){{ $here }}.check('trigger').allowed()
      reason: Forbidden
      message: "spec.handler.forEach.handler.task: you may not trigger this CronTask; ask for the verb trigger on it"
      messageExpression: >-
        'spec.handler.forEach.handler.task: ' + request.userInfo.username + ' may not trigger the CronTask ' +
        object.spec.handler.forEach.handler.task + ' in namespace ' + request.namespace +
        '; bind a role with the verb trigger on it, like {{ $name }}-trigger'
    # A run of no task, or a part of another run: whoever may trigger every task here may cancel it and answer it.
    - expression: >-
        variables.created || (variables.task != '' && !has(object.spec.parent)) || variables.mayCreatePods ||
        {{ $group }}.resource('crontasks'){{ $here }}.check('trigger').allowed()
      reason: Forbidden
      message: "spec: you may not change a run that is of no CronTask which you may trigger"
      messageExpression: >-
        'spec: ' + variables.cannot + ', and may not trigger every CronTask there, and so may not change a run ' +
        (has(object.spec.parent) ? 'that is a part of another' : 'with a handler of its own') + '; ask who may'
    - expression: >-
        !variables.created || variables.mayCreatePods || !has(object.spec.handler) || variables.fansOut
      reason: Forbidden
      message: >-
        spec.handler: whoever may not create pods here may not run a handler either; name a CronTask in spec.taskRef
        instead
      messageExpression: >-
        'spec.handler: ' + variables.cannot + ', and so may not run a handler of its own there but forEach over task; name ' +
        'a CronTask in spec.taskRef instead'
    - expression: >-
        !variables.created || variables.mayCreatePods || !has(object.spec.rerunOf) ||
        (has(object.spec.taskRef) && object.spec.rerunOf.?definition.orValue('Same') == 'Latest')
      reason: Forbidden
      message: >-
        spec.rerunOf: whoever may not create pods here may not choose what was run before either; name its CronTask in
        spec.taskRef, and write definition: Latest
      messageExpression: >-
        'spec.rerunOf: ' + variables.cannot + ', and so may only run again what a CronTask says now; name it in ' +
        'spec.taskRef, and write definition: Latest'
    - expression: "!variables.created || !has(object.spec.parent)"
      reason: Forbidden
      message: "spec.parent: only the operator makes the parts of a run; remove it"
    - expression: "!variables.created || variables.mayCreatePods || variables.more.all(key, key in ['handler', 'parent'])"
      reason: Forbidden
      message: "spec: whoever may not create pods here may not set this field of a run; remove it"
      messageExpression: >-
        'spec.' + variables.more.filter(key, !(key in ['handler', 'parent'])).join(', spec.') + ': ' + variables.cannot +
        ', and so may not set this on a run; leave it to the CronTask'
    # Nobody takes the name of a run to come: those of times, parts and follow-ups end in 6, 8 and 12 letters or digits;
    # those of keys in 10, after the task's name; those of backfills in 13. The API server makes 5 of generateName; names
    # drawn at random have 11. Of names that are too long the begin is cut.
    - expression: >-
        !variables.created || variables.mayCreatePods || variables.named.matches('-([a-z0-9]{5}|[a-z0-9]{11})$') ||
        (variables.named.matches('-[a-z0-9]{10}$') && (variables.begin == variables.task ||
        (variables.task.size() > 49 && variables.begin.size() > 40 && variables.task.startsWith(variables.begin)))) ||
        (variables.named.matches('-[a-z0-9]{13}$') && variables.fansOut &&
        (variables.begin == variables.task + '-backfill' || (variables.task.size() > 37 && variables.begin.size() > 37 &&
        (variables.task + '-backfill').startsWith(variables.begin))))
      reason: Forbidden
      message: >-
        metadata.name: whoever may not create pods here may not choose the whole name of a run; write generateName with a
        - at its end
      messageExpression: >-
        'metadata.name: ' + variables.cannot + ', and so may not choose the whole name of a run; write generateName with ' +
        'a - at its end, or a name that ends in - and eleven letters or digits'
    {{- include "crontask.metadataRules" . | nindent 4 }}
    - expression: "variables.mayCreatePods || object.metadata.?finalizers.orValue([]) == variables.before.?finalizers.orValue([])"
      reason: Forbidden
      message: "metadata.finalizers: whoever may not create pods here may not hold back a run's removal, or let go of it; leave them as they are"
    - expression: "variables.mayCreatePods || object.metadata.?ownerReferences.orValue([]) == variables.before.?ownerReferences.orValue([])"
      reason: Forbidden
      message: "metadata.ownerReferences: whoever may not create pods here may not give a run an owner, or take it away; leave them as they are"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}-run-rights
  labels: {{- include "crontask.labels" . | nindent 4 }}
spec:
  policyName: {{ $name }}-run-rights
  validationActions: [Deny]
---
# A task: whoever may create CronTasks may change all of one that he may update. Who may not can pause and resume it, with
# the verb `suspend` on it.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ $name }}-task-rights
  labels: {{- include "crontask.labels" . | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [crontask.dev]
        apiVersions: [v1alpha1]
        operations: [CREATE, UPDATE]
        resources: [crontasks]
  matchConditions:
    - name: not-the-operator
      expression: "!{{ $group }}.resource('crontasks').subresource('status'){{ $here }}.check('update').allowed()"
  variables:
    - name: mayEdit
      expression: >-
        oldObject == null || {{ $group }}.resource('crontasks'){{ $here }}.check('create').allowed()
    - name: changed
      expression: >-
        oldObject == null ? [] :
        object.spec.filter(key, !(key in oldObject.spec) || object.spec[key] != oldObject.spec[key]) +
        oldObject.spec.filter(key, !(key in object.spec))
    - name: more
      expression: "variables.changed.filter(key, !(key in ['suspend', 'suspendUntil', 'suspendReason']))"
    {{- include "crontask.metadataVariables" . | nindent 4 }}
    - name: labels
      expression: object.metadata.?labels.orValue({})
    - name: annotations
      expression: object.metadata.?annotations.orValue({})
  validations:
    - expression: variables.mayEdit || variables.more.size() == 0
      reason: Forbidden
      message: "spec: whoever may not create CronTasks here may only change suspend, suspendUntil and suspendReason"
      messageExpression: >-
        'spec.' + variables.more.join(', spec.') + ': ' + request.userInfo.username + ' may not create CronTasks in ' +
        'namespace ' + request.namespace + ', and so may only change suspend, suspendUntil and suspendReason of one; ' +
        'leave the rest as it is'
    - expression: >-
        variables.mayEdit ||
        {{ $group }}.resource('crontasks').name(object.metadata.name){{ $here }}.check('suspend').allowed()
      reason: Forbidden
      message: "spec.suspend: you may not suspend this CronTask; ask for the verb suspend on it"
      messageExpression: >-
        'spec.suspend: ' + request.userInfo.username + ' may not suspend the CronTask ' + object.metadata.name +
        ' in namespace ' + request.namespace + '; bind a role with the verb suspend on it, like {{ $name }}-operate'
    - expression: >-
        variables.mayEdit || (variables.labels == variables.before.?labels.orValue({}) &&
        object.metadata.?finalizers.orValue([]) == variables.before.?finalizers.orValue([]) &&
        object.metadata.?ownerReferences.orValue([]) == variables.before.?ownerReferences.orValue([]))
      reason: Forbidden
      message: >-
        metadata: whoever may not create CronTasks here may not change labels, finalizers or owners of one; leave them as
        they are
    - expression: >-
        variables.mayEdit ||
        (variables.annotations.all(key, key in ['crontask.dev/resume', 'crontask.dev/suspended-by'] ||
        (key in variables.annotationsBefore && variables.annotations[key] == variables.annotationsBefore[key])) &&
        variables.annotationsBefore.all(key, key in ['crontask.dev/resume', 'crontask.dev/suspended-by'] ||
        key in variables.annotations))
      reason: Forbidden
      message: >-
        metadata.annotations: whoever may not create CronTasks here may only change crontask.dev/resume and
        crontask.dev/suspended-by; leave the others as they are
    {{- include "crontask.metadataRules" . | nindent 4 }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}-task-rights
  labels: {{- include "crontask.labels" . | nindent 4 }}
spec:
  policyName: {{ $name }}-task-rights
  validationActions: [Deny]
{{- end }}
