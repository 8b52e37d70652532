"""A pause of a composite run, played: nothing new of it starts, however deep, and all goes on after it."""

import pytest
from composite_world import IMAGE, parts, status
from engine_world import World, play

from crontask.ports import Kind
from crontask.simulation.kubelet import Plan

FIVE_SECONDS = Plan(runs=5)


def of(world: World, run: str) -> list[tuple[str, str]]:
    """How the parts of a run are, in the order of their creation, and what they say."""
    found = [part.get("status", {}) for part in parts(world, run)]
    return [(each["phase"], each.get("message", "")) for each in found]


async def pause(world: World, run: str, paused: bool = True) -> None:
    await world.edit(Kind.SCHEDULED_RUN, run, suspend=paused)


HELD = ("Pending", "held back: run outer, which it is a part of, is paused")


def test_what_waits_for_its_turn_in_a_task_is_held_back_and_has_it_after() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("one", handler=IMAGE, concurrency={"max": 1})
            await world.run("outer", handler={"forEach": {"items": 3, "handler": {"task": "one"}}})
            await world.pass_time(2)
            await pause(world, "outer")
            await world.pass_time(60)
            assert of(world, "outer") == [("Succeeded", ""), HELD, HELD]
            assert len(world.pods()) == 1
            # It is in nobody's way meanwhile.
            await world.run("by-hand", taskRef={"name": "one"})
            await world.pass_time(7)
            assert status(world, "by-hand")["phase"] == "Succeeded"
            await pause(world, "outer", False)
            await world.pass_time(20)
        assert status(world, "outer")["items"]["ends"] == "S3"

    play(story, lambda pod: FIVE_SECONDS)


def test_what_waits_for_a_task_that_does_not_exist_is_held_back() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("outer", handler={"steps": [{"name": "a", "task": "later"}]})
            await world.pass_time(2)
            await pause(world, "outer")
            await world.task("later", handler=IMAGE)
            await world.pass_time(20)
            assert of(world, "outer") == [HELD]
            await pause(world, "outer", False)
            await world.pass_time(20)
        assert status(world, "outer")["phase"] == "Succeeded"

    play(story, lambda pod: FIVE_SECONDS)


def test_it_can_be_canceled_in_the_pause() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("one", handler=IMAGE, concurrency={"max": 1})
            await world.run("outer", handler={"forEach": {"items": 3, "handler": {"task": "one"}}})
            await world.pass_time(2)
            await pause(world, "outer")
            await world.pass_time(20)
            await world.edit(Kind.SCHEDULED_RUN, "outer", cancel=True)
            await world.pass_time(20)
        assert (status(world, "outer")["phase"], status(world, "outer")["items"]["ends"]) == ("Canceled", "SC2")

    play(story, lambda pod: FIVE_SECONDS)


def test_undo_and_what_always_runs_are_not_held_back() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            undone = {"name": "a", **IMAGE, "compensate": IMAGE}
            steps = [undone, {"name": "b", **IMAGE}, {"name": "z", "always": True, **IMAGE}]
            await world.run("outer", handler={"steps": steps})
            await world.pass_time(7)
            await pause(world, "outer")
            await world.edit(Kind.SCHEDULED_RUN, "outer", cancel=True)
            await world.pass_time(30)
        assert [phase for phase, _ in of(world, "outer")] == ["Succeeded", "Canceled", "Succeeded", "Succeeded"]

    play(story, lambda pod: FIVE_SECONDS)


@pytest.mark.parametrize("deep", [False, True])
def test_nobody_is_asked_for_approval_in_a_pause_of_the_whole(deep: bool) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            asking = [{"name": "work", **IMAGE}, {"name": "manager", "approval": {}}]
            await world.task("inner", handler={"steps": asking})
            await world.task("middle", handler={"steps": [{"name": "down", "task": "inner"}]})
            await world.run("outer", handler={"steps": [{"name": "in", "task": "middle" if deep else "inner"}]})
            await world.pass_time(3)
            await pause(world, "outer")
            await world.pass_time(60)
            (asks,) = (run for run in world.runs() if run["spec"].get("taskRef") == {"name": "inner"})
            above = asks["spec"]["parent"]["name"]
            assert [step["phase"] for step in asks["status"]["steps"]] == ["Succeeded", "Pending"]
            assert asks["status"]["message"] == f"paused, because run {above}, which it is a part of, is paused"
            await pause(world, "outer", False)
            await world.pass_time(1)
            name = asks["metadata"]["name"]
            assert [step["phase"] for step in status(world, name)["steps"]] == ["Succeeded", "Waiting"]

    play(story, lambda pod: FIVE_SECONDS)
