"""Making the page that Prometheus reads takes nothing from runs that start: in slices, and after launches."""

import asyncio
from itertools import count

from scraped import ScrapedWorld, play_scraped

from crontask.engine.exposition import Exposition
from crontask.engine.queue import Priority
from crontask.ports import Kind

MANY = 40
_SLICE = 0.005


async def _burst(world: ScrapedWorld) -> list[str]:
    """Many tasks that are due at one instant; when their runs and pods were made, in order."""
    starts: list[str] = []
    create = world.api.create

    async def slowly(*arguments: object, **options: object) -> bytes:
        await asyncio.sleep(0.05)
        starts.append(f"{world.clock.monotonic():.6f} {arguments[0]}")
        return await create(*arguments, **options)  # type: ignore[arg-type]

    for number in range(MANY):
        await world.task(f"task-{number}", schedule="0 13 * * *")
    await world.pass_time(60)
    world.api.create = slowly  # type: ignore[method-assign]
    return starts


def test_a_scrape_in_a_burst_makes_no_start_later_and_comes_after_it() -> None:
    found: dict[bool, list[str]] = {}

    async def story(world: ScrapedWorld, scraped: bool) -> None:
        async with world.measured_operator():
            starts = await _burst(world)
            await world.pass_time(59.5 * 60 - 60 - 0.02)
            scraping: list[asyncio.Task[bytes]] = []
            exposition = world.exposition()
            while len([each for each in starts if each.endswith("Kind.POD")]) < MANY:
                if scraped and world.queue.launches:
                    scraping.append(asyncio.create_task(exposition.page(5)))
                await asyncio.sleep(0.01)
            assert not any(each.done() for each in scraping)
            pages = await asyncio.gather(*scraping)
            assert all(page.count(b"crontask_task_active_runs{") == MANY for page in pages)
            assert bool(pages) is scraped
        found[scraped] = starts

    for scraped in (False, True):
        play_scraped(lambda world, scraped=scraped: story(world, scraped))  # type: ignore[misc]
    assert len(found[True]) >= 2 * MANY
    assert found[True] == found[False]


def test_launches_that_never_end_are_not_waited_for_for_ever() -> None:
    async def story(world: ScrapedWorld) -> None:
        async def hang() -> None:
            await asyncio.sleep(1000)

        launch = asyncio.create_task(world.queue.send(Priority.LAUNCH, hang))
        await asyncio.sleep(1)
        began = world.clock.monotonic()
        await world.exposition().page(3)
        assert 3 <= world.clock.monotonic() - began < 3.1
        launch.cancel()

    play_scraped(story)


def test_the_loop_is_kept_for_a_slice_at_a_time() -> None:
    """By a timer on which each look takes a millisecond; that of this test is one of them."""

    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            for number in range(MANY):
                await world.task(f"task-{number}", interval="1h")
            await world.pass_time(1)
            clock = count()
            passed = [0.0]
            exposition = world.exposition(timer=lambda: next(clock) / 1000)
            making = asyncio.create_task(exposition.page(0))
            longest = 0.0
            while not making.done():
                await asyncio.sleep(0)
                now = next(clock) / 1000
                longest, passed[0] = max(longest, now - passed[0]), now
            assert passed[0] > 10 * _SLICE
            assert longest <= _SLICE + 0.001

    play_scraped(story)


def test_who_asks_while_a_page_is_made_is_given_that_one_and_may_go_away() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("tick", interval="1h")
            await world.pass_time(1)
            exposition: Exposition = world.exposition()
            first, second, leaving = (asyncio.create_task(exposition.page(0)) for _ in range(3))
            await asyncio.sleep(0)
            leaving.cancel()
            assert await first is await second
            assert await exposition.page(0) is not first.result()

    play_scraped(story)


def test_a_task_that_goes_while_the_page_is_made_is_left_out() -> None:
    async def story(world: ScrapedWorld) -> None:
        from crontask.ports import ObjectKey

        async with world.measured_operator():
            for name in ("a", "b"):
                await world.task(name, interval="1h")
            await world.pass_time(1)
            # Each look takes longer than a slice: others have their turn after each task.
            clock = count()
            making = asyncio.create_task(world.exposition(timer=lambda: float(next(clock))).page(0))
            await asyncio.sleep(0)
            key = ObjectKey(Kind.CRON_TASK, "jobs", "b")
            world.store.forget(key, world.api.document(key)["metadata"]["uid"])
            page = await making
            assert b'task="a"' in page
            assert b'task="b"' not in page

    play_scraped(story)
