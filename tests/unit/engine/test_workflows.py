"""Workflows, played: steps one after the other, side by side, failing, undone, and what a crash leaves."""

from typing import Any

from engine_world import World, play

from crontask.ports import Document, Kind
from crontask.simulation.kubelet import Plan

IMAGE: dict[str, Any] = {"container": {"image": "busybox:1.36"}}


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **IMAGE, **fields}


def parts(world: World, parent: str) -> list[Document]:
    """In the order of their creation."""
    found = [run for run in world.api.documents(Kind.SCHEDULED_RUN) if "parent" in run["spec"]]
    return [run for run in found if run["spec"]["parent"]["name"] == parent]


def steps_of(world: World, run: str) -> dict[str, str]:
    return {s["name"]: s["phase"] for s in world.status(Kind.SCHEDULED_RUN, run).get("steps", [])}


def test_two_steps_one_after_the_other() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler={"steps": [step("first"), step("second")]})
            await world.pass_time(2)
            assert steps_of(world, "flow") == {"first": "Running", "second": "Pending"}
            await world.pass_time(20)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["phase"] == "Succeeded"
        assert steps_of(world, "flow") == {"first": "Succeeded", "second": "Succeeded"}
        assert status["progress"] == "2/2 steps"

    play(story, lambda pod: Plan(runs=5))
