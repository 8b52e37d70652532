"""Running a finished run again: whether that can be, and by what the new run goes then."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from crontask.api.composite_status import FAILED_STEPS
from crontask.api.handler import Handler
from crontask.api.names import ANNOTATION_RERUN_BY, ANNOTATION_TRIGGER
from crontask.api.phases import RunPhase
from crontask.api.pod import MESSAGE_BYTES
from crontask.api.rerun import (
    ACTIVE,
    ALREADY,
    FROM_FAILED,
    FROM_START,
    GONE,
    INVALID,
    NO_SUCH_STEP,
    NOT_STARTED,
    NOTHING,
    OF_A_PART,
    OF_ANOTHER_TASK,
    TRUNCATED,
    RerunOf,
)
from crontask.api.task_status import TaskBatch
from crontask.decide.composite.letters import WELL, decoded
from crontask.decide.composite.rerun_record import settings_from, with_trigger
from crontask.decide.composite.reuse import missing_results
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.plan import Plan, plan_of

Refusal = tuple[str, str]


def refusal(
    run: ScheduledRun,
    task: CronTask | None,
    source: ScheduledRun | None,
    parts: Iterable[ScheduledRun],
    newest: str | None,
    last: TaskBatch | None,
) -> Refusal | None:
    """Why a run cannot run the other, which has those parts, again; None where it can.

    `newest`: the last of those that have run it again already, each the one before. `last`: how far the batches of its
    task have come.
    """
    asked = run.spec.rerun_of
    assert asked is not None, "asked of reruns alone"
    if source is None:
        return GONE, f"run {asked.name} does not exist any more, or never did; start a new run"
    above = source.spec.parent
    if above is not None and run.spec.parent is None:
        return OF_A_PART, f"run {asked.name} is a part of run {above.name}; run that one again"
    if not source.ended:
        return ACTIVE, f"run {asked.name} has not ended; run it again once it has"
    if source.task_name != run.task_name:
        return OF_ANOTHER_TASK, _of_which_task(source)
    if not source.valid:
        return INVALID, f"the spec of run {asked.name} cannot be used, and so it never ran; start a new run"
    if source.spec.rerun_of is not None and source.status.rerun is None:
        first = source.spec.rerun_of.name
        return NOT_STARTED, f"run {asked.name} never started to run {first} again; name {first} instead"
    if newest is not None:
        return ALREADY, f"run {asked.name} has already been run again, last by run {newest}; name that one"
    out_of_reach = _no_such_step(asked, source, task) or _gone_on(asked, source, task, last)
    return out_of_reach or _nothing_left(asked, source) or _cut_off(run, task, source, parts)


def _of_which_task(source: ScheduledRun) -> str:
    if source.task_name is None:
        return f"run {source.meta.name} has a handler of its own, and no CronTask; remove taskRef"
    return f"run {source.meta.name} is one of CronTask {source.task_name}; write taskRef: {{name: {source.task_name}}}"


def _no_such_step(asked: RerunOf, source: ScheduledRun, task: CronTask | None) -> Refusal | None:
    """It is to begin at a step that there is not."""
    if asked.from_ in (FROM_FAILED, FROM_START):
        return None
    handler = handler_again(asked, source, task)
    names = [step.name for step in (handler.steps or ()) if not step.always] if handler is not None else []
    if asked.from_ in names:
        return None
    there = f"its steps are {', '.join(names)}" if names else "it has no steps; write from: Failed, or from: Start"
    return NO_SUCH_STEP, f"rerunOf.from: run {asked.name} has no step {asked.from_} to begin at: {there}"


def _gone_on(asked: RerunOf, source: ScheduledRun, task: CronTask | None, last: TaskBatch | None) -> Refusal | None:
    """It is in batches, and a later run of its task has gone on where it ended."""
    handler = handler_again(asked, source, task)
    continues = handler is not None and handler.batch is not None and handler.batch.continue_from == "LastRun"
    in_vain = continues and source.status.composite is not None and asked.from_ == FROM_FAILED
    if last is None or not in_vain or last.run == source.meta.name:
        return None
    return ALREADY, f"run {last.run} has continued where run {asked.name} ended; name that one, or start a new run"


def _nothing_left(asked: RerunOf, source: ScheduledRun) -> Refusal | None:
    if asked.from_ != FROM_FAILED or not source.succeeded or _has_failures(source):
        return None
    phase = source.status.phase
    all_of_it = "write from: Start, or --from Start, to do all of it again"
    return NOTHING, f"run {asked.name} is {phase}: nothing of it has failed; {all_of_it}"


def _has_failures(source: ScheduledRun) -> bool:
    """Whether something is left of a run that has ended well: what failed and was tolerated, or is to come."""
    status = source.status.composite
    if status is None or source.status.phase is RunPhase.SUCCEEDED:
        return False
    if status.batch is not None:
        return not status.batch.done
    if status.items is not None:
        return any(letter not in WELL for letter in decoded(status.items.ends, status.items.total))
    return any(step.phase in FAILED_STEPS for step in status.steps)


def _cut_off(
    run: ScheduledRun, task: CronTask | None, source: ScheduledRun, parts: Iterable[ScheduledRun]
) -> Refusal | None:
    """What runs again needs the result of a step that did not fit, or that nobody has any more."""
    asked = run.spec.rerun_of
    assert asked is not None, "asked of reruns alone"
    handler, plan = handler_again(asked, source, task), _plan(source)
    if handler is None or plan is None or handler.steps is None:
        return None
    missing = missing_results(source, plan, parts, handler, asked.from_)
    if missing is None:
        return None
    message = f"the result of step {missing} did not fit into {MESSAGE_BYTES} bytes, or is gone, and what runs again "
    return TRUNCATED, f"{message}needs it; write from: {missing}, or from: Start"


# --- by what it goes -------------------------------------------------------------------------------------------------


def handler_again(asked: RerunOf, source: ScheduledRun, task: CronTask | None) -> Handler | None:
    """What runs; None while the task, whose handler that is, is not there."""
    plan = _plan(source)
    if plan is not None and (asked.definition == "Same" or source.task_name is None):
        return plan.handler
    if source.task_name is None:
        return source.spec.handler
    return task.spec.handler if task is not None and task.valid else None


def is_same(run: ScheduledRun, source: ScheduledRun) -> bool:
    """Whether it goes by the plan of the other."""
    return run.spec.rerun_of is not None and run.spec.rerun_of.definition == "Same" and _plan(source) is not None


def taking_over(run: ScheduledRun, source: ScheduledRun) -> ScheduledRun:
    """The run as it will go: with what it does not say itself as the other, which has ended, says it."""
    asked, plan = run.spec.rerun_of, _plan(source)
    assert asked is not None, "asked of reruns alone"
    known: Plan | None = plan if is_same(run, source) else None
    spec, other = run.spec, source.spec
    update = {
        **settings_from(spec, known if known is not None else other),
        "args": {**(known.args if known is not None else other.args), **spec.args},
        "scheduled_time": spec.scheduled_time or other.scheduled_time or source.due_at,
    }
    if plan is None and spec.cursor is None:
        # Otherwise it is known how far it came.
        update["cursor"] = other.cursor
    if known is not None or source.task_name is None:
        update["handler"] = handler_again(asked, source, None)
    taken = replace(run, spec=spec.model_copy(update=update))
    return with_trigger(taken, source.meta.annotations.get(ANNOTATION_TRIGGER))


def _plan(source: ScheduledRun) -> Plan | None:
    return plan_of(source) if source.status.composite is not None else None


# --- who else runs it again ------------------------------------------------------------------------------------------

RerunsOf = Callable[[str], Iterable[ScheduledRun]]


def newest_of(source: ScheduledRun, reruns_of: RerunsOf) -> str | None:
    """The last of the runs that have run it again, each the one before; None where none has. Those may be gone."""
    found, seen, name = None, {source.meta.name}, source.meta.name
    while started := [again for again in reruns_of(name) if again.meta.name not in seen and has_taken_over(again)]:
        name = found = max(started, key=lambda again: (again.meta.creation_timestamp, again.meta.name)).meta.name
        seen.add(name)
    if found is not None:
        return found
    claimant, uid = _claim(source)
    known = {again.meta.uid for again in reruns_of(source.meta.name)}
    return claimant if claimant and uid not in known else None


def claimed_by(source: ScheduledRun, reruns_of: RerunsOf) -> ScheduledRun | None:
    """The run that is starting to run it again; None where there is none, or where that came to nothing."""
    uid = _claim(source)[1]
    return next((again for again in reruns_of(source.meta.name) if again.meta.uid == uid and not again.ended), None)


def claim_of(run: ScheduledRun) -> str:
    """What is noted of a run that begins to run another again, at that."""
    return f"{run.meta.name}/{run.meta.uid}"


def _claim(source: ScheduledRun) -> tuple[str, str]:
    """The name and the UID of the run that has begun to run it again; empty without one."""
    name, _, uid = source.meta.annotations.get(ANNOTATION_RERUN_BY, "").partition("/")
    return name, uid


def has_taken_over(run: ScheduledRun) -> bool:
    """Whether it has started to run the other again; one that then never ran leaves that to another."""
    return run.status.rerun is not None and (run.has_started or not run.ended)
