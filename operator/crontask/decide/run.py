"""What should happen to one run, from its creation to its recorded end. The first rule that applies decides.

Callers: engine.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from crontask.api.base import cut, format_time
from crontask.api.names import pod_name
from crontask.api.pod import Pod
from crontask.api.scheduledrun import RunPhase, ScheduledRunStatus
from crontask.decide.attempt_end import attempt_ended
from crontask.decide.cancel import cancel_requested, canceled_too_late, canceled_without_pod, canceling
from crontask.decide.counting import STALE
from crontask.decide.decisions import LookForPod, RunDecisions, StartAttempt, StopLeftovers, earliest
from crontask.decide.fit import ARGS_INVALID, unfit_args
from crontask.decide.history import remove_without_task
from crontask.decide.idempotency import comes_before, started_before
from crontask.decide.outcome import Outcome
from crontask.decide.report import LONGEST_MESSAGE
from crontask.decide.retry import at_most_once, retries_at
from crontask.decide.run_status import ended, held, running, split_attempts
from crontask.decide.starting import why_not_running
from crontask.decide.stop import TOTAL, end_of_attempt, end_of_stopped, has_leftovers, stop_reason
from crontask.decide.timeout import next_limit, start_timeout_of, stop, total_deadline
from crontask.decide.views import Finding, RunView

Rule = Callable[[RunView, datetime], RunDecisions | None]
LATEST_PAST = timedelta(seconds=60)


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
        or view.task_is_missing
        or view.dropped is not None
        or view.finding is not None
    )
    number = view.run.status.expected_attempt
    return RunDecisions(view.run.status, (LookForPod(view.run) if only_look else StartAttempt(view.run, number),))


def _waiting_for_pod(view: RunView, refused: Finding, wake_at: datetime | None) -> RunDecisions:
    """The pod is refused, and will be tried again; a first attempt has not begun, another one is between two."""
    words = f"the pod is refused: {refused.message}"
    if not view.run.status.attempts:
        return held(view, RunPhase.PENDING, words, wake_at)
    return RunDecisions(_saying(view, words), wake_at=wake_at)


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


def _in_the_past(view: RunView, now: datetime) -> RunDecisions | None:
    spec, created = view.run.spec, view.run.meta.creation_timestamp
    if spec is None or spec.at is None or spec.allow_past or spec.at >= created - LATEST_PAST:
        return None
    message = (
        f"spec.at: {format_time(spec.at)} is more than a minute before the creation at {format_time(created)}; "
        "write a time to come, or set allowPast: true"
    )
    return ended(view, now, RunPhase.FAILED, "AtInPast", message)


def _suspended(view: RunView, now: datetime) -> RunDecisions | None:
    held_back = view.run.spec is not None and view.run.spec.suspend and not view.run.status.attempts
    return held(view, RunPhase.PENDING, "held back: spec.suspend is true") if held_back else None


def _not_due(view: RunView, now: datetime) -> RunDecisions | None:
    # Said while there is time to mend the task; what counts is how it is then.
    return None if view.run.is_due(now) else held(view, RunPhase.PENDING, unfit_args(view), wake_at=view.run.due_at)


def _asked_twice(view: RunView, now: datetime) -> RunDecisions | None:
    """Of the runs with one idempotencyKey the first to start counts."""
    if view.run.status.attempts:
        return None
    started = started_before(view)
    if started is not None:
        words = f"run {started} with the same idempotencyKey started before"
        return ended(view, now, RunPhase.SKIPPED, "Duplicate", words)
    first = comes_before(view, now)
    words = f"waits for run {first} with the same idempotencyKey"
    return held(view, RunPhase.PENDING, words) if first is not None else None


def _task_missing(view: RunView, now: datetime) -> RunDecisions | None:
    name = view.run.task_name
    phase = RunPhase.RETRYING if view.run.status.phase is RunPhase.RETRYING else RunPhase.PENDING
    if name is None:
        return None
    if view.task is None:
        return held(view, phase, f"waits for CronTask {name}, which does not exist")
    if view.task.spec is None:
        return held(view, phase, f"waits for CronTask {name}, whose spec is not valid")
    return None


def _unfit(view: RunView, now: datetime) -> RunDecisions | None:
    words = unfit_args(view)
    return ended(view, now, RunPhase.FAILED, ARGS_INVALID, words) if words is not None else None


def _refused_for_long(view: RunView, now: datetime) -> RunDecisions | None:
    """A quota or a policy has kept the pod from being made for as long as an attempt may take to start."""
    finding = view.finding
    if finding is None or finding.since + start_timeout_of(view) > now:
        return None
    return attempt_ended(view, now, Outcome(RunPhase.FAILED, finding.reason, finding.message))


def _next_attempt(view: RunView, now: datetime) -> RunDecisions | None:
    """A run that has its place starts its next attempt by itself."""
    at = retries_at(view)
    if at is None and not _recorded_and_refused(view):
        return None
    deadline = total_deadline(view)
    if deadline is not None and deadline <= now:
        return ended(view, now, RunPhase.TIMED_OUT, TOTAL, view.run.status.message)
    refused = view.finding
    due = refused.retry_at if refused is not None else at
    if due is not None and due > now:
        gives_up = refused.since + start_timeout_of(view) if refused is not None else None
        wake_at = earliest(due, deadline, gives_up)
        if refused is not None:
            return _waiting_for_pod(view, refused, wake_at)
        return RunDecisions(view.run.status, wake_at=wake_at)
    return RunDecisions(view.run.status, (StartAttempt(view.run, view.run.status.expected_attempt),))


def _turn(view: RunView, now: datetime) -> RunDecisions | None:
    """The task's decision says when a run of it starts; a run on its own starts now."""
    on_its_own, finding = view.run.task_name is None, view.finding
    start = (StartAttempt(view.run, 1),) if on_its_own else ()
    if finding is not None:
        retry = on_its_own and finding.retry_at <= now
        gives_up = finding.since + start_timeout_of(view)
        wake_at = earliest(gives_up, finding.retry_at if on_its_own and not retry else None)
        waiting = _waiting_for_pod(view, finding, wake_at)
        return replace(waiting, actions=start if retry else ())
    if not on_its_own and view.queued:
        return held(view, RunPhase.QUEUED, "waits for its turn")
    return RunDecisions(view.run.status, start)


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


def _saying(view: RunView, message: str) -> ScheduledRunStatus:
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
    _in_the_past,
    _suspended,
    _not_due,
    _asked_twice,
    _task_missing,
    _unfit,
    _refused_for_long,
    _next_attempt,
    _turn,
)
_WITH_POD: tuple[Rule, ...] = (_finished, _cancel, _timeout, _under_way)
