"""Warnings about times of a good spec that have passed: what was meant for the future is seen before it is stored."""

from collections.abc import Iterator
from datetime import datetime

from crontask.api.crontask import CronTaskSpec
from crontask.api.problem import Problem
from crontask.api.scheduledrun import LATEST_PAST, ScheduledRunSpec


def passed_times(spec: CronTaskSpec | ScheduledRunSpec, now: datetime) -> tuple[Problem, ...]:
    """The times of a spec after which it does less than its writer may expect."""
    return tuple(_of_run(spec, now) if isinstance(spec, ScheduledRunSpec) else _of_task(spec, now))


def _of_task(spec: CronTaskSpec, now: datetime) -> Iterator[Problem]:
    if spec.end_time is not None and spec.end_time <= now:
        yield Problem("spec.endTime", "is in the past: nothing is due any more", "write a later time, or remove it")
    if spec.suspend_until is not None and spec.suspend_until <= now and not spec.suspend:
        yield Problem(
            "spec.suspendUntil", "is in the past: the task is not suspended", "write a later time, or remove it"
        )


def _of_run(spec: ScheduledRunSpec, now: datetime) -> Iterator[Problem]:
    if spec.at is not None and not spec.allow_past and spec.at < now - LATEST_PAST:
        message = f"is in the past, by more than {LATEST_PAST.seconds}s: the run would fail at once"
        yield Problem("spec.at", message, "write a later time, or allowPast: true to start it at once")
