"""Times that came due before an edit of the timing or a pause, and are left out because of it.

Such a time waits for its start, which jitter puts after it, or for the API server to take its run. What an edit or a
pause that nobody watched leaves out is not known exactly: the record says from when to when.
"""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from crontask.api.phases import RunPhase
from crontask.api.task_status import SCHEDULING, Decision, Timing
from crontask.decide.decisions import Dropped
from crontask.decide.model import Config, CronTask
from crontask.decide.refusal import RUN_REJECTED
from crontask.decide.task.conditions import run_is_rejected
from crontask.decide.task.missed import but_for
from crontask.decide.task.pause import Pause
from crontask.decide.task.record import PAUSE_UNSEEN, TIMING_CHANGED, TIMING_UNSEEN, entry
from crontask.decide.views import RunView, TaskView
from crontask.timetable import Timetable

LEFT_OUT = Dropped(RunPhase.SKIPPED, TIMING_CHANGED, "the schedule was edited before it could start")


def dropped_times(
    view: TaskView, timing: Timing, pause: Pause | None, config: Config, now: datetime
) -> tuple[Decision, ...]:
    """What an edit or a pause that is seen now leaves out, newest first. `timing`: the effective one."""
    task, before, pausing = view.task, view.task.status.timing, pause is not None
    if before is None or task.status.phase not in SCHEDULING or not (pausing or timing.hash != before.hash):
        return ()
    old, after = _task_until_now(view), task.recorded_until
    if old is None:
        return (Decision(type="Missed", nominal_time=after, until=now, reason=TIMING_UNSEEN),)
    if replace(old, status=task.status).runs_left == 0:
        return ()
    taken = _times_with_a_run(view, pausing)
    if pausing and (view.first_look or config.clock_skewed):
        return _entry("Missed", PAUSE_UNSEEN, old, after, now, taken)
    reason = pause.reason if pause is not None else TIMING_CHANGED
    latest = old.jitter.latest_started(old.timetable, now)
    come = max(after, latest) if latest is not None else after
    # Of those whose start had come, only the API server was in the way.
    refused = run_is_rejected(view)
    return (
        *_entry("Skipped", reason, old, come, now, taken),
        *_entry("Missed" if refused else "Skipped", RUN_REJECTED if refused else reason, old, after, come, taken),
    )


def timetable_until_now(view: TaskView) -> Timetable | None:
    """By which times were due until an edit or a pause that is seen now; None where nobody knows."""
    old = _task_until_now(view)
    return old.timetable if old is not None else None


def _task_until_now(view: TaskView) -> CronTask | None:
    task, before = view.task, view.task.status.timing
    return task if before is None or before.hash == task.timing_hash else view.previous


def launches_cut_short(view: TaskView, timing: Timing) -> tuple[RunView, ...]:
    """The runs of times that an edit which is seen now leaves out, and of which nothing is recorded yet.

    Each records for itself what becomes of its time: the edit is recorded after them.
    """
    before = view.task.status.timing
    if before is None or timing.hash == before.hash:
        return ()
    own = (run for run in view.runs if run.run.meta.owner_uid == view.task.meta.uid)
    return tuple(r for r in own if r.run.nominal is not None and r.run.nominal <= timing.since and not r.is_recorded)


def _times_with_a_run(view: TaskView, pausing: bool) -> set[datetime]:
    """The times of which a run says what became of them. A pause drops those that wait, and each is recorded then."""
    runs = (*(run.run for run in view.runs if pausing or run.is_recorded), *view.finished)
    return {run.nominal for run in runs if run.nominal is not None and run.meta.owner_uid == view.task.meta.uid}


def _entry(
    type_: Literal["Skipped", "Missed"],
    reason: str,
    task: CronTask,
    after: datetime,
    until: datetime,
    taken: set[datetime],
) -> tuple[Decision, ...]:
    """An entry about the nominal times of the task in (after, until], none if there are none."""
    due = task.timetable.due(after, until) if until > after else None
    times = but_for(task.timetable, due, taken) if due is not None else None
    return (entry(type_, reason, times),) if times is not None else ()
