"""The service account by which the pods of a task may trigger others. Pure. Called by the SDK."""

from collections.abc import Mapping
from typing import Any

from crontask.api.resources import SERVICE_ACCOUNT
from crontask.client.errors import BadInput
from crontask.client.requests import Document, checked_name

MAY_TRIGGER = "crontask-trigger"
"""The service account, where none is named."""
_WITH_PODS = ("python", "container")


def with_service_account(handler: Any, may_trigger: bool | str) -> Document:
    """The handler, whose pods are given the token of that service account. Raises BadInput."""
    name = MAY_TRIGGER if may_trigger is True else may_trigger
    if not isinstance(name, str):
        problem = f"is {may_trigger!r}"
        raise BadInput("may_trigger", problem, "write True, or the name of a service account")
    checked_name(name, SERVICE_ACCOUNT)
    if not isinstance(handler, Mapping) or not any(handler.get(variant) is not None for variant in _WITH_PODS):
        fix = (
            "write pod: {spec: {serviceAccountName: NAME, automountServiceAccountToken: true}} beside each that should"
        )
        raise BadInput("may_trigger", "goes with a python or container handler only", fix)
    pod = handler.get("pod") or {}
    spec = pod.get("spec") or {}
    if spec.get("serviceAccountName", name) != name:
        problem = f"is {name}, and handler.pod names the service account {spec['serviceAccountName']}"
        raise BadInput("may_trigger", problem, f"write may_trigger={spec['serviceAccountName']!r}")
    given = {**spec, "serviceAccountName": name, "automountServiceAccountToken": True}
    return {**handler, "pod": {**pod, "spec": given}}
