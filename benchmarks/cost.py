"""Cost in one process, without an API server: the next time, counting misses, and a decision."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

import orjson
from croniter import croniter

from benchmarks.lag import cron_task
from benchmarks.start import finished_run
from crontask.api.base import format_time
from crontask.api.names import run_name
from crontask.decide.decisions import Settle
from crontask.decide.model import Config
from crontask.decide.task.decide import decide_task
from crontask.engine.keys import task_key
from crontask.engine.store import Store
from crontask.ports import Kind, ObjectKey
from crontask.timetable import CronTimetable, Timetable, load_zone, parse_cron

Rows = list[dict[str, Any]]
EXPRESSIONS = ("* * * * *", "*/5 * * * *", "0 * * * *", "30 2 * * *", "0 9 * * 1-5", "0 0 1 * *", "0 12 29 2 *")
ZONES = ("UTC", "Europe/Berlin")
STRETCHES = {"1 hour": 1 / 24, "1 day": 1.0, "1 year": 365.0, "20 years": 7305.0}
_START = datetime(2026, 1, 1, tzinfo=UTC)
_DECIDED_AT = _START + timedelta(hours=1)
_STEPS = 200
_ROUNDS = 7


def next_times() -> Rows:
    """Microseconds a step, through rows of times; croniter and ours take turns in each round."""
    rows = []
    for zone in ZONES:
        for text in EXPRESSIONS:
            timetable = CronTimetable([parse_cron(text)], load_zone(zone))
            start = _START.astimezone(load_zone(zone))
            bare = croniter(text, start, ret_type=datetime)
            our_steps, bare_steps = partial(_steps_of, timetable), partial(_steps_of_croniter, bare, start)
            our_steps()
            bare_steps()
            ours, theirs = [], []
            for _ in range(_ROUNDS):
                ours.append(microseconds(our_steps))
                theirs.append(microseconds(bare_steps))
            step, bare_step = median(ours) / _STEPS, median(theirs) / _STEPS
            rows.append(
                {
                    "expression": text,
                    "zone": zone,
                    "crontask": round(step, 1),
                    "croniter": round(bare_step, 1),
                    "ratio": round(step / bare_step, 2),
                }
            )
    return rows


def counting() -> Rows:
    """Microseconds to count what came due in a stretch: at first sight, and once the zone's data is known."""
    rows = []
    zone = load_zone("Europe/Berlin")
    unions = (("* * * * *",), ("30 2 * * *",), ("0 9 * * 1-5", "0 8 * * *"), ("*/7 * * * *", "*/5 8-18 * * *"))
    for texts in unions:
        for name, days in STRETCHES.items():
            end = _START + timedelta(days=days)
            timetable = CronTimetable([parse_cron(text) for text in texts], zone)
            count = partial(timetable.due, _START, end)
            taken = [microseconds(count) for _ in range(_ROUNDS)]
            due = count()
            rows.append(
                {
                    "expressions": " | ".join(texts),
                    "stretch": name,
                    "count": due.count if due is not None else 0,
                    "first": round(taken[0], 1),
                    "median": round(median(taken), 1),
                }
            )
    return rows


def decisions() -> Rows:
    """Microseconds a decision about a task that has so many runs."""
    rows = []
    for finished, later in ((3, 0), (60, 0), (600, 0), (3, 100), (3, 5000)):
        store, key = Store(), task_key("bench", "task-0")
        for kind, document in _of_one_task(finished, later):
            store.on_object(kind, orjson.dumps(document))
        decide = partial(decide_keys, store, [key])
        decide()
        taken = [microseconds(decide) for _ in range(_ROUNDS)]
        rows.append({"finished runs": finished, "runs for later": later, "µs": round(median(taken), 1)})
    return rows


def _of_one_task(finished: int, later: int) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """The task, as many runs that ended in the last so many seconds and are counted, and runs that are for tomorrow."""
    task = known_task(0, "bench")
    task["status"] = {"counted": {"through": format_time(_DECIDED_AT), "runs": []}}
    yield Kind.CRON_TASK, task
    runs = []
    for number in range(finished):
        ended = _DECIDED_AT - timedelta(seconds=number + 1)
        runs.append(finished_run(task, run_name("task-0", ended), ended))
    for number in range(later):
        run = finished_run(task, f"later-{number}", _START)
        del run["status"]
        run["spec"]["at"] = format_time(_DECIDED_AT + timedelta(days=1))
        runs.append(run)
    for number, run in enumerate(runs):
        run["metadata"].update(
            namespace="bench",
            uid=f"uid-run-{number}",
            generation=1,
            resourceVersion=str(number + 1),
            creationTimestamp=format_time(_START),
        )
        yield Kind.SCHEDULED_RUN, run


def known_task(number: int, namespace: str) -> dict[str, Any]:
    """A CronTask as the API server tells it."""
    task = cron_task(number, f"{number % 60} 3 * * *")
    task["metadata"].update(
        namespace=namespace,
        uid=f"uid-{number}",
        generation=1,
        resourceVersion=str(number + 1),
        creationTimestamp="2026-01-01T00:00:00Z",
    )
    return task


def decide_keys(store: Store, keys: Sequence[ObjectKey]) -> None:
    """Decide about each of the tasks once. None is due."""
    config = Config()
    for key in keys:
        view = store.task_view(key, _DECIDED_AT)
        assert view is not None
        decided = decide_task(view, config, _DECIDED_AT)
        assert isinstance(decided, Settle)
        assert decided.wake_at is not None


def _steps_of(timetable: Timetable) -> None:
    instant: datetime | None = _START
    for _ in range(_STEPS):
        assert instant is not None
        instant = timetable.next_after(instant)


def _steps_of_croniter(bare: croniter, start: datetime) -> None:
    bare.set_current(start)
    for _ in range(_STEPS):
        bare.get_next()


def microseconds(call: Callable[[], object]) -> float:
    """That a call takes."""
    before = time.perf_counter()
    call()
    return (time.perf_counter() - before) * 1e6
