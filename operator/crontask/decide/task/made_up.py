"""What backfills have made up for, and what they are about to: for those who ask what became of the times of a task.

A backfill is a run with `forEach` over the task whose items are nominal times. Its parts are removed soon after its
end; what became of each stands in its own status as long as that is there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from crontask.api.base import Time
from crontask.api.phases import RunPhase
from crontask.decide.composite.letters import (
    CANCELED,
    FAILED,
    OPEN,
    PARTIAL,
    REUSED,
    SUCCEEDED,
    TIMED_OUT,
    decoded,
)
from crontask.decide.model import ScheduledRun

_ITEM = "${item}"
_TIME: TypeAdapter[datetime] = TypeAdapter(Time)
_ENDS = {
    SUCCEEDED: RunPhase.SUCCEEDED,
    REUSED: RunPhase.SUCCEEDED,
    PARTIAL: RunPhase.PARTIAL,
    FAILED: RunPhase.FAILED,
    TIMED_OUT: RunPhase.TIMED_OUT,
    CANCELED: RunPhase.CANCELED,
}


@dataclass(frozen=True, slots=True)
class MadeUp:
    """`ends`: by nominal time, each backfill whose item for it has ended, and how. `planned`: who is yet to do it."""

    ends: Mapping[datetime, list[tuple[str, RunPhase]]] = field(default_factory=dict)
    planned: Mapping[datetime, list[str]] = field(default_factory=dict)


def made_up(task: str, runs: Iterable[ScheduledRun], created: datetime) -> MadeUp:
    """What the backfills among the runs say of a task, which was created then: those before are of an earlier one."""
    ends: defaultdict[datetime, list[tuple[str, RunPhase]]] = defaultdict(list)
    planned: defaultdict[datetime, list[str]] = defaultdict(list)
    for run in runs:
        times = backfilled_times(task, run) if run.meta.creation_timestamp >= created else ()
        status = run.status.composite
        letters = decoded(status.items.ends if status is not None and status.items is not None else "", len(times))
        for time, letter in zip(times, letters, strict=True):
            if time is None:
                continue
            if letter in _ENDS:
                ends[time].append((run.meta.name, _ENDS[letter]))
            elif letter in OPEN and not run.ended:
                planned[time].append(run.meta.name)
    return MadeUp(ends, planned)


def backfilled_times(task: str, run: ScheduledRun) -> tuple[datetime | None, ...]:
    """The times that a backfill of the task has as items, None for what is not a time; empty for any other run."""
    handler = run.spec.handler
    asked = handler.for_each if handler is not None else None
    if asked is None or asked.handler.task != task or asked.scheduled_time != _ITEM:
        return ()
    return tuple(map(_time, asked.items)) if isinstance(asked.items, list | tuple) else ()


def _time(item: object) -> datetime | None:
    try:
        return _TIME.validate_python(item if isinstance(item, str) else "")
    except ValidationError:
        return None
