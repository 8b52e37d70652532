"""Tasks that are overdue, on virtual time: said at the very instant, in one write and one event, and cleared."""

from typing import Any

from engine_world import NAMESPACE, World, play

from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.kubelet import Plan

LONG = {"finishWithin": "10s"}


def overdue(world: World, name: str) -> str:
    """True, False, or nothing, with the reason."""
    found: list[Document] = world.status(Kind.CRON_TASK, name).get("conditions", [])
    return " ".join(f"{each['status']} {each['reason']}" for each in found if each["type"] == "Overdue")


def events(world: World) -> list[str]:
    found = [event for event in world.api.documents(Kind.EVENT) if event["reason"] == "Overdue"]
    return [f"{event['type']} {event['count']} {event['message']}" for event in found]


def version(world: World, name: str) -> str:
    document = world.api.document(ObjectKey(Kind.CRON_TASK, NAMESPACE, name))
    return str(document["metadata"]["resourceVersion"])


def yearly(**fields: Any) -> dict[str, Any]:
    return {"schedule": "0 0 1 1 *", **fields}


def test_a_task_without_a_success_says_so_at_that_instant_and_once() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("quiet", **yearly(expect={"successWithin": "1h"}))
            await world.pass_time(3599.9)
            assert overdue(world, "quiet") == "False AsExpected"
            before = version(world, "quiet")
            await world.pass_time(0.2)
            assert overdue(world, "quiet") == "True NoSuccess"
            assert events(world) == [
                "Warning 1 no run has succeeded for longer than 1h, since its creation at 2026-03-01T12:00:30Z"
            ]
            said = version(world, "quiet")
            assert int(said) > int(before)
            await world.pass_time(100_000)
            assert version(world, "quiet") == said
            assert len(events(world)) == 1

    play(story)


def test_a_success_clears_it() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("quiet", **yearly(expect={"successWithin": "1h"}))
            await world.pass_time(4000)
            await world.run("by-hand", taskRef={"name": "quiet"})
            await world.pass_time(30)
            assert overdue(world, "quiet") == "False AsExpected"
            assert len(events(world)) == 1

    play(story)


def test_a_run_that_takes_longer_says_so_until_it_has_ended_and_is_not_stopped() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("slow", **yearly(expect=LONG))
            await world.run("long", taskRef={"name": "slow"})
            await world.pass_time(9)
            assert overdue(world, "slow") == "False AsExpected"
            await world.pass_time(2)
            assert overdue(world, "slow") == "True RunTakesTooLong"
            await world.pass_time(60)
            assert overdue(world, "slow") == "False AsExpected"
            assert world.status(Kind.SCHEDULED_RUN, "long")["phase"] == "Succeeded"
            assert events(world) == ["Warning 1 run long takes longer than 10s: it began at 2026-03-01T12:00:30Z"]

    play(story, lambda pod: Plan(runs=50))


def test_in_a_pause_no_success_is_expected_and_after_it_the_time_begins_anew() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("quiet", **yearly(expect={"successWithin": "1h"}))
            await world.pass_time(4000)
            await world.edit(Kind.CRON_TASK, "quiet", suspend=True)
            await world.pass_time(1)
            assert overdue(world, "quiet") == "False AsExpected"
            await world.pass_time(100_000)
            assert overdue(world, "quiet") == "False AsExpected"
            await world.edit(Kind.CRON_TASK, "quiet", suspend=False)
            await world.pass_time(3590)
            assert overdue(world, "quiet") == "False AsExpected"
            await world.pass_time(11)
            assert overdue(world, "quiet") == "True NoSuccess"

    play(story)


def test_another_operator_says_it_on_time_as_well() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("quiet", **yearly(expect={"successWithin": "1h"}))
            await world.pass_time(10)
        await world.pass_time(5000)
        async with world.operator():
            await world.pass_time(1)
            assert overdue(world, "quiet") == "True NoSuccess"

    play(story)


def test_an_edit_of_what_is_expected_is_seen_at_once() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("quiet", **yearly(expect={"successWithin": "1h"}))
            await world.pass_time(700)
            await world.edit(Kind.CRON_TASK, "quiet", expect={"successWithin": "10m"})
            await world.pass_time(1)
            assert overdue(world, "quiet") == "True NoSuccess"
            await world.edit(Kind.CRON_TASK, "quiet", expect=None)
            await world.pass_time(1)
            assert overdue(world, "quiet") == "False NothingExpected"

    play(story)
