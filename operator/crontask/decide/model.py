"""The objects as observed: a CronTask, a ScheduledRun, and the operator's own configuration.

What is derived from one object alone is asked of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from crontask.api.crontask import CronTaskSpec
from crontask.api.handler import Handler
from crontask.api.metadata import Metadata
from crontask.api.names import ANNOTATION_CATCH_UP, ANNOTATION_REPLACED_BY, ANNOTATION_RESERVED, nominal_of
from crontask.api.phases import NEVER_RAN, SUCCESSES, Origin, RunPhase
from crontask.api.problem import Problem
from crontask.api.rerun import REFUSALS
from crontask.api.scheduledrun import Attempt, ScheduledRunSpec, ScheduledRunStatus
from crontask.api.task_status import CronTaskStatus
from crontask.api.trigger import trigger_of
from crontask.timetable import NO_JITTER, Jitter, Timetable

# What stands for a spec that cannot be used: nothing is due by it, and nothing of it is ever run.
UNUSABLE_TASK = CronTaskSpec(handler=Handler(container={}))
UNUSABLE_RUN = ScheduledRunSpec()
# Why a run ends that was written too late for its time.
STALE = "Stale"
# Why the part of a backfill ends whose time has been done by another run.
DONE_ALREADY = "DoneAlready"
KEPT_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Config:
    """The operator's settings that change decisions."""

    scheduling_enabled: bool = True
    clock_skewed: bool = False
    keep_finished: timedelta = timedelta(minutes=10)
    logs_url: str = ""


@dataclass(frozen=True, slots=True)
class CronTask:
    """A CronTask as observed. Where `problems` say why its spec cannot be used, `spec` is one that asks for nothing."""

    meta: Metadata
    spec: CronTaskSpec
    problems: tuple[Problem, ...]
    status: CronTaskStatus
    timetable: Timetable
    timing_hash: str
    jitter: Jitter = NO_JITTER

    @property
    def valid(self) -> bool:
        """Whether its spec can be used."""
        return not self.problems

    @property
    def runs_left(self) -> int | None:
        """How many scheduled starts it has left, None without a limit."""
        limit = self.spec.max_runs
        return None if limit is None else max(0, limit - self.status.scheduled_count)

    def start_of(self, nominal: datetime) -> datetime:
        """When the run of a nominal time may start."""
        return self.jitter.start_of(nominal, self.timetable)

    def next_nominal(self, after: datetime, now: datetime) -> datetime | None:
        """The first nominal time after `after` whose start is still to come; None if there is none."""
        if not self.jitter.width:
            return self.timetable.next_after(max(after, now))
        first = self.jitter.next_nominal(self.timetable, now)
        return first if first is None or first > after else self.timetable.next_after(after)

    def upcoming(self, after: datetime, now: datetime, n: int) -> tuple[datetime, ...]:
        """The first `n` of them."""
        if not self.jitter.width:
            return self.timetable.upcoming(max(after, now), n)
        first = self.next_nominal(after, now)
        return (first, *self.timetable.upcoming(first, n - 1)) if first is not None and n > 0 else ()

    @property
    def recorded_until(self) -> datetime:
        """Up to when the status says what became of each of its times."""
        timing = self.status.timing
        return self.decided_until(timing.since if timing is not None else self.meta.creation_timestamp)

    def decided_until(self, since: datetime) -> datetime:
        """Up to when nothing is due any more, by a timing that counts since then.

        That may be later than now, as after a clock that went back. With jitter a time that came before it may be yet
        to start, and does not.
        """
        watermark = self.status.last_scheduled_time
        return max(since, watermark) if watermark is not None else since


@dataclass(frozen=True)
class ScheduledRun:
    """A ScheduledRun as observed. Where `problems` say why its spec cannot be used, `spec` is an empty one.

    What is derived from it is kept: each decision about a task looks at all of its runs.
    """

    meta: Metadata
    spec: ScheduledRunSpec
    problems: tuple[Problem, ...]
    status: ScheduledRunStatus

    @property
    def valid(self) -> bool:
        """Whether its spec can be used."""
        return not self.problems

    # --- what it is --------------------------------------------------------------------------------------------------

    @cached_property
    def task_name(self) -> str | None:
        """The CronTask that it belongs to, None for a run with a handler of its own."""
        return self.spec.task_ref.name if self.spec.task_ref is not None else None

    @cached_property
    def origin(self) -> Origin:
        """Who made it: the operator names and owns the runs that it makes by the schedule."""
        if self.status.origin is not None:
            return self.status.origin
        if self.spec.parent is not None:
            return Origin.BACKFILL if self.makes_up else Origin.CHILD
        if self.spec.rerun_of is not None:
            return Origin.MANUAL
        trigger = trigger_of(self.meta)
        if trigger is not None and (trigger.cause == "onComplete" or self.meta.owner_uid is not None):
            return trigger.origin
        return Origin.SCHEDULE if self.nominal is not None else Origin.MANUAL

    @cached_property
    def nominal(self) -> datetime | None:
        """The nominal time of a run that the operator made by the schedule, None for any other run."""
        task = self.task_name
        if (
            task is None
            or self.meta.owner_uid is None
            or self.spec.scheduled_time is None
            or self.spec.parent is not None
        ):
            return None
        return self.spec.scheduled_time if nominal_of(task, self.meta.name) == self.spec.scheduled_time else None

    @cached_property
    def depth(self) -> int:
        """How many runs lie above it: what caused it, and what it is a part of."""
        if self.spec.parent is not None:
            return self.spec.parent.depth
        cause = trigger_of(self.meta)
        return cause.depth if cause is not None else 0

    @property
    def pre_created(self) -> bool:
        """Whether it was made before its time; it may have become a run like any other since."""
        return ANNOTATION_RESERVED in self.meta.annotations

    @property
    def edited(self) -> bool:
        """Whether somebody has edited its spec: the operator asks for nothing but a cancel in that way."""
        return self.meta.generation > 1 or self.cancel_requested

    @property
    def catching_up(self) -> bool:
        """Whether it stands for a missed time that is made up for."""
        return ANNOTATION_CATCH_UP in self.meta.annotations

    @property
    def replaced_by(self) -> str | None:
        """The name of the run that takes its slot, None if it is not replaced."""
        return self.meta.annotations.get(ANNOTATION_REPLACED_BY)

    # --- when it may start -------------------------------------------------------------------------------------------

    @cached_property
    def due_at(self) -> datetime:
        """When it may start: at `at`, or `delay` after its creation."""
        if self.spec.at is not None:
            return self.spec.at
        return self.meta.creation_timestamp + (self.spec.delay or timedelta(0))

    @cached_property
    def deferred_until(self) -> datetime | None:
        """When a manual run for later is due; None where its task may have something to decide before."""
        if not self.valid or self.meta.owner_uid is None or self.nominal is not None:
            return None
        if self.status.phase not in (None, RunPhase.PENDING) or self.status.attempts:
            return None
        return self.due_at if self.spec.at is not None or self.spec.delay else None

    def is_due(self, now: datetime) -> bool:
        """Whether it may start. Without `at` and `delay` it may as soon as it is there, whatever our clock says."""
        return (self.spec.at is None and not self.spec.delay) or self.due_at <= now

    # --- how it goes -------------------------------------------------------------------------------------------------

    @cached_property
    def cancel_requested(self) -> bool:
        """Whether somebody wants it to end."""
        return self.status.phase is RunPhase.CANCELING or self.spec.cancel

    @property
    def paused(self) -> bool:
        """Whether nothing new of it starts: a composite run that is to pause, or is a part of one, as is recorded."""
        known = self.status.composite
        return bool(self.spec.suspend) or (known is not None and known.paused is not None and bool(known.paused.since))

    @property
    def has_started(self) -> bool:
        """Whether it has, or had, an attempt; a composite run, whether it has its plan."""
        began = bool(self.status.attempts) or self.status.composite is not None
        return began and self.status.phase not in NEVER_RAN

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt that is recorded and has not ended."""
        attempts = self.status.attempts
        return attempts[-1] if attempts and attempts[-1].number == self.status.expected_attempt else None

    @property
    def earlier_attempts(self) -> tuple[Attempt, ...]:
        """The attempts that have ended, as many as are kept beside one more."""
        attempts = self.status.attempts
        return attempts[:-1] if self.open_attempt is not None else attempts[-(KEPT_ATTEMPTS - 1) :]

    # --- how it ended ------------------------------------------------------------------------------------------------

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

    @property
    def ended_at(self) -> datetime:
        """When a finished run ended, or, where that is not known, when it was created."""
        return self.end[0]

    @cached_property
    def stale(self) -> bool:
        """Whether it came too late for its time, which had been decided, and counted, otherwise."""
        return any(condition.reason == STALE for condition in self.status.conditions)

    @cached_property
    def makes_up(self) -> bool:
        """Whether it is the part of a backfill: for a nominal time of its task that has passed."""
        return self.spec.parent is not None and bool(self.spec.parent.backfill)

    @cached_property
    def done_already(self) -> bool:
        """Whether it is such a part, and was not needed any more."""
        return self.makes_up and any(condition.reason == DONE_ALREADY for condition in self.status.conditions)

    @cached_property
    def rerun_refused(self) -> bool:
        """Whether it was to run another again, which could not be: nothing ran, and that says nothing of its task."""
        if self.spec.rerun_of is None or self.status.phase is not RunPhase.FAILED or self.has_started:
            return False
        return any(condition.reason in REFUSALS for condition in self.status.conditions if condition.type == "Failed")

    @cached_property
    def memo(self) -> dict[str, Any]:
        """What a policy has derived from it together with another object, and keeps."""
        return {}
