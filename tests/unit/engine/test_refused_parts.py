"""Parts whose run the API server refuses: for good, for a while, or for too long. Nothing hangs, and each says why."""

from collections.abc import Callable
from typing import Any

import pytest
from composite_world import IMAGE, part_of, parts, plan_by_step
from engine_world import World, play

from crontask.ports import ApiError, Document, Kind
from crontask.simulation.kubelet import Plan

INVALID = ApiError(422, "Invalid", 'ScheduledRun.crontask.dev "x" is invalid: spec.args: Invalid value')
TOO_LARGE = ApiError(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
WEBHOOK = ApiError(400, "BadRequest", 'admission webhook "a.example.com" denied the request: not now')
QUOTA = ApiError(403, "Forbidden", "exceeded quota: none, requested: count/scheduledruns.crontask.dev=1")
BUSY = ApiError(429, "TooManyRequests", "too many requests", retry_after=1.0)
UNDO: dict[str, Any] = {"compensate": IMAGE}


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **IMAGE, **fields}


def refuse(world: World, error: ApiError, part: str = "-flow-", asked: list[str] | None = None) -> Callable[[], None]:
    """Each creation of a run whose name has that in it, until what is given back is called."""
    refusing = [True]

    def fault(verb: str, key: Any) -> ApiError | None:
        met = verb == "create" and key.kind is Kind.SCHEDULED_RUN and part in f"-{key.name}" and key.name != "flow"
        if met and asked is not None:
            asked.append(key.name)
        return error if met and refusing else None

    world.api.fault = fault
    return refusing.clear


def events(world: World, reason: str = "FailedCreate") -> list[Document]:
    return [event for event in world.api.documents(Kind.EVENT) if event["reason"] == reason]


@pytest.mark.parametrize("error", [INVALID, TOO_LARGE], ids=["422", "413"])
def test_an_undo_that_is_refused_for_good_is_named_and_the_others_go_on(error: ApiError) -> None:
    async def story(world: World) -> None:
        asked: list[str] = []
        refuse(world, error, "flow-b-undo", asked)
        steps = (step("a", **UNDO), step("b", **UNDO), step("c"), step("clean", always=True))
        async with world.operator():
            await world.run("flow", handler={"steps": list(steps)})
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["phase"] == "Failed"
        assert status["conditions"][0]["reason"] == "CompensationFailed"
        assert status["notCompensated"] == [{"step": "b", "reason": "RunRejected", "message": error.message}]
        assert [part_of(pod) for pod in world.pods()] == ["a", "b", "c", "a/undo", "clean"]
        assert len(asked) == 3
        (first, last) = sorted(event["message"] for event in events(world))
        assert first == f"b/undo: the run is refused and will be tried again: {error.message}"
        assert last == f"b/undo: the run is refused: {error.message}"

    play(story, plan_by_step({"c": Plan(runs=2, exit_code=1)}))


def test_a_step_that_is_refused_for_good_fails_with_what_was_said() -> None:
    async def story(world: World) -> None:
        refuse(world, INVALID, "flow-b-")
        async with world.operator():
            await world.run("flow", handler={"steps": [step("a", **UNDO), step("b", **UNDO), step("c")]})
            await world.pass_time(7)
            assert INVALID.message in world.status(Kind.SCHEDULED_RUN, "flow")["message"]
            await world.pass_time(40)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert (status["phase"], status["message"]) == ("Failed", f"step b is Failed: {INVALID.message}")
        shown = {s["name"]: (s["phase"], s.get("reason"), s.get("compensated")) for s in status["steps"]}
        assert shown["b"] == ("Failed", "RunRejected", None)
        assert shown["a"] == ("Succeeded", None, True)
        assert shown["c"] == ("NotReached", None, None)

    play(story, plan_by_step({}))


def test_a_quarrel_that_ends_soon_ends_no_part() -> None:
    async def story(world: World) -> None:
        accept = refuse(world, INVALID)
        async with world.operator():
            await world.run("flow", handler={"steps": [step("a")]})
            await world.pass_time(4)
            accept()
            await world.pass_time(20)
        assert world.status(Kind.SCHEDULED_RUN, "flow")["phase"] == "Succeeded"

    play(story)


@pytest.mark.parametrize("error", [QUOTA, WEBHOOK], ids=["quota", "webhook"])
def test_what_may_pass_is_tried_again_until_it_is_taken(error: ApiError) -> None:
    async def story(world: World) -> None:
        accept = refuse(world, error)
        async with world.operator():
            await world.run("flow", handler={"steps": [step("a")]})
            await world.pass_time(300)
            status = world.status(Kind.SCHEDULED_RUN, "flow")
            assert status["phase"] == "Running"
            assert status["message"].endswith(f"is refused: {error.message}")
            accept()
            await world.pass_time(60)
        assert world.status(Kind.SCHEDULED_RUN, "flow")["phase"] == "Succeeded"
        assert len(events(world)) == 1

    play(story)


@pytest.mark.parametrize("error", [QUOTA, WEBHOOK, BUSY], ids=["quota", "webhook", "429"])
def test_what_does_not_pass_ends_with_its_start_timeout(error: ApiError) -> None:
    async def story(world: World) -> None:
        refuse(world, error)
        async with world.operator():
            await world.run("flow", handler={"steps": [step("a", startTimeout="2m")]})
            await world.pass_time(240)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        message = f"step a is Failed: the run was refused for 2m, its startTimeout: {error.message}"
        assert (status["phase"], status["message"]) == ("Failed", message)

    play(story)


def test_an_undo_is_tried_again_for_its_timeout() -> None:
    async def story(world: World) -> None:
        refuse(world, QUOTA, "undo")
        async with world.operator():
            await world.run("flow", handler={"steps": [step("a", **UNDO), step("b")]})
            await world.pass_time(3500)
            assert world.status(Kind.SCHEDULED_RUN, "flow")["phase"] == "Compensating"
            await world.pass_time(300)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["phase"] == "Failed"
        (left,) = status["notCompensated"]
        assert left["message"] == f"the run was refused for 1h, its timeout: {QUOTA.message}"

    play(story, plan_by_step({"b": Plan(runs=2, exit_code=1)}))


def test_one_item_that_is_refused_keeps_no_other_from_its_start() -> None:
    async def story(world: World) -> None:
        refuse(world, INVALID, "flow-1-")
        each = {"items": 4, "parallelism": 4, "handler": IMAGE, "collect": IMAGE}
        async with world.operator():
            await world.run("flow", handler={"forEach": each})
            await world.pass_time(4)
            assert len(parts(world, "flow")) == 3
            await world.pass_time(40)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["items"]["ends"] == "SFS2"
        assert status["items"]["failedItems"][0]["message"] == INVALID.message
        assert len(parts(world, "flow")) == 4
        assert status["phase"] == "Failed"

    play(story)


def test_many_items_that_are_refused_cost_few_tries_and_few_events() -> None:
    async def story(world: World) -> None:
        asked: list[str] = []
        refuse(world, QUOTA, asked=asked)
        each = {"items": 100, "parallelism": 100, "handler": IMAGE}
        async with world.operator():
            await world.run("flow", handler={"forEach": each}, startTimeout="2m")
            await world.pass_time(240)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert (status["phase"], status["items"]["ends"]) == ("Failed", "F100")
        assert len(asked) < 20
        assert len(events(world)) <= 2

    play(story)


def test_what_collects_and_is_refused_for_good_ends_the_run() -> None:
    async def story(world: World) -> None:
        refuse(world, INVALID, "collect")
        async with world.operator():
            await world.run("flow", handler={"forEach": {"items": 1, "handler": IMAGE, "collect": IMAGE}})
            await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["message"] == f"collect is Failed: {INVALID.message}"

    play(story)


def test_a_batch_that_is_refused_for_good_ends_the_run() -> None:
    async def story(world: World) -> None:
        refuse(world, INVALID)
        async with world.operator():
            await world.run("flow", handler={"batch": {"size": 5, "handler": IMAGE}})
            await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert (status["phase"], status["message"]) == ("Failed", f"batch 1: {INVALID.message}")
        assert status["conditions"][0]["reason"] == "RunRejected"

    play(story)
