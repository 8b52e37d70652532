"""A status that somebody wrote by hand is kept, reported or repaired: nothing waits for ever in silence."""

from typing import Any

import pytest
from engine_world import NAMESPACE, World, play, with_handler

from crontask.ports import Kind, ObjectKey
from crontask.simulation.kubelet import Plan


def forge(world: World, kind: Kind, name: str, **status: Any) -> None:
    key = ObjectKey(kind, NAMESPACE, name)
    world.api.set_status(key, {**world.api.document(key).get("status", {}), **status})


@pytest.mark.parametrize("field", ["lastScheduledTime", "since"])
def test_times_that_are_said_to_be_decided_do_not_start_and_that_is_told(field: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(5)
            until = "2026-03-01T12:10:00Z"
            timing = world.status(Kind.CRON_TASK, "tick")["timing"]
            forged = {"lastScheduledTime": until} if field != "since" else {"timing": {**timing, "since": until}}
            forge(world, Kind.CRON_TASK, "tick", **forged)
            await world.pass_time(240)
            status = world.status(Kind.CRON_TASK, "tick")
            assert world.runs() == []
            assert status["nextRunTime"] == "2026-03-01T12:11:00Z"
            ready = next(condition for condition in status["conditions"] if condition["type"] == "Ready")
            assert until in ready["message"]
            await world.pass_time(400)
            assert [run["spec"]["scheduledTime"] for run in world.runs()] == ["2026-03-01T12:11:00Z"]
            ready = world.status(Kind.CRON_TASK, "tick")["conditions"][0]
            assert ready["message"] == ""

    play(story)


ENDED = {"number": 1, "pod": "forged-1", "startTime": "2026-03-01T12:00:00Z", "completionTime": "2026-03-01T12:00:10Z"}


@pytest.mark.parametrize("concurrency", [{}, {"policy": "Queue"}])
@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Running", "podName": "another"},
        {"phase": "Retrying", "podName": "another"},
        *({"phase": phase, "attempts": [ENDED]} for phase in ("Pending", "Queued", "Running", "Retrying")),
        {"attempts": [ENDED]},
    ],
)
def test_a_run_of_a_task_of_which_too_little_is_said_goes_on_and_gives_its_slot_back(
    status: dict[str, Any], concurrency: dict[str, Any]
) -> None:
    async def story(world: World) -> None:
        await world.task("tick", schedule="* * * * *", concurrency=concurrency)
        await world.run("forged", taskRef={"name": "tick"})
        forge(world, Kind.SCHEDULED_RUN, "forged", **status)
        async with world.operator():
            await world.pass_time(100)
        assert world.status(Kind.SCHEDULED_RUN, "forged")["phase"] == "Succeeded"
        assert world.status(Kind.CRON_TASK, "tick")["counts"]["succeeded"] >= 2

    play(story)


@pytest.mark.parametrize("phase", ["Running", "Retrying"])
def test_a_run_that_is_said_to_run_and_has_no_attempt_starts(phase: str) -> None:
    async def story(world: World) -> None:
        await world.run("forged", **with_handler({}))
        forge(world, Kind.SCHEDULED_RUN, "forged", phase=phase)
        async with world.operator():
            await world.pass_time(30)
        assert world.status(Kind.SCHEDULED_RUN, "forged")["phase"] == "Succeeded"

    play(story)


def test_a_run_that_is_held_is_not_shown_as_running_for_ever() -> None:
    async def story(world: World) -> None:
        await world.run("forged", suspend=True, **with_handler({}))
        forge(world, Kind.SCHEDULED_RUN, "forged", phase="Running")
        async with world.operator():
            await world.pass_time(30)
        assert world.status(Kind.SCHEDULED_RUN, "forged")["phase"] == "Pending"

    play(story)


def test_no_pause_between_attempts_is_longer_than_the_policy_allows() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("again", retry={"limit": 1, "initial": "10s", "max": "20s"}, **with_handler({}))
            await world.pass_time(12)
            assert world.status(Kind.SCHEDULED_RUN, "again")["phase"] == "Retrying"
            forge(world, Kind.SCHEDULED_RUN, "again", nextRetryTime="9999-01-01T00:00:00Z")
            await world.pass_time(60)
        assert len(world.status(Kind.SCHEDULED_RUN, "again")["attempts"]) == 2

    play(story, lambda pod: Plan(exit_code=1))


def test_runs_are_counted_again_after_a_record_that_was_ahead() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("tick", schedule="* * * * *")
            await world.pass_time(5)
            forge(world, Kind.CRON_TASK, "tick", counted={"through": "9999-01-01T00:00:00Z", "runs": []})
            await world.pass_time(180)
            assert world.status(Kind.CRON_TASK, "tick")["counts"]["succeeded"] == 3

    play(story)
