"""How a verb that talks to a cluster ends: exit codes, and what is said of an API server that refuses.

Scripts go by the codes, so that they stay; docs/command-line.md has them all.
"""

import sys
from typing import TYPE_CHECKING, NoReturn

import click

from crontask.api.phases import RunPhase

if TYPE_CHECKING:
    from crontask.client import errors

FAILED = 1
BAD_INPUT = 2
STILL_WAITING = 3
CANCELED = 4
NEVER_RAN = 5
PARTIAL = 6
FORBIDDEN = 7
LOST = 8
NOT_REACHED = 9
GONE = 10
INTERRUPTED = 130

ENDS: dict[str, int] = {
    RunPhase.SUCCEEDED: 0,
    RunPhase.PARTIAL: 0,
    RunPhase.FAILED: FAILED,
    RunPhase.TIMED_OUT: FAILED,
    RunPhase.CANCELED: CANCELED,
    RunPhase.SKIPPED: NEVER_RAN,
    RunPhase.MISSED: NEVER_RAN,
}
"""The phases of a run that has ended, with the exit code of who has waited for it."""

# The roles that the chart makes, by what they are needed for; what is below a resource is Kubernetes' own business.
_VIEW, _TRIGGER, OPERATE, _EDIT = "crontask-view", "crontask-trigger", "crontask-operate", "crontask-edit"
_KUBERNETES_VIEW, KUBERNETES_EDIT = "view", "edit"
# What a policy says to who writes manifests, and what that is on the command line.
_WRITTEN_HERE = {"name it in spec.taskRef, and write definition: Latest": "write --latest"}


def stop(code: int, *messages: str) -> NoReturn:
    """Say why on stderr, a line each, and exit."""
    for message in messages:
        click.echo(message, err=True)
    sys.exit(code)


def of_phase(phase: str, *, strict: bool = False) -> int:
    """The exit code of who waited for a run that ended so; `strict`: a partial success is none."""
    return PARTIAL if strict and phase == RunPhase.PARTIAL else ENDS[phase]


def explain(error: "errors.ClientError") -> tuple[int, str]:
    """The exit code and the message of an error of the client."""
    from crontask.client import errors

    if isinstance(error, errors.Forbidden):
        return FORBIDDEN, forbidden(error)
    if isinstance(error, errors.NotFound) and error.unknown_resource:
        missing = f"the API server does not know {error.asked.resource.full_name if error.asked.resource else 'it'}"
        return NOT_REACHED, f"{missing}; install crontask in this cluster, with its CRDs ({error.message})"
    if isinstance(error, errors.Unauthorized):
        return NOT_REACHED, f"the API server does not know who you are: {error.message}; log in again"
    if isinstance(error, errors.Invalid) and error.asked.verb == "list":
        # Names are checked before they are sent: it can only be the labels.
        return BAD_INPUT, f"-l: {error.message}; write labels like app=shop,tier!=web"
    if isinstance(error, errors.RequestError):
        bad = isinstance(error, errors.NotFound | errors.Invalid)
        return BAD_INPUT if bad else NOT_REACHED, error.message
    return NOT_REACHED if isinstance(error, errors.AccessError) else BAD_INPUT, str(error)


_DENIED = " denied request: "


def forbidden(error: "errors.Forbidden", role: str = "") -> str:
    """What is missing, and how to give it. `role`: the ClusterRole that gives all that is needed, if it is known."""
    if not error.resource or error.by_admission:
        # No role gives what a policy, a webhook or a quota refuses; ours say what is missing.
        said = error.message.rpartition(_DENIED)[2]
        for written, here in _WRITTEN_HERE.items():
            said = said.replace(written, here)
        return said
    where = f" -n {error.namespace}" if error.namespace else ""
    binding = "rolebinding" if error.namespace else "clusterrolebinding"
    role = role or _role(error)
    right = f"needed is {error.verb} on {error.resource}, which the ClusterRole {role} gives"
    return f"{error.message}; {right}: kubectl create {binding} NAME{where} --clusterrole={role} --user=USER"


def _role(error: "errors.Forbidden") -> str:
    if not error.resource.endswith("crontask.dev"):
        return _KUBERNETES_VIEW if error.verb in ("get", "list", "watch") else KUBERNETES_EDIT
    if error.verb in ("get", "list", "watch"):
        return _VIEW
    of_runs = error.resource.startswith("scheduledruns") and error.verb in ("create", "patch", "update")
    return _TRIGGER if of_runs else _EDIT
