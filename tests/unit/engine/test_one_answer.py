"""Whether a run may start has one answer: what its own rules end, its task does not start, however slow the writes."""

from typing import Any

import pytest
from engine_world import World, play, slow_statuses

from crontask.ports import ApiError, Kind

QUOTA = ApiError(403, "Forbidden", "exceeded quota: none")


# (name, spec of the run, spec of the task, how the run ends)
ENDS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("its time is past", {"at": "2026-03-01T10:00:00Z"}, {}, "AtInPast"),
    (
        "its args do not fit",
        {"args": {"n": "x"}},
        {"argsSchema": {"properties": {"n": {"type": "number"}}}},
        "ArgsInvalid",
    ),
    ("it is canceled", {"cancel": True}, {}, "Canceled"),
]


@pytest.mark.parametrize(("spec", "of_task", "reason"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_what_ends_before_its_start_gets_no_pod(spec: dict[str, Any], of_task: dict[str, Any], reason: str) -> None:
    async def story(world: World) -> None:
        slow_statuses(world, 1.0)
        async with world.operator():
            await world.task("job", **of_task)
            await world.pass_time(5)
            await world.run("now", taskRef={"name": "job"}, **spec)
            await world.pass_time(10)
            assert world.status(Kind.SCHEDULED_RUN, "now")["conditions"][0]["reason"] == reason
            assert world.pods() == []

    play(story)


@pytest.mark.parametrize("count", [1, 40])
def test_a_run_whose_pod_was_refused_for_too_long_gets_none(count: int) -> None:
    """The pod is taken again at the very instant at which the runs give up."""

    async def story(world: World) -> None:
        slow_statuses(world, 1.0)
        world.api.fault = lambda verb, key: QUOTA if verb == "create" and key.kind is Kind.POD else None
        async with world.operator():
            await world.task("job", concurrency={"policy": "Allow"}, startTimeout="60s")
            await world.pass_time(5)
            for number in range(count):
                await world.run(f"run-{number}", taskRef={"name": "job"})
            # Tries at 2, 6, 14, 30 and 60 s.
            await world.pass_time(59)
            world.api.fault = lambda verb, key: None
            await world.pass_time(30)
            for number in range(count):
                status = world.status(Kind.SCHEDULED_RUN, f"run-{number}")
                pods = [pod for pod in world.pods() if pod["metadata"]["name"].startswith(f"run-{number}-")]
                assert (status["phase"], len(pods)) in (("Failed", 0), ("Succeeded", 1))

    play(story)
