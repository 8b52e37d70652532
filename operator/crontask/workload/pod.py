"""The pod of one attempt, from the handler of a task or run.

What the handler says is kept; crontask adds names, labels, the owner, the environment, `restartPolicy: Never`, and
no service account token unless the template asks for one.
"""

import copy
from datetime import datetime
from typing import Any, cast

from crontask.api.base import API_VERSION, GROUP
from crontask.api.names import ANNOTATION_GROUP, LABEL_PARENT, LABEL_RUN, LABEL_TASK, MAIN_CONTAINER, pod_name
from crontask.api.pod import DEFAULT_CONTAINER
from crontask.api.simple_handler import SimpleHandler
from crontask.api.trigger import Trigger
from crontask.api.validate_template import template_container_names
from crontask.workload.environment import Identity, Interval, environment
from crontask.workload.merge import merged
from crontask.workload.runner import grace_of, http_template, message_limit, python_template

Document = dict[str, Any]


def build_pod(
    handler: SimpleHandler,
    identity: Identity,
    scheduled: datetime,
    interval: Interval,
    args: dict[str, Any],
    trigger: Trigger | None = None,
    runner_image: str = "",
) -> Document:
    """A core/v1 Pod to create. `handler` is a valid one; `runner_image`: that of handlers without one of their own."""
    template = _template(handler, runner_image)
    main = handler.result_from or template_container_names(template)[0]
    spec = {"automountServiceAccountToken": False, **template["spec"], "restartPolicy": "Never"}
    variables = environment(identity, scheduled, interval, args, trigger)
    for group in ("containers", "initContainers"):
        if spec.get(group):
            spec[group] = [
                _with_environment(container, variables) if isinstance(container, dict) else container
                for container in spec[group]
            ]
    batch = identity.parent.batch if identity.parent is not None else None
    if batch is not None and batch.reuse is not None:
        spec.setdefault("terminationGracePeriodSeconds", grace_of(batch.reuse))
    if handler.http is not None or handler.python is not None:
        limit = {"name": "CRONTASK_MESSAGE_BYTES", "value": str(message_limit(spec))}
        spec["containers"] = [
            {**container, "env": [*container["env"], limit]} if container.get("name") == main else container
            for container in spec["containers"]
        ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(template.get("metadata") or {}, identity, main),
        "spec": spec,
    }


def _template(handler: SimpleHandler, runner_image: str) -> Document:
    """The pod template of the handler; the container named first in it is the handler's, unless resultFrom says so."""
    if handler.pod_template is not None:
        return copy.deepcopy(handler.pod_template)
    if handler.http is not None:
        template = http_template(handler.http, runner_image)
    elif handler.python is not None:
        template = python_template(handler.python, runner_image)
    else:
        template = {"spec": {"containers": [{"name": MAIN_CONTAINER, **(handler.container or {})}]}}
    return template if handler.pod is None else cast(Document, merged(template, handler.pod))


def _metadata(template: Document, identity: Identity, main: str) -> Document:
    labels = {**(template.get("labels") or {}), LABEL_RUN: identity.run}
    if identity.task:
        labels[LABEL_TASK] = identity.task
    if identity.parent is not None:
        labels[LABEL_PARENT] = identity.parent.name
    annotations = {**_without_ours(template.get("annotations") or {}), DEFAULT_CONTAINER: main}
    if identity.group is not None:
        annotations[ANNOTATION_GROUP] = identity.group
    return {
        "name": pod_name(identity.run, identity.attempt),
        "namespace": identity.namespace,
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": [owner_reference("ScheduledRun", identity.run, identity.run_uid)],
    }


def _without_ours(annotations: Document) -> Document:
    """A template's annotations, but for those that we write."""
    return {name: value for name, value in annotations.items() if not name.startswith(f"{GROUP}/")}


def owner_reference(kind: str, name: str, uid: str) -> Document:
    """A controlling owner reference to one of our objects; it never blocks the owner's deletion."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _with_environment(container: Document, variables: list[dict[str, str]]) -> Document:
    """Ours first, so that the user's variables may refer to them, as in $(CRONTASK_RUN)."""
    ours = {variable["name"] for variable in variables}
    theirs = [variable for variable in container.get("env") or [] if variable.get("name") not in ours]
    return {**container, "env": [*variables, *theirs]}
