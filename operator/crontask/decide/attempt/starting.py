"""A pod on its way to its main container: what has begun, and what keeps it from going on.

A message stays as it is for as long as its cause does: each change of it is a write.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from crontask.api.base import cut
from crontask.api.pod import ContainerStatus, Pod, PodCondition
from crontask.decide.attempt.report import LONGEST_MESSAGE

# For which any container waits for a moment.
_USUAL = ("", "ContainerCreating", "PodInitializing")
# These alternate, and what they say changes with each try.
_PULLS = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed")
_PULL, _CRASHES = "ImagePullBackOff", "CrashLoopBackOff"
# Of a runtime, another one each time.
_ID = re.compile(r"\b[0-9a-f]{12,}\b")
_NODES = re.compile(r"^\d+/\d+ nodes are available: ")
_COUNT = re.compile(r"^\d+ ")


# --- what has begun --------------------------------------------------------------------------------------------------


def began_at(pod: Pod) -> datetime | None:
    """When the first of its containers started to work, None before. Sidecars do not work."""
    statuses = (*_init_containers(pod), *((pod.main_status,) if pod.main_status is not None else ()))
    starts = [start for status in statuses if (start := _started_at(status)) is not None]
    return min(starts, default=None)


def main_began_at(pod: Pod) -> datetime | None:
    """When its main container started, None before."""
    return _started_at(pod.main_status) if pod.main_status is not None else None


def time_at_work(pod: Pod) -> timedelta:
    """How long the init containers that have ended were at work."""
    total = timedelta(0)
    for status in _init_containers(pod):
        end = status.state.terminated
        if end is not None and end.started_at is not None and end.finished_at is not None:
            total += max(timedelta(0), end.finished_at - end.started_at)
    return total


def running_init_container(pod: Pod) -> str | None:
    """The init container that is at work, None without one."""
    return next((status.name for status in _init_containers(pod) if status.state.running is not None), None)


def _init_containers(pod: Pod) -> Iterator[ContainerStatus]:
    """Those that work, and then end."""
    sidecars = {container.name for container in pod.spec.init_containers if container.is_sidecar}
    return (status for status in pod.status.init_container_statuses if status.name not in sidecars)


def _started_at(status: ContainerStatus) -> datetime | None:
    state = status.state.running or status.state.terminated
    return state.started_at if state is not None else None


# --- what keeps it from going on -------------------------------------------------------------------------------------


def why_not_running(pod: Pod) -> str | None:
    """What keeps a pod from starting, for people; None if it starts, or if nothing is known to."""
    checks: tuple[Callable[[Pod], str | None], ...] = (_stuck_container, _late_sidecar, _not_scheduled, _at_work)
    return next((cut(message, LONGEST_MESSAGE) for check in checks if (message := check(pod))), None)


def what_it_waits_for(pod: Pod) -> str | None:
    """The same of a pod that should have started by now: if nothing is known to keep it, how far it has come."""
    if _main_has_started(pod):
        return None
    return why_not_running(pod) or _how_far(pod)


def _stuck_container(pod: Pod) -> str | None:
    inits = {status.name for status in pod.status.init_container_statuses}
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = status.state.waiting
        if waiting is None or waiting.reason in _USUAL or waiting.reason == _CRASHES:
            continue
        kind = "init container" if status.name in inits else "container"
        reason, said = waiting.reason, _ID.sub("…", waiting.message)
        if reason in _PULLS:
            reason, said = _PULL, _image_of(pod, status.name)
        return f"{kind} {status.name} does not start: {reason}" + (f": {said}" if said else "")
    return None


def _image_of(pod: Pod, container: str) -> str:
    """The registry's own message changes from try to try; which image it is does not."""
    asked = (*pod.spec.init_containers, *pod.spec.containers)
    return next((each.image for each in asked if each.name == container), "")


def _late_sidecar(pod: Pod) -> str | None:
    """A sidecar that the main container waits for: it is started again and again, or does not answer its probe."""
    if _main_has_started(pod):
        return None
    sidecars = {container.name: container for container in pod.spec.init_containers if container.is_sidecar}
    for status in pod.status.init_container_statuses:
        if status.name not in sidecars or status.started:
            continue
        if status.restart_count > 0 or status.state.terminated is not None:
            end = status.state.terminated or status.last_state.terminated
            code = f" (exit code {end.exit_code})" if end is not None else ""
            return f"init container {status.name} does not start: {_CRASHES}{code}"
        if status.state.running is not None and sidecars[status.name].startup_probe is not None:
            return f"init container {status.name} is running, but its startupProbe has not succeeded yet"
    return None


def _not_scheduled(pod: Pod) -> str | None:
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return _as_scheduler_says(condition)
    return None


def _as_scheduler_says(condition: PodCondition) -> str:
    if condition.reason == "SchedulingGated":
        return "waits for its scheduling gates to be removed: SchedulingGated"
    why = _without_counts(condition.message)
    what = "no node takes the pod" if condition.reason == "Unschedulable" else "the pod is not scheduled"
    return f"{what}: {condition.reason}" + (f": {why}" if why else "")


def _without_counts(message: str) -> str:
    """Why no node takes a pod, as the scheduler says it but for how many nodes: that changes with the cluster.

    What follows the first sentence is about preemption.
    """
    reasons = _NODES.sub("", message).split(". ")[0].rstrip(". ")
    return ", ".join(sorted({_COUNT.sub("", reason) for reason in reasons.split(", ")}))


def _at_work(pod: Pod) -> str | None:
    name = running_init_container(pod)
    return f"init container {name} is running" if name is not None else None


def _how_far(pod: Pod) -> str | None:
    if not pod.spec.node_name:
        return "no scheduler has taken it up"
    waiting = [(status.name, status.state.waiting.reason) for status in _statuses(pod) if status.state.waiting]
    if not waiting:
        return f"node {pod.spec.node_name} has not taken it up"
    name, reason = waiting[0]
    return f"container {name} is still at {reason or 'its start'}"


def _statuses(pod: Pod) -> tuple[ContainerStatus, ...]:
    return (*pod.status.init_container_statuses, *pod.status.container_statuses)


def _main_has_started(pod: Pod) -> bool:
    main = pod.main_status
    return main is not None and main.has_started
