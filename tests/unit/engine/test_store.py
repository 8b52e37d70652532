"""The store: own writes count before their echo, old news is ignored, what vanished is swept, bad objects are alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from crontask.api.base import format_time
from crontask.api.names import run_name
from crontask.api.validate import validate_task
from crontask.decide.task.timing import hash_timing
from crontask.engine.keys import run_key, task_key
from crontask.engine.store import Store
from crontask.ports import Kind, ObjectKey

NOW = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)


def make_task(name: str = "t", version: int = 1, uid: str = "u1", schedule: str = "* * * * *", **status: Any) -> bytes:
    meta = {
        "name": name,
        "namespace": "n",
        "uid": uid,
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": "2026-03-01T12:00:00Z",
    }
    spec = {"schedule": schedule, "handler": {"container": {"image": "i"}}}
    return orjson.dumps({"metadata": meta, "spec": spec, "status": status})


def make_run(name: str, task: str = "t", uid: str = "r1", owner: str | None = None, **spec: Any) -> bytes:
    meta: dict[str, Any] = {
        "name": name,
        "namespace": "n",
        "uid": uid,
        "resourceVersion": "5",
        "creationTimestamp": "2026-03-01T12:00:00Z",
    }
    if owner is not None:
        named = {"apiVersion": "crontask.dev/v1alpha1", "kind": "CronTask", "name": task}
        meta["ownerReferences"] = [{**named, "uid": owner, "controller": True}]
    return orjson.dumps({"metadata": meta, "spec": {"taskRef": {"name": task}, **spec}})


def make_pod(run: str, uid: str) -> bytes:
    meta = {
        "name": f"{run}-1",
        "namespace": "n",
        "uid": "p1",
        "resourceVersion": "6",
        "creationTimestamp": "2026-03-01T12:00:00Z",
        "labels": {"crontask.dev/task": "t", "crontask.dev/run": run},
        "ownerReferences": [{"uid": uid, "controller": True}],
    }
    return orjson.dumps({"metadata": meta, "spec": {}, "status": {"phase": "Running"}})


def test_news_that_is_not_newer_is_ignored_and_marks_nothing() -> None:
    changed: list[ObjectKey] = []
    store = Store(changed.append)
    store.fold(Kind.CRON_TASK, make_task(version=7, phase="Active"))
    changed.clear()
    store.on_object(Kind.CRON_TASK, make_task(version=7, phase="Active"))
    store.on_object(Kind.CRON_TASK, make_task(version=6))
    known = store.task(task_key("n", "t"))
    assert known is not None
    assert known.status.phase == "Active"
    assert changed == []


def test_an_answer_that_comes_after_the_deletion_does_not_bring_the_object_back() -> None:
    store = Store()
    store.on_object(Kind.CRON_TASK, make_task())
    store.on_deleted(Kind.CRON_TASK, make_task())
    store.fold(Kind.CRON_TASK, make_task(version=9))
    assert store.task(task_key("n", "t")) is None


def test_a_list_sweeps_what_is_not_in_it() -> None:
    store = Store()
    store.on_object(Kind.CRON_TASK, make_task("a", uid="ua"))
    store.on_object(Kind.CRON_TASK, make_task("b", uid="ub"))
    store.on_listed(Kind.CRON_TASK, {"ub"}, "1000", "")
    assert store.task(task_key("n", "a")) is None
    assert store.task(task_key("n", "b")) is not None


def test_a_list_of_one_namespace_sweeps_nothing_in_another() -> None:
    store = Store()
    store.on_object(Kind.CRON_TASK, make_task("a", uid="ua"))
    store.on_listed(Kind.CRON_TASK, set(), "1000", "other")
    assert store.task(task_key("n", "a")) is not None
    store.on_listed(Kind.CRON_TASK, set(), "1000", "n")
    assert store.task(task_key("n", "a")) is None


def test_a_list_does_not_sweep_what_was_made_while_it_was_on_its_way() -> None:
    store = Store()
    store.fold(Kind.CRON_TASK, make_task("a", uid="ua", version=12))
    store.on_listed(Kind.CRON_TASK, set(), "11", "")
    assert store.task(task_key("n", "a")) is not None
    store.on_listed(Kind.CRON_TASK, set(), "12", "")
    assert store.task(task_key("n", "a")) is None


def test_a_run_marks_itself_and_its_task_and_is_found_by_it() -> None:
    changed: list[ObjectKey] = []
    store = Store(changed.append)
    store.on_object(Kind.CRON_TASK, make_task())
    changed.clear()
    store.on_object(Kind.SCHEDULED_RUN, make_run("mine"))
    assert set(changed) == {run_key("n", "mine"), task_key("n", "t")}
    view = store.task_view(task_key("n", "t"), NOW)
    assert view is not None
    assert [run.run.meta.name for run in view.runs] == ["mine"]
    assert "mine" in view.foreign
    store.on_deleted(Kind.SCHEDULED_RUN, make_run("mine"))
    view = store.task_view(task_key("n", "t"), NOW)
    assert view is not None
    assert view.runs == ()


def seen_of(store: Store, now: datetime) -> tuple[list[str], list[str]]:
    """The names of the runs that are to be decided about, and of those that are for later."""
    view = store.task_view(task_key("n", "t"), now)
    assert view is not None
    return [run.run.meta.name for run in view.runs], [run.meta.name for run in view.deferred]


def test_a_watermark_that_passes_over_a_run_without_status_has_it_decided_anew() -> None:
    """It was made though the answer was an error, and its time was decided otherwise meanwhile."""
    changed: list[ObjectKey] = []
    store = Store(changed.append)
    store.fold(Kind.CRON_TASK, make_task())
    minutes = [NOW.replace(minute=minute, second=0) for minute in (1, 2)]
    early, late = (run_name("t", minute) for minute in minutes)
    for name, minute in zip((early, late), minutes, strict=True):
        store.fold(Kind.SCHEDULED_RUN, make_run(name, uid=name, owner="u1", scheduledTime=format_time(minute)))
    changed.clear()
    store.fold(Kind.CRON_TASK, make_task(version=2, lastScheduledTime=format_time(minutes[0])))
    assert changed == [task_key("n", "t"), run_key("n", early)]


def test_a_run_for_later_sleeps_until_it_is_due() -> None:
    store = Store()
    store.on_object(Kind.CRON_TASK, make_task())
    at = (NOW + timedelta(hours=1)).isoformat()
    store.on_object(Kind.SCHEDULED_RUN, make_run("later", uid="r1", owner="u1", at=at))
    store.on_object(Kind.SCHEDULED_RUN, make_run("delayed", uid="r2", owner="u1", delay="1h"))
    store.on_object(Kind.SCHEDULED_RUN, make_run("now", uid="r3", owner="u1"))
    # It is to be adopted.
    store.on_object(Kind.SCHEDULED_RUN, make_run("nobodys", uid="r4", at=at))
    assert seen_of(store, NOW) == (["now", "nobodys"], ["later", "delayed"])
    assert seen_of(store, NOW + timedelta(hours=1)) == (["later", "delayed", "now", "nobodys"], [])


@pytest.mark.parametrize("pod_first", [True, False])
def test_a_run_with_a_pod_does_not_sleep(pod_first: bool) -> None:
    store = Store()
    store.on_object(Kind.CRON_TASK, make_task())
    news = [(Kind.SCHEDULED_RUN, make_run("r", owner="u1", delay="1h")), (Kind.POD, make_pod("r", "r1"))]
    for kind, raw in reversed(news) if pod_first else news:
        store.on_object(kind, raw)
    assert seen_of(store, NOW) == (["r"], [])
    # Nor when it is gone: what became of it is still to be decided.
    store.on_deleted(Kind.POD, make_pod("r", "r1"))
    assert seen_of(store, NOW) == (["r"], [])


def test_a_mangled_status_keeps_what_can_be_read() -> None:
    store = Store()
    store.on_object(Kind.CRON_TASK, make_task(counts="many", lastScheduledTime="2026-03-01T12:05:00Z", activeCount=-3))
    known = store.task(task_key("n", "t"))
    assert known is not None
    assert known.status.last_scheduled_time is not None
    assert known.status.active_count == 0


def test_an_object_that_nobody_foresaw_harms_no_other() -> None:
    store = Store()
    store.on_object(Kind.CRON_TASK, b'{"metadata": {"name": 7}}')
    store.on_object(Kind.CRON_TASK, b"[]")
    store.on_object(Kind.CRON_TASK, make_task())
    assert store.task(task_key("n", "t")) is not None


def test_the_task_before_an_edit_is_the_one_whose_timing_was_effective() -> None:
    """An edit that another operator has recorded came between, and this one saw only what it was edited to then."""
    schedules = ("0 * * * *", "30 * * * *", "45 * * * *", "10 * * * *")
    hours, halves, quarters, tens = (orjson.loads(make_task(schedule=schedule)) for schedule in schedules)

    def previous(*seen: tuple[dict[str, Any], dict[str, Any]]) -> str | None:
        """Of tasks that were seen one after the other, with the one whose timing the status says."""
        store = Store()
        for version, (task, effective) in enumerate(seen, 1):
            timing = {"hash": hash_of(effective), "since": "2026-03-01T12:00:00Z"}
            metadata = {**task["metadata"], "resourceVersion": str(version), "generation": version}
            store.on_object(Kind.CRON_TASK, orjson.dumps({**task, "metadata": metadata, "status": {"timing": timing}}))
        view = store.task_view(task_key("n", "t"), NOW)
        assert view is not None
        return view.previous.spec.schedule if view.previous is not None and view.previous.spec is not None else None

    assert previous((hours, hours)) is None
    assert previous((hours, hours), (halves, hours)) == "0 * * * *"
    assert previous((hours, hours), (halves, hours), (quarters, hours)) == "0 * * * *"
    assert previous((hours, hours), (halves, hours), (halves, halves)) is None
    assert previous((hours, hours), (halves, hours), (halves, halves), (quarters, halves)) == "30 * * * *"
    assert previous((hours, hours), (halves, hours), (quarters, halves)) == "30 * * * *"
    assert previous((hours, hours), (halves, hours), (quarters, tens)) is None


def hash_of(task: dict[str, Any]) -> str:
    spec, problems = validate_task(task["spec"])
    assert spec is not None, problems
    return hash_timing(spec)
