"""What measures composite runs: the client beside them, what the other client writes down, how lags are told apart."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import orjson
import pytest
from benchmarks.composites import fan_out_of, lags_of_steps, workflow
from benchmarks.part_client import Part, PartClient, items_of, steps_of
from benchmarks.watch import Watcher, events_by_kind

from crontask.api.names import LABEL_PARENT
from crontask.api.validate import validate_run
from crontask.ports import Document, Kind
from crontask.simulation.kubelet import MemoryKubelet, Plan
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.virtual_time import VirtualClock, run_virtual

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


_RUNS = {"a": workflow("a", 3, _EPOCH), "b": workflow("b", 3, _EPOCH), "fan-out": fan_out_of(7)}
Chains = Callable[[Callable[[str], Document]], Sequence[Iterable[Part]]]


def _played(chains: Chains, *, runs: bool) -> tuple[MemoryApi, float]:
    """What the client has made where each pod takes ten seconds, and how long that took."""

    async def play() -> tuple[MemoryApi, float]:
        clock = VirtualClock(_EPOCH)
        api = MemoryApi(clock)
        stored = {name: api.apply(run, "bench") for name, run in _RUNS.items()}
        kubelet = asyncio.create_task(MemoryKubelet(api, clock, lambda pod: Plan(runs=10)).run())
        elapsed = await PartClient(api, clock, runs=runs).play(chains(stored.__getitem__))
        kubelet.cancel()
        return api, elapsed

    return run_virtual(play)


def _parts(api: MemoryApi) -> list[Document]:
    return [run for run in api.documents(Kind.SCHEDULED_RUN) if "parent" in run["spec"]]


def test_a_client_keeps_as_many_parts_in_flight_as_it_has_chains() -> None:
    api, elapsed = _played(lambda run: [items_of(run("fan-out"), 7)] * 3, runs=True)
    assert elapsed == pytest.approx(30, abs=0.1)
    made = _parts(api)
    assert [run["spec"]["parent"]["item"]["index"] for run in made] == list(range(7))
    assert {run["status"]["phase"] for run in made} == {"Succeeded"}
    assert api.writes == {("create", "ScheduledRun"): 7, ("create", "Pod"): 7, ("update status", "ScheduledRun"): 7}


def test_a_client_of_pods_makes_nothing_else() -> None:
    api, _ = _played(lambda run: [items_of(run("fan-out"), 4)], runs=False)
    assert api.writes == {("create", "Pod"): 4}


def test_steps_of_a_client_follow_one_another() -> None:
    api, elapsed = _played(lambda run: [steps_of(run("a"), 3), steps_of(run("b"), 3)], runs=True)
    assert elapsed == pytest.approx(30, abs=0.1)
    of = [
        (pod["metadata"]["labels"][LABEL_PARENT], pod["metadata"]["creationTimestamp"])
        for pod in api.documents(Kind.POD)
    ]
    seconds = ("00", "10", "20")
    assert sorted(of) == [(name, f"2026-01-01T00:00:{second}Z") for name in ("a", "b") for second in seconds]


@pytest.mark.parametrize("document", [workflow("w", 6, _EPOCH), fan_out_of(1000)], ids=["workflow", "fan-out"])
def test_what_is_measured_is_no_run_that_fails_at_once(document: Document) -> None:
    assert validate_run(document["spec"])[1] == ()


_TOLD = [
    {"pod": "a-0", "parent": "a", "seen": 1.0},
    {"pod": "b-0", "parent": "b", "seen": 1.5},
    {"name": "b-0", "parent": "b", "ended": 2.0},
    {"name": "a-0", "parent": "a", "ended": 2.25},
    {"pod": "a-1", "parent": "a", "seen": 2.75},
    {"pod": "b-1", "parent": "b", "seen": 2.125},
    {"name": "a-1", "parent": "a", "ended": 4.0},
]


def test_a_lag_is_from_the_end_of_a_step_to_the_next_one_of_the_same_workflow() -> None:
    with pytest.raises(KeyError):
        lags_of_steps(_TOLD[:1])
    assert lags_of_steps(_TOLD) == [0.125, 0.5]


def _run(phase: str | None, parent: str | None = None) -> bytes:
    labels = {LABEL_PARENT: parent} if parent is not None else {}
    meta = {"name": "r", "uid": parent or "top", "labels": labels, "ownerReferences": [{"name": "t"}]}
    return orjson.dumps({"metadata": meta, "status": {"phase": phase} if phase is not None else {}})


_EVENTS = [
    ("ends", ["scheduledruns"], [_run(None), _run("Running"), _run("Failed"), _run("Failed")], ["ended"]),
    ("first seen", ["scheduledruns:seen"], [_run(None), _run("Running")], ["seen"]),
    ("both", ["scheduledruns", "scheduledruns:seen"], [_run(None), _run("Failed")], ["seen", "ended"]),
    ("each change", ["scheduledruns:changed"], [_run(None), _run("Running"), _run("Running")], ["changed"] * 3),
    ("no change of a part", ["scheduledruns:changed"], [_run("Running", "top"), _run("Failed")], ["changed"]),
]


@pytest.mark.parametrize(("asked", "objects", "wanted"), [row[1:] for row in _EVENTS], ids=[row[0] for row in _EVENTS])
def test_another_client_writes_down_what_it_is_asked_for(
    asked: list[str], objects: list[bytes], wanted: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    watcher = Watcher(events_by_kind(asked)["scheduledruns"])
    for raw in objects:
        watcher.on_object(Kind.SCHEDULED_RUN, raw)
    told = [orjson.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [event for line in told for event in ("seen", "ended", "changed") if event in line] == wanted


def test_pods_are_what_is_first_seen_where_nothing_is_asked_for() -> None:
    assert events_by_kind([]) == {"pods": {"seen"}}
