"""The range that `audit` and `backfill` are about, as it may be written; and ranges of which each has not too much."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import click
import pytest
from click.testing import CliRunner
from task_views import at, make_task

from crontask.cli.past import range_of, range_options, smaller
from crontask.decide.task.backfill import ranges_of
from crontask.decide.task.past import MOST_TIMES, Outcome, PastTime
from crontask.decide.task.range import Range

DAY = timedelta(days=1)


def ranged(*words: str) -> tuple[datetime, datetime]:
    """The range of such options."""
    found: list[Range] = []

    @click.command()
    @range_options
    def command(start: datetime, end: datetime | None) -> None:
        found.append(range_of(start, end))

    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output
    return found[0].start, found[0].end


@pytest.mark.parametrize(
    ("written", "ago"), [("7d", 7 * DAY), ("-7d", 7 * DAY), ("1d12h", 1.5 * DAY), ("-90s", timedelta(seconds=90))]
)
def test_how_long_ago_is_a_time(written: str, ago: timedelta) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    start, end = ranged("--from", written)
    after = datetime.now(UTC)
    assert before - ago <= start <= after - ago
    # Up to now: a time of this very second is there.
    assert before < end <= after + timedelta(seconds=1)


def test_days_begin_at_midnight_in_utc() -> None:
    start, end = ranged("--from", "yesterday", "--to", "today")
    assert (start.hour, start.minute, start.second, end - start) == (0, 0, 0, DAY)
    assert ranged("--from", "2026-03-01", "--to", "2026-03-02T01:00:00+01:00") == (
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize("days", [8, 31, 400, 4000])
def test_smaller_ranges_follow_each_other_and_have_not_too_many(days: int) -> None:
    task = make_task()
    start, end = at(0), at(0) + days * DAY
    ranges = list(smaller(task, start, end))
    assert (ranges[0][0], ranges[-1][1]) == (start, end)
    assert all(before[1] == after[0] for before, after in pairwise(ranges))
    second = timedelta(seconds=1)
    counts = [task.timetable.due(first - second, last - second) for first, last in ranges]
    assert all(due is not None and due.count <= MOST_TIMES for due in counts)


def test_ranges_of_chosen_times_have_each_of_them_once() -> None:
    times = [PastTime(at(minute), Outcome.MISSED) for minute in (1, 4, 5, 9, 11)]
    assert ranges_of(times, at(20), 2) == [(at(1), at(5)), (at(5), at(11)), (at(11), at(20))]
