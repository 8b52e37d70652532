"""What should happen to one run, from its creation to its recorded end. The first rule that applies decides.

Callers: engine.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from crontask.api.base import cut
from crontask.api.names import pod_name
from crontask.api.pod import Pod
from crontask.api.scheduledrun import RunPhase, ScheduledRunStatus
from crontask.decide.attempt_end import attempt_ended
from crontask.decide.cancel import cancel_requested, canceled_too_late, canceled_without_pod, canceling
from crontask.decide.counting import STALE
from crontask.decide.decisions import LookForPod, RunDecisions, StartAttempt, StopLeftovers, earliest
from crontask.decide.history import remove_without_task
from crontask.decide.outcome import Outcome
from crontask.decide.readiness import Ends, Fails, Held, hindrance
from crontask.decide.report import LONGEST_MESSAGE
from crontask.decide.retry import at_most_once, retries_at
from crontask.decide.run_status import ended, held, running, split_attempts
from crontask.decide.starting import why_not_running
from crontask.decide.stop import end_of_attempt, end_of_stopped, has_leftovers, stop_reason
from crontask.decide.timeout import gives_up_at, next_limit, stop, total_deadline
from crontask.decide.views import RunView

Rule = Callable[[RunView, datetime], RunDecisions | None]


def decide_run(view: RunView, now: datetime) -> RunDecisions:
    """The decisions for a run at an instant."""
    if view.run.ended:
        return remove_without_task(view, canceled_too_late(view), now)
    rules = _WITHOUT_POD if view.pod is None else _WITH_POD
    decided = next(decided for rule in rules if (decided := rule(view, now)) is not None)
    return _until_it_is_followed_up(view, decided, now) if decided.follow_ups else decided


def _until_it_is_followed_up(view: RunView, decided: RunDecisions, now: datetime) -> RunDecisions:
    """What an end causes exists before it is told: while the API server refuses that, the status says so."""
    refusal = view.follow_up_refusal
    if refusal is None or refusal.retry_at <= now:
        return decided
    ending = decided.status.phase.value if decided.status.phase is not None else "ended"
    words = f"{ending}; recorded once run {refusal.name} exists, which the API server refuses: {refusal.message}"
    return RunDecisions(_saying(view, cut(words, LONGEST_MESSAGE)), wake_at=refusal.retry_at, before=decided.before)


def _unusable(view: RunView, now: datetime) -> RunDecisions | None:
    if view.run.spec is not None:
        return None
    return ended(view, now, RunPhase.FAILED, "Invalid", "; ".join(map(str, view.run.problems)))


def _owned_by_another(view: RunView, now: datetime) -> RunDecisions | None:
    """A run of a task is the task's: what another controller made would be counted and removed by neither."""
    owner, task = view.run.meta.controller, view.run.task_name
    if task is None or owner is None or owner.kind == "CronTask":
        return None
    words = f"its controller is {owner.kind} {owner.name}, but a run of CronTask {task} is the task's; "
    return ended(view, now, RunPhase.FAILED, "OwnedByAnother", words + "write an owner reference without controller")


def _being_started(view: RunView, now: datetime) -> RunDecisions | None:
    """Its pod is on its way, or nobody knows whether it was made."""
    if view.starting:
        return RunDecisions(view.run.status)
    if not view.unsure:
        return None
    # Creating it again tells, too; where it must not be created any more, or not before a pause, one has to look.
    only_look = (
        at_most_once(view)
        or cancel_requested(view.run)
        or view.dropped is not None
        or view.finding is not None
        or hindrance(view, now) is not None
    )
    number = view.run.status.expected_attempt
    return RunDecisions(view.run.status, (LookForPod(view.run) if only_look else StartAttempt(view.run, number),))


def _pod_vanished(view: RunView, now: datetime) -> RunDecisions | None:
    """The pod of the open attempt is gone: stopped by us, or by somebody else."""
    name = pod_name(view.run.meta.name, view.run.status.expected_attempt)
    _, last = split_attempts(view)
    seen = last is not None or view.pod_gone or view.run.status.pod_name == name
    if not seen or _recorded_and_refused(view):
        return None
    stopped = stop_reason(view)
    if stopped is not None:
        return attempt_ended(view, now, end_of_stopped(view, stopped))
    words = f"pod {name} is gone and nobody saw its end"
    return attempt_ended(view, now, Outcome(RunPhase.FAILED, "PodLost", words, lost=True))


def _canceled_before_start(view: RunView, now: datetime) -> RunDecisions | None:
    return canceled_without_pod(view, now) if cancel_requested(view.run) else None


def _reserved(view: RunView, now: datetime) -> RunDecisions | None:
    """Its time is still to come, or its task decides about it as if it were not there."""
    return RunDecisions(view.run.status) if view.reserved else None


def _dropped(view: RunView, now: datetime) -> RunDecisions | None:
    """The task's decision: it waited in vain."""
    dropped = view.dropped
    return ended(view, now, dropped.phase, dropped.reason, dropped.message) if dropped is not None else None


def _stale(view: RunView, now: datetime) -> RunDecisions | None:
    """A run without status and pod for a time that the mark covers was written by an operator that came too late."""
    run, task = view.run, view.task
    if run.status.phase is not None or run.nominal is None or task is None:
        return None
    mark, timing = task.status.last_scheduled_time, task.status.timing
    covered = (mark is not None and run.nominal <= mark) or (timing is not None and run.nominal <= timing.since)
    return ended(view, now, RunPhase.SKIPPED, STALE, "its time had been decided otherwise") if covered else None


def _refused(view: RunView, now: datetime) -> RunDecisions | None:
    """The API server will never take the pod."""
    if view.finding is None or not view.finding.final:
        return None
    return ended(view, now, RunPhase.FAILED, view.finding.reason, view.finding.message)


def _hindered(view: RunView, now: datetime) -> RunDecisions | None:
    """Its next attempt may not start, whoever's turn it is."""
    found = hindrance(view, now)
    if isinstance(found, Ends):
        return ended(view, now, found.phase, found.reason, found.message)
    if isinstance(found, Fails):
        return attempt_ended(view, now, found.outcome)
    if isinstance(found, Held) and view.run.status.attempts:
        return RunDecisions(_saying(view, found.message), wake_at=found.wake_at)
    return held(view, RunPhase.PENDING, found.message, found.wake_at) if found is not None else None


def _next_attempt(view: RunView, now: datetime) -> RunDecisions | None:
    """A run that has its place starts its next attempt by itself."""
    at = retries_at(view)
    if at is None and not _recorded_and_refused(view):
        return None
    if view.finding is None and at is not None and at > now:
        return RunDecisions(view.run.status, wake_at=earliest(at, total_deadline(view)))
    return RunDecisions(view.run.status, (StartAttempt(view.run, view.run.status.expected_attempt),))


def _turn(view: RunView, now: datetime) -> RunDecisions | None:
    """The task's decision says when a run of it starts; a run on its own starts now."""
    if view.run.task_name is None:
        return RunDecisions(view.run.status, (StartAttempt(view.run, 1),))
    if view.queued:
        return held(view, RunPhase.QUEUED, "waits for its turn", gives_up_at(view))
    return RunDecisions(view.run.status, wake_at=gives_up_at(view))


def _finished(view: RunView, now: datetime) -> RunDecisions | None:
    """The pod ended: by itself, with its node, or because we have stopped it."""
    pod, end = _pod(view), end_of_attempt(view)
    if end is None:
        return None
    decided = attempt_ended(view, now, end)
    return replace(decided, before=(StopLeftovers(pod),)) if has_leftovers(pod) else decided


def _cancel(view: RunView, now: datetime) -> RunDecisions | None:
    return canceling(view, _pod(view), now) if cancel_requested(view.run) else None


def _timeout(view: RunView, now: datetime) -> RunDecisions | None:
    pod, stopped = _pod(view), stop_reason(view)
    if stopped is not None:
        return stop(view, pod, now, stopped, view.run.status.message)
    if pod.deleting:
        # Somebody else ends it: the attempt is lost, however long that takes.
        return None
    limit = next_limit(view)
    return stop(view, pod, now, limit.reason, limit.words) if limit is not None and limit.at <= now else None


def _under_way(view: RunView, now: datetime) -> RunDecisions:
    pod, limit = _pod(view), next_limit(view)
    if pod.deleting:
        return running(view, "its pod is being deleted by somebody else")
    return running(view, why_not_running(pod), wake_at=limit.at if limit is not None else None)


def _recorded_and_refused(view: RunView) -> bool:
    """Whether the open attempt was recorded ahead of its pod, which was then refused: it is not there for sure."""
    _, last = split_attempts(view)
    return last is not None and last.start_time is None and view.finding is not None


def _saying(view: RunView, message: str | None) -> ScheduledRunStatus:
    return view.run.status.model_copy(update={"message": message})


def _pod(view: RunView) -> Pod:
    assert view.pod is not None, "rules for runs with a pod"
    return view.pod


_WITHOUT_POD: tuple[Rule, ...] = (
    _unusable,
    _owned_by_another,
    _being_started,
    _refused,
    _pod_vanished,
    _canceled_before_start,
    _reserved,
    _dropped,
    _stale,
    _hindered,
    _next_attempt,
    _turn,
)
_WITH_POD: tuple[Rule, ...] = (_finished, _cancel, _timeout, _under_way)
