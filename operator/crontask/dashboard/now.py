"""The view of now: what runs, what waits, what failed in the last day, what comes in the next hour. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from crontask.api.phases import FAILURES, SUCCESSES, RunPhase
from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.client.requests import Document
from crontask.dashboard.address import Ask
from crontask.dashboard.moments import Moment
from crontask.dashboard.reader import Held, Query, Snapshot
from crontask.dashboard.runs import RunRow, begun, facts_of_run, newest_first, oldest_first, rows_of
from crontask.dashboard.schedule import schedule_of, zone_of
from crontask.dashboard.task_list import facts_of
from crontask.dashboard.views import Scene, View

_MOST = 50
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_WAIT = (RunPhase.RETRYING, RunPhase.QUEUED, RunPhase.PENDING)
_RUN = (RunPhase.RUNNING, RunPhase.CANCELING, RunPhase.COMPENSATING)


@dataclass(frozen=True, slots=True)
class ComingTask:
    """A time to come."""

    namespace: str
    task: str
    href: str
    at: Moment
    schedule: str


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the runs, and how many more there are."""

    rows: tuple[RunRow, ...]
    more: int

    @property
    def count(self) -> int:
        """Of all of them."""
        return len(self.rows) + self.more


@dataclass(frozen=True, slots=True)
class NowModel:
    """What the templates show."""

    namespace: str
    running: Part
    waiting: Part
    failed: Part
    coming: tuple[ComingTask, ...]
    coming_more: int


def _queries(ask: Ask) -> tuple[Query, ...]:
    # Successes, which are most, say nothing of now.
    well = ",".join(f"status.phase!={phase}" for phase in sorted(SUCCESSES))
    return (
        Query(CRON_TASK, ask.namespace),
        Query(SCHEDULED_RUN, ask.namespace, fields=f"spec.parent.name=,{well}"),
    )


def _build(ask: Ask, snapshot: Snapshot, scene: Scene) -> NowModel:
    of_tasks, of_runs = _queries(ask)
    runs, now = snapshot[of_runs], scene.clock.now
    by_phase: dict[str, list[Held]] = {}
    for run in begun(runs):
        by_phase.setdefault(facts_of_run(run).phase or RunPhase.PENDING, []).append(run)
    running = [run for phase in _RUN for run in by_phase.get(phase, ())]
    waiting = [run for phase in _WAIT for run in by_phase.get(phase, ())]
    failed = [
        run
        for phase in FAILURES
        for run in by_phase.get(phase, ())
        if (ended := facts_of_run(run).ended) is None or ended > now - _DAY
    ]
    coming = sorted(_coming(snapshot[of_tasks], now), key=lambda each: (each[0], facts_of(each[1]).name))
    return NowModel(
        ask.namespace,
        _part(oldest_first(running), scene),
        _part(sorted(oldest_first(waiting), key=_turn), scene),
        _by_task(newest_first(failed), scene),
        tuple(_row(at, task.document, scene) for at, task in coming[:_MOST]),
        max(0, len(coming) - _MOST),
    )


def _turn(run: Held) -> int:
    return {"Retrying": 0, "Queued": 1}.get(facts_of_run(run).phase, 2)


def _part(runs: list[Held], scene: Scene) -> Part:
    return Part(rows_of(runs[:_MOST], scene), max(0, len(runs) - _MOST))


def _by_task(runs: list[Held], scene: Scene) -> Part:
    """The newest of each task, and how many there are of it."""
    newest: dict[tuple[str, str], Held] = {}
    times: Counter[tuple[str, str]] = Counter()
    for run in runs:
        facts = facts_of_run(run)
        key = facts.namespace, facts.task or facts.name
        newest.setdefault(key, run)
        times[key] += 1
    shown = list(newest.items())[:_MOST]
    rows = rows_of([run for _, run in shown], scene)
    counted = tuple(replace(row, times=times[key]) for row, (key, _) in zip(rows, shown, strict=True))
    return Part(counted, len(newest) - len(shown))


def _coming(tasks: tuple[Held, ...], now: datetime) -> Iterator[tuple[float, Held]]:
    """The next time of each task, as the operator says it, where that is within an hour."""
    start, end = now.timestamp(), (now + _HOUR).timestamp()
    for task in tasks:
        facts = facts_of(task)
        if facts.active and start < facts.next <= end:
            yield facts.next, task


def _row(at: float, task: Document, scene: Scene) -> ComingTask:
    metadata = task["metadata"]
    moment = scene.clock.moment(datetime.fromtimestamp(at, UTC), zone_of(task))
    assert moment is not None, "it is within an hour"
    href = scene.links.task(metadata["namespace"], metadata["name"])
    return ComingTask(metadata["namespace"], metadata["name"], href, moment, schedule_of(task))


NOW = View("ns/{ns}/now", "now.html", ("now/_now.html",), _queries, _build)
