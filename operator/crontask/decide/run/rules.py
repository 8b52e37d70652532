"""The rules that decide about a run, each with the stages from which it applies. The first that decides is enough."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crontask.api.names import pod_name
from crontask.api.phases import SUCCESSES, RunPhase
from crontask.api.pod import Pod
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.attempt.reused import reuse_of
from crontask.decide.attempt.starting import why_not_running
from crontask.decide.attempt.stop import PAUSED, end_of_attempt, end_of_stopped, has_leftovers, stop_reason
from crontask.decide.decisions import LookForPod, RunDecisions, StartAttempt, StopLeftovers, earliest
from crontask.decide.limits import gives_up_at, total_deadline
from crontask.decide.model import STALE
from crontask.decide.pod_state import Creating, CreationUnknown, Vanished
from crontask.decide.readiness import Ends, Fails, Held, hindrance
from crontask.decide.retry import retries_at
from crontask.decide.run.attempt_end import attempt_ended
from crontask.decide.run.cancel import canceled_too_late, canceled_without_pod, canceling
from crontask.decide.run.composite import composed
from crontask.decide.run.removal import remove_without_task
from crontask.decide.run.status import ended, held, running
from crontask.decide.run.timeout import next_limit, stop
from crontask.decide.settings import settings
from crontask.decide.stage import WITH_POD, Stage
from crontask.decide.views import RunView

# A second, and one more, for an API server writes times of creation to the second.
_NOT_WORTH_A_WRITE = timedelta(seconds=2)


def _after_its_end(view: RunView, now: datetime) -> RunDecisions | None:
    return remove_without_task(view, canceled_too_late(view), now)


def _unusable(view: RunView, now: datetime) -> RunDecisions | None:
    return ended(view, now, RunPhase.FAILED, "Invalid", "; ".join(map(str, view.run.problems)))


def _owned_by_another(view: RunView, now: datetime) -> RunDecisions | None:
    """A run of a task is the task's: what another controller made would be counted and removed by neither."""
    owner, task = view.run.meta.controller, view.run.task_name
    if task is None or owner is None or owner.kind == "CronTask" or view.run.spec.parent is not None:
        return None
    message = f"its controller is {owner.kind} {owner.name}, but a run of CronTask {task} is the task's; "
    return ended(view, now, RunPhase.FAILED, "OwnedByAnother", message + "write an owner reference without controller")


def _being_started(view: RunView, now: datetime) -> RunDecisions | None:
    """Its pod is on its way, or nobody knows whether it was made."""
    if isinstance(view.pod_state, Creating):
        return RunDecisions(view.run.status)
    if not isinstance(view.pod_state, CreationUnknown):
        return None
    # Creating it again shows it, too; where it must not be created any more, or not before a pause, one has to look.
    only_look = (
        settings(view).at_most_once
        or view.run.cancel_requested
        or view.dropped is not None
        or view.refusal is not None
        or hindrance(view, now) is not None
    )
    number = view.run.status.expected_attempt
    return RunDecisions(view.run.status, (LookForPod(view.run) if only_look else StartAttempt(view.run, number),))


def _pod_vanished(view: RunView, now: datetime) -> RunDecisions | None:
    """The pod of the open attempt is gone: stopped by us, or by somebody else."""
    name = pod_name(view.run.meta.name, view.run.status.expected_attempt)
    gone = isinstance(view.pod_state, Vanished)
    seen = gone or view.run.open_attempt is not None or view.run.status.pod_name == name
    if not seen or _recorded_and_refused(view):
        return None
    stopped = stop_reason(view)
    if stopped is not None:
        return attempt_ended(view, now, end_of_stopped(view, stopped))
    message = f"pod {name} is gone and nobody saw its end"
    return attempt_ended(view, now, Outcome(RunPhase.FAILED, "PodLost", message, lost=True))


def _canceled_before_start(view: RunView, now: datetime) -> RunDecisions | None:
    return canceled_without_pod(view, now) if view.run.cancel_requested else None


def _pre_created(view: RunView, now: datetime) -> RunDecisions | None:
    """Its time is still to come, or its task decides about it as if it were not there."""
    return RunDecisions(view.run.status)


def _dropped(view: RunView, now: datetime) -> RunDecisions | None:
    """The task's decision: it waited in vain."""
    dropped = view.dropped
    return ended(view, now, dropped.phase, dropped.reason, dropped.message) if dropped is not None else None


def _stale(view: RunView, now: datetime) -> RunDecisions | None:
    """Without status and pod for a time that the watermark covers: an operator that came too late has written it."""
    run, task = view.run, view.task
    if run.status.phase is not None or run.nominal is None or task is None:
        return None
    watermark, timing = task.status.last_scheduled_time, task.status.timing
    covered = (watermark is not None and run.nominal <= watermark) or (
        timing is not None and run.nominal <= timing.since
    )
    return ended(view, now, RunPhase.SKIPPED, STALE, "its time had been decided otherwise") if covered else None


def _refused(view: RunView, now: datetime) -> RunDecisions | None:
    """The API server will never take the pod."""
    if view.refusal is None or not view.refusal.final:
        return None
    return ended(view, now, RunPhase.FAILED, view.refusal.reason, view.refusal.message)


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
    """A run that occupies its slot starts its next attempt by itself."""
    at = retries_at(view)
    if at is None and not _recorded_and_refused(view):
        return None
    if view.refusal is None and at is not None and at > now:
        return RunDecisions(view.run.status, wake_at=earliest(at, total_deadline(view)))
    return RunDecisions(view.run.status, (StartAttempt(view.run, view.run.status.expected_attempt),))


def _turn(view: RunView, now: datetime) -> RunDecisions | None:
    """The task's decision says when a run of it starts; a run on its own starts now."""
    if view.run.task_name is None:
        return RunDecisions(view.run.status, (StartAttempt(view.run, 1),))
    if view.queued and view.deadlocked_by:
        holders = ", ".join(view.deadlocked_by)
        slots = f"each slot of CronTask {view.run.task_name} is held by {holders}"
        message = f"it would wait for ever: {slots}, and none of these can end before it does"
        return ended(view, now, RunPhase.FAILED, "WouldDeadlock", message)
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
    return canceling(view, _pod(view), now) if view.run.cancel_requested else None


def _timeout(view: RunView, now: datetime) -> RunDecisions | None:
    pod, stopped = _pod(view), stop_reason(view)
    if stopped is not None:
        return stop(view, pod, now, stopped, view.run.status.message)
    if pod.deleting:
        # Somebody else ends it: the attempt is lost, however long that takes.
        return None
    limit = next_limit(view)
    return stop(view, pod, now, limit.reason, limit.message) if limit is not None and limit.at <= now else None


def _pause(view: RunView, now: datetime) -> RunDecisions | None:
    """What it is a part of is paused: a pod that does one batch after the other ends after the one under way."""
    pod, parent = _pod(view), view.parent
    if reuse_of(view.run) is None or parent is None or not parent.paused or pod.deleting:
        return None
    main = pod.main_status
    if main is None or main.state.running is None:
        return None
    return stop(view, pod, now, PAUSED, f"paused: run {parent.meta.name}, which it is a part of, is")


def _under_way(view: RunView, now: datetime) -> RunDecisions:
    pod, limit = _pod(view), next_limit(view)
    if pod.deleting:
        return running(view, "its pod is being deleted by somebody else")
    wake_at = limit.at if limit is not None else None
    begun = pod.metadata.creation_timestamp + _NOT_WORTH_A_WRITE
    alone = view.run.spec.parent is not None and view.run.task_name is None
    if alone and view.run.status.phase is None and now < begun:
        # Many parts are short, and their end says all of it. Of what it is a part of, the status says that it runs.
        return RunDecisions(view.run.status, wake_at=earliest(wake_at, begun))
    return running(view, why_not_running(pod), wake_at=wake_at)


def _recorded_and_refused(view: RunView) -> bool:
    """Whether the open attempt was recorded ahead of its pod, which was then refused: it is not there for sure."""
    last = view.run.open_attempt
    return last is not None and last.start_time is None and view.refusal is not None


def _saying(view: RunView, message: str | None) -> ScheduledRunStatus:
    return view.run.status.model_copy(update={"message": message})


def _pod(view: RunView) -> Pod:
    assert view.pod is not None, "rules for runs with a pod"
    return view.pod


def _composed(view: RunView, now: datetime) -> RunDecisions:
    """Its plan says which parts should be there now."""
    return composed(view, now)


@dataclass(frozen=True, slots=True)
class Rule:
    """`decide` is asked of a run in one of the stages; None where it has nothing to say.

    `leads_to`: the phases that its status may have then; none where that stays as it is.
    """

    decide: Callable[[RunView, datetime], RunDecisions | None]
    stages: frozenset[Stage]
    leads_to: tuple[RunPhase, ...] = ()

    @property
    def name(self) -> str:
        """As people call it."""
        return self.decide.__name__.strip("_").replace("_", " ")


_WITHOUT_POD = frozenset(Stage) - WITH_POD - {Stage.ENDED, Stage.COMPOSED}
_MAY_START = frozenset({Stage.WAITING, Stage.UNRECORDED, Stage.REFUSED, Stage.BETWEEN_ATTEMPTS})
_OF_THE_TRIES = frozenset({Stage.CREATING, Stage.CREATION_UNKNOWN, Stage.BETWEEN_ATTEMPTS})
_AFTER_ATTEMPT = (RunPhase.RETRYING, RunPhase.FAILED, RunPhase.TIMED_OUT, RunPhase.CANCELED)

RULES: tuple[Rule, ...] = (
    Rule(_after_its_end, frozenset({Stage.ENDED})),
    # --- without a pod: what ends it, whatever it waits for, then what holds it, then what starts it
    Rule(_unusable, frozenset({Stage.UNUSABLE}), (RunPhase.FAILED,)),
    Rule(_owned_by_another, _WITHOUT_POD - {Stage.UNUSABLE}, (RunPhase.FAILED,)),
    Rule(_being_started, _OF_THE_TRIES),
    Rule(_refused, frozenset({Stage.REJECTED, Stage.BETWEEN_ATTEMPTS}), (RunPhase.FAILED,)),
    Rule(_pod_vanished, _MAY_START | {Stage.VANISHED}, _AFTER_ATTEMPT),
    Rule(_canceled_before_start, _MAY_START, (RunPhase.CANCELED,)),
    Rule(_pre_created, frozenset({Stage.PRE_CREATED})),
    Rule(_dropped, _MAY_START - {Stage.BETWEEN_ATTEMPTS}, (RunPhase.SKIPPED, RunPhase.MISSED)),
    Rule(_stale, frozenset({Stage.UNRECORDED, Stage.REFUSED}), (RunPhase.SKIPPED,)),
    Rule(_hindered, _MAY_START, (RunPhase.PENDING, RunPhase.SKIPPED, *_AFTER_ATTEMPT[:-1])),
    Rule(_next_attempt, frozenset({Stage.BETWEEN_ATTEMPTS})),
    Rule(_turn, _MAY_START, (RunPhase.QUEUED, RunPhase.FAILED)),
    # --- with parts
    Rule(
        _composed,
        frozenset({Stage.COMPOSED}),
        (RunPhase.RUNNING, RunPhase.CANCELING, RunPhase.COMPENSATING, *SUCCESSES, *_AFTER_ATTEMPT[1:]),
    ),
    # --- with a pod
    Rule(_finished, frozenset({Stage.ATTEMPT_OVER, Stage.ENDING}), (*SUCCESSES, *_AFTER_ATTEMPT)),
    Rule(_cancel, frozenset({Stage.RUNNING}), (RunPhase.CANCELING,)),
    Rule(_timeout, frozenset({Stage.RUNNING}), (RunPhase.RUNNING,)),
    Rule(_pause, frozenset({Stage.RUNNING}), (RunPhase.RUNNING,)),
    Rule(_under_way, frozenset({Stage.RUNNING}), (RunPhase.RUNNING,)),
)
