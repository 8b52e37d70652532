"""Cost in one process, without an API server: the next time, counting misses, memory a task, one decision.

Callers: __main__.
"""

import gc
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

import orjson
from croniter import croniter

from benchmarks.lag import cron_task
from crontask.decide.task import decide_task
from crontask.decide.views import Config
from crontask.engine.memory import task_key
from crontask.engine.ports import Kind
from crontask.engine.store import Store
from crontask.timetable import CronTimetable, Timetable, load_zone, parse_cron

Rows = list[dict[str, Any]]
EXPRESSIONS = ("* * * * *", "*/5 * * * *", "0 * * * *", "30 2 * * *", "0 9 * * 1-5", "0 0 1 * *", "0 12 29 2 *")
ZONES = ("UTC", "Europe/Berlin")
STRETCHES = {"1 hour": 1 / 24, "1 day": 1.0, "1 year": 365.0, "20 years": 7305.0}
_START = datetime(2026, 1, 1, tzinfo=UTC)
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
                ours.append(_microseconds(our_steps))
                theirs.append(_microseconds(bare_steps))
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
            taken = [_microseconds(count) for _ in range(_ROUNDS)]
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
    """Memory a task as the store keeps it, and microseconds of one decision, for few tasks and for many."""
    rows: Rows = []
    for size in (100, 10_000):
        manifests = [orjson.dumps(_task(number)) for number in range(size)]
        gc.collect()
        tracemalloc.start()
        store = Store()
        for manifest in manifests:
            store.on_object(Kind.CRON_TASK, manifest)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        keys = [task_key("default", f"task-{number}") for number in range(100)]
        decide = partial(_decide, store, keys)
        taken = [_microseconds(decide) for _ in range(_ROUNDS)]
        rows.append({"tasks": size, "bytesATask": kept // size, "decision": round(median(taken) / len(keys), 1)})
    few, many = rows
    rows.append({"tasks": "many : few", "bytesATask": "", "decision": round(many["decision"] / few["decision"], 2)})
    return rows


def _task(number: int) -> dict[str, Any]:
    task = cron_task(number, f"{number % 60} 3 * * *")
    task["metadata"].update(
        namespace="default",
        uid=f"uid-{number}",
        generation=1,
        resourceVersion=str(number + 1),
        creationTimestamp="2026-01-01T00:00:00Z",
    )
    return task


def _decide(store: Store, keys: list[Any]) -> None:
    config, now = Config(), _START + timedelta(hours=1)
    for key in keys:
        view = store.task_view(key)
        assert view is not None
        decided = decide_task(view, config, now)
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


def _microseconds(call: Callable[[], object]) -> float:
    before = time.perf_counter()
    call()
    return (time.perf_counter() - before) * 1e6
