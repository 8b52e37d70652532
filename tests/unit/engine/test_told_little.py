"""What a composite run of many parts costs the API server, and those who read events: as little as says it all."""

from collections import Counter

import pytest
from composite_world import IMAGE
from engine_world import World, play

from crontask.ports import Kind, ObjectKey
from crontask.simulation.kubelet import Plan

MANY = 1000


def written(world: World) -> Counter[str]:
    """By verb, what is written of runs that are parts."""
    found: Counter[str] = Counter()

    def note(verb: str, key: ObjectKey) -> None:
        if key.kind is Kind.SCHEDULED_RUN and key.name != "flow":
            found[verb] += 1

    world.api.fault = note
    return found


@pytest.mark.parametrize(("runs", "writes"), [(0.0, 1), (0.9, 1), (30.0, 2)])
def test_of_a_part_that_ends_within_a_second_nothing_is_written_but_its_end(runs: float, writes: int) -> None:
    async def story(world: World) -> None:
        found = written(world)
        async with world.operator():
            await world.run("flow", handler={"forEach": {"items": 20, "parallelism": 20, "handler": IMAGE}})
            await world.pass_time(90)
        assert world.status(Kind.SCHEDULED_RUN, "flow")["items"]["ends"] == "S20"
        assert found["update"] == 20 * writes

    play(story, lambda pod: Plan(runs=runs))


def test_a_part_that_goes_on_says_so() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler={"steps": [{"name": "a", **IMAGE}]})
            await world.pass_time(4)
            (part,) = [run for run in world.runs() if "parent" in run["spec"]]
            assert part["status"]["phase"] == "Running"

    play(story, lambda pod: Plan(runs=100))


@pytest.mark.parametrize("exit_code", [0, 1], ids=["all is well", "all fail"])
def test_a_thousand_items_have_few_events(exit_code: int) -> None:
    async def story(world: World) -> None:
        each = {"items": MANY, "parallelism": 500, "handler": IMAGE}
        async with world.operator():
            await world.run("flow", handler={"forEach": each})
            await world.pass_time(120)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["items"]["ends"] == f"{'F' if exit_code else 'S'}{MANY}"
        events = world.api.documents(Kind.EVENT)
        assert 1 <= len(events) <= 10
        assert {event["involvedObject"]["name"] for event in events} == {"flow"}

    play(story, lambda pod: Plan(runs=1, exit_code=exit_code))
