"""The pod of one attempt, from the handler of a task or run.

The handler's own words are kept; crontask adds names, labels, the owner, the environment, `restartPolicy: Never`, and
no service account token unless the template asks for one. Callers: engine.execute.
"""

import copy
from datetime import datetime
from typing import Any

from crontask.api.base import API_VERSION
from crontask.api.handler import Handler
from crontask.api.names import LABEL_RUN, LABEL_TASK, MAIN_CONTAINER, pod_name
from crontask.api.pod import DEFAULT_CONTAINER
from crontask.api.trigger import Trigger
from crontask.api.validate import template_container_names
from crontask.workload.environment import Identity, Interval, environment

Document = dict[str, Any]


def build_pod(
    handler: Handler,
    identity: Identity,
    scheduled: datetime,
    interval: Interval,
    args: dict[str, Any],
    trigger: Trigger | None = None,
) -> Document:
    """A core/v1 Pod to create. `handler` is a valid one."""
    if handler.container is not None:
        template: Document = {"spec": {"containers": [{"name": MAIN_CONTAINER, **handler.container}]}}
        main = MAIN_CONTAINER
    else:
        template = copy.deepcopy(handler.pod_template or {})
        main = handler.result_from or template_container_names(template)[0]
    spec = {"automountServiceAccountToken": False, **template["spec"], "restartPolicy": "Never"}
    variables = environment(identity, scheduled, interval, args, trigger)
    for group in ("containers", "initContainers"):
        if spec.get(group):
            spec[group] = [
                _with_environment(container, variables) if isinstance(container, dict) else container
                for container in spec[group]
            ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(template.get("metadata") or {}, identity, main),
        "spec": spec,
    }


def _metadata(template: Document, identity: Identity, main: str) -> Document:
    labels = {**(template.get("labels") or {}), LABEL_RUN: identity.run}
    if identity.task:
        labels[LABEL_TASK] = identity.task
    return {
        "name": pod_name(identity.run, identity.attempt),
        "namespace": identity.namespace,
        "labels": labels,
        "annotations": {**(template.get("annotations") or {}), DEFAULT_CONTAINER: main},
        "ownerReferences": [owner_reference("ScheduledRun", identity.run, identity.run_uid)],
    }


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
