"""What `audit` and `backfill` share: the range that is asked about, what is read of a task, and where it is too much.

The modules that know when a task is due take longer to load than a request takes: they are, once it is there.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crontask.api.times import format_time
from crontask.cli.connection import written_again
from crontask.cli.exits import BAD_INPUT, stop
from crontask.cli.named import find_task
from crontask.cli.parameters import SinceParam

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.decide.model import CronTask, ScheduledRun
    from crontask.decide.task.past import PastTime
    from crontask.decide.task.range import Range

F = TypeVar("F", bound=Callable[..., Any])
_MOST_COMMANDS = 20
_SECOND = timedelta(seconds=1)


def range_of(start: datetime, end: datetime | None) -> "Range":
    """As the options say. Ends the program where nothing can lie in it."""
    from crontask.decide.task.range import BadRangeError, Range

    try:
        return Range.of(start, end, datetime.now(UTC), ("--from", "--to"))
    except BadRangeError as error:
        stop(BAD_INPUT, str(error))


def range_options(command: F) -> F:
    """Adds --from and --to."""
    start = click.option(
        "--from",
        "start",
        type=SinceParam(),
        default="7d",
        show_default=True,
        help="From that time on: 2026-03-29T01:00:00Z, 2026-03-29, yesterday, 7d (ago).",
    )
    end = click.option("--to", "end", type=SinceParam(), help="Up to, but not including, that time; by default now.")
    return start(end(command))


def read_task(cluster: "Cluster", name: str) -> "tuple[CronTask, tuple[ScheduledRun, ...]]":
    """The task, its runs, and those without a task, among which its backfills are.

    Ends the program where there is no such task, or it cannot be due.
    """
    from crontask.api.resources import SCHEDULED_RUN

    # The task first: a run that it has recorded is there, but for those that somebody removes.
    found = find_task(cluster, name)
    runs = cluster.list(SCHEDULED_RUN, fields=f"spec.taskRef.name={found['metadata']['name']}")["items"]
    runs += cluster.list(SCHEDULED_RUN, fields="spec.taskRef.name=,spec.parent.name=")["items"]
    import orjson

    from crontask.engine.parse import parse_run, parse_task

    task = parse_task(orjson.dumps(found), lambda meta: None)
    if not task.valid:
        stop(BAD_INPUT, *(f"CronTask {task.meta.name} is not valid: {problem}" for problem in task.problems))
    return task, tuple(parse_run(orjson.dumps(run), lambda meta: None) for run in runs)


def times_in(
    task: "CronTask", runs: "tuple[ScheduledRun, ...]", asked: "Range", again: tuple[str, ...]
) -> "tuple[PastTime, ...]":
    """What became of each nominal time in the range. Ends the program with the commands to write if they are too many.

    `again`: the verb with its name and options, to which a range is added.
    """
    from crontask.decide.task.past import MOST_TIMES, TooManyTimesError, past_times

    try:
        return past_times(task, runs, asked.start, asked.end, asked.now, MOST_TIMES)
    except TooManyTimesError as error:
        ranges = list(smaller(task, asked.start, asked.end))
        why = f"{error.count:,} nominal times are more than {MOST_TIMES:,}; ask for them one after the other:"
        stop(BAD_INPUT, why, *commands(again, ranges))


def commands(again: tuple[str, ...], ranges: "list[tuple[datetime, datetime]]") -> Iterator[str]:
    """The command for each range; of many, the first."""
    for start, end in ranges[:_MOST_COMMANDS]:
        yield f"  {written_again(*again, '--from', format_time(start), '--to', format_time(end))}"
    if len(ranges) > _MOST_COMMANDS:
        yield f"  … and {len(ranges) - _MOST_COMMANDS} more, to {format_time(ranges[-1][1])}"


def smaller(task: "CronTask", start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The range in halves, until none has too many times: they are counted, not gone through."""
    from crontask.decide.task.past import MOST_TIMES

    due = task.timetable.due(start - _SECOND, end - _SECOND)
    count = due.count if due is not None else 0
    # Of another schedule, or of runs, there may be more; then half of it is asked for.
    parts = max(2, -(-count // (MOST_TIMES * 9 // 10)))
    step = max(_SECOND, (end - start) / parts)
    first = start
    for number in range(1, parts + 1):
        last = end if number == parts else (start + step * number).replace(microsecond=0)
        if first < last:
            yield first, last
            first = last
