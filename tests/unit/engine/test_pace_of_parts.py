"""How fast parts follow one another where each request takes a while: what waits for which answer.

In turns of a request: there and back. A part needs three of them: the end of the one before is recorded, then its run
is created, then its pod.
"""

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

from composite_world import IMAGE, parts
from engine_world import EPOCH, World, play

from crontask.api.base import format_time
from crontask.api.names import LABEL_PARENT
from crontask.ports import ApiError, Kind, ObjectKey
from crontask.simulation.kubelet import Plan

_REQUEST = 0.02
_RUNS = 5.0
QUOTA = ApiError(403, "Forbidden", "exceeded quota: few, requested: count/scheduledruns.crontask.dev=1")


def _pods_seen(world: World) -> dict[str, list[float]]:
    """When the pods of each composite run were created, in seconds."""
    found: dict[str, list[float]] = defaultdict(list)
    for write in world.api.log:
        if (write.verb, write.key.kind) == ("create", Kind.POD):
            found[write.body["metadata"]["labels"][LABEL_PARENT]].append((write.at - EPOCH).total_seconds())
    return found


def test_steps_of_many_workflows_do_not_wait_for_one_another() -> None:
    """The launches of one are on their way at any time, and hold back no step of another."""

    async def story(world: World) -> None:
        world.api.latency = _REQUEST
        async with world.operator():
            for number in range(20):
                at = format_time(EPOCH + timedelta(seconds=10))
                steps = [{"name": f"s{step}", **IMAGE} for step in range(4)]
                await world.run(f"flow-{number}", at=at, handler={"steps": steps})
            await world.pass_time(60)
        seen = _pods_seen(world)
        assert {name: len(times) for name, times in seen.items()} == {f"flow-{n}": 4 for n in range(20)}
        lags = [later - sooner - _takes(name) for name, times in seen.items() for sooner, later in pairwise(times)]
        assert max(lags) <= 3 * _REQUEST

    play(story, lambda pod: Plan(runs=_takes(pod["metadata"]["labels"][LABEL_PARENT])))


def _takes(workflow: str) -> float:
    """Seconds of each of its pods: no two workflows are at the same request."""
    return _RUNS + 0.004 * int(workflow.rpartition("-")[2])


def test_of_many_items_few_are_asked_for_where_no_more_are_taken() -> None:
    async def story(world: World) -> None:
        asked: list[str] = []

        def fault(verb: str, key: ObjectKey) -> ApiError | None:
            if (verb, key.kind) != ("create", Kind.SCHEDULED_RUN):
                return None
            asked.append(key.name)
            return QUOTA if len(asked) > 1 else None

        async with world.operator():
            handler = {"forEach": {"items": list(range(50)), "parallelism": 50, "handler": IMAGE}}
            await world.run("all", handler=handler)
            world.api.fault = fault
            await world.pass_time(1)
            # The first is taken, and the one that is asked for next is not.
            assert len(asked) == 2
            assert len(parts(world, "all")) == 1

    play(story, lambda pod: Plan(runs=_RUNS))


def test_a_fan_out_whose_items_end_all_the_time_says_how_far_it_is() -> None:
    """There are always more to make: what it says does not wait until there are none."""

    async def story(world: World) -> None:
        world.api.latency = 2 * _REQUEST
        async with world.operator():
            handler = {"forEach": {"items": list(range(600)), "parallelism": 30, "handler": IMAGE}}
            await world.run("all", handler=handler)
            await world.pass_time(15)
            said = [write for write in world.api.log if write.key.name == "all" and write.subresource == "status"]
            times = [(write.at - EPOCH).total_seconds() for write in said]
            assert all(later - sooner < 3 for sooner, later in pairwise((0, *times, 15)))
            # At most one a second, but for the first.
            assert len(said) <= 15 + 3
            assert world.status(Kind.SCHEDULED_RUN, "all")["items"]["succeeded"] < 600

    play(story, lambda pod: Plan(runs=0.1 * (sum(map(ord, pod["metadata"]["name"])) % 10)))
