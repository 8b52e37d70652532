"""A run that consists of parts: how it starts, and what is done for it while they go on."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from crontask.api.metadata import Condition, merge_conditions
from crontask.api.phases import RunPhase
from crontask.api.rerun import FROM_FAILED
from crontask.api.scheduledrun import CompositeRunStatus, ScheduledRunStatus
from crontask.api.task_status import TaskBatch
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.composite.approval_record import ignored_condition
from crontask.decide.composite.decide import at_its_start, decide_composite, planned_cursor, planned_items
from crontask.decide.composite.model import CompositeDecision, CompositeEnd, CompositeView
from crontask.decide.composite.part import create_part, own_parts
from crontask.decide.composite.rerun import is_same
from crontask.decide.composite.rerun_record import key_of_record, record_of
from crontask.decide.composite.reuse import Kept, kept_of
from crontask.decide.composite.times import paused
from crontask.decide.decisions import CancelPart, CreatePart, RunDecisions, earliest
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import UNREADABLE, make_plan, parse_plan, plan_of
from crontask.decide.run.follow_up import DEEPEST
from crontask.decide.run.status import ended, identity
from crontask.decide.settings import settings
from crontask.decide.views import RunView

_PAUSED = "Suspended"
TOO_DEEP = "TooDeep"


def with_plan(view: RunView, now: datetime, last: TaskBatch | None = None) -> ScheduledRunStatus:
    """The status of a composite run that starts: from then on it goes by its plan, whatever becomes of its task.

    `last`: how far the batches of its task have come.
    """
    found = settings(view)
    generation = view.task.meta.generation if view.task is not None else None
    handler = found.handler
    assert handler is not None, "a run without a handler does not start"
    source = view.rerun.source if view.rerun is not None else None
    # By the plan of the other, the task's args of today are none of its.
    args = view.run.spec.args if source is not None and is_same(view.run, source) else found.args
    # What is run again goes on where it ended, or began.
    begins = planned_cursor(view.run, handler, last if source is None or source.status.composite is None else None)
    plan = {**make_plan(view.run, found, generation), "args": args, **planned_items(view.run, handler, args), **begins}
    return CompositeRunStatus(
        **{
            **dict(view.run.status),
            **identity(view),
            "phase": RunPhase.RUNNING,
            "start_time": now,
            "message": None,
            "plan": plan,
            **at_its_start(view.run, handler, args, begins.get("cursor")),
            **(_kept(view, source, plan) if source is not None else {}),
        }
    )


def _kept(view: RunView, source: ScheduledRun, plan: dict[str, Any]) -> dict[str, Any]:
    """What else the status of a rerun says at its start: what it keeps of the other, and what it goes by."""
    new = parse_plan(view.run, plan)
    before = plan_of(source) if source.status.composite is not None else None
    parts = view.rerun.parts if view.rerun is not None else ()
    kept = kept_of(source, before, parts, new, view.run) if new is not None else Kept()
    record = record_of(view.run, source, None, None)
    return {"plan": {**plan, **kept.beside, **kept.plan}, **kept.status, "rerun": record}


def taken_over(view: RunView) -> ScheduledRunStatus:
    """The status of a run without parts that starts to run another again."""
    run, source = view.run, view.rerun.source if view.rerun is not None else None
    assert source is not None, "what cannot be run again does not start"
    anew = source.succeeded or (run.spec.rerun_of is not None and run.spec.rerun_of.from_ != FROM_FAILED)
    key = None if anew else key_of_record(source.status.rerun) or source.meta.uid
    record = record_of(run, source, key, run.spec.handler)
    phase = run.status.phase or RunPhase.PENDING
    return run.status.model_copy(update={**identity(view), "phase": phase, "rerun": record})


def composed(view: RunView, now: datetime) -> RunDecisions:
    """What to do now for a run whose plan is recorded."""
    plan = plan_of(view.run)
    if plan is None:
        message = "status.plan, which the run follows, can no longer be read"
        return ended(view, now, RunPhase.FAILED, UNREADABLE, message)
    if view.run.depth >= DEEPEST:
        return ended(view, now, RunPhase.FAILED, TOO_DEEP, f"its parts would be nested more than {DEEPEST} runs deep")
    parts = own_parts(view.run, view.parts)
    orphaned = frozenset(view.orphaned_parts)
    known = CompositeView(
        view.run,
        plan,
        parts,
        dict(view.refused_parts),
        orphaned,
        view.unmade_parts,
        _is_suspended(view),
    )
    decided = decide_composite(known, now)
    if decided.end is not None:
        return _ended(view, decided, decided.end, now)
    status = _status(view, decided, now)
    held = [(wanted, by) for wanted in decided.wanted if (by := known.held_by(wanted.part, now)) is not None]
    waiting = {wanted.part for wanted, _ in held}
    creations = tuple(create_part(known, wanted) for wanted in decided.wanted if wanted.part not in waiting)
    wake_at = earliest(decided.wake_at, *(by.retry_at for _, by in held))
    if held:
        first, by = held[0]
        message = f"run {known.name_of(first.part)} is refused: {by.message}"
        status = status.model_copy(update={"message": message})
    cancels = tuple(_cancel(part_run, decided, view) for part_run in decided.cancels)
    if decided.record_first:
        following: tuple[CreatePart | CancelPart, ...] = (*creations, *cancels)
        return RunDecisions(status, following, decided.transitions, wake_at=wake_at, prune=decided.prune)
    return RunDecisions(status, cancels, wake_at=wake_at, before=creations, summary=not cancels, prune=decided.prune)


def _is_suspended(view: RunView) -> bool:
    """Whether it is paused, or what it is a part of."""
    return bool(view.run.spec.suspend) or (view.parent is not None and view.parent.paused)


def _cancel(part: ScheduledRun, decided: CompositeDecision, view: RunView) -> CancelPart:
    why = decided.halt.reason if decided.halt is not None else ""
    immediate = view.run.spec.cancel_mode == "Immediate"
    return CancelPart(part, f"run {view.run.meta.name}, which it is a part of, ends: {why}", immediate)


def _status(view: RunView, decided: CompositeDecision, now: datetime) -> ScheduledRunStatus:
    before = view.run.status
    return before.model_copy(
        update={
            **identity(view),
            "phase": decided.phase,
            "display": _display(view, decided),
            "message": decided.message,
            "progress": decided.progress,
            "steps": decided.steps,
            "items": decided.items,
            "batch": decided.batch,
            "processed_count": decided.processed_count,
            "error_count": decided.error_count,
            "halt": decided.halt,
            "undo": decided.undo,
            "not_compensated": decided.not_compensated,
            "paused": paused(view.run, _is_suspended(view), now),
            "conditions": _conditions(view, decided, now),
        }
    )


def _display(view: RunView, decided: CompositeDecision) -> str | None:
    """What is shown in place of the phase: what comes at the end is not paused."""
    goes_on = decided.phase is RunPhase.RUNNING and decided.halt is None
    return "Paused" if goes_on and _is_suspended(view) else None


def _conditions(view: RunView, decided: CompositeDecision, now: datetime) -> tuple[Condition, ...]:
    """What is so beside its phase."""
    found = (*_suspended(view, now), *ignored_condition(view.run, decided.ignored, now))
    return merge_conditions(view.run.status.conditions, found)


def _suspended(view: RunView, now: datetime) -> tuple[Condition, ...]:
    """Suspended, once it has been."""
    known = view.run.status.composite
    suspended = _is_suspended(view)
    if not suspended and (known is None or known.paused is None):
        return ()
    condition = Condition(
        type=_PAUSED,
        status="True" if suspended else "False",
        reason=_PAUSED if suspended else "NotSuspended",
        message="",
        last_transition_time=now,
        observed_generation=view.run.meta.generation,
    )
    return (condition,)


def _ended(view: RunView, decided: CompositeDecision, end: CompositeEnd, now: datetime) -> RunDecisions:
    """The end, with all that the status says of the parts."""
    known = replace(view.run, status=_status(view, decided, now))
    outcome = Outcome(
        end.phase,
        end.reason,
        end.message,
        result=end.result,
        processed_count=end.processed_count,
        error_count=end.error_count,
        result_truncated=end.result_truncated or None,
    )
    decisions = ended(replace(view, run=known), now, end.phase, end.reason, end.message, outcome)
    return replace(decisions, transitions=(*decided.transitions, *decisions.transitions))
