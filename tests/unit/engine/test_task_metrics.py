"""The metrics of tasks, from engines on virtual time: what each says, and how late a task is by its timetable."""

from typing import Any

import pytest
from engine_world import EPOCH
from scraped import ScrapedWorld, of_task, play_scraped

from crontask.decide.model import Config
from crontask.ports import ApiError, Kind
from crontask.simulation.kubelet import Plan

QUOTA = ApiError(403, "Forbidden", "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0")
BEGAN = EPOCH.timestamp()


def refuse(world: ScrapedWorld, kind: Kind) -> None:
    """Each creation of that kind."""
    world.api.fault = lambda verb, key: QUOTA if verb == "create" and key.kind is kind else None


def test_a_task_that_runs_and_has_run() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("tick", interval="60s", concurrency={"policy": "Queue"})
            await world.pass_time(30)
            assert of_task(await world.scrape(), "tick") == {
                "consecutive_failures": 0,
                "last_success_timestamp_seconds": BEGAN,
                "next_run_timestamp_seconds": BEGAN + 60,
                "overdue_seconds NotStarted": 0,
                "active_runs": 0,
                "queued_runs": 0,
            }
            await world.pass_time(160)
            assert of_task(await world.scrape(), "tick") == {
                "consecutive_failures": 0,
                "last_success_timestamp_seconds": BEGAN + 161,
                "next_run_timestamp_seconds": BEGAN + 240,
                "overdue_seconds NotStarted": 0,
                "active_runs": 1,
                "queued_runs": 1,
                "last_duration_seconds": 101,
            }

    play_scraped(story, lambda pod: Plan(starts_in=1, runs=100))


def test_failures_in_a_row_and_the_pause_that_follows() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("flaky", interval="60s", suspendAfterFailures=2)
            await world.pass_time(1000)
            samples = of_task(await world.scrape(), "flaky")
        assert samples["consecutive_failures"] == 2
        assert samples["suspended TooManyFailures"] == 1
        assert samples["overdue_seconds NotStarted"] == 0
        assert "next_run_timestamp_seconds" not in samples

    play_scraped(story, lambda pod: Plan(exit_code=1))


async def _late(world: ScrapedWorld, name: str = "tick") -> float:
    return of_task(await world.scrape(), name)["overdue_seconds NotStarted"]


@pytest.mark.parametrize("kind", [Kind.SCHEDULED_RUN, Kind.POD])
def test_a_task_is_late_while_the_api_server_refuses_and_no_more_when_it_has_started(kind: Kind) -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("tick", schedule="10 12 * * *", startTimeout="2h")
            refuse(world, kind)
            await world.pass_time(600 - 31)
            assert await _late(world) == 0
            await world.pass_time(61)
            assert 59 <= await _late(world) <= 61
            await world.pass_time(600)
            assert 659 <= await _late(world) <= 661
            world.api.fault = lambda verb, key: None
            await world.pass_time(400)
            assert await _late(world) == 0

    play_scraped(story)


# By 12:15:30 each has had times of which nothing may be due, or which are decided otherwise.
@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"skip": [{"from": "2026-03-01"}]}, id="a skipped date"),
        pytest.param({"startTime": "2026-03-01T12:20:00Z"}, id="before its window"),
        pytest.param({"endTime": "2026-03-01T12:01:00Z"}, id="after its window"),
        pytest.param({"suspend": True}, id="suspended"),
        pytest.param({"suspendUntil": "2026-03-01T12:20:00Z"}, id="suspended until later"),
        pytest.param({"catchUp": {"policy": "None"}}, id="missed, and not made up for"),
        pytest.param({"startingDeadline": "5s"}, id="past its deadline"),
        pytest.param({"jitter": "10m", "schedule": "15 12 * * *"}, id="its start is moved"),
        pytest.param({"schedule": None, "after": {"task": "other"}}, id="after another task"),
        pytest.param({"schedule": None}, id="on demand"),
    ],
)
def test_a_task_is_not_late_by_times_that_are_not_due_or_are_decided(spec: dict[str, Any]) -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("tick", **{"schedule": "*/2 12 * * *", **spec})
            await world.pass_time(60)
            refuse(world, Kind.SCHEDULED_RUN)
            await world.pass_time(15 * 60 - 60)
            # Each of the times of the first was late once, and is decided when the next one is.
            assert await _late(world) <= 61

    play_scraped(story)


def test_a_run_that_waits_for_its_turn_is_not_late() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("tick", interval="60s", concurrency={"policy": "Queue"})
            await world.pass_time(400)
            samples = of_task(await world.scrape(), "tick")
        assert samples["queued_runs"] == 5
        assert samples["overdue_seconds NotStarted"] == 0

    play_scraped(story, lambda pod: Plan(runs=1000))


def test_a_task_whose_installation_is_switched_off_is_not_late() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator(Config(scheduling_enabled=False)):
            await world.task("tick", interval="60s")
            await world.pass_time(400)
            samples = of_task(await world.scrape(), "tick")
        assert samples["overdue_seconds NotStarted"] == 0
        assert samples["suspended SchedulingDisabled"] == 1

    play_scraped(story)


def test_a_delay_that_cannot_start_is_late() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            await world.task("again", delay="60s")
            await world.pass_time(30)
            refuse(world, Kind.POD)
            assert await _late(world, "again") == 0
            await world.pass_time(600)
            assert await _late(world, "again") > 300

    play_scraped(story)


def test_how_far_a_task_is_beyond_what_it_expects() -> None:
    async def story(world: ScrapedWorld) -> None:
        async with world.measured_operator():
            expect = {"finishWithin": "30s", "successWithin": "1h"}
            await world.task("yearly", schedule="0 0 1 1 *", expect=expect)
            await world.pass_time(3500)
            samples = of_task(await world.scrape(), "yearly")
            assert (samples["overdue_seconds NoSuccess"], samples["overdue_seconds RunTakesTooLong"]) == (0, 0)
            await world.run("long", taskRef={"name": "yearly"})
            await world.pass_time(200)
            samples = of_task(await world.scrape(), "yearly")
            assert samples["overdue_seconds NoSuccess"] == 100
            assert samples["overdue_seconds RunTakesTooLong"] == 170
            assert samples["overdue_seconds NotStarted"] == 0
            await world.edit(Kind.CRON_TASK, "yearly", suspend=True)
            await world.pass_time(1)
            samples = of_task(await world.scrape(), "yearly")
            assert samples["overdue_seconds NoSuccess"] == 0

    play_scraped(story, lambda pod: Plan(runs=1000))


def test_what_is_gone_is_not_said_any_more() -> None:
    async def story(world: ScrapedWorld) -> None:
        from crontask.ports import ObjectKey

        async with world.measured_operator():
            await world.task("tick", interval="60s")
            await world.pass_time(1)
            exposition = world.exposition()
            assert b'task="tick"' in await exposition.page(0)
            await world.api.remove(ObjectKey(Kind.CRON_TASK, "jobs", "tick"))
            await world.pass_time(1)
            assert b'task="tick"' not in await exposition.page(0)
            assert exposition._tasks._undecided == {}

    play_scraped(story)
