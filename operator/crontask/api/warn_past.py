"""Warnings about times of a good spec that have passed and were meant for the future, or the other way round."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from crontask.api.crontask import CronTaskSpec
from crontask.api.problem import Problem
from crontask.api.scheduledrun import LATEST_PAST, ScheduledRunSpec
from crontask.api.validate import starts_by_itself


def passed_times(spec: CronTaskSpec | ScheduledRunSpec, now: datetime) -> tuple[Problem, ...]:
    """The times of a spec after which it does less than its writer may expect."""
    of_its_kind = _of_run(spec, now) if isinstance(spec, ScheduledRunSpec) else _of_task(spec, now)
    return (*of_its_kind, *_of_items(spec, now))


def _of_items(spec: CronTaskSpec | ScheduledRunSpec, now: datetime) -> Iterator[Problem]:
    """Of days that are to have passed, and have not."""
    asked = spec.handler.for_each if spec.handler is not None else None
    if asked is not None and asked.scheduled_time is not None:
        # Few stand for other times: the others do not wait for what looks at them.
        from crontask.api.warn_known import future_warnings

        yield from future_warnings(asked, _args(spec), "spec.handler.forEach", now)


def _args(spec: CronTaskSpec | ScheduledRunSpec) -> Mapping[str, Any] | None:
    """Those that are known before the run; None where whoever starts it may bring others."""
    return spec.args if isinstance(spec, ScheduledRunSpec) or starts_by_itself(spec) else None


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
