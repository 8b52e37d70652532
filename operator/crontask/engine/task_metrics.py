"""The metrics of tasks, made of what is known when Prometheus asks: a few lines of text for each task.

As text, because the library's objects take many times as long, and all of it is made on the loop that starts runs.
Names of tasks and namespaces are DNS labels: nothing in them is to be escaped.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from crontask.decide.decisions import DecisionKind
from crontask.decide.model import CronTask
from crontask.decide.task.lateness import NOT_STARTED, first_undecided, lateness
from crontask.decide.task.overdue import NO_SUCCESS, RUN_TAKES_TOO_LONG, expected_of
from crontask.decide.task.pause import said_paused_because
from crontask.engine import metric
from crontask.engine.keys import key_of
from crontask.engine.metric import OTHER, REASONS, TASK_METRICS, Metric
from crontask.engine.store import Store

_PAUSES = REASONS[DecisionKind.SUSPEND]
_NOTHING = timedelta(0)
Sample = tuple[Metric, str, float]
"""The metric, the reason where it has one, and the value."""


class TaskMetrics:
    """Of the tasks that a store knows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # By UID: a task, and its first undecided time. It takes longest to compute, and most tasks stay as they are.
        self._undecided: dict[str, tuple[CronTask, datetime | None]] = {}

    def samples(self, task: CronTask, now: datetime) -> Iterator[Sample]:
        """What there is to say of a task."""
        status = task.status
        yield metric.TASK_FAILURES, "", status.consecutive_failures
        yield metric.TASK_LAST_SUCCESS, "", (status.last_successful_time or task.meta.creation_timestamp).timestamp()
        if status.upcoming:
            yield metric.TASK_NEXT_RUN, "", status.upcoming[0].timestamp()
        late = lateness(task, self._first_undecided(task), self._store.open_runs(task), now)
        yield metric.TASK_OVERDUE, NOT_STARTED, late.total_seconds()
        if task.spec.expect is not None:
            yield from self._beyond_expectation(task, now)
        yield metric.TASK_ACTIVE, "", status.active_count
        yield metric.TASK_QUEUED, "", status.queued
        pause = said_paused_because(status)
        if pause is not None:
            yield metric.TASK_SUSPENDED, pause if pause in _PAUSES else OTHER, 1
        last = status.last_run
        if last is not None and last.start_time is not None and last.completion_time is not None:
            yield metric.TASK_LAST_DURATION, "", (last.completion_time - last.start_time).total_seconds()

    def forget_all_but(self, tasks: list[CronTask]) -> None:
        """Keep nothing of tasks that are gone."""
        alive = {task.meta.uid for task in tasks}
        self._undecided = {uid: known for uid, known in self._undecided.items() if uid in alive}

    def _first_undecided(self, task: CronTask) -> datetime | None:
        known = self._undecided.get(task.meta.uid)
        if known is None or known[0] is not task:
            known = self._undecided[task.meta.uid] = task, first_undecided(task)
        return known[1]

    def _beyond_expectation(self, task: CronTask, now: datetime) -> Iterator[Sample]:
        view, status, expect = self._store.task_view(key_of(task), now), task.status, task.spec.expect
        if view is None or expect is None:
            return
        expected = expected_of(view, status.phase, status.timing, status.last_successful_time)
        run_by = expected.runs[0][0] if expected.runs else None
        for asked, reason, limit in (
            (expect.success_within, NO_SUCCESS, expected.success_by),
            (expect.finish_within, RUN_TAKES_TOO_LONG, run_by),
        ):
            if asked is not None:
                beyond = max(_NOTHING, now - limit) if limit is not None else _NOTHING
                yield metric.TASK_OVERDUE, reason, beyond.total_seconds()


class Page:
    """The lines of the samples, by metric: those of one metric have to stand together."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {defined.full_name: [] for defined in TASK_METRICS}

    def add(self, task: CronTask, samples: Iterator[Sample]) -> None:
        """Those of a task."""
        labels = f'{{namespace="{task.meta.namespace}",task="{task.meta.name}"'
        for defined, reason, value in samples:
            more = f',reason="{reason}"}}' if reason else "}"
            self._lines[defined.full_name].append(f"{defined.full_name}{labels}{more} {value:.15g}\n")

    def chunks(self) -> Iterator[bytes]:
        """As text, one metric after the other."""
        for defined in TASK_METRICS:
            name = defined.full_name
            head = f"# HELP {name} {defined.help}\n# TYPE {name} {defined.type}\n"
            yield "".join((head, *self._lines[name])).encode()
