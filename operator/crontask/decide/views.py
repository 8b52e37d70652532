"""What the decisions are made from: objects as observed, and the views of a task and of a run.

Callers: store (which makes them), the policies of decide.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from crontask.api.crontask import CronTaskSpec
from crontask.api.metadata import Metadata
from crontask.api.names import ANNOTATION_CATCH_UP, ANNOTATION_REPLACED_BY, nominal_of
from crontask.api.pod import Pod
from crontask.api.problem import Problem
from crontask.api.scheduledrun import SUCCESSES, Origin, RunPhase, ScheduledRunSpec, ScheduledRunStatus
from crontask.api.task_status import CronTaskStatus
from crontask.api.trigger import trigger_of
from crontask.timetable import NO_JITTER, Jitter, Timetable


@dataclass(frozen=True, slots=True)
class Config:
    """The operator's settings that change decisions."""

    scheduling_enabled: bool = True
    clock_skewed: bool = False
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
    jitter: Jitter = NO_JITTER

    def start_of(self, nominal: datetime) -> datetime:
        """When the run of a nominal time may start."""
        return self.jitter.start_of(nominal, self.timetable)

    def next_nominal(self, after: datetime, now: datetime) -> datetime | None:
        """The first nominal time after `after` whose start is still to come; None if there is none."""
        first = self.jitter.next_nominal(self.timetable, now)
        return first if first is None or first > after else self.timetable.next_after(after)

    def upcoming(self, after: datetime, now: datetime, n: int) -> tuple[datetime, ...]:
        """The first `n` of them."""
        first = self.next_nominal(after, now)
        return (first, *self.timetable.upcoming(first, n - 1)) if first is not None and n > 0 else ()

    @property
    def recorded_until(self) -> datetime:
        """Up to when the status says what became of each of its times."""
        timing, watermark = self.status.timing, self.status.last_scheduled_time
        since = timing.since if timing is not None else self.meta.creation_timestamp
        return max(since, watermark) if watermark is not None else since


@dataclass(frozen=True)
class ScheduledRun:
    """A ScheduledRun as observed; `spec` is None where `problems` say why it cannot be used.

    What is derived from it is kept: each decision about a task looks at all of its runs.
    """

    meta: Metadata
    spec: ScheduledRunSpec | None
    problems: tuple[Problem, ...]
    status: ScheduledRunStatus

    @cached_property
    def ended(self) -> bool:
        """Whether its end is recorded."""
        return self.status.phase is not None and self.status.phase.terminal

    @cached_property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.status.phase in SUCCESSES

    @cached_property
    def recorded_at(self) -> datetime | None:
        """When the operator recorded its end (not when its pod ended), None before."""
        return self.status.recorded_at()

    @cached_property
    def end(self) -> tuple[datetime, str]:
        """When it ended (was created, where that is not known), and its name: finished runs go by these."""
        return self.status.completion_time or self.meta.creation_timestamp, self.meta.name

    @cached_property
    def task_name(self) -> str | None:
        """The CronTask that it belongs to, None for a run with a handler of its own."""
        return self.spec.task_ref.name if self.spec is not None and self.spec.task_ref is not None else None

    @cached_property
    def origin(self) -> Origin:
        """Who made it: the operator names and owns the runs that it makes by the schedule."""
        if self.status.origin is not None:
            return self.status.origin
        trigger = trigger_of(self.meta)
        if trigger is not None and (trigger.cause == "onComplete" or self.meta.owner_uid is not None):
            return trigger.origin
        return Origin.SCHEDULE if self.nominal is not None else Origin.MANUAL

    @cached_property
    def nominal(self) -> datetime | None:
        """The nominal time of a run that the operator made by the schedule, None for any other run."""
        task = self.task_name
        if task is None or self.meta.owner_uid is None or self.spec is None or self.spec.scheduled_time is None:
            return None
        return self.spec.scheduled_time if nominal_of(task, self.meta.name) == self.spec.scheduled_time else None

    @cached_property
    def judged_args(self) -> dict[tuple[str, int] | None, str | None]:
        """What is wrong with its args together with those of a generation of its task: kept by who has judged them."""
        return {}

    @property
    def catching_up(self) -> bool:
        """Whether it stands for a missed time that is made up for."""
        return ANNOTATION_CATCH_UP in self.meta.annotations

    @property
    def replaced_by(self) -> str | None:
        """The name of the run that takes its place, None if it is not replaced."""
        return self.meta.annotations.get(ANNOTATION_REPLACED_BY)

    @cached_property
    def due_at(self) -> datetime:
        """When it may start: at `at`, or `delay` after its creation."""
        assert self.spec is not None
        if self.spec.at is not None:
            return self.spec.at
        return self.meta.creation_timestamp + (self.spec.delay or timedelta(0))

    @cached_property
    def asleep_until(self) -> datetime | None:
        """When a run that somebody made for later is due; None where its task may have something to decide before."""
        if self.spec is None or self.meta.owner_uid is None or self.nominal is not None:
            return None
        if self.status.phase not in (None, RunPhase.PENDING) or self.status.attempts:
            return None
        return self.due_at if self.spec.at is not None or self.spec.delay else None

    def is_due(self, now: datetime) -> bool:
        """Whether it may start. Without `at` and `delay` it may as soon as it is there, whatever our clock says."""
        assert self.spec is not None
        return (self.spec.at is None and not self.spec.delay) or self.due_at <= now


@dataclass(frozen=True, slots=True)
class Finding:
    """What the API server answered to the creation of a pod, where it was a refusal.

    `final`: it will never be taken. Otherwise it is tried again at `retry_at`; `tries` were made since `since`.
    """

    reason: str
    message: str
    final: bool
    retry_at: datetime
    since: datetime
    tries: int = 1


@dataclass(frozen=True, slots=True)
class RunRefusal:
    """What the API server said against the creation of a run. It is not tried again before `retry_at`."""

    name: str
    message: str
    retry_at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """What the task's decision says of a run that will not start: its end, and why."""

    phase: RunPhase
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Turns:
    """What the task's decision says of its runs that have not started: who waits, and who is dropped."""

    queued: frozenset[str] = frozenset()
    dropped: Mapping[str, Dropped] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunView:
    """All that is known of a run. `pod`: of the expected attempt.

    `dependents`: the tasks that come after its task. `on_complete`: the task that its onComplete names. `same_key`: the
    other runs with its idempotencyKey. `pod_gone`: the pod of the expected attempt was seen and is there no more.
    `starting`: that pod is on its way. `unsure`: whether its pod was made is not known.
    `reserved`: it was made ahead of its time, and nothing is decided about it. `follow_up_refusal`: of a run that its
    end causes.
    """

    run: ScheduledRun
    task: CronTask | None
    pod: Pod | None
    queued: bool = False
    finding: Finding | None = None
    dropped: Dropped | None = None
    dependents: tuple[CronTask, ...] = ()
    on_complete: CronTask | None = None
    same_key: tuple[ScheduledRun, ...] = ()
    pod_gone: bool = False
    starting: bool = False
    unsure: bool = False
    reserved: bool = False
    follow_up_refusal: RunRefusal | None = None

    @property
    def task_is_missing(self) -> bool:
        """Whether the task that it names is not there, or cannot be used."""
        return self.run.task_name is not None and (self.task is None or self.task.spec is None)


@dataclass(frozen=True, slots=True)
class PodCheck:
    """What the API server said of a pod of a generation of a task: a refusal, or None.

    `final`: it will never be taken. Otherwise it is shown again at `retry_at`; `tries` were in vain.
    """

    generation: int
    refusal: str | None
    final: bool = False
    retry_at: datetime | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class TaskView:
    """All that is known of a task: its runs of any origin, but for the `finished` ones, and those `asleep`: for later.

    `foreign`: the names of runs that are not its own. `first_look`: this operator decides about it for the first time.
    `others`: runs of the other tasks of its concurrency group. `strays`: the names of runs of the task, or its group,
    that are gone and have a pod that is not. `check`: of its generation, if this operator has one. `reserved`: its runs
    that were made ahead, which are not among `runs`; `unreserved`: the name of one that could not be made.
    `refusal`: of its runs' creation. `previous`: the task before an edit of its timing, until that is recorded.
    """

    task: CronTask
    runs: tuple[RunView, ...]
    foreign: Container[str] = frozenset()
    first_look: bool = False
    others: tuple[RunView, ...] = ()
    strays: tuple[str, ...] = ()
    check: PodCheck | None = None
    reserved: tuple[RunView, ...] = ()
    unreserved: str | None = None
    finished: tuple[ScheduledRun, ...] = ()
    asleep: tuple[ScheduledRun, ...] = ()
    refusal: RunRefusal | None = None
    previous: CronTask | None = None
