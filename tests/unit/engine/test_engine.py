"""The whole engine on virtual time, against an API server in memory: launches, restarts, faults, idleness."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from deaf_api import DeafApi

from crontask.api.names import ANNOTATION_RESERVED
from crontask.decide.views import Config
from crontask.engine.execute import Executor
from crontask.engine.gate import Gate
from crontask.engine.informer import Informer
from crontask.engine.loop import Engine
from crontask.engine.ports import ApiError, Document, Kind, ObjectKey
from crontask.engine.queue import WriteQueue
from crontask.engine.store import Store
from crontask.engine.tell import Teller
from crontask.simulation.kubelet import MemoryKubelet, Plan
from crontask.simulation.virtual_time import VirtualClock, run_virtual

EPOCH = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
NAMESPACE = "jobs"


class World:
    """An API server, a kubelet, and operators that come and go."""

    def __init__(self, plan: Callable[[Document], Plan] = lambda pod: Plan()) -> None:
        self.clock = VirtualClock(EPOCH)
        self.api = DeafApi(self.clock)
        self.kubelet = MemoryKubelet(self.api, self.clock, plan)
        self.lease_seconds = 100.0

    @asynccontextmanager
    async def operator(self, config: Config | None = None) -> AsyncIterator[None]:
        """An operator that leads, and is killed at the end: nothing of it is waited for."""
        store = Store()
        informers = [Informer(self.api, self.clock, kind, store) for kind in list(Kind)[:3]]
        queue = WriteQueue(Gate(lambda: self.lease_seconds), self.clock)
        teller = Teller(self.api, queue, self.clock)
        executor = Executor(self.api, queue, store, teller, self.clock)
        engine = Engine(store, executor, teller, self.clock, config or Config())
        store.changed = engine.mark
        before = asyncio.all_tasks()
        tasks = [asyncio.create_task(informer.run()) for informer in informers]
        for informer in informers:
            await informer.synced.wait()
        tasks.append(asyncio.create_task(engine.run()))
        try:
            yield
        finally:
            mine = [t for t in asyncio.all_tasks() - before if t.get_coro().__qualname__ not in _KUBELET]  # type: ignore[union-attr]
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def task(self, name: str, **spec: Any) -> None:
        await self.api.create(Kind.CRON_TASK, NAMESPACE, {"metadata": {"name": name}, "spec": _with_handler(spec)})

    async def run(self, name: str, **spec: Any) -> None:
        await self.api.create(Kind.SCHEDULED_RUN, NAMESPACE, {"metadata": {"name": name}, "spec": spec})

    async def edit(self, kind: Kind, name: str, **spec: Any) -> None:
        await self.api.patch(ObjectKey(kind, NAMESPACE, name), {"spec": spec})

    def status(self, kind: Kind, name: str) -> Document:
        return dict(self.api.document(ObjectKey(kind, NAMESPACE, name)).get("status", {}))

    def runs(self) -> list[Document]:
        """But for those that are only made ahead."""
        found = sorted(self.api.documents(Kind.SCHEDULED_RUN), key=lambda run: str(run["metadata"]["name"]))
        return [
            run for run in found if "status" in run or ANNOTATION_RESERVED not in run["metadata"].get("annotations", {})
        ]

    def reserved(self) -> list[str]:
        """The times of the runs that are made ahead, as HH:MM:SS."""
        made = [run for run in self.api.documents(Kind.SCHEDULED_RUN) if run not in self.runs()]
        return sorted(run["spec"]["scheduledTime"][11:19] for run in made)

    def pods(self) -> list[Document]:
        return self.api.documents(Kind.POD)


_KUBELET = ("MemoryKubelet._play", "MemoryKubelet._stop")


def _with_handler(spec: Document) -> Document:
    return {"handler": {"container": {"image": "busybox:1.36"}}, **spec}


def play(story: Callable[[World], Coroutine[Any, Any, None]], plan: Callable[[Document], Plan] | None = None) -> None:
    """Run a story on virtual time."""

    async def main() -> None:
        world = World(plan or (lambda pod: Plan()))
        kubelet = asyncio.create_task(world.kubelet.run())
        await story(world)
        kubelet.cancel()

    run_virtual(main)


def test_a_minute_starts_on_the_minute_and_its_end_is_recorded() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(29)
            assert world.runs() == []
            await world.pass_time(2)
            assert [pod["metadata"]["creationTimestamp"] for pod in world.pods()] == ["2026-03-01T12:01:00Z"]
            assert world.status(Kind.CRON_TASK, "tick")["activeCount"] == 1
            await world.pass_time(10)
        status = world.status(Kind.CRON_TASK, "tick")
        assert status["counts"]["succeeded"] == 1
        assert status["lastScheduledTime"] == "2026-03-01T12:01:00Z"
        assert status["nextRunTime"] == "2026-03-01T12:02:00Z"
        assert status["scheduledCount"] == 1
        assert status["activeCount"] == 0

    play(story)


def test_an_ordinary_run_costs_six_writes_and_two_events() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(5)
            world.api.writes.clear()
            await world.pass_time(45)
        ours = {key: count for key, count in world.api.writes.items() if key != ("patch status", "Pod")}
        assert ours == {
            ("create", "ScheduledRun"): 1,
            ("create", "Pod"): 1,
            ("patch status", "ScheduledRun"): 2,
            ("patch status", "CronTask"): 2,
            ("create", "Event"): 2,
        }

    play(story)


def test_idle_tasks_cost_no_write() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            for number in range(50):
                await world.task(f"yearly-{number}", schedule="0 0 1 1 *")
            await world.pass_time(60)
            world.api.writes.clear()
            await world.pass_time(36 * 3600)
        assert not world.api.writes

    play(story)


def test_a_restart_neither_loses_nor_doubles() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(30.001)
        async with world.operator():
            await world.pass_time(200)
        times = [run["spec"]["scheduledTime"] for run in world.runs()]
        assert times == [f"2026-03-01T12:0{minute}:00Z" for minute in (1, 2, 3, 4)]
        assert len(world.pods()) == len(times)
        assert world.status(Kind.CRON_TASK, "tick")["counts"]["succeeded"] == 4

    play(story)


def test_a_launch_cut_short_between_run_and_pod_goes_on() -> None:
    async def story(world: World) -> None:
        world.api.fault = lambda verb, key: (
            ApiError(0, "Unreachable", "cut") if verb == "create" and key.kind is Kind.POD else None
        )
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(31)
        assert len(world.api.documents(Kind.SCHEDULED_RUN)) == 1
        assert world.pods() == []
        world.api.fault = lambda verb, key: None
        async with world.operator():
            await world.pass_time(15)
        assert [run["status"]["phase"] for run in world.runs()] == ["Succeeded"]

    play(story)


def test_the_latest_of_the_missed_times_starts_and_the_others_are_counted() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(60)
        await world.pass_time(600)
        async with world.operator():
            await world.pass_time(20)
        status = world.status(Kind.CRON_TASK, "tick")
        assert status["counts"]["missed"] == 9
        missed = status["recentDecisions"][0]
        assert (missed["type"], missed["count"]) == ("Missed", 9)
        assert (missed["nominalTime"], missed["until"]) == ("2026-03-01T12:02:00Z", "2026-03-01T12:10:00Z")
        assert [run["spec"]["scheduledTime"][11:16] for run in world.runs()] == ["12:01", "12:11"]

    play(story)


def test_resuming_and_editing_never_fire_the_past() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *", suspend=True)
            await world.pass_time(300)
            await world.edit(Kind.CRON_TASK, "tick", suspend=False)
            await world.pass_time(5)
            assert world.runs() == []
            await world.edit(Kind.CRON_TASK, "tick", schedule="0,1,2,3,4 12 * * *")
            await world.pass_time(5)
            assert world.runs() == []
            assert world.status(Kind.CRON_TASK, "tick")["counts"]["missed"] == 0

    play(story)


def test_forbid_skips_and_replace_never_has_two_pods() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("slow", interval="60s")
            await world.task("newest", interval="60s", concurrency={"policy": "Replace"})
            for _ in range(100):
                await world.pass_time(3)
                pods = [p for p in world.pods() if p["metadata"]["labels"]["crontask.dev/task"] == "newest"]
                assert len(pods) <= 1
        slow, newest = world.status(Kind.CRON_TASK, "slow"), world.status(Kind.CRON_TASK, "newest")
        assert slow["counts"]["skipped"] == 3
        assert slow["recentDecisions"][0]["reason"] == "RunAlreadyActive"
        assert newest["counts"]["canceled"] == 3
        assert newest["counts"]["skipped"] == 0

    play(story, lambda pod: Plan(runs=500, stops_in=7))


def test_a_run_that_people_make_queues_and_is_never_skipped() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("job")
            await world.run("first", taskRef={"name": "job"})
            await world.pass_time(1)
            await world.run("second", taskRef={"name": "job"})
            await world.run("early", taskRef={"name": "missing"})
            await world.pass_time(1)
            assert world.status(Kind.SCHEDULED_RUN, "second")["phase"] == "Queued"
            assert "does not exist" in world.status(Kind.SCHEDULED_RUN, "early")["message"]
            await world.pass_time(12)
            assert world.status(Kind.SCHEDULED_RUN, "second")["phase"] == "Running"
            await world.task("missing")
            await world.pass_time(30)
        assert world.status(Kind.SCHEDULED_RUN, "early")["phase"] == "Succeeded"

    play(story)


def test_a_refused_pod_is_tried_again_until_it_is_taken() -> None:
    async def story(world: World) -> None:
        world.api.fault = lambda verb, key: (
            ApiError(403, "Forbidden", "exceeded quota") if verb == "create" and key.kind is Kind.POD else None
        )
        async with world.operator():
            await world.run("now", **_with_handler({}))
            await world.pass_time(60)
            status = world.status(Kind.SCHEDULED_RUN, "now")
            assert (status["phase"], "exceeded quota" in status["message"]) == ("Pending", True)
            world.api.fault = lambda verb, key: None
            await world.pass_time(80)
        assert world.status(Kind.SCHEDULED_RUN, "now")["phase"] == "Succeeded"

    play(story)


def test_without_time_on_the_lease_nothing_is_written() -> None:
    async def story(world: World) -> None:
        world.lease_seconds = 0.5
        await world.task("tick", interval="10s")
        world.api.writes.clear()
        async with world.operator():
            await world.pass_time(100)
        assert not world.api.writes

    play(story)


def test_the_informer_sweeps_what_vanished_while_its_watch_was_down() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("gone", schedule="* * * * *")
            await world.pass_time(10)
            world.api.fault = lambda verb, key: ApiError(500, "InternalError", "down") if verb == "list" else None
            await world.api.end_watches(expire=True)
            await world.api.remove(ObjectKey(Kind.CRON_TASK, NAMESPACE, "gone"))
            await world.api.end_watches(expire=True)
            world.api.fault = lambda verb, key: None
            await world.pass_time(120)
        assert world.runs() == []

    play(story)


def test_finished_runs_are_pruned_after_ten_minutes_and_stay_counted() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *", history={"succeeded": 2, "failed": 1})
            await world.pass_time(30 * 60)
        status = world.status(Kind.CRON_TASK, "tick")
        assert status["counts"]["succeeded"] == 30
        assert 10 <= len(world.runs()) <= 13
        assert len(status["recentRuns"]) == 10

    play(story)


def test_a_late_edit_is_recorded_not_fired() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(45)
        await world.edit(Kind.CRON_TASK, "tick", schedule="*/2 * * * *")
        await world.pass_time(timedelta(minutes=10).total_seconds())
        async with world.operator():
            await world.pass_time(5)
        assert len(world.runs()) == 1
        assert world.status(Kind.CRON_TASK, "tick")["recentDecisions"][0]["reason"] == "TimingChangedUnseen"

    play(story)


def test_a_cancel_after_the_end_is_answered_once_and_changes_nothing() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("done", **_with_handler({}))
            await world.pass_time(15)
            await world.edit(Kind.SCHEDULED_RUN, "done", cancel=True)
            await world.pass_time(5)
            assert world.status(Kind.SCHEDULED_RUN, "done")["phase"] == "Succeeded"
            world.api.writes.clear()
            await world.pass_time(3600)
        told = [event for event in world.api.documents(Kind.EVENT) if event["reason"] == "CancelIgnored"]
        assert [event["count"] for event in told] == [1]
        assert not world.api.writes

    play(story)


def test_a_canceled_run_ends_when_its_pod_is_gone() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("long", **_with_handler({}))
            await world.pass_time(3)
            await world.edit(Kind.SCHEDULED_RUN, "long", cancel=True, cancelReason="enough")
            await world.pass_time(3)
            assert world.status(Kind.SCHEDULED_RUN, "long")["phase"] == "Canceling"
            await world.pass_time(5)
        status = world.status(Kind.SCHEDULED_RUN, "long")
        assert (status["phase"], status["message"]) == ("Canceled", "enough")
        assert world.pods() == []

    play(story, lambda pod: Plan(runs=500, stops_in=6))


def test_a_timeout_survives_a_restart_in_the_middle() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("slow", timeout="20s", **_with_handler({}))
            await world.pass_time(22)
        async with world.operator():
            await world.pass_time(15)
        assert world.status(Kind.SCHEDULED_RUN, "slow")["phase"] == "TimedOut"

    play(story, lambda pod: Plan(runs=500, stops_in=8))


def test_a_pod_whose_end_is_news_that_come_late_is_not_stopped_for_its_timeout() -> None:
    """The stop names the version of the pod that it means, and the end counts as it was."""

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("job", schedule="1 12 * * *", timeout="20s", retry={"limit": 3})
            await world.pass_time(40)
            world.api.go_deaf()
            await world.pass_time(20)
            world.api.hear_again()
            await world.pass_time(60)
        (run,) = world.runs()
        assert run["status"]["phase"] == "Succeeded"
        assert [attempt["reason"] for attempt in run["status"]["attempts"]] == ["Completed"]
        assert len(world.pods()) == 1

    play(story, lambda pod: Plan(runs=15))


# --- runs made ahead -------------------------------------------------------------------------------------------------


def test_a_run_is_made_ahead_of_its_time_and_at_its_time_only_the_pod() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(5)
            assert world.reserved() == []
            await world.pass_time(16)
            assert world.reserved() == ["12:01:00"]
            assert world.status(Kind.CRON_TASK, "tick")["counts"]["succeeded"] == 0
            written = len(world.api.log)
            await world.pass_time(8.99)
            assert len(world.api.log) == written
            await world.pass_time(0.02)
            assert world.api.log[written].key.kind is Kind.POD
            assert len(world.pods()) == 1
            await world.pass_time(20)
        (run,) = world.runs()
        assert run["status"]["phase"] == "Succeeded"
        assert world.status(Kind.CRON_TASK, "tick")["scheduledCount"] == 1

    play(story)


@pytest.mark.parametrize(
    ("edit", "later"),
    [
        ({"suspend": True}, []),
        ({"schedule": "2 * * * *"}, []),
        ({"endTime": "2026-03-01T12:00:55Z"}, []),
        ({"skip": [{"from": "2026-03-01"}]}, []),
        ({"maxRuns": 0}, []),
        # 12:01 in UTC.
        ({"schedule": "31 17 * * *", "timeZone": "Asia/Kolkata"}, ["12:01:00"]),
        ({"timeout": "5s"}, ["12:01:00"]),
    ],
)
def test_an_edit_lets_a_run_go_that_was_made_ahead_for_nothing(edit: Document, later: list[str]) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(21)
            assert world.reserved() == ["12:01:00"]
            await world.edit(Kind.CRON_TASK, "tick", **edit)
            await world.pass_time(1)
            assert world.reserved() == later
            await world.pass_time(10)
            assert len(world.pods()) == len(later)
        assert world.status(Kind.CRON_TASK, "tick")["counts"]["skipped"] == 0

    play(story)


def test_a_run_in_the_way_keeps_the_next_from_being_made_ahead_until_it_ends() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(30 + 50)
            assert world.reserved() == []
            await world.pass_time(6)
            # The first has ended after 55 seconds.
            assert world.reserved() == ["12:02:00"]
            await world.pass_time(10)
        assert world.status(Kind.CRON_TASK, "tick")["scheduledCount"] == 2

    play(story, lambda pod: Plan(runs=55))


@pytest.mark.parametrize(
    ("policy", "phases"), [("Forbid", ["Running"]), ("Queue", ["Running", "Queued"]), ("Allow", ["Running", "Running"])]
)
def test_a_place_taken_meanwhile_decides_as_if_nothing_had_been_made_ahead(policy: str, phases: list[str]) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="1 12 * * *", concurrency={"policy": policy})
            await world.pass_time(21)
            assert world.reserved() == ["12:01:00"]
            await world.run("by-hand", taskRef={"name": "tick"})
            await world.pass_time(20)
            assert [run["status"]["phase"] for run in world.runs()] == phases
            assert world.reserved() == []
            assert world.status(Kind.CRON_TASK, "tick")["counts"]["skipped"] == (policy == "Forbid")
            await world.pass_time(300)
        assert {run["status"]["phase"] for run in world.runs()} == {"Succeeded"}
        assert len(world.runs()) == len(phases)

    play(story, lambda pod: Plan(runs=100))


def test_the_next_operator_starts_what_was_made_ahead() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(21)
        async with world.operator():
            await world.pass_time(20)
            assert world.reserved() == []
        (run,) = world.runs()
        assert run["status"]["phase"] == "Succeeded"
        assert world.status(Kind.CRON_TASK, "tick")["scheduledCount"] == 1

    play(story)


@pytest.mark.parametrize(("policy", "started"), [("Latest", 1), ("None", 0), ("All", 6)])
def test_what_was_made_ahead_for_a_time_that_was_missed_changes_nothing(policy: str, started: int) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task(
                "tick", schedule="* * * * *", catchUp={"policy": policy}, concurrency={"policy": "Allow", "max": 9}
            )
            await world.pass_time(21)
            assert world.reserved() == ["12:01:00"]
        await world.pass_time(60 * 5 + 30)
        async with world.operator():
            await world.pass_time(15)
        status = world.status(Kind.CRON_TASK, "tick")
        assert (status.get("scheduledCount", 0), status["counts"]["missed"]) == (started, 6 - started)
        assert len(world.runs()) == started
        assert world.reserved() in ([], ["12:07:00"])

    play(story)


def test_a_run_made_ahead_that_somebody_cancels_does_not_start() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="1 12 * * *")
            await world.pass_time(21)
            (made,) = world.api.documents(Kind.SCHEDULED_RUN)
            await world.edit(Kind.SCHEDULED_RUN, made["metadata"]["name"], cancel=True)
            await world.pass_time(60)
        assert world.pods() == []
        status = world.status(Kind.CRON_TASK, "tick")
        assert (status["counts"]["canceled"], status["scheduledCount"]) == (1, 1)

    play(story)


def test_what_cannot_be_made_ahead_is_made_at_its_time() -> None:
    async def story(world: World) -> None:
        world.api.fault = lambda verb, key: (
            ApiError(403, "Forbidden", "quota") if (verb, key.kind) == ("create", Kind.SCHEDULED_RUN) else None
        )
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(29)
            assert world.api.requests["create", "ScheduledRun", ""] == 1
            world.api.fault = lambda verb, key: None
            await world.pass_time(2)
            assert [pod["metadata"]["creationTimestamp"] for pod in world.pods()] == ["2026-03-01T12:01:00Z"]

    play(story)


# --- many at once ----------------------------------------------------------------------------------------------------


def test_what_is_due_goes_before_what_has_changed() -> None:
    """Of 300 tasks due at once, over a slow API server: no status is written before the last pod is asked for."""

    async def story(world: World) -> None:
        async with world.operator():
            for number in range(300):
                await world.task(f"task-{number}", schedule="1 12 * * *")
            await world.pass_time(29)
            world.api.latency = 0.2
            world.api.log.clear()
            await world.pass_time(60)
        verbs = [(write.key.kind, write.subresource) for write in world.api.log]
        last_pod = max(index for index, verb in enumerate(verbs) if verb == (Kind.POD, ""))
        assert verbs.count((Kind.POD, "")) == 300
        # Those of the pods are the kubelet's.
        before = [verb for verb in verbs[:last_pod] if verb[1] == "status" and verb[0] is not Kind.POD]
        assert len(before) < 100

    play(story)


def test_where_launches_never_cease_to_wait_what_has_changed_is_looked_at_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(WriteQueue, "launches_wait", True)

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("job", concurrency={"policy": "Allow"})
            for number in range(600):
                await world.run(f"by-hand-{number}", taskRef={"name": "job"})
            await world.pass_time(5)
            assert {run["status"]["phase"] for run in world.runs()} == {"Succeeded"}

    play(story, lambda pod: Plan(runs=1))
