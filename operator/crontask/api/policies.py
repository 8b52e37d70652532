"""The policies of a CronTask: what happens when clocks change, runs overlap, times are missed, runs fail."""

import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from crontask.api.base import Date, Duration, Model

End = Literal["Succeeded", "Failed", "Finished"]
"""Which ends of a run another task follows."""


class DstPolicy(Model):
    """What happens to local times that a change of the clock leaves out or repeats."""

    missing: Literal["Shift", "Skip"] = Field(
        default="Shift",
        description="A time that does not exist on a day: Shift fires at the first instant after the gap, Skip not "
        "that day.",
    )
    repeated: Literal["First", "Both"] = Field(
        default="First", description="A time that comes twice on a day: First fires the first time, Both each time."
    )


class After(Model):
    """One run for each run of another task that ends so."""

    task: str = Field(
        min_length=1,
        max_length=52,
        examples=["extract"],
        description="The CronTask of this namespace that comes before.",
    )
    on: End = Field(
        default="Succeeded",
        description="Which ends count: Succeeded (also in part), Failed (also by timeout), Finished (any, also "
        "canceled).",
    )
    unquoted_on: End | None = Field(
        default=None,
        alias="true",
        description="The same as on, before which it counts: YAML 1.1, so kubectl too, reads an unquoted on as true.",
    )

    @property
    def ends(self) -> End:
        """Which ends count, however it was written."""
        return self.unquoted_on or self.on


class SkippedDates(Model):
    """Local dates that are left out, both ends included."""

    from_: Date = Field(alias="from", description="The first date, like 2026-12-24.")
    to: Date | None = Field(default=None, description="The last date; by default the first.")

    @property
    def last(self) -> datetime.date:
        """The last date."""
        return self.to or self.from_


class ConcurrencyPolicy(StrEnum):
    """What happens to a time that comes due while the limit of running runs is reached."""

    FORBID = "Forbid"
    ALLOW = "Allow"
    REPLACE = "Replace"
    QUEUE = "Queue"


class Concurrency(Model):
    """How many runs of a task may be under way."""

    policy: ConcurrencyPolicy = Field(
        default=ConcurrencyPolicy.FORBID,
        description="Forbid skips the new time and records it; Queue starts it when it is its turn; Replace cancels "
        "the oldest run and starts the new one when the old pod has stopped; Allow starts it (up to max, where that "
        "is set, and then skips).",
    )
    max: int | None = Field(
        default=None,
        ge=1,
        le=10000,
        description="Runs at the same time. 1 unless set; without a limit for Allow.",
    )
    queue_limit: int = Field(
        default=10, ge=1, le=1000, description="With Queue: scheduled times that wait at once; more are skipped."
    )
    group: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        examples=["database"],
        description="The runs of all tasks of the namespace with this group count together: with max 1, a mutex.",
    )

    @property
    def limit(self) -> int | None:
        """Runs that may be under way at once, None without a limit."""
        if self.max is not None:
            return self.max
        return None if self.policy is ConcurrencyPolicy.ALLOW else 1


class CatchUpPolicy(StrEnum):
    """Which of the missed times still start."""

    LATEST = "Latest"
    NONE = "None"
    ALL = "All"


class CatchUp(Model):
    """What happens to times that passed while nobody could start them."""

    policy: CatchUpPolicy = Field(
        default=CatchUpPolicy.LATEST,
        description="Latest starts the last of the missed times, None none of them (but one that is late by less "
        "than 10s), All the latest of them up to limit, oldest first, one after the other. The others are recorded.",
    )
    limit: int = Field(default=10, ge=1, le=100, description="With All: times that are made up for at most.")


class History(Model):
    """How many finished runs are kept. None younger than 10 minutes is removed."""

    succeeded: int = Field(default=3, ge=0, le=1000, description="Finished runs kept that succeeded; 3 unless set.")
    failed: int = Field(default=3, ge=0, le=1000, description="Finished runs kept that did not succeed; 3 unless set.")


class Expectation(Model):
    """What a task is expected to keep to. What does not is reported, and nothing is stopped."""

    finish_within: Duration | None = Field(
        default=None,
        description="The longest that a run should take, from its start to its end, with all its attempts, pauses and "
        "approvals, like 30m. At least 1s.",
    )
    success_within: Duration | None = Field(
        default=None,
        description="A run should succeed at least that often, like 25h for a task that runs each day. Counted from "
        "the last success (the creation, before the first), or from the last resume or change of the schedule, if that "
        "is later; not while the task is suspended. At least 1s.",
    )


class Retry(Model):
    """How a failed attempt is tried again: after 1, 2, 4 s … with some jitter."""

    limit: int = Field(default=0, ge=0, le=100, description="Attempts after the first.")
    initial: Duration = Field(
        default=datetime.timedelta(seconds=1), description="The first pause.", json_schema_extra={"default": "1s"}
    )
    factor: int = Field(default=2, ge=1, le=10, description="Each pause is so many times the one before.")
    max: Duration = Field(
        default=datetime.timedelta(minutes=5), description="The longest pause.", json_schema_extra={"default": "5m"}
    )
    jitter_percent: int = Field(default=10, ge=0, le=100, description="Pauses vary by so much.")
    non_retryable_exit_codes: tuple[Annotated[int, Field(ge=0, le=255)], ...] = Field(
        default=(), max_length=50, description="Exit codes after which no attempt follows."
    )
    max_lost: int = Field(
        default=3, ge=0, le=100, description="Attempts after lost ones (eviction, node gone), beside limit."
    )
    on_lost: Literal["Retry", "Fail"] = Field(
        default="Retry", description="Fail: a lost attempt ends the run, so that it happens at most once."
    )
