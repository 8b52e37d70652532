"""How the pod of an attempt ended: by itself, by its own deadline, or stopped from outside.

That we have stopped it ourselves is looked at before: stop.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from crontask.api.base import cut, format_duration
from crontask.api.composite_status import BatchStatus
from crontask.api.names import ANNOTATION_STOPPED
from crontask.api.phases import RunPhase
from crontask.api.pod import DEADLINE_EXCEEDED, Pod, Terminated
from crontask.decide.attempt.report import LONGEST_MESSAGE, Report, Written, read_message

# Of a pod whose main container has ended: what was left of it was stopped.
LEFTOVERS_STOPPED = "Ended"
# Reasons with which a kubelet ends a pod that has done nothing wrong.
_LOST = ("Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt. `reason` is in CamelCase, `message` is for people.

    `lost`: it did not end by itself, its pod went. `final`: no attempt follows, whatever the policy has left. `cursor`,
    `is_done`, `total`: what a batch gave back; `is_done` is None where that is neither true nor false,
    and `is_done_given` whatever it is. `batch`: what a pod has done that does one batch after the other.
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
    cursor: Any = None
    is_done: bool | None = None
    is_done_given: Any = None
    total: int | None = None
    batch: BatchStatus | None = None


def pod_has_ended(pod: Pod) -> bool:
    """Whether the main container, or the whole pod, has ended, and it is known how."""
    if pod.finished:
        return True
    main = pod.main_status
    end = main.state.terminated if main is not None else None
    # The kubelet says a moment later whether its deadline has ended it.
    return end is not None and not _is_past_deadline(pod, end)


def outcome_of(pod: Pod) -> Outcome | None:
    """The end of the pod's attempt, None while it goes on."""
    if not pod_has_ended(pod):
        return None
    container, end = _deciding_end(pod)
    if _ended_by_deadline(pod, end):
        return _deadline_exceeded(pod, end)
    if end is None:
        # Evicted, or refused by the node, before the kubelet could report a container.
        succeeded = pod.status.phase == "Succeeded"
        phase = RunPhase.SUCCEEDED if succeeded else RunPhase.FAILED
        message = cut(pod.status.message, LONGEST_MESSAGE) or f"the pod ended as {pod.status.phase}"
        return Outcome(phase, pod.status.reason or "PodFailed", message, lost=not succeeded)
    written = read_message(pod, container, end)
    outcome = _of_container(written, end) if container == pod.main else _of_init_container(written, container, end)
    lost = _why_lost(pod, end)
    if lost is None or (outcome.phase is not RunPhase.FAILED and written.report is not None):
        return outcome
    # Whoever ends with exit code 0 when it is asked to may have done it all, or nothing.
    return replace(outcome, phase=RunPhase.FAILED, reason=lost[0], message=cut(lost[1], LONGEST_MESSAGE), lost=True)


def end_of_main(pod: Pod) -> Outcome | None:
    """How the main container ended, whoever stopped its pod; None where that is not known."""
    main = pod.main_status
    end = main.state.terminated if main is not None else None
    return _of_container(read_message(pod, pod.main, end), end) if end is not None else None


def _deciding_end(pod: Pod) -> tuple[str, Terminated | None]:
    """The container whose end is the pod's, and that end: the main one, or one before it that failed."""
    main = pod.main_status
    if main is not None and main.state.terminated is not None:
        return main.name, main.state.terminated
    # Sidecars are stopped when another one fails, and say nothing of why.
    sidecars = {container.name for container in pod.spec.init_containers if container.is_sidecar}
    for status in pod.status.init_container_statuses:
        end = status.state.terminated
        if end is not None and end.exit_code != 0 and status.name not in sidecars:
            return status.name, end
    return pod.main, None


# --- its own deadline ------------------------------------------------------------------------------------------------


def _is_past_deadline(pod: Pod, end: Terminated) -> bool:
    """Whether the container ended when the pod's own deadline was over. Both times are the kubelet's."""
    deadline, start = pod.spec.active_deadline_seconds, pod.status.start_time
    if deadline is None or start is None or end.finished_at is None:
        return False
    if pod.metadata.annotations.get(ANNOTATION_STOPPED) == LEFTOVERS_STOPPED:
        return False
    return end.finished_at - start >= timedelta(seconds=deadline)


def _ended_by_deadline(pod: Pod, end: Terminated | None) -> bool:
    """Whether it was ended by its deadline, rather than by itself shortly before."""
    if pod.status.phase != "Failed" or pod.status.reason != DEADLINE_EXCEEDED:
        return False
    if end is None or pod.status.start_time is None or end.finished_at is None:
        return pod.metadata.annotations.get(ANNOTATION_STOPPED) != LEFTOVERS_STOPPED
    return _is_past_deadline(pod, end)


def _deadline_exceeded(pod: Pod, end: Terminated | None) -> Outcome:
    deadline = pod.spec.active_deadline_seconds
    of = f" of {format_duration(timedelta(seconds=deadline))}" if deadline is not None else ""
    message = f"its pod took longer than its own activeDeadlineSeconds{of}"
    if end is None:
        return Outcome(RunPhase.TIMED_OUT, DEADLINE_EXCEEDED, message)
    return Outcome(RunPhase.TIMED_OUT, DEADLINE_EXCEEDED, message, end.exit_code, end.started_at, end.finished_at)


# --- stopped from outside --------------------------------------------------------------------------------------------


def _why_lost(pod: Pod, end: Terminated) -> tuple[str, str] | None:
    """Reason and message, where a container did not end by itself but was stopped with its pod."""
    if pod.status.reason in _LOST:
        return pod.status.reason, pod.status.message or f"its pod ended: {pod.status.reason}"
    for condition in pod.status.conditions:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            # A kubelet reports it when all is over, others before.
            if condition.reason != "TerminationByKubelet" and _ended_before(end, condition.last_transition_time):
                continue
            return condition.reason or "Disrupted", condition.message or "its pod was stopped by the cluster"
    deleted = pod.metadata.deletion_timestamp
    if deleted is not None:
        asked = deleted - timedelta(seconds=pod.metadata.deletion_grace_period_seconds or 0)
        if not _ended_before(end, asked):
            return "PodDeleted", f"pod {pod.metadata.name} was deleted by somebody else"
    return None


def _ended_before(end: Terminated, instant: datetime | None) -> bool:
    """Whether it is known that the container ended before that. A kubelet reports times to the second, rounded down."""
    return end.finished_at is not None and instant is not None and end.finished_at < instant.replace(microsecond=0)


# --- by itself -------------------------------------------------------------------------------------------------------


def _of_container(written: Written, end: Terminated) -> Outcome:
    """The end of the main container."""
    report = written.report
    if end.exit_code != 0:
        message = _message(written, f"exit code {end.exit_code}")
        return _with(report, Outcome(RunPhase.FAILED, _reason(end), message, *_facts(end)))
    if report is not None:
        reason = "ReportedFailed" if report.phase is RunPhase.FAILED else "Completed"
        message = _message(written, None) if report.phase is RunPhase.FAILED else report.message
        return _with(report, Outcome(report.phase, reason, message, *_facts(end)))
    if written.unreadable:
        return Outcome(RunPhase.FAILED, "ResultUnreadable", _why_unreadable(written), *_facts(end))
    return Outcome(RunPhase.SUCCEEDED, "Completed", written.shown or None, *_facts(end))


def _of_init_container(written: Written, name: str, end: Terminated) -> Outcome:
    """The end of a container that failed before the main one could start."""
    said = _message(written, "")
    message = f"init container {name} failed with exit code {end.exit_code}" + (f": {said}" if said else "")
    return Outcome(RunPhase.FAILED, _reason(end), cut(message, LONGEST_MESSAGE), *_facts(end))


def _reason(end: Terminated) -> str:
    return end.reason if end.reason not in ("", "Completed") else "Error"


def _facts(end: Terminated) -> tuple[int, datetime | None, datetime | None]:
    return end.exit_code, end.started_at, end.finished_at


def _message(written: Written, otherwise: str | None) -> str | None:
    """What a container that failed says to people: a report without a message says nothing to them, a log line does."""
    report = written.report
    if report is None:
        return written.shown or otherwise
    return report.message or (written.shown if report.is_log_line else otherwise)


def _with(report: Report | None, outcome: Outcome) -> Outcome:
    """The outcome with what the report gives back."""
    if report is None:
        return outcome
    done = report.fields.get("isDone")
    return replace(
        outcome,
        cursor=report.fields.get("cursor"),
        is_done=done if isinstance(done, bool) else None,
        is_done_given=done,
        total=report.count("total"),
        result=report.fields.get("result"),
        processed_count=report.count("processedCount"),
        error_count=report.count("errorCount"),
        result_truncated=True if report.fields.get("resultTruncated") is True else None,
    )


def _why_unreadable(written: Written) -> str:
    if written.limit is None:
        return cut(f"its report cannot be read: {written.why_unreadable}: {written.shown}", LONGEST_MESSAGE)
    message = (
        f"its report is longer than the {written.limit} bytes that Kubernetes keeps, and was cut; write a shorter one: "
    )
    return cut(message + written.shown, LONGEST_MESSAGE)
