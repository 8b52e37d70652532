"""What the decisions are made from: objects as observed, and the views of a task and of a run.

Callers: store (which makes them), the policies of decide.
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.crontask import CronTaskSpec, CronTaskStatus
from crontask.api.metadata import Metadata
from crontask.api.names import nominal_of
from crontask.api.pod import Pod
from crontask.api.scheduledrun import Origin, ScheduledRunSpec, ScheduledRunStatus
from crontask.api.validate import Problem
from crontask.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Config:
    """The operator's settings that change decisions."""

    scheduling_enabled: bool = True
    keep_finished: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class CronTask:
    """A CronTask as observed; `spec` is None where `problems` say why it cannot be used."""

    meta: Metadata
    spec: CronTaskSpec | None
    problems: tuple[Problem, ...]
    status: CronTaskStatus
    timetable: Timetable
    timing_hash: str


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A ScheduledRun as observed; `spec` is None where `problems` say why it cannot be used."""

    meta: Metadata
    spec: ScheduledRunSpec | None
    problems: tuple[Problem, ...]
    status: ScheduledRunStatus

    @property
    def ended(self) -> bool:
        """Whether its end is recorded."""
        return self.status.phase is not None and self.status.phase.terminal

    @property
    def task_name(self) -> str | None:
        """The CronTask that it belongs to, None for a run with a handler of its own."""
        return self.spec.task_ref.name if self.spec is not None and self.spec.task_ref is not None else None

    @property
    def origin(self) -> Origin:
        """Who made it: the operator names and owns the runs that it makes by the schedule."""
        if self.status.origin is not None:
            return self.status.origin
        return Origin.SCHEDULE if self.nominal is not None else Origin.MANUAL

    @property
    def nominal(self) -> datetime | None:
        """The nominal time of a run that the operator made by the schedule, None for any other run."""
        task = self.task_name
        if task is None or self.meta.owner_uid is None or self.spec is None or self.spec.scheduled_time is None:
            return None
        return self.spec.scheduled_time if nominal_of(task, self.meta.name) == self.spec.scheduled_time else None

    @property
    def due_at(self) -> datetime:
        """When it may start: at `at`, or `delay` after its creation."""
        assert self.spec is not None
        if self.spec.at is not None:
            return self.spec.at
        return self.meta.creation_timestamp + (self.spec.delay or timedelta(0))


@dataclass(frozen=True, slots=True)
class Finding:
    """What the API server answered to the creation of a pod, where it was a refusal.

    `final`: it will never be taken. Otherwise it is tried again at `retry_at`; `tries` were made.
    """

    reason: str
    message: str
    final: bool
    retry_at: datetime
    tries: int = 1


@dataclass(frozen=True, slots=True)
class RunView:
    """All that is known of a run."""

    run: ScheduledRun
    task: CronTask | None
    pod: Pod | None
    queued: bool = False
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class TaskView:
    """All that is known of a task: its runs (of any origin), and the names of runs that are not its own.

    `first_look`: this operator has not decided about the task before.
    """

    task: CronTask
    runs: tuple[RunView, ...]
    foreign: Container[str] = frozenset()
    first_look: bool = False
