"""How a pod ended, and what it gave back: the exit code, and the termination message of its main container.

Callers: run, attempt_end, overlap.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from crontask.api.pod import Pod, Terminated
from crontask.api.scheduledrun import RunPhase

LONGEST_MESSAGE = 1024
_STATUSES = {"success": RunPhase.SUCCEEDED, "partial": RunPhase.PARTIAL, "failed": RunPhase.FAILED}
# Reasons with which a kubelet ends a pod that has done nothing wrong.
_LOST = ("Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting")
# Reasons for which a container that waits will not run without somebody's help.
_STUCK = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt. `reason` is a CamelCase word, `message` is for people.

    `lost`: it did not end by itself, its pod went. `final`: no attempt follows, whatever the policy has left.
    """

    phase: RunPhase
    reason: str
    message: str | None = None
    exit_code: int | None = None
    started: datetime | None = None
    ended: datetime | None = None
    result: Any = None
    processed_count: int | None = None
    error_count: int | None = None
    result_truncated: bool | None = None
    lost: bool = False
    final: bool = False


def pod_has_ended(pod: Pod) -> bool:
    """Whether the main container, or the whole pod, will not run any more."""
    main = pod.main_status
    return pod.status.phase in ("Succeeded", "Failed") or (main is not None and main.state.terminated is not None)


def outcome_of(pod: Pod) -> Outcome | None:
    """The end of the pod's attempt, None while it goes on."""
    if not pod_has_ended(pod):
        return None
    main = pod.main_status
    terminated = main.state.terminated if main is not None else None
    if terminated is None:
        # Evicted, or refused by the node, before the kubelet could tell of a container.
        reason = pod.status.reason or "PodFailed"
        succeeded = pod.status.phase == "Succeeded"
        return Outcome(
            RunPhase.SUCCEEDED if succeeded else RunPhase.FAILED,
            reason,
            _cut(pod.status.message) or f"the pod ended as {pod.status.phase}",
            lost=not succeeded and reason != "DeadlineExceeded",
        )
    outcome = _of_container(terminated)
    lost = _why_lost(pod, terminated) if outcome.phase is RunPhase.FAILED else None
    return outcome if lost is None else replace(outcome, reason=lost[0], message=_cut(lost[1]), lost=True)


def _why_lost(pod: Pod, end: Terminated) -> tuple[str, str] | None:
    """Reason and words, where a container did not fail by itself but was stopped with its pod."""
    if pod.status.reason in _LOST:
        return pod.status.reason, pod.status.message or f"its pod ended: {pod.status.reason}"
    for condition in pod.status.conditions:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            return condition.reason or "Disrupted", condition.message or "its pod was stopped by the cluster"
    deleted = pod.metadata.deletion_timestamp
    if deleted is not None:
        asked = deleted - timedelta(seconds=pod.metadata.deletion_grace_period_seconds or 0)
        if end.finished_at is None or end.finished_at >= asked.replace(microsecond=0):
            return "PodDeleted", f"pod {pod.metadata.name} was deleted by somebody else"
    return None


def _of_container(end: Terminated) -> Outcome:
    text = end.message.strip()
    if end.exit_code != 0:
        failed = _reported(end, text) if text.startswith("{") else None
        message = (failed.message if failed else text) or f"exit code {end.exit_code}"
        return Outcome(
            RunPhase.FAILED,
            end.reason if end.reason not in ("", "Completed") else "Error",
            _cut(message),
            end.exit_code,
            end.started_at,
            end.finished_at,
            failed.result if failed else None,
            failed.processed_count if failed else None,
            failed.error_count if failed else None,
            failed.result_truncated if failed else None,
        )
    if text.startswith("{"):
        return _reported(end, text) or _unreadable(end, text)
    return Outcome(RunPhase.SUCCEEDED, "Completed", _cut(text) or None, end.exit_code, end.started_at, end.finished_at)


def _unreadable(end: Terminated, text: str) -> Outcome:
    return Outcome(RunPhase.FAILED, "ResultUnreadable", _cut(text), end.exit_code, end.started_at, end.finished_at)


def _reported(end: Terminated, text: str) -> Outcome | None:
    """The outcome that the container wrote as one JSON object, None if it cannot be read."""
    try:
        report = orjson.loads(text)
        # What is nested too deeply can be read, and then not be written into a status.
        orjson.dumps({"status": {"result": report.get("result")}})
    except (orjson.JSONDecodeError, TypeError):
        return None
    status = report.get("status", "success")
    phase = _STATUSES.get(status) if isinstance(status, str) else None
    if phase is None:
        return None
    message = report.get("message")
    return Outcome(
        phase,
        "ReportedFailed" if phase is RunPhase.FAILED else "Completed",
        _cut(message) if isinstance(message, str) else None,
        end.exit_code,
        end.started_at,
        end.finished_at,
        report.get("result"),
        _count(report, "processedCount"),
        _count(report, "errorCount"),
        True if report.get("resultTruncated") is True else None,
    )


def _count(report: dict[str, Any], key: str) -> int | None:
    value = report.get(key)
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if usable else None


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def why_not_running(pod: Pod) -> str | None:
    """In words, what keeps a pod from starting that will not start without help; None if nothing is known to."""
    checks: tuple[Callable[[Pod], str | None], ...] = (_stuck_container, _unschedulable)
    return next((words for check in checks if (words := check(pod))), None)


def _stuck_container(pod: Pod) -> str | None:
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = status.state.waiting
        if waiting is not None and waiting.reason in _STUCK:
            # The two pull reasons alternate: one word for both keeps the status from flapping with them.
            reason = "ImagePullBackOff" if waiting.reason == "ErrImagePull" else waiting.reason
            # What a pull says changes with every try, and would be a write each.
            why = f": {waiting.message}" if waiting.message and reason != "ImagePullBackOff" else ""
            return _cut(f"container {status.name} does not start: {reason}{why}")
    return None


def _unschedulable(pod: Pod) -> str | None:
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False" and condition.reason == "Unschedulable":
            return "no node takes the pod: Unschedulable"
    return None
