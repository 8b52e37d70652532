"""Which nominal times of a task are undecided, and which of them still starts (catch-up: the latest).

Callers: task.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.names import run_name
from crontask.decide.views import RunView, TaskView


@dataclass(frozen=True, slots=True)
class Undecided:
    """The nominal times that came due since the mark.

    `latest`: the one that may start now, None if a run of it exists or its name is taken. `resumed`: runs of undecided
    times that exist without status and pod: their launch was cut short and goes on. `started`: runs of undecided times
    that have a pod or a place. `missed`: how many were not started by anybody (at least so many, if not `exact`),
    from `missed_from` to `missed_until`. `foreign`: a time whose name belongs to somebody else's run.
    """

    mark: datetime
    latest: datetime | None
    resumed: tuple[RunView, ...] = ()
    started: tuple[RunView, ...] = ()
    missed: int = 0
    exact: bool = True
    missed_from: datetime | None = None
    missed_until: datetime | None = None
    foreign: datetime | None = None


def undecided_times(view: TaskView, since: datetime, now: datetime) -> Undecided | None:
    """The times in (max(since, mark), now], None if there are none."""
    task = view.task
    mark = task.status.last_scheduled_time
    after = max(since, mark) if mark is not None else since
    due = task.timetable.due(after, now)
    if due is None:
        return None
    known = {
        nominal: run
        for run in view.runs
        if (nominal := run.run.nominal) is not None
        and after < nominal <= now
        and run.run.meta.owner_uid == task.meta.uid
    }
    in_force = [time for time in known if time <= due.latest]
    missed = due.count - len(in_force) - (due.latest not in known)
    taken = due.latest not in known and run_name(task.meta.name, due.latest) in view.foreign
    return Undecided(
        mark=max(due.latest, *known) if known else due.latest,
        latest=None if due.latest in known or taken else due.latest,
        resumed=tuple(run for run in known.values() if not has_place(run)),
        started=tuple(run for run in known.values() if has_place(run)),
        missed=max(0, missed),
        exact=due.exact,
        missed_from=due.first,
        missed_until=_latest_missed(view, due.latest, frozenset(known)) if missed > 0 else None,
        foreign=due.latest if taken else None,
    )


def has_place(view: RunView) -> bool:
    """Whether the run's place is recorded: it has a pod or a status."""
    return view.pod is not None or view.run.status.phase is not None


def _latest_missed(view: TaskView, latest: datetime, known: frozenset[datetime]) -> datetime:
    """The last time before `latest` without a run; runs of undecided times are few."""
    before = view.task.timetable.previous_at_or_before(latest)
    while before is not None and (before == latest or before in known):
        before = view.task.timetable.previous_at_or_before(before - timedelta(seconds=1))
    return before or latest
