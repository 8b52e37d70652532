"""Workflows that wait for a person, played: what is answered, what a restart keeps, what is recorded and said."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from engine_world import NAMESPACE, World, play

from crontask.api.names import ANNOTATION_APPROVE, ANNOTATION_REJECT
from crontask.ports import Document, Kind
from crontask.simulation.kubelet import Plan

IMAGE: dict[str, Any] = {"container": {"image": "busybox:1.36"}}


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **IMAGE, **fields}


def asks(name: str = "ok", timeout: str = "7d", **fields: Any) -> dict[str, Any]:
    return {"name": name, "approval": {"message": "sure?", "timeout": timeout}, **fields}


def annotate(world: World, **values: str | None) -> None:
    """As kubectl does: approve=…, reject=…."""
    names = {"approve": ANNOTATION_APPROVE, "reject": ANNOTATION_REJECT}
    annotations = {names[name]: text for name, text in values.items()}
    metadata = {"name": "flow", "namespace": NAMESPACE, "annotations": annotations}
    world.api.apply({"kind": "ScheduledRun", "metadata": metadata})


def steps_of(world: World) -> dict[str, str]:
    return {s["name"]: s["phase"] for s in world.status(Kind.SCHEDULED_RUN, "flow").get("steps", [])}


def step_of(world: World, name: str = "ok") -> Document:
    (found,) = [s for s in world.status(Kind.SCHEDULED_RUN, "flow")["steps"] if s["name"] == name]
    return dict(found)


def events(world: World, *reasons: str) -> list[tuple[str, str, str]]:
    """Those with these reasons, about the run: the kind, the reason, the message."""
    found = [event for event in world.api.documents(Kind.EVENT) if event["involvedObject"]["name"] == "flow"]
    assert all(event["count"] == 1 for event in found)
    return [(event["type"], event["reason"], event["message"]) for event in found if event["reason"] in reasons]


def pods(world: World) -> list[str]:
    return [pod["metadata"]["name"] for pod in world.pods()]


NEWS = ("WaitingForApproval", "Approved", "Rejected", "ApprovalTimedOut", "ApprovalIgnored")
COMMAND = f"kubectl annotate --overwrite -n {NAMESPACE} sr flow crontask.dev/approve=ok"


def test_a_step_waits_until_somebody_approves_and_has_no_pod() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler={"steps": [step("a"), asks(), step("b")]})
            await world.pass_time(3600)
            assert steps_of(world) == {"a": "Succeeded", "ok": "Waiting", "b": "Pending"}
            status = world.status(Kind.SCHEDULED_RUN, "flow")
            assert (status["phase"], status["progress"]) == ("Running", "1/3 steps")
            assert status["message"] == "waits for approval: ok"
            waiting = step_of(world)
            assert waiting["message"] == f"waits for approval: sure?; {COMMAND}"
            annotate(world, approve="ok by alice")
            await world.pass_time(60)
        assert steps_of(world) == {"a": "Succeeded", "ok": "Succeeded", "b": "Succeeded"}
        ended = step_of(world)
        assert ended["startTime"] == waiting["startTime"]
        assert ended["answer"] == {"approved": True, "at": ended["completionTime"], "by": "alice"}
        assert ended["result"] == ended["answer"]
        assert "message" not in world.status(Kind.SCHEDULED_RUN, "flow")
        assert len(pods(world)) == 2
        assert len([run for run in world.runs() if "parent" in run["spec"]]) == 2
        assert events(world, *NEWS) == [
            ("Normal", "WaitingForApproval", f"ok: waits for approval: sure?; {COMMAND}"),
            ("Normal", "Approved", "ok: approved by alice"),
        ]

    play(story, lambda pod: Plan(runs=2))


def test_who_is_waited_for_makes_no_writes() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler={"steps": [asks(), step("b")]})
            await world.pass_time(10)
            before = sum(world.api.writes.values())
            await world.pass_time(3 * 86400)
            assert sum(world.api.writes.values()) == before
            annotate(world, approve="ok")
            await world.pass_time(1)
            assert steps_of(world)["ok"] == "Succeeded"

    play(story)


def test_a_rejection_fails_the_workflow_and_undoes_what_was_done() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            steps = [step("a", compensate=IMAGE), asks(), step("b"), step("z", always=True)]
            await world.run("flow", handler={"steps": steps})
            await world.pass_time(10)
            annotate(world, reject="ok by bob", approve="ok")
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert (status["phase"], status["message"]) == ("Failed", "step ok is Failed: rejected by bob")
        assert steps_of(world) == {"a": "Succeeded", "ok": "Failed", "b": "NotReached", "z": "Succeeded"}
        rejected = step_of(world)
        assert (rejected["reason"], rejected["answer"]["approved"]) == ("Rejected", False)
        assert step_of(world, "a")["compensated"] is True
        assert events(world, *NEWS)[1:] == [("Warning", "Rejected", "ok: rejected by bob")]

    play(story, lambda pod: Plan(runs=2))


@pytest.mark.parametrize("down", [0, 100])
def test_without_an_answer_it_is_timed_out_counted_from_when_it_began_to_wait(down: int) -> None:
    """Also by an operator that has not seen it begin."""

    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler={"steps": [asks(timeout="5m"), step("b")]})
            await world.pass_time(150 - down)
        await world.pass_time(down)
        async with world.operator():
            await world.pass_time(149)
            assert steps_of(world) == {"ok": "Waiting", "b": "Pending"}
            await world.pass_time(2)
        found, status = step_of(world), world.status(Kind.SCHEDULED_RUN, "flow")
        assert (found["phase"], found["reason"]) == ("TimedOut", "ApprovalTimedOut")
        assert (status["phase"], status["message"]) == ("Failed", "step ok is TimedOut: nobody answered within 5m")
        assert pods(world) == []

    play(story)


def test_what_has_been_seen_stands_when_the_annotation_is_overwritten() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            steps = [asks("one", dependsOn=[]), asks("two", dependsOn=[]), step("b", dependsOn=["one", "two"])]
            await world.run("flow", handler={"steps": steps})
            await world.pass_time(5)
            annotate(world, approve="one")
            await world.pass_time(5)
            annotate(world, approve="two")
            await world.pass_time(5)
            assert steps_of(world) == {"one": "Succeeded", "two": "Succeeded", "b": "Succeeded"}
            annotate(world, approve=None)
            await world.pass_time(5)
        assert world.status(Kind.SCHEDULED_RUN, "flow")["phase"] == "Succeeded"

    play(story, lambda pod: Plan(runs=2))


def test_what_is_approved_before_its_turn_is_not_waited_for() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler={"steps": [step("a"), asks(), step("b")]})
            await world.pass_time(1)
            annotate(world, approve="ok by alice")
            await world.pass_time(1)
            assert steps_of(world)["ok"] == "Pending"
            assert step_of(world)["answer"]["by"] == "alice"
            annotate(world, approve="")
            await world.pass_time(30)
        assert steps_of(world) == {"a": "Succeeded", "ok": "Succeeded", "b": "Succeeded"}
        assert events(world, *NEWS) == [("Normal", "Approved", "ok: approved by alice, before its turn")]

    play(story, lambda pod: Plan(runs=8))


def test_a_name_that_no_step_has_is_said_once() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("daily", handler={"steps": [asks(), step("b")]})
            await world.run("flow", taskRef={"name": "daily"})
            await world.pass_time(5)
            annotate(world, approve="okk")
            await world.pass_time(5)
        async with world.operator():
            await world.pass_time(5)
            (condition,) = world.status(Kind.SCHEDULED_RUN, "flow")["conditions"]
            words = "crontask.dev/approve names 'okk', and no step of that name asks for approval; did you mean ok?"
            assert (condition["type"], condition["message"]) == ("ApprovalIgnored", words)
            assert events(world, "ApprovalIgnored") == [("Warning", "ApprovalIgnored", words)]
            annotate(world, approve="ok")
            await world.pass_time(1)
            assert world.status(Kind.SCHEDULED_RUN, "flow")["conditions"] == []
            await world.pass_time(60)
        assert steps_of(world) == {"ok": "Succeeded", "b": "Succeeded"}
        assert events(world, "ApprovalIgnored") == [("Warning", "ApprovalIgnored", words)]

    play(story, lambda pod: Plan(runs=5))


def test_in_a_pause_an_answer_is_recorded_and_what_follows_waits() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler={"steps": [asks(), step("b")]}, timeout="1m")
            await world.pass_time(5)
            await world.edit(Kind.SCHEDULED_RUN, "flow", suspend=True)
            await world.pass_time(5)
            annotate(world, approve="ok")
            await world.pass_time(300)
            assert steps_of(world) == {"ok": "Succeeded", "b": "Pending"}
            assert pods(world) == []
            annotate(world, approve="")
            await world.edit(Kind.SCHEDULED_RUN, "flow", suspend=False)
            await world.pass_time(10)
        assert world.status(Kind.SCHEDULED_RUN, "flow")["phase"] == "Succeeded"

    play(story, lambda pod: Plan(runs=2))


@pytest.mark.parametrize(
    ("end", "wanted"),
    [
        (lambda world: world.edit(Kind.SCHEDULED_RUN, "flow", cancel=True), "Canceled"),
        (lambda world: world.pass_time(60), "TimedOut"),
    ],
)
def test_what_ends_the_run_does_not_wait_for_an_answer(end: Callable[[World], Awaitable[None]], wanted: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            steps = [step("a", compensate=IMAGE), asks(), step("b")]
            await world.run("flow", handler={"steps": steps}, timeout="60s")
            await world.pass_time(5)
            await end(world)
            await world.pass_time(10)
        assert world.status(Kind.SCHEDULED_RUN, "flow")["phase"] == wanted
        assert steps_of(world) == {"a": "Succeeded", "ok": "Canceled", "b": "NotReached"}
        assert step_of(world, "a")["compensated"] is True

    play(story, lambda pod: Plan(runs=2))


@pytest.mark.parametrize("killed_after", [0.0, 0.005, 0.01, 0.02, 0.03, 0.05])
def test_whenever_the_operator_is_killed_what_follows_was_recorded_as_approved(killed_after: float) -> None:
    """With requests that take their time. Whatever the annotation says when the next one comes, nothing is lost."""

    async def story(world: World) -> None:
        world.api.latency = 0.02
        async with world.operator():
            await world.run("flow", handler={"steps": [asks(), step("b")]})
            await world.pass_time(5)
            annotate(world, approve="ok")
            await world.pass_time(killed_after)
        approved = steps_of(world)["ok"] == "Succeeded"
        assert approved or not [run for run in world.runs() if "parent" in run["spec"]]
        world.api.latency = 0.0
        annotate(world, approve="")
        async with world.operator():
            await world.pass_time(30)
        assert steps_of(world) == (
            {"ok": "Succeeded", "b": "Succeeded"} if approved else {"ok": "Waiting", "b": "Pending"}
        )

    play(story, lambda pod: Plan(runs=2))


def test_the_pods_of_a_task_are_tried_out_without_those_that_there_are_not() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("daily", handler={"steps": [asks(), step("b", compensate=IMAGE), asks("two")]})
            await world.pass_time(5)
        assert world.api.requests["dry-run", "Pod", ""] == 2
        ready = [c for c in world.status(Kind.CRON_TASK, "daily")["conditions"] if c["type"] == "Ready"]
        assert [c["status"] for c in ready] == ["True"]

    play(story)
