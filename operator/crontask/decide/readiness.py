"""May the next attempt of a run start now, and if not, why? One answer, for whoever could start it or let it wait.

Not asked here: whether it is the run's turn (overlap), and whether the pause before another attempt is over (retry).
"""

from dataclasses import dataclass
from datetime import datetime

from crontask.api.base import cut, format_duration, format_time
from crontask.api.names import part_name
from crontask.api.phases import RunPhase
from crontask.api.problem import Problem
from crontask.api.scheduledrun import LATEST_PAST, ScheduledRunSpec
from crontask.decide.args import ARGS_INVALID, args_violation
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.attempt.report import LONGEST_MESSAGE
from crontask.decide.attempt.reused import reuse_of
from crontask.decide.attempt.stop import TOTAL
from crontask.decide.decisions import earliest
from crontask.decide.idempotency import comes_before, done_meanwhile, first_of, started_before
from crontask.decide.limits import gives_up_at, total_deadline
from crontask.decide.model import DONE_ALREADY, STALE
from crontask.decide.plan import ended_without, plan_of
from crontask.decide.settings import settings
from crontask.decide.stage import Stage, stage_of
from crontask.decide.views import RunView

NOT_A_PART = "NotAPart"
_AWAIT_TURN = (Stage.WAITING, Stage.UNRECORDED, Stage.REFUSED)


@dataclass(frozen=True, slots=True)
class Ends:
    """It will never start: the run ends so."""

    phase: RunPhase
    reason: str
    message: str | None


@dataclass(frozen=True, slots=True)
class Fails:
    """The attempt has failed before it could start; another one may follow."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Held:
    """Not yet. `message`: what it waits for, None where there is nothing to say; `wake_at`: when to look again."""

    message: str | None
    wake_at: datetime | None = None


Hindrance = Ends | Fails | Held


def hindrance(view: RunView, now: datetime) -> Hindrance | None:
    """What keeps the next attempt of a run without a pod from starting now; None if nothing does."""
    first = not view.run.status.attempts
    found = _before_first_attempt(view, now) if first else _paused_between_batches(view)
    found = found or _task_missing(view) or (_cursor_in_vain(view) if first else None)
    return found or _args_invalid(view) or _out_of_time(view, now) or _refused(view, now)


def _before_first_attempt(view: RunView, now: datetime) -> Hindrance | None:
    held = _not_wanted(view) or _in_the_past(view) or _suspended(view) or _not_due(view, now)
    return held or _duplicate(view, now) or _done_meanwhile(view) or _not_run_again(view, now)


def _not_wanted(view: RunView) -> Ends | None:
    """A part that its parent does not want, or not any more."""
    asked, parent, meta = view.run.spec.parent, view.parent, view.run.meta
    if asked is None:
        return None
    if parent is None or parent.meta.uid != asked.uid:
        return Ends(RunPhase.SKIPPED, STALE, f"run {asked.name}, which it is a part of, is gone")
    if parent.ended:
        return Ends(RunPhase.SKIPPED, STALE, f"run {asked.name}, which it is a part of, has ended")
    known, plan = parent.status.composite, plan_of(parent)
    name = part_name(parent.meta.name, parent.meta.uid, asked.part)
    made = meta.owner_uid == asked.uid and meta.name == name
    if not made or known is None or plan is None or not plan.has_part(asked, known):
        return Ends(RunPhase.FAILED, NOT_A_PART, f"run {asked.name} has no such part; only the operator makes parts")
    if known.batch is not None and asked.batch is not None and asked.batch.number <= known.batch.batches:
        return Ends(RunPhase.SKIPPED, STALE, f"batch {asked.batch.number} of run {asked.name} is done already")
    if known.halt is not None and not asked.comes_at_the_end:
        return Ends(RunPhase.SKIPPED, STALE, f"run {asked.name} starts no more parts")
    if ended_without(known, asked, name):
        return Ends(RunPhase.FAILED, NOT_A_PART, f"step {asked.step} of run {asked.name} has ended without such a run")
    if asked.undo is not None and asked.undo not in (known.undo or ()):
        return Ends(RunPhase.FAILED, NOT_A_PART, f"run {asked.name} has no step {asked.undo} to undo")
    return None


def _in_the_past(view: RunView) -> Ends | None:
    problem = at_in_past(view.run.spec, view.run.meta.creation_timestamp)
    return Ends(RunPhase.FAILED, "AtInPast", str(problem)) if problem is not None else None


def at_in_past(spec: ScheduledRunSpec, created: datetime) -> Problem | None:
    """What the admission policy says of a run, and the operator without it, that was to start before its creation."""
    if spec.at is None or spec.allow_past or spec.at >= created - LATEST_PAST:
        return None
    message = f"{format_time(spec.at)} is more than a minute before the creation at {format_time(created)}"
    return Problem("spec.at", message, "write a time to come, or set allowPast: true")


def _suspended(view: RunView) -> Held | None:
    """It is to wait itself, or what it is a part of is paused: of that nothing new starts, whatever it waited for."""
    if view.run.spec.suspend:
        return Held("held back: spec.suspend is true")
    asked, parent = view.run.spec.parent, view.parent
    if asked is None or asked.comes_at_the_end or parent is None or not parent.paused:
        return None
    return Held(f"held back: run {asked.name}, which it is a part of, is paused")


def _paused_between_batches(view: RunView) -> Held | None:
    """What it is a part of is paused, and its pod would have to end at once: it does one batch after the other."""
    asked, parent = view.run.spec.parent, view.parent
    if asked is None or parent is None or not parent.paused or reuse_of(view.run) is None:
        return None
    return Held(f"held back: run {asked.name}, which it is a part of, is paused")


def _not_due(view: RunView, now: datetime) -> Held | None:
    nominal, task = view.run.nominal, view.task
    if nominal is not None and task is not None:
        # A pre-created run that somebody has edited is like any other before its time.
        due_at = task.start_of(nominal)
        if view.run.spec.at is not None:
            due_at = max(due_at, view.run.spec.at)
        is_due = due_at <= now
    else:
        due_at, is_due = view.run.due_at, view.run.is_due(now)
    # Said while there is time to mend the task; what counts is how it is then.
    return None if is_due else Held(args_violation(view), wake_at=due_at)


def _duplicate(view: RunView, now: datetime) -> Hindrance | None:
    """Of the runs with one idempotencyKey the first to start counts."""
    started = started_before(view)
    if started is not None:
        return Ends(RunPhase.SKIPPED, "Duplicate", f"run {started} with the same idempotencyKey started before")
    first = comes_before(view, now)
    return Held(f"waits for run {first} with the same idempotencyKey") if first is not None else None


def _done_meanwhile(view: RunView) -> Ends | None:
    """Of a backfill: its time was not done when that was asked for, and is now."""
    if not done_meanwhile(view):
        return None
    return Ends(RunPhase.SKIPPED, DONE_ALREADY, "another run has done its scheduled time since the backfill was made")


def _not_run_again(view: RunView, now: datetime) -> Hindrance | None:
    """Of the runs that run one again the first to start counts, and some cannot be run again at all."""
    rerun, asked = view.rerun, view.run.spec.rerun_of
    if rerun is None or asked is None:
        return None
    if rerun.refused is not None:
        return Ends(RunPhase.FAILED, *rerun.refused)
    first = rerun.claimed_by or first_of(rerun.others, view.run, now)
    return Held(f"waits for run {first}, which runs {asked.name} again as well") if first is not None else None


def _task_missing(view: RunView) -> Held | None:
    name = view.run.task_name
    if name is None or not view.task_is_missing:
        return None
    why = "which does not exist" if view.task is None else "whose spec is not valid"
    return Held(f"waits for CronTask {name}, {why}")


def _cursor_in_vain(view: RunView) -> Ends | None:
    """It is to begin at a cursor, and its task has no batches."""
    handler = settings(view).handler
    if view.run.spec.cursor is None or handler is None or handler.batch is not None:
        return None
    task = view.run.task_name
    whose = f"CronTask {task}" if task is not None else "what runs again"
    message = f"spec.cursor: {whose} has no handler.batch, and begins nowhere; remove it"
    return Ends(RunPhase.FAILED, "CursorInVain", message)


def _args_invalid(view: RunView) -> Ends | None:
    message = args_violation(view)
    return Ends(RunPhase.FAILED, ARGS_INVALID, message) if message is not None else None


def _out_of_time(view: RunView, now: datetime) -> Hindrance | None:
    """The run with all its attempts has taken too long, or a quota or a policy has kept this one from starting."""
    deadline, until = total_deadline(view), gives_up_at(view)
    if view.refusal is not None and until is not None and until <= now:
        longest = format_duration(settings(view).start_timeout)
        message = f"the pod was refused for {longest}, its startTimeout: {view.refusal.message}"
        return Fails(Outcome(RunPhase.FAILED, view.refusal.reason, cut(message, LONGEST_MESSAGE)))
    if deadline is not None and deadline <= now:
        return Ends(RunPhase.TIMED_OUT, TOTAL, view.run.status.message)
    return None


def _refused(view: RunView, now: datetime) -> Held | None:
    """Its pod is refused, and will be tried again."""
    refusal = view.refusal
    if refusal is None or refusal.retry_at <= now:
        return None
    # The first attempt of a task's run is the task's to start.
    retry_at = refusal.retry_at if view.run.status.attempts or view.run.task_name is None else None
    wake_at = earliest(retry_at, total_deadline(view), gives_up_at(view))
    return Held(f"the pod is refused: {refusal.message}", wake_at)


def awaits_turn(view: RunView, now: datetime) -> bool:
    """Whether nothing but its turn keeps the first attempt of a run from starting."""
    may_wait = not view.run.cancel_requested and stage_of(view) in _AWAIT_TURN
    return may_wait and hindrance(view, now) is None
