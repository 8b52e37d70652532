"""What the end of a run causes: one run of each task that comes after its task (`after`).

A follow-up is named by its cause, so that making it twice makes one. Callers: run_status.
"""

from datetime import datetime

from crontask.api.names import follow_up_name
from crontask.api.scheduledrun import SUCCESSES, RunPhase
from crontask.api.task_status import TaskPhase
from crontask.api.trigger import Trigger, trigger_of
from crontask.decide.counting import FAILURES
from crontask.decide.decisions import FollowUp, Transition
from crontask.decide.due import runs_left
from crontask.decide.views import CronTask, RunView

DEEPEST = 16
_COUNTS_AS = {
    "Succeeded": SUCCESSES,
    "Failed": FAILURES,
    "Finished": SUCCESSES | FAILURES | {RunPhase.CANCELED},
}


def follow_ups(view: RunView, phase: RunPhase, completion: datetime) -> tuple[FollowUp, ...]:
    """The runs that the end causes."""
    run, cause = view.run, trigger_of(view.run.meta)
    depth = cause.depth + 1 if cause is not None else 1
    if depth > DEEPEST:
        return ()
    trigger = Trigger(
        task=run.task_name or "",
        run=run.meta.name,
        run_uid=run.meta.uid,
        phase=phase.value,
        completion_time=completion,
        depth=depth,
    )
    return tuple(
        FollowUp(task, follow_up_name(task.meta.name, run.meta.uid), completion, trigger)
        for task in view.dependents
        if _follows(task, phase, completion)
    )


def chain_too_deep(view: RunView, phase: RunPhase, completion: datetime) -> tuple[Transition, ...]:
    """What is told where a chain is cut."""
    cause = trigger_of(view.run.meta)
    if cause is None or cause.depth < DEEPEST:
        return ()
    words = f"no run follows: a chain of more than {DEEPEST} runs, each after another, is cut"
    return tuple(
        Transition("ChainTooDeep", words, warning=True, task=view.run.task_name, run=view.run.meta.name)
        for task in view.dependents[:1]
        if _follows(task, phase, completion)
    )


def _follows(task: CronTask, phase: RunPhase, completion: datetime) -> bool:
    """Whether a task starts after an end of that phase at that time."""
    spec, status = task.spec, task.status
    if spec is None or spec.after is None or phase not in _COUNTS_AS[spec.after.ends]:
        return False
    paused = spec.suspend or status.phase is TaskPhase.SUSPENDED
    if paused or (spec.suspend_until is not None and spec.suspend_until > completion) or runs_left(task) == 0:
        return False
    if spec.start_time is not None and completion < spec.start_time:
        return False
    if spec.end_time is not None and completion >= spec.end_time:
        return False
    timing = status.timing
    if timing is None:
        return completion >= task.meta.creation_timestamp
    # An edit counts from when it is seen: what ended before is not followed.
    return timing.hash == task.timing_hash and completion >= timing.since
