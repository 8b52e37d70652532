"""The CronTask: its spec and its status.

Callers: decide (which computes the status), engine, validate, crd.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from crontask.api.base import Duration, Model, Time
from crontask.api.handler import Handler
from crontask.api.metadata import Condition

Args = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})]
Count = Annotated[int, Field(ge=0)]


class ConcurrencyPolicy(StrEnum):
    """What happens to a time that comes due while the limit of running runs is reached."""

    FORBID = "Forbid"
    ALLOW = "Allow"
    REPLACE = "Replace"


class Concurrency(Model):
    """How many runs of a task may be under way."""

    policy: ConcurrencyPolicy = Field(
        default=ConcurrencyPolicy.FORBID,
        description="Forbid skips the new time and records it; Replace cancels the oldest run and starts the new one "
        "when the old pod is gone; Allow starts it (up to max, where that is set).",
    )
    max: int | None = Field(
        default=None,
        ge=1,
        le=10000,
        description="Runs at the same time. 1 unless set; without a limit for Allow.",
    )

    @property
    def limit(self) -> int | None:
        """Runs that may be under way at once, None without a limit."""
        if self.max is not None:
            return self.max
        return None if self.policy is ConcurrencyPolicy.ALLOW else 1


class CatchUp(Model):
    """What happens to times that passed while nobody could start them."""

    policy: Literal["Latest"] = Field(
        default="Latest", description="Latest starts the last of the missed times and records the others."
    )


class History(Model):
    """How many finished runs are kept. None younger than 10 minutes is removed."""

    succeeded: int = Field(default=3, ge=0, le=1000, description="Finished runs kept that succeeded.")
    failed: int = Field(default=3, ge=0, le=1000, description="Finished runs kept that did not succeed.")


class CronTaskSpec(Model):
    """What should run, and when. Without schedule and interval a task runs on demand only."""

    schedule: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="A cron expression of five fields: minute, hour, day of month, month, day of week. For example "
        '"30 2 * * *" is 02:30 each day, "*/15 * * * *" each quarter of an hour, "0 9 * * mon-fri" 09:00 on '
        "working days. Names, ranges, steps, lists, L, # and ? are understood, and @hourly, @daily, @weekly, "
        "@monthly, @yearly. H stands for a value that is chosen by the task's name, so that many tasks spread out. "
        "Read in timeZone.",
    )
    interval: Duration | None = Field(
        default=None,
        description="A fixed rate, like 10s, 5m or 1h30m, counted from the task's creation. A missed tick never "
        "shifts it. At least 1s.",
    )
    time_zone: str = Field(
        default="UTC",
        min_length=1,
        max_length=64,
        description="The IANA time zone of schedule, like Europe/Berlin. A time that a change of the clock leaves out "
        "fires at the first instant after the gap; one that comes twice fires the first time.",
    )
    suspend: bool = Field(
        default=False,
        description="True: nothing starts on schedule. What runs goes on, and runs made by hand work. Times that pass "
        "meanwhile are not made up for.",
    )
    concurrency: Concurrency = Field(default=Concurrency(), description="What happens when runs overlap.")
    catch_up: CatchUp = Field(
        default=CatchUp(), description="What happens to times that passed while nobody could start them."
    )
    handler: Handler = Field(description="What runs: exactly one of container and podTemplate.")
    args: Args = Field(
        default={},
        description="Handed to the handler as JSON in CRONTASK_ARGS. At most 100 KiB.",
    )
    timeout: Duration | None = Field(
        default=None,
        description="The longest an attempt may take from the start of its container, like 30s or 2h. Then its pod is "
        "stopped with its grace period, and the run is TimedOut.",
    )
    history: History = Field(default=History(), description="How many finished runs are kept.")


class TaskPhase(StrEnum):
    """A task in a word."""

    ACTIVE = "Active"
    SUSPENDED = "Suspended"
    INVALID = "Invalid"


class Timing(Model):
    """Which timing is in force, and since when."""

    hash: str = Field(max_length=64, description="A hash of the timing fields.")
    since: Time = Field(description="Nothing at or before this instant is due.")


class RunSummary(Model):
    """A run as the task's status shows it."""

    name: str = Field(max_length=63, description="The name of the ScheduledRun.")
    phase: str = Field(max_length=32, description="How it ended, or where it is in its life.")
    scheduled_time: Time | None = Field(default=None, description="The nominal time that the run stands for.")
    start_time: Time | None = Field(default=None, description="When its first attempt started.")
    completion_time: Time | None = Field(default=None, description="When it ended.")
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
    count: int = Field(default=1, ge=1, description="How many times in a row the entry stands for.")


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

    through: Time = Field(description="Each run whose end was recorded up to this instant is counted.")
    runs: tuple[Annotated[str, Field(max_length=63)], ...] = Field(
        default=(), max_length=10000, description="Runs recorded later that are counted too."
    )


class CronTaskStatus(Model):
    """What ran, what runs, what comes next. Written by the operator alone."""

    observed_generation: int = Field(default=-1, description="The generation of the spec that this status is about.")
    phase: TaskPhase | None = Field(default=None, description="Active, Suspended or Invalid.")
    conditions: tuple[Condition, ...] = Field(
        default=(), max_length=16, description="Ready says whether the spec is accepted and scheduled."
    )
    schedule_text: str | None = Field(default=None, max_length=300, description="The schedule as the list shows it.")
    timing: Timing | None = Field(default=None, description="Which timing is in force, and since when.")
    next_run_time: str | None = Field(default=None, max_length=32, description="The next nominal time.")
    upcoming: tuple[Time, ...] = Field(default=(), max_length=5, description="The next five nominal times.")
    last_scheduled_time: Time | None = Field(
        default=None, description="Each nominal time up to this one has been decided."
    )
    last_run: RunSummary | None = Field(default=None, description="The run that ended last.")
    last_successful_time: Time | None = Field(default=None, description="When a run last ended well.")
    active: tuple[Annotated[str, Field(max_length=63)], ...] = Field(
        default=(), max_length=10, description="Runs under way; at most ten are named."
    )
    active_count: Count = Field(default=0, description="How many runs are under way.")
    queued: Count = Field(default=0, description="Runs that wait for their turn.")
    scheduled_count: Count = Field(default=0, description="Scheduled starts, from the beginning.")
    consecutive_failures: Count = Field(default=0, description="Failures in a row; a success sets it back to 0.")
    counts: Counts = Field(default=Counts(), description="How times and runs ended, from the beginning.")
    counted: Counted | None = Field(default=None, description="Which finished runs the counts contain.")
    recent_runs: tuple[RunSummary, ...] = Field(
        default=(), max_length=10, description="The last ten runs that ended, newest first."
    )
    recent_decisions: tuple[Decision, ...] = Field(
        default=(), max_length=10, description="Skipped and missed times, newest first."
    )
