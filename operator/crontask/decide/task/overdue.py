"""Whether a task is overdue: a run takes longer, or the task is without a success for longer, than it expects.

Role: by `spec.expect`. It stops nothing; the condition `Overdue` says so, and an event once.
"""

from dataclasses import dataclass
from datetime import datetime

from crontask.api.base import format_duration, format_time
from crontask.api.metadata import Condition, find_condition
from crontask.api.task_status import SCHEDULING, TaskPhase, Timing
from crontask.decide.decisions import DecisionKind, Transition
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.stage import OCCUPIES_SLOT, stage_of
from crontask.decide.views import TaskView

OVERDUE = "Overdue"
NO_SUCCESS = "NoSuccess"
RUN_TAKES_TOO_LONG = "RunTakesTooLong"


@dataclass(frozen=True, slots=True)
class Late:
    """What is not as expected, for programs and for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Expected:
    """Until when a task is as it expects. `success_by`: None where no success is expected, which it counts `since`.

    `runs`: when each run that is under way should have ended, the first first.
    """

    task: CronTask
    success_by: datetime | None = None
    since: str = ""
    runs: tuple[tuple[datetime, ScheduledRun], ...] = ()

    def late(self, now: datetime) -> Late | None:
        """What is not as expected, None if all is. Of several runs it is about the one that should have ended first."""
        expect, found = self.task.spec.expect, []
        if expect is not None and expect.success_within is not None and self.success_by and self.success_by <= now:
            longest = format_duration(expect.success_within)
            found.append(Late(NO_SUCCESS, f"no run has succeeded for longer than {longest}, since {self.since}"))
        if expect is not None and expect.finish_within is not None and self.runs and self.runs[0][0] <= now:
            longest, run = format_duration(expect.finish_within), self.runs[0][1]
            began = format_time(run.status.start_time or run.meta.creation_timestamp)
            message = f"run {run.meta.name} takes longer than {longest}: it began at {began}"
            found.append(Late(RUN_TAKES_TOO_LONG, message))
        return Late(found[0].reason, "; ".join(each.message for each in found)) if found else None

    def next_at(self, now: datetime) -> datetime | None:
        """When it will be overdue next, by what is not overdue yet; None if nothing can be."""
        instants = [limit for limit, _ in self.runs]
        if self.success_by is not None:
            instants.append(self.success_by)
        return min((instant for instant in instants if instant > now), default=None)


def expected_of(
    view: TaskView, phase: TaskPhase | None, timing: Timing | None, last_success: datetime | None
) -> Expected:
    """What a task expects, in that phase and by that timing.

    A success counts from the last one (the creation, before the first), or from when its timing last began to count,
    by a resume or an edit, if that is later. While nothing starts on schedule, because it is suspended or completed,
    none is expected.
    """
    task, expect = view.task, view.task.spec.expect
    if expect is None:
        return Expected(task)
    success_by, words = None, ""
    if expect.success_within is not None and phase in SCHEDULING and timing is not None:
        since, words = _counted_since(task, timing, last_success)
        success_by = since + expect.success_within
    runs: list[tuple[datetime, ScheduledRun]] = []
    if expect.finish_within is not None:
        for run in view.runs:
            began = run.run.status.start_time
            if began is not None and stage_of(run) in OCCUPIES_SLOT:
                runs.append((began + expect.finish_within, run.run))
    return Expected(task, success_by, words, tuple(sorted(runs, key=lambda known: (known[0], known[1].meta.name))))


def _counted_since(task: CronTask, timing: Timing, last_success: datetime | None) -> tuple[datetime, str]:
    since = last_success or task.meta.creation_timestamp
    words = "the last success" if last_success is not None else "its creation"
    if timing.since > since:
        since, words = timing.since, "it resumed, or its schedule was edited"
    return since, f"{words} at {format_time(since)}"


def overdue_changed(task: CronTask, conditions: tuple[Condition, ...]) -> tuple[Transition, ...]:
    """What is recorded of a task whose conditions these are from now on: that it is overdue, or is no more."""
    before, after = find_condition(task.status.conditions, OVERDUE), find_condition(conditions, OVERDUE)
    was = before.reason if before is not None and before.status == "True" else None
    is_ = after.reason if after is not None and after.status == "True" else None
    if was == is_ or after is None:
        return ()
    name = task.meta.name
    if is_ is None:
        return (Transition("AsExpected", "it is not overdue any more", task=name, event=False),)
    return (Transition(OVERDUE, after.message, warning=True, task=name, kind=DecisionKind.OVERDUE, why=is_),)
