"""Connections are opened just before many are needed, and what came due in an absence has the first turns."""

from engine_world import World, play

from crontask.ports import Kind


def warmed(world: World) -> list[tuple[str, int]]:
    return [(f"{at:%H:%M:%S}", connections) for at, connections in world.api.warmed]


def test_shortly_before_many_are_due_as_many_connections_are_opened() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            for number in range(30):
                await world.task(f"task-{number}", schedule="1 12 * * *")
            for number in range(300):
                await world.task(f"later-{number}", schedule="3 12 * * *")
            await world.pass_time(300)
        assert {("12:00:57", 30), ("12:02:57", 256)} <= set(warmed(world))

    play(story)


def test_connections_that_are_open_are_not_opened_again() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("a", interval="10s")
            await world.task("b", interval="10s")
            await world.pass_time(100)
        assert len(world.pods()) >= 18
        assert [connections for _, connections in warmed(world)] == [2, 2]

    play(story)


def test_one_that_is_due_alone_costs_no_request_more() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("a", schedule="* * * * *")
            await world.pass_time(200)
        assert len(world.pods()) == 3
        assert warmed(world) == []

    play(story)


def test_what_came_due_in_an_absence_starts_before_all_that_changed_is_recorded() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            for number in range(200):
                await world.task(f"changed-{number}", schedule="0 0 1 1 *")
            for number in range(100):
                await world.task(f"due-{number}", schedule="1 12 * * *")
            await world.pass_time(20)
        # What is written about each of these is late by as much as it holds up what is due.
        for number in range(200):
            await world.edit(Kind.CRON_TASK, f"changed-{number}", suspend=True)
        await world.pass_time(30)
        before = len(world.api.log)
        async with world.operator():
            await world.pass_time(30)
        kinds = [write.key.kind for write in world.api.log[before:]]
        assert kinds.count(Kind.POD) == 100
        last_pod = len(kinds) - 1 - kinds[::-1].index(Kind.POD)
        assert Kind.CRON_TASK not in kinds[:last_pod]

    play(story)
