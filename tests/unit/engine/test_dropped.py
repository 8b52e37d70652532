"""Times that came due before an edit, a pause or an absence: each is started or recorded, once."""

from collections.abc import Callable
from typing import Any

import pytest
from engine_world import World, play, slow_statuses

from crontask.ports import ApiError, Kind
from crontask.simulation.kubelet import Plan

# Due each hour, starts minutes after it: of task "tick" at 13:21:04 for 13:00, as its hash has it.
JITTERED: dict[str, Any] = {"schedule": "0 * * * *", "jitter": "30m"}
TO_THE_WINDOW = 59 * 60 + 30 + 120
"""Seconds from the beginning to two minutes past 13:00."""


def decisions(world: World) -> list[tuple[str, str, int]]:
    recent = world.status(Kind.CRON_TASK, "tick").get("recentDecisions", [])
    return [(entry["type"], entry["reason"], entry["count"]) for entry in recent]


def edit(**spec: Any) -> Callable[[World], Any]:
    return lambda world: world.edit(Kind.CRON_TASK, "tick", **spec)


@pytest.mark.parametrize(
    ("name", "change", "recorded"),
    [
        ("schedule", edit(schedule="30 * * * *"), ("Skipped", "TimingChanged", 1)),
        ("time zone", edit(timeZone="Asia/Kolkata"), ("Skipped", "TimingChanged", 1)),
        ("jitter", edit(jitter="10m"), ("Skipped", "TimingChanged", 1)),
        ("suspend", edit(suspend=True), ("Skipped", "Suspended", 1)),
        ("until", edit(suspendUntil="2026-03-01T13:03:00Z"), ("Skipped", "SuspendedUntil", 1)),
        ("both", edit(suspend=True, schedule="30 * * * *"), ("Skipped", "Suspended", 1)),
    ],
)
def test_a_time_that_waits_for_its_start_is_recorded_as_dropped(
    name: str, change: Callable[[World], Any], recorded: tuple[str, str, int]
) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", **JITTERED)
            await world.pass_time(TO_THE_WINDOW)
            assert world.runs() == []
            await change(world)
            await world.pass_time(60)
            assert decisions(world) == [recorded]
            assert world.status(Kind.CRON_TASK, "tick")["counts"]["skipped"] == 1
            await world.edit(Kind.CRON_TASK, "tick", suspend=False)
            await world.pass_time(3600)
        assert decisions(world) == [recorded]
        assert "2026-03-01T13:00:00Z" not in {run["spec"]["scheduledTime"] for run in world.runs()}

    play(story)


def test_an_edit_of_another_field_leaves_the_time_its_start() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", **JITTERED)
            await world.pass_time(TO_THE_WINDOW)
            await world.edit(Kind.CRON_TASK, "tick", args={"a": 1})
            await world.pass_time(1800)
        assert [run["spec"]["scheduledTime"] for run in world.runs()] == ["2026-03-01T13:00:00Z"]
        assert decisions(world) == []

    play(story)


def test_a_time_that_was_due_before_it_all_and_has_a_run_is_not_recorded_as_dropped() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(30.005)
            await world.edit(Kind.CRON_TASK, "tick", suspend=True)
            await world.pass_time(300)
        status = world.status(Kind.CRON_TASK, "tick")
        runs = len(world.runs())
        assert runs + status["counts"]["skipped"] == 1
        assert status["scheduledCount"] == runs

    play(story)


@pytest.mark.parametrize(
    ("spec", "recorded"),
    [
        ({"schedule": "*/10 * * * *"}, [("Missed", "PausedUnseen", 3)]),
        ({"schedule": "0 0 * * *"}, []),
        ({"delay": "10s", "startTime": "2026-03-01T18:00:00Z"}, []),
    ],
    ids=["due", "not due", "a delay is never missed"],
)
def test_times_that_nobody_could_start_before_a_pause_leave_a_record(
    spec: dict[str, Any], recorded: list[tuple[str, str, int]]
) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", **spec)
            await world.pass_time(5)
        await world.pass_time(30 * 60)
        await world.edit(Kind.CRON_TASK, "tick", suspend=True)
        await world.pass_time(60)
        async with world.operator():
            await world.pass_time(60)
        async with world.operator():
            await world.pass_time(600)
        assert decisions(world) == recorded
        assert world.status(Kind.CRON_TASK, "tick")["counts"]["missed"] == 0

    play(story)


def test_what_is_refused_when_a_pause_begins_was_missed_because_of_that() -> None:
    refused = ApiError(403, "Forbidden", "exceeded quota")

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="*/10 * * * *")
            await world.pass_time(5)
            world.api.fault = lambda verb, key: refused if (verb, key.kind) == ("create", Kind.SCHEDULED_RUN) else None
            await world.pass_time(15 * 60)
            await world.edit(Kind.CRON_TASK, "tick", suspend=True)
            await world.pass_time(60)
        assert decisions(world) == [("Missed", "RunRejected", 1)]

    play(story)


@pytest.mark.parametrize("after", [0.002, 0.5, 0.99])
@pytest.mark.parametrize("deadline", [{}, {"startingDeadline": "50s"}])
def test_a_run_that_waits_to_replace_another_is_left_out_by_an_edit_or_starts_and_not_both(
    deadline: dict[str, Any], after: float
) -> None:
    """It has no status yet, or one that is on its way, and its time is one that the edit leaves out."""

    async def story(world: World) -> None:
        slow_statuses(world, 1)
        async with world.operator():
            await world.task("tick", interval="20s", concurrency={"policy": "Replace"}, **deadline)
            await world.pass_time(40 + after)
            (waiting,) = [run["metadata"]["name"] for run in world.runs() if "status" not in run]
            await world.edit(Kind.CRON_TASK, "tick", interval="1h")
            await world.pass_time(100)
            status = world.status(Kind.SCHEDULED_RUN, waiting)
            counts = world.status(Kind.CRON_TASK, "tick")["counts"]
            assert (counts["missed"], counts["canceled"]) == (0, 1)
            if status["phase"] == "Skipped":
                assert status["conditions"][0]["reason"] == "TimingChanged"
                assert decisions(world) == [("Skipped", "TimingChanged", 1)]
            else:
                assert status["phase"] == "Running"
                assert decisions(world) == []
            assert counts["skipped"] == (status["phase"] == "Skipped")

    play(story, lambda pod: Plan(runs=1000, stops_in=20))
