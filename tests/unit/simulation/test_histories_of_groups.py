"""Random histories of three tasks in a group: operators are killed at any instant, pods take their time to stop."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from histories import tally
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crontask.api.base import format_time
from crontask.ports import Document, Kind
from crontask.simulation.kubelet import MemoryKubelet, Plan
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.operator import OperatorClock, SimulatedOperator
from crontask.simulation.virtual_time import VirtualClock, run_virtual

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
CREATED = datetime(2026, 3, 1, tzinfo=UTC)
# From then on nothing is due any more, and all that waits has its turn.
LAST = 900
LABEL = "crontask.dev/task"


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@dataclass(frozen=True)
class Member:
    """A task of the group: due every `gap` seconds, and how its pods go."""

    gap: int
    policy: str
    catch_up: str
    runs: int
    stops_in: int

    def document(self, name: str, group: str | None, most: int) -> Document:
        """The task."""
        concurrency: dict[str, Any] = {"policy": self.policy, "max": most}
        if group is not None:
            concurrency["group"] = group
        spec = {
            "interval": f"{self.gap}s",
            "endTime": format_time(CREATED + timedelta(seconds=LAST)),
            "concurrency": concurrency,
            "catchUp": {"policy": self.catch_up},
            "history": {"succeeded": 1000, "failed": 1000},
            "handler": {"container": {"image": "i"}},
        }
        return {"kind": "CronTask", "metadata": {"name": name, "namespace": "n"}, "spec": spec}


members = st.builds(
    Member,
    gap=st.sampled_from((40, 60, 90, 150)),
    policy=st.sampled_from(("Forbid", "Queue", "Replace", "Allow")),
    catch_up=st.sampled_from(("Latest", "None", "All")),
    runs=st.sampled_from((5, 30, 70, 130)),
    stops_in=st.sampled_from((0, 1, 7, 25)),
)
# How long an operator lives and how long nobody follows it, in seconds.
lives = st.lists(st.tuples(st.floats(0.01, 400), st.floats(0, 120)), max_size=3)


class World:
    """Tasks, a kubelet and operators that are killed; what is alive is seen with each change of a pod."""

    def __init__(self, tasks: dict[str, Member], group: str | None, most: int, latency: float) -> None:
        self.clock = VirtualClock(CREATED)
        self.api = MemoryApi(self.clock)
        self.api.latency = latency
        self.kubelet = MemoryKubelet(self.api, self.clock, self._plan)
        self.tasks = tasks
        self.alive: dict[str, str] = {}
        self.most = 0
        self.most_of: dict[str, int] = dict.fromkeys(tasks, 0)
        for name, member in tasks.items():
            self.api.apply(member.document(name, group, most))

    async def play(self, lives: list[tuple[float, float]]) -> None:
        """Operators live one after the other; the last one until everything is over."""
        playing = [asyncio.create_task(self.kubelet.run()), asyncio.create_task(self._watch())]
        for lasts, gap in [*lives, (6 * LAST, 0.0)]:
            operator = SimulatedOperator(self.api, OperatorClock(self.clock, 0.002))
            await operator.start()
            await asyncio.sleep(lasts)
            await operator.kill()
            await asyncio.sleep(gap)
        for task in playing:
            task.cancel()

    def _plan(self, pod: Document) -> Plan:
        member = self.tasks[pod["metadata"]["labels"][LABEL]]
        return Plan(runs=member.runs, stops_in=member.stops_in)

    async def _watch(self) -> None:
        async for event in self.api.follow(Kind.POD):
            pod = orjson.loads(event.object)
            name = pod["metadata"]["name"]
            if event.type != "DELETED" and pod["status"]["phase"] not in ("Succeeded", "Failed"):
                self.alive[name] = pod["metadata"]["labels"][LABEL]
            else:
                self.alive.pop(name, None)
            self.most = max(self.most, len(self.alive))
            for task in self.most_of:
                self.most_of[task] = max(self.most_of[task], list(self.alive.values()).count(task))


def played(
    tasks: list[Member], group: str | None, most: int, latency: float, lives: list[tuple[float, float]]
) -> World:
    async def main() -> World:
        world = World({f"t{number}": member for number, member in enumerate(tasks)}, group, most, latency)
        await world.play(lives)
        return world

    return run_virtual(main)


def check_all_is_decided(world: World) -> None:
    """Each time has one run, or is skipped or missed; nothing is left that waits; the watermark is at the last time."""
    runs = world.api.documents(Kind.SCHEDULED_RUN)
    phases = {run["metadata"]["name"]: run.get("status", {}).get("phase") for run in runs}
    assert {phase for phase in phases.values() if phase is not None} <= {"Succeeded", "Canceled", "Skipped", "Missed"}
    assert None not in phases.values()
    for task in world.api.documents(Kind.CRON_TASK):
        status, member = task["status"], world.tasks[task["metadata"]["name"]]
        last = (LAST - 1) // member.gap * member.gap
        assert status["lastScheduledTime"] == format_time(CREATED + timedelta(seconds=last))
        assert sum(status["counts"].values()) == last // member.gap
        assert status.get("queued", 0) == 0


@settings(max_examples=20, suppress_health_check=QUIET)
@given(
    tasks=st.lists(members, min_size=3, max_size=3),
    most=st.integers(1, 2),
    latency=st.sampled_from((0.0, 0.0, 0.2)),
    lives=lives,
)
def test_a_group_never_exceeds_its_max(
    tasks: list[Member], most: int, latency: float, lives: list[tuple[float, float]]
) -> None:
    world = played(tasks, "g", most, latency, lives)
    assert 1 <= world.most <= most
    check_all_is_decided(world)
    tally["histories of a group of three tasks"] += 1


@settings(max_examples=20, suppress_health_check=QUIET)
@given(
    tasks=st.lists(members, min_size=1, max_size=2),
    most=st.integers(1, 2),
    latency=st.sampled_from((0.0, 0.0, 0.2)),
    lives=lives,
)
def test_no_task_exceeds_its_max_while_pods_take_their_time_to_stop(
    tasks: list[Member], most: int, latency: float, lives: list[tuple[float, float]]
) -> None:
    world = played(tasks, None, most, latency, lives)
    assert all(1 <= alive <= most for alive in world.most_of.values())
    check_all_is_decided(world)
    tally["histories of tasks whose pods take their time to stop"] += 1
