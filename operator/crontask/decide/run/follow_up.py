"""What the end of a run causes: one run of each task that comes after its task (`after`), and the one that the run
itself asks for (`onComplete`).

A follow-up is named by its cause, so that making it twice makes one.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from crontask.api.base import format_time
from crontask.api.names import ANNOTATION_TRIGGER, follow_up_name
from crontask.api.phases import FAILURES, SUCCESSES, RunPhase
from crontask.api.scheduledrun import OnComplete, ScheduledRunStatus
from crontask.api.task_status import TaskPhase
from crontask.api.trigger import Trigger, trigger_json
from crontask.decide.decisions import CreateRun, Transition
from crontask.decide.model import CronTask
from crontask.decide.views import RunView

DEEPEST = 16
_COUNTS_AS = {
    "Succeeded": SUCCESSES,
    "Failed": FAILURES,
    "Finished": SUCCESSES | FAILURES | {RunPhase.CANCELED},
}


def follow_ups(view: RunView, status: ScheduledRunStatus) -> tuple[CreateRun, ...]:
    """The runs that the end causes, which `status` records."""
    phase, completion = status.phase, status.completion_time
    if phase is None or completion is None or _depth(view) > DEEPEST:
        return ()
    found = [
        _create(
            view,
            follow_up_name(task.meta.name, view.run.meta.uid),
            task.meta.name,
            task,
            completion,
            _trigger(view, status, completion, "after"),
        )
        for task in _dependents(view, status)
        if _follows(task, phase, completion)
    ]
    asked = _asked_for(view, phase)
    if asked is not None:
        name = follow_up_name(asked.task_ref.name, f"{view.run.meta.uid}/onComplete")
        trigger = _trigger(view, status, completion, "onComplete")
        found.append(_create(view, name, asked.task_ref.name, view.on_complete, completion, trigger, asked.args))
    return tuple(found)


def _create(
    view: RunView,
    name: str,
    task_name: str,
    task: CronTask | None,
    scheduled: datetime,
    trigger: Trigger,
    args: Mapping[str, Any] | None = None,
) -> CreateRun:
    """The run of that name; the trigger says to its pod what has caused it."""
    spec: dict[str, Any] = {"taskRef": {"name": task_name}, "scheduledTime": format_time(scheduled)}
    if args:
        spec["args"] = dict(args)
    return CreateRun(name, spec, {ANNOTATION_TRIGGER: trigger_json(trigger)}, task, view.run)


def _dependents(view: RunView, status: ScheduledRunStatus) -> tuple[CronTask, ...]:
    """The tasks that may come after its end: none where nothing of its task has run."""
    return () if replace(view.run, status=status).rerun_refused else tuple(view.dependents)


def _depth(view: RunView) -> int:
    return view.run.depth + 1


def _trigger(
    view: RunView, status: ScheduledRunStatus, completion: datetime, cause: Literal["after", "onComplete"]
) -> Trigger:
    assert status.phase is not None, "only an end causes something"
    return Trigger(
        cause=cause,
        task=view.run.task_name or "",
        run=view.run.meta.name,
        run_uid=view.run.meta.uid,
        phase=status.phase.value,
        completion_time=completion,
        message=status.message,
        result=status.result,
        depth=_depth(view),
    )


def _asked_for(view: RunView, phase: RunPhase) -> OnComplete | None:
    """What the run itself wants to follow; a run that never ran because another had its key leaves it to that one."""
    return view.run.spec.on_complete if phase in _COUNTS_AS["Finished"] else None


def chain_too_deep(view: RunView, phase: RunPhase, completion: datetime) -> tuple[Transition, ...]:
    """What is recorded where a chain is cut."""
    if _depth(view) <= DEEPEST:
        return ()
    wanted = _asked_for(view, phase) is not None or any(_follows(task, phase, completion) for task in view.dependents)
    message = f"no run follows: a chain of more than {DEEPEST} runs, each after another, is cut"
    transition = Transition("ChainTooDeep", message, warning=True, task=view.run.task_name, run=view.run.meta.name)
    return (transition,) if wanted else ()


def _follows(task: CronTask, phase: RunPhase, completion: datetime) -> bool:
    """Whether a task starts after an end of that phase at that time."""
    spec, status = task.spec, task.status
    if spec.after is None or phase not in _COUNTS_AS[spec.after.ends]:
        return False
    paused = spec.suspend or status.phase is TaskPhase.SUSPENDED
    if paused or (spec.suspend_until is not None and spec.suspend_until > completion) or task.runs_left == 0:
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
