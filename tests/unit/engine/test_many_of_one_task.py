"""Many runs of one task that are due at one instant start side by side; one that is refused hinders no other."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from engine_world import EPOCH, World, play, with_handler

from crontask.api.base import format_time
from crontask.ports import ApiError, Document, Kind, ObjectKey

RUNS = 300
LATENCY = 0.1
DUE = EPOCH + timedelta(seconds=60)
# 256 at a time: two rounds, each of one request, and what the API server takes to tell of it.
SIDE_BY_SIDE = timedelta(seconds=1)


async def make_runs(world: World) -> None:
    """So many runs of one task on demand, all for one instant, and adopted."""
    await world.task("on-demand", concurrency={"policy": "Allow"})
    for number in range(RUNS):
        await world.run(f"r-{number:03}", taskRef={"name": "on-demand"}, at=format_time(DUE))
    await world.pass_time((DUE - world.clock.now()).total_seconds() - 10)
    owned = [run for run in world.runs() if run["metadata"].get("ownerReferences")]
    assert len(owned) == RUNS
    world.api.latency = LATENCY


def test_they_start_side_by_side() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await make_runs(world)
            await world.pass_time(10 + SIDE_BY_SIDE.total_seconds())
            assert len(world.pods()) == RUNS

    play(story)


def test_all_starts_keep_to_the_start_rate_and_hold_up_nothing_else() -> None:
    """Those of the schedule, of people, of other runs: ten pods a second, and a status meanwhile."""

    async def story(world: World) -> None:
        async with world.operator(start_rate=10):
            await world.task("on-demand", concurrency={"policy": "Allow"})
            for number in range(30):
                await world.run(f"r-{number:03}", taskRef={"name": "on-demand"})
                await world.task(f"tick-{number}", schedule="* * * * *")
            await world.pass_time(0.5)
            await world.task("other", schedule="0 0 1 1 *")
            await world.run("last", taskRef={"name": "on-demand"})
            await world.pass_time(0.5)
            assert len(world.pods()) == pytest.approx(10, abs=1)
            assert world.status(Kind.CRON_TASK, "other")["phase"] == "Active"
            await world.edit(Kind.SCHEDULED_RUN, "last", cancel=True)
            await world.pass_time(0.5)
            assert world.status(Kind.SCHEDULED_RUN, "last")["phase"] == "Canceled"
            await world.pass_time(28)
            made = []
            for _ in range(4):
                before = len(world.pods())
                await world.pass_time(1)
                made.append(len(world.pods()) - before)
            assert sum(made) == 30
            assert max(made) <= 11

    play(story)


def test_keys_whose_requests_hang_hold_up_no_others() -> None:
    """A webhook that takes its time, for the pods of more runs than are worked on at a time."""

    async def story(world: World) -> None:
        create = world.api.create

        async def slow(kind: Kind, namespace: str, body: Document, *, dry_run: bool = False) -> bytes:
            if kind is Kind.POD and body["metadata"]["name"].startswith("hangs"):
                await world.pass_time(25)
            return await create(kind, namespace, body, dry_run=dry_run)

        world.api.create = slow  # type: ignore[method-assign]
        async with world.operator():
            for number in range(100):
                await world.run(f"hangs-{number}", **with_handler({}))
            await world.pass_time(1)
            await world.run("quick", **with_handler({}))
            await world.run("held", suspend=True, **with_handler({}))
            await world.pass_time(15)
            assert "quick-1" in {pod["metadata"]["name"] for pod in world.pods()}
            assert world.status(Kind.SCHEDULED_RUN, "held")["message"].startswith("held back")

    play(story)


@pytest.mark.parametrize("status", [0, 403, 500])
def test_one_that_is_refused_hinders_no_other(status: int) -> None:
    refused = "r-007-1"

    def refuse(refusing: bool) -> Callable[[str, ObjectKey], ApiError | None]:
        return lambda verb, key: (
            ApiError(status, "Refused", "by the test")
            if refusing and (verb, key.kind, key.name) == ("create", Kind.POD, refused)
            else None
        )

    async def story(world: World) -> None:
        async with world.operator():
            await make_runs(world)
            world.api.fault = refuse(True)
            await world.pass_time(10 + SIDE_BY_SIDE.total_seconds())
            assert {pod["metadata"]["name"] for pod in world.pods()} == {
                f"r-{number:03}-1" for number in range(RUNS)
            } - {refused}
            world.api.fault = refuse(False)
            await world.pass_time(120)
            assert len(world.pods()) == RUNS
        assert world.status(Kind.CRON_TASK, "on-demand")["counts"]["succeeded"] == RUNS

    play(story)


def test_of_several_that_fail_each_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    failing = {"r-007-1": ApiError(504, "Timeout", "the one"), "r-009-1": ApiError(503, "Busy", "the other", 20)}

    async def story(world: World) -> None:
        async with world.operator():
            await make_runs(world)
            world.api.fault = lambda verb, key: failing.get(key.name) if verb == "create" else None
            await world.pass_time(10 + SIDE_BY_SIDE.total_seconds())
            assert len(world.pods()) == RUNS - len(failing)

    play(story)
    said = [record.getMessage() for record in caplog.records if "jobs/on-demand" in record.getMessage()]
    assert [words for words in said if "504 Timeout: the one" in words]
    # The task itself waits as long as the one who asks for most.
    assert said[-1] == "jobs/on-demand will be tried again: 503 Busy: the other"
    assert len(said) == len(failing)
