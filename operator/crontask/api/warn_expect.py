"""Warnings about what a good spec expects: what can never be late, and what would be late time and again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from crontask.api.base import format_duration
from crontask.api.crontask import CronTaskSpec
from crontask.api.policies import Expectation
from crontask.api.problem import Problem
from crontask.api.validate_times import expressions_of
from crontask.timetable import CronError, CronTimetable, ZoneError, load_zone, parse_cron

# Some weeks of working days, or some hours of minutes: the gaps of most schedules come round within so many times.
_TIMES = 60
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def expect_warnings(spec: CronTaskSpec, expect: Expectation) -> Iterator[Problem]:
    """What has no effect in it, or an effect that its writer would not want."""
    total, finish, success = spec.total_timeout, expect.finish_within, expect.success_within
    if finish is not None and total is not None and finish >= total:
        message = f"has no effect as no run takes longer than totalTimeout, {format_duration(total)}"
        yield Problem("spec.expect.finishWithin", message, "write a shorter one, or a longer totalTimeout")
    gap = _longest_gap(spec) if success is not None else None
    if success is not None and gap is not None and success <= gap:
        message = f"is not longer than the time between two scheduled times, which is up to {format_duration(gap)}"
        fix = f"write more than {format_duration(gap)} and the time that a run takes, or the task is overdue in between"
        yield Problem("spec.expect.successWithin", message, fix)


def _longest_gap(spec: CronTaskSpec) -> timedelta | None:
    """Between two scheduled times of many; None where they are not known beforehand."""
    if spec.interval is not None:
        return spec.interval
    try:
        expressions = [parse_cron(text) for _, text in expressions_of(spec)]
        timetable = CronTimetable(expressions, load_zone(spec.time_zone)) if expressions else None
    except (CronError, ZoneError):
        # As is said of it as a problem.
        return None
    times = timetable.upcoming(_SINCE, _TIMES) if timetable is not None else ()
    return max((later - earlier for earlier, later in pairwise(times)), default=None)
