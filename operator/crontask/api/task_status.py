"""The status of a CronTask, written by the operator alone."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from crontask.api.base import Count, CountFromOne, Model, RecordedTime, Time
from crontask.api.composite_status import Json
from crontask.api.metadata import LONGEST_RESUME, Condition


class TaskPhase(StrEnum):
    """The state of a task."""

    ACTIVE = "Active"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    INVALID = "Invalid"
    REJECTED = "Rejected"


SCHEDULING = frozenset({TaskPhase.ACTIVE, TaskPhase.REJECTED})
"""Of a task whose times come due: what starts then may be refused by the API server."""


class Timing(Model):
    """The effective timing, and since when."""

    hash: str = Field(max_length=64, description="A hash of the timing fields.")
    since: RecordedTime = Field(description="Nothing at or before this instant is due.")
    resumed: RecordedTime | None = Field(
        default=None, description="When the task last resumed: a delay counts from there."
    )


class Tripped(Model):
    """A suspension by failures, and what would end it: another generation or another value of the annotation."""

    generation: int = Field(description="The generation that failed.")
    resume: str | None = Field(
        default=None, max_length=LONGEST_RESUME, description="The annotation crontask.dev/resume then."
    )


class RunSummary(Model):
    """A run as the task's status shows it."""

    name: str = Field(max_length=63, description="The name of the ScheduledRun.")
    phase: str = Field(max_length=32, description="How it ended, or where it is in its life.")
    scheduled_time: Time | None = Field(default=None, description="The nominal time that the run stands for.")
    start_time: RecordedTime | None = Field(default=None, description="When its first attempt started.")
    completion_time: RecordedTime | None = Field(default=None, description="When it ended.")
    duration: str | None = Field(default=None, max_length=40, description="From start to end, like 1m30s.")
    processed_count: int | None = Field(default=None, description="How many items the handler says it processed.")
    error_count: int | None = Field(default=None, description="How many of them the handler says have failed.")
    message: str | None = Field(
        default=None, max_length=1024, description="What the handler or the operator says about its end."
    )


class Decision(Model):
    """A scheduled time that was not started: a skip or a miss. A row of equal ones is one entry."""

    type: Literal["Skipped", "Missed"] = Field(
        description="Skipped: a rule of the task said no. Missed: nobody could start it in time."
    )
    nominal_time: Time = Field(description="The first nominal time that it is about.")
    until: Time | None = Field(default=None, description="The last, where it is about several.")
    reason: str = Field(max_length=64, description="Why, in one CamelCase word.")
    run: str | None = Field(default=None, max_length=63, description="The run in the way.")
    count: CountFromOne = Field(default=1, description="How many times in a row the entry stands for.")


class Counts(Model):
    """How the task's times and runs ended, from the beginning."""

    succeeded: Count = Field(default=0, description="Runs that succeeded.")
    partial: Count = Field(default=0, description="Runs that ended well but said that a part had failed.")
    failed: Count = Field(default=0, description="Runs that failed.")
    timed_out: Count = Field(default=0, description="Runs stopped because they took longer than timeout.")
    canceled: Count = Field(default=0, description="Runs ended by cancel, or replaced by a newer run.")
    skipped: Count = Field(default=0, description="Times that a rule of the task left out.")
    missed: Count = Field(default=0, description="Times that passed while nobody could start them.")


class Counted(Model):
    """Which finished runs the counts contain: those recorded up to `through`, and the ones named."""

    through: RecordedTime = Field(description="Each run whose end was recorded up to this instant is counted.")
    runs: tuple[Annotated[str, Field(max_length=63)], ...] = Field(
        default=(), max_length=10000, description="Runs recorded later that are counted too."
    )


class TaskBatch(Model):
    """How far the batches of a task's last run came."""

    cursor: Json = Field(default=None, description="Where the next one begins; absent at the start.")
    done: bool = Field(default=False, description="Whether all was done: then the next run begins at the start.")
    run: str = Field(max_length=63, description="The run that came so far.")


class CronTaskStatus(Model):
    """What ran, what runs, what comes next. Written by the operator alone."""

    observed_generation: int = Field(default=-1, description="The generation of the spec that this status is about.")
    phase: TaskPhase | None = Field(default=None, description="Active, Suspended, Completed, Invalid or Rejected.")
    conditions: tuple[Condition, ...] = Field(
        default=(), max_length=16, description="Ready says whether the spec is accepted and scheduled."
    )
    schedule_text: str | None = Field(default=None, max_length=300, description="The schedule as the list shows it.")
    timing: Timing | None = Field(default=None, description="The effective timing, and since when.")
    tripped: Tripped | None = Field(default=None, description="Set while failures in a row suspend the task.")
    next_run_time: str | None = Field(default=None, max_length=32, description="The next nominal time.")
    upcoming: tuple[Time, ...] = Field(default=(), max_length=5, description="The next five nominal times.")
    last_scheduled_time: RecordedTime | None = Field(
        default=None, description="Each nominal time up to this one has been decided."
    )
    last_run: RunSummary | None = Field(
        default=None,
        description="The run that ended last, of those that had started or failed: none that was canceled before that.",
    )
    last_successful_time: RecordedTime | None = Field(default=None, description="When a run last ended well.")
    active: tuple[Annotated[str, Field(max_length=63)], ...] = Field(
        default=(), max_length=10, description="Runs under way; at most ten are named."
    )
    active_count: Count = Field(default=0, description="How many runs are under way.")
    queued: Count = Field(default=0, description="Runs that wait for their turn.")
    scheduled_count: Count = Field(default=0, description="Scheduled starts, from the beginning.")
    decided: str | None = Field(
        default=None,
        max_length=1024,
        description="What became of each nominal time after decidedSince, newest last, like S60x480 F60: a letter "
        "(S succeeded, P partial, F failed, T timed out, C canceled, R runs, s skipped, m missed, r replaced), the "
        "seconds since the one before, how many in a row.",
    )
    decided_since: RecordedTime | None = Field(
        default=None, description="After this instant decided has each nominal time; of those before nothing is known."
    )
    consecutive_failures: Count = Field(default=0, description="Failures in a row; a success sets it back to 0.")
    counts: Counts = Field(default=Counts(), description="How times and runs ended, from the beginning.")
    batch: TaskBatch | None = Field(
        default=None, description="Of a task in batches: how far its last run came that the counts contain."
    )
    counted: Counted | None = Field(default=None, description="Which finished runs the counts contain.")
    recent_runs: tuple[RunSummary, ...] = Field(
        default=(), max_length=10, description="The last ten runs that ended, newest first."
    )
    recent_decisions: tuple[Decision, ...] = Field(
        default=(), max_length=10, description="Skipped and missed times, newest first."
    )
