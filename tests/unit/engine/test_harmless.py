"""What goes wrong by itself now and then, and why that harms nobody."""

from datetime import UTC, datetime

import pytest
from engine_world import NAMESPACE, World, play, with_handler

from crontask.api.names import run_name
from crontask.ports import Kind, ObjectKey
from crontask.simulation.kubelet import Plan


def test_a_run_that_is_adopted_while_its_status_is_written(caplog: pytest.LogCaptureFixture) -> None:
    """Two workers write one run, and one is told 409: it reads the run anew. All is said within half a second."""
    conflicts = 0

    async def story(world: World) -> None:
        nonlocal conflicts
        answer = world.api._answer

        async def counting(verb: str, key: ObjectKey, *arguments: object) -> bytes:
            nonlocal conflicts
            try:
                return await answer(verb, key, *arguments)  # type: ignore[arg-type]
            except Exception as error:
                conflicts += "409" in str(error)
                raise

        world.api._answer = counting  # type: ignore[method-assign,assignment]
        world.api.latency = 0.02
        async with world.operator():
            await world.task("on-demand", concurrency={"policy": "Allow"}, retry={"onLost": "Fail"})
            await world.pass_time(1)
            for number in range(20):
                await world.run(f"by-hand-{number}", taskRef={"name": "on-demand"})
            await world.pass_time(0.5)
            assert {run["status"]["phase"] for run in world.runs()} == {"Running"}
            assert all(run["metadata"].get("ownerReferences") for run in world.runs())
            assert len(world.pods()) == 20
            await world.pass_time(30)
            assert {run["status"]["phase"] for run in world.runs()} == {"Succeeded"}
            assert world.status(Kind.CRON_TASK, "on-demand")["counts"]["succeeded"] == 20

    play(story)
    assert conflicts > 0
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_a_new_leader_that_judges_by_an_old_watermark_starts_nothing_twice() -> None:
    """The names of runs say what was decided: creating one again is a conflict, for as long as the run is kept.

    That is ten minutes at least after its end; a watch that lags so far has long been found dead, and listed anew.
    """

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *", history={"succeeded": 0, "failed": 0})
            await world.pass_time(40)
        old = world.api.document(ObjectKey(Kind.CRON_TASK, NAMESPACE, "tick"))["status"]
        async with world.operator():
            await world.pass_time(8 * 60)
        before = {pod["metadata"]["uid"] for pod in world.pods()}
        assert len(before) == 9
        world.api.set_status(ObjectKey(Kind.CRON_TASK, NAMESPACE, "tick"), old)
        async with world.operator():
            await world.pass_time(5)
        assert {pod["metadata"]["uid"] for pod in world.pods()} == before
        status = world.status(Kind.CRON_TASK, "tick")
        assert (status["scheduledCount"], status["counts"]["missed"]) == (9, 0)

    play(story)


def test_a_manual_run_with_the_name_of_a_time_is_left_alone_and_that_time_is_missed() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            name = run_name("tick", datetime(2026, 3, 1, 12, 2, tzinfo=UTC))
            await world.run(name, taskRef={"name": "tick"})
            await world.pass_time(200)
        status = world.status(Kind.CRON_TASK, "tick")
        assert status["recentDecisions"][0]["reason"] == "NameTaken"
        assert (status["counts"]["missed"], status["scheduledCount"]) == (1, 2)
        assert status["lastScheduledTime"] == "2026-03-01T12:03:00Z"

    play(story)


BAD = "0 25 * * *"


def test_a_run_of_a_task_that_cannot_be_used_any_more_is_still_in_the_way_of_its_group() -> None:
    async def story(world: World) -> None:
        mutex = {"policy": "Queue", "group": "mutex"}
        async with world.operator():
            await world.task("long", concurrency=mutex)
            await world.run("first", taskRef={"name": "long"})
            await world.pass_time(2)
            assert len(world.pods()) == 1
            await world.edit(Kind.CRON_TASK, "long", schedule=BAD)
            await world.task("short", interval="10s", concurrency=mutex)
            await world.pass_time(60)
            assert len(world.pods()) == 1
            await world.pass_time(100)
            assert len(world.pods()) > 1

    play(story, lambda pod: Plan(runs=120 if pod["metadata"]["name"].startswith("first") else 1))


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("orphaned", [False, True])
def test_the_pod_of_a_task_that_is_gone_is_in_the_way_of_its_group(orphaned: bool, restarted: bool) -> None:
    async def story(world: World) -> None:
        mutex = {"policy": "Queue", "group": "mutex"}
        async with world.operator():
            await world.task("long", concurrency=mutex)
            await world.run("first", taskRef={"name": "long"})
            await world.task("short", concurrency=mutex)
            await world.run("second", taskRef={"name": "short"})
            await world.pass_time(2)
            if orphaned:
                # As kubectl delete --cascade=orphan leaves it.
                run = ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, "first")
                await world.api.patch(run, {"metadata": {"ownerReferences": None}})
            task = ObjectKey(Kind.CRON_TASK, NAMESPACE, "long")
            await world.api.delete(task, uid=world.api.document(task)["metadata"]["uid"])
            await world.pass_time(0 if restarted else 10)
            assert [pod["metadata"]["name"] for pod in world.pods()] == ["first-1"]
        async with world.operator():
            await world.pass_time(10)
            assert [pod["metadata"]["name"] for pod in world.pods()] == ["first-1"]
            await world.pass_time(100)
            assert "second-1" in [pod["metadata"]["name"] for pod in world.pods()]

    play(story, lambda pod: Plan(runs=60, stops_in=25))


def test_what_a_run_goes_by_is_kept_as_far_as_it_can_be_read_when_its_task_cannot_be_used_any_more() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("short", timeout="30s", retry={"limit": 1, "initial": "1s"})
            await world.task("other", timeout="30s", retry={"limit": 1})
            for name in ("short", "other"):
                await world.run(f"of-{name}", taskRef={"name": name})
            await world.pass_time(2)
            await world.edit(Kind.CRON_TASK, "short", schedule=BAD)
            await world.edit(Kind.CRON_TASK, "other", timeout="soon", retry={"limit": 2, "factor": "x"})
            await world.pass_time(60)
        first, second = (world.status(Kind.SCHEDULED_RUN, f"of-{name}") for name in ("short", "other"))
        # The first waits for its task to make the second attempt; of the other, nothing is known of a limit.
        assert (first["phase"], first["attempts"][0]["reason"]) == ("Retrying", "TimedOut")
        assert second["phase"] == "Running"

    play(story, lambda pod: Plan(runs=1000))


def test_a_task_that_comes_after_one_that_does_not_exist_says_so_until_it_does() -> None:
    async def story(world: World) -> None:
        def said() -> str:
            (ready,) = (c for c in world.status(Kind.CRON_TASK, "load")["conditions"] if c["type"] == "Ready")
            assert ready["status"] == "True"
            return str(ready["message"])

        async with world.operator():
            await world.task("load", after={"task": "extract"})
            await world.pass_time(2)
            assert "CronTask extract, which does not exist" in said()
            await world.task("extract", interval="1h")
            await world.pass_time(2)
            assert said() == ""
            key = ObjectKey(Kind.CRON_TASK, NAMESPACE, "extract")
            await world.api.delete(key, uid=world.api.document(key)["metadata"]["uid"])
            await world.pass_time(2)
            assert "CronTask extract, which does not exist" in said()

    play(story)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_lost_attempt_is_not_repeated_while_its_task_cannot_say_whether_it_may(restarted: bool) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("once", retry={"onLost": "Fail"})
            await world.run("only", taskRef={"name": "once"})
            await world.pass_time(5)
            await world.edit(Kind.CRON_TASK, "once", schedule=BAD)
            await world.pass_time(1)
            if not restarted:
                await lose(world)
        if restarted:
            await lose(world)
        async with world.operator():
            await world.pass_time(20)
            assert "waits for CronTask once" in world.status(Kind.SCHEDULED_RUN, "only")["message"]
            await world.edit(Kind.CRON_TASK, "once", schedule=None)
            await world.pass_time(20)
        status = world.status(Kind.SCHEDULED_RUN, "only")
        assert (status["phase"], [attempt["number"] for attempt in status["attempts"]]) == ("Failed", [1])
        assert world.pods() == []

    async def lose(world: World) -> None:
        (pod,) = world.pods()
        key = ObjectKey(Kind.POD, NAMESPACE, pod["metadata"]["name"])
        await world.api.delete(key, uid=pod["metadata"]["uid"], grace_seconds=0)
        await world.pass_time(3)

    play(story, lambda pod: Plan(runs=1000))


def test_a_run_that_is_removed_while_its_attempt_is_recorded_has_no_pod() -> None:
    """What it was a part of may have ended by then."""

    async def story(world: World) -> None:
        async with world.operator():
            world.api.latency = 1.0
            await world.run("once", retry={"onLost": "Fail"}, **with_handler({}))
            # The status is there, and its answer on the way.
            await world.pass_time(0.25)
            assert world.status(Kind.SCHEDULED_RUN, "once")["phase"] == "Running"
            await world.api.remove(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, "once"))
            await world.pass_time(10)
        assert not [write for write in world.api.log if (write.verb, write.key.kind) == ("create", Kind.POD)]

    play(story)
