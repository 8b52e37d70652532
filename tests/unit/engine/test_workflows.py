"""Workflows, played: steps one after the other, side by side, failing, undone, and what a crash leaves."""

from datetime import datetime
from typing import Any

import pytest
from composite_world import IMAGE, args_of, environment, part_of, parts, plan_by_step, result
from engine_world import NAMESPACE, World, play

from crontask.ports import ApiError, Kind, ObjectKey
from crontask.simulation.kubelet import Plan


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **IMAGE, **fields}


def steps_of(world: World, run: str) -> dict[str, str]:
    return {s["name"]: s["phase"] for s in world.status(Kind.SCHEDULED_RUN, run).get("steps", [])}


def flow(*steps: dict[str, Any], **beside: Any) -> dict[str, Any]:
    return {"steps": list(steps), **beside}


def test_two_steps_one_after_the_other() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler={"steps": [step("first"), step("second")]})
            await world.pass_time(2)
            assert steps_of(world, "flow") == {"first": "Running", "second": "Pending"}
            await world.pass_time(20)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["phase"] == "Succeeded"
        assert steps_of(world, "flow") == {"first": "Succeeded", "second": "Succeeded"}
        assert status["progress"] == "2/2 steps"

    play(story, lambda pod: Plan(runs=5))


def test_a_workflow_of_a_task_counts_as_one_run_of_it() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("daily", interval="10s", handler=flow(step("a"), step("b")), args={"x": 1})
            await world.pass_time(18)
            assert world.status(Kind.CRON_TASK, "daily")["activeCount"] == 1
            await world.pass_time(10)
        status = world.status(Kind.CRON_TASK, "daily")
        assert status["counts"]["succeeded"] == 1
        assert {run["phase"] for run in status["recentRuns"]} == {"Succeeded"}
        (first, *_) = [pod for pod in world.pods() if part_of(pod) == "a"]
        seen = environment(first)
        assert (seen["CRONTASK_NAME"], seen["CRONTASK_STEP"], seen["CRONTASK_ARGS"]) == ("daily", "a", '{"x":1}')
        assert first["metadata"]["labels"]["crontask.dev/task"] == "daily"
        assert seen["CRONTASK_NEXT_SCHEDULED_TIME"]

    play(story, lambda pod: Plan(runs=4))


def test_values_are_handed_on() -> None:
    async def story(world: World) -> None:
        steps = (
            step("fetch"),
            step("use", args={"rows": "${steps.fetch.result.rows}", "first": "${steps.fetch.result.rows[0]}", "k": 1}),
            step("more", args={"region": "${args.region}", "none": {"$ref": "${args.nothing}", "default": None}}),
        )
        async with world.operator():
            await world.run("flow", handler=flow(*steps), args={"region": "eu", "null": None})
            await world.pass_time(20)
        assert world.status(Kind.SCHEDULED_RUN, "flow")["phase"] == "Succeeded"
        assert args_of(world, "fetch") == {"region": "eu", "null": None}
        assert args_of(world, "use") == {"rows": [1, 2], "first": 1, "k": 1}
        assert args_of(world, "more") == {"region": "eu", "none": None}
        assert world.status(Kind.SCHEDULED_RUN, "flow")["plan"]["args"] == {"region": "eu", "null": None}

    play(story, plan_by_step({"fetch": Plan(runs=2, message=result(rows=[1, 2]))}))


def test_a_graph_runs_side_by_side_what_may() -> None:
    async def story(world: World) -> None:
        steps = (
            step("a", dependsOn=[]),
            step("b", dependsOn=["a"]),
            step("c", dependsOn=["a"]),
            step("d", dependsOn=["b", "c"]),
        )
        async with world.operator():
            await world.run("flow", handler=flow(*steps))
            await world.pass_time(4)
            assert steps_of(world, "flow") == {"a": "Succeeded", "b": "Running", "c": "Running", "d": "Pending"}
            await world.pass_time(20)
        assert set(steps_of(world, "flow").values()) == {"Succeeded"}

    play(story, plan_by_step({"a": Plan(runs=2), "b": Plan(runs=4)}))


def test_what_fails_keeps_the_rest_from_starting_and_is_undone_in_reverse_order() -> None:
    async def story(world: World) -> None:
        undo = {"compensate": {**IMAGE, "args": {"id": "${steps.a.result.id}"}}}
        steps = (step("a", **undo), step("b", **undo), step("c", **undo), step("d"), step("clean", always=True))
        async with world.operator():
            await world.run("flow", handler=flow(*steps))
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["phase"] == "Failed"
        assert status["message"] == "step c is Failed: exit code 1"
        wanted = {"a": "Succeeded", "b": "Succeeded", "c": "Failed", "d": "NotReached", "clean": "Succeeded"}
        assert steps_of(world, "flow") == wanted
        assert status["undo"] == ["b", "a"]
        assert [part_of(pod) for pod in world.pods()] == ["a", "b", "c", "b/undo", "a/undo", "clean"]
        assert args_of(world, "a/undo") == {"id": 7}
        assert {s["name"]: s.get("compensated") for s in status["steps"]} == {
            "a": True,
            "b": True,
            "c": None,
            "d": None,
            "clean": None,
        }

    play(story, plan_by_step({"a": Plan(runs=2, message=result(id=7)), "c": Plan(runs=2, exit_code=1)}))


@pytest.mark.parametrize(("found", "phases"), [(3, "Succeeded"), (0, "Skipped")])
def test_a_step_only_if_another_found_something(found: int, phases: str) -> None:
    async def story(world: World) -> None:
        when = {"value": "${steps.look.result.found}", "notIn": [0]}
        steps = (
            step("look"),
            step("act", when=when),
            step("after", args={"x": "${steps.act.result.y}"}),
            step("rest", args={"x": {"$ref": "${steps.act.result.y}", "default": 5}}),
            step("end"),
        )
        async with world.operator():
            await world.run("flow", handler=flow(*steps))
            await world.pass_time(30)
        wanted = {"look": "Succeeded", "act": phases, "after": phases, "rest": "Succeeded", "end": "Succeeded"}
        assert steps_of(world, "flow") == wanted
        assert world.status(Kind.SCHEDULED_RUN, "flow")["phase"] == "Succeeded"

    plans = {"look": Plan(runs=1, message=result(found=found)), "act": Plan(runs=1, message=result(y=1))}
    play(story, plan_by_step(plans))


def test_a_reference_to_what_is_not_there_fails_the_step_and_says_what_there_is() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler=flow(step("a"), step("b", args={"x": "${steps.a.result.rows}"})))
            await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        (_, failed) = status["steps"]
        assert (status["phase"], failed["phase"], failed["reason"]) == ("Failed", "Failed", "ReferenceMissing")
        assert failed["message"] == "steps.a.result.rows is missing: steps.a.result has the keys items"
        assert status["conditions"][-1]["reason"] == "StepFailed"

    play(story, plan_by_step({"a": Plan(runs=1, message=result(items=[]))}))


def test_a_tolerated_failure_makes_it_partial() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler=flow(step("a", continueOnFailure=True), step("b")))
            await world.pass_time(30)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert (status["phase"], status["message"]) == ("Partial", "tolerated failures: a")
        assert steps_of(world, "flow") == {"a": "Failed", "b": "Succeeded"}

    play(story, plan_by_step({"a": Plan(runs=1, exit_code=3)}))


def test_a_delay_is_counted_from_the_end_of_what_comes_before() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler=flow(step("a"), step("b", delay="30s")))
            await world.pass_time(20)
            assert steps_of(world, "flow") == {"a": "Succeeded", "b": "Waiting"}
            await world.pass_time(30)
        first, second = parts(world, "flow")
        waited = at(second["status"]["startTime"]) - at(first["status"]["completionTime"])
        assert 30 <= waited.total_seconds() < 31

    play(story, plan_by_step({}))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("mode", [None, "Immediate"])
def test_a_cancel_undoes_what_was_done_unless_it_is_to_end_at_once(mode: str | None) -> None:
    async def story(world: World) -> None:
        steps = (step("a", compensate=IMAGE), step("b", compensate=IMAGE), step("c"), step("clean", always=True))
        async with world.operator():
            await world.run("flow", handler=flow(*steps))
            await world.pass_time(5)
            assert steps_of(world, "flow")["b"] == "Running"
            extra = {"cancelMode": mode} if mode is not None else {}
            await world.edit(Kind.SCHEDULED_RUN, "flow", cancel=True, cancelReason="a mistake", **extra)
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        says = "a mistake" if mode is None else "not undone: a, b; a mistake"
        assert (status["phase"], status["message"]) == ("Canceled", says)
        assert steps_of(world, "flow")["b"] == "Canceled"
        if mode is None:
            assert status["undo"] == ["b", "a"]
            assert steps_of(world, "flow") == {
                "a": "Succeeded",
                "b": "Canceled",
                "c": "NotReached",
                "clean": "Succeeded",
            }
        else:
            left = [(entry["step"], entry["reason"]) for entry in status["notCompensated"]]
            assert left == [("a", "Immediate"), ("b", "Immediate")]
            assert steps_of(world, "flow")["clean"] == "NotReached"

    play(story, plan_by_step({"a": Plan(runs=2), "b": Plan(runs=100, stops_in=1)}))


def test_an_undo_that_fails_is_named_and_does_not_stop_the_others() -> None:
    async def story(world: World) -> None:
        undo = {"compensate": {**IMAGE, "retry": {"limit": 0}}}
        async with world.operator():
            await world.run("flow", handler=flow(step("a", **undo), step("b", **undo), step("c")))
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert (status["phase"], status["conditions"][-1]["reason"]) == ("Failed", "CompensationFailed")
        assert [entry["step"] for entry in status["notCompensated"]] == ["b"]
        assert [s.get("compensated") for s in status["steps"]] == [True, False, None]
        assert status["message"].startswith("not undone: b; step c is Failed: ")

    play(story, plan_by_step({"c": Plan(runs=1, exit_code=1), "b/undo": Plan(runs=1, exit_code=1)}))


def test_a_workflow_that_takes_too_long_is_timed_out_and_undone() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler=flow(step("a", compensate=IMAGE), step("b")), timeout="20s")
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert (status["phase"], status["message"]) == ("TimedOut", "took longer than its timeout, 20s")
        assert steps_of(world, "flow") == {"a": "Succeeded", "b": "Canceled"}
        assert status["steps"][0]["compensated"] is True

    play(story, plan_by_step({"b": Plan(runs=1000)}))


def test_a_pause_starts_nothing_new_and_does_not_count_towards_the_timeout() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler=flow(step("a"), step("b")), timeout="30s")
            await world.pass_time(1)
            await world.edit(Kind.SCHEDULED_RUN, "flow", suspend=True)
            await world.pass_time(60)
            assert steps_of(world, "flow") == {"a": "Succeeded", "b": "Pending"}
            status = world.status(Kind.SCHEDULED_RUN, "flow")
            assert (status["phase"], status["message"]) == ("Running", "paused: spec.suspend is true")
            assert (status["conditions"][0]["type"], status["display"]) == ("Suspended", "Paused")
            await world.edit(Kind.SCHEDULED_RUN, "flow", suspend=False)
            await world.pass_time(20)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["phase"] == "Succeeded"
        assert status["paused"]["seconds"] == 60
        assert "display" not in status

    play(story, plan_by_step({"a": Plan(runs=5)}))


def test_what_ends_in_a_pause_is_shown_as_ended() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler=flow(step("a"), step("b")))
            await world.pass_time(1)
            await world.edit(Kind.SCHEDULED_RUN, "flow", suspend=True)
            await world.pass_time(2)
            assert world.status(Kind.SCHEDULED_RUN, "flow")["display"] == "Paused"
            await world.edit(Kind.SCHEDULED_RUN, "flow", cancel=True)
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert (status["phase"], status.get("display")) == ("Canceled", None)

    play(story, plan_by_step({"a": Plan(runs=5)}))


def test_a_part_that_is_gone_is_not_made_again() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler=flow(step("a"), step("b")))
            await world.pass_time(3)
            (part,) = parts(world, "flow")
            key = ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, part["metadata"]["name"])
            await world.api.delete(key, uid=part["metadata"]["uid"])
            await world.pass_time(60)
        status = world.status(Kind.SCHEDULED_RUN, "flow")
        assert status["steps"][0]["reason"] == "PartGone"
        assert status["phase"] == "Failed"

    play(story, plan_by_step({"a": Plan(runs=20)}))


@pytest.mark.parametrize("on_lost", ["Retry", "Fail"])
@pytest.mark.parametrize("status", [403, 500, 429])
def test_a_part_that_is_refused_is_tried_again_and_the_workflow_says_so(on_lost: str, status: int) -> None:
    async def story(world: World) -> None:
        error = ApiError(status, "Forbidden", "exceeded quota: runs")
        world.api.fault = lambda verb, key: error if verb == "create" and key.name.startswith("flow-") else None
        async with world.operator():
            await world.run("flow", handler=flow(step("a", retry={"onLost": on_lost}), step("b")))
            await world.pass_time(20)
            known = world.status(Kind.SCHEDULED_RUN, "flow")
            assert known["phase"] == "Running"
            assert status == 429 or "exceeded quota: runs" in known["message"]
            world.api.fault = lambda verb, key: None
            await world.pass_time(60)
        assert steps_of(world, "flow") == {"a": "Succeeded", "b": "Succeeded"}
        assert "message" not in world.status(Kind.SCHEDULED_RUN, "flow")

    play(story, plan_by_step({}))


def test_what_follows_a_part_that_is_gone_waits_for_its_pod() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler=flow(step("a", continueOnFailure=True), step("b")))
            await world.pass_time(3)
            (part,) = parts(world, "flow")
            key = ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, part["metadata"]["name"])
            await world.api.delete(key, uid=part["metadata"]["uid"])
            await world.pass_time(10)
            assert steps_of(world, "flow") == {"a": "Running", "b": "Pending"}
            assert world.status(Kind.SCHEDULED_RUN, "flow")["steps"][0]["message"].endswith("and its pod is not")
            await world.pass_time(30)
        assert steps_of(world, "flow") == {"a": "Failed", "b": "Succeeded"}

    play(story, plan_by_step({"a": Plan(runs=100, stops_in=20)}))


def test_an_edit_of_the_task_does_not_change_what_has_started() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("daily", handler=flow(step("a"), step("b", args={"old": True})))
            await world.run("flow", taskRef={"name": "daily"})
            await world.pass_time(1)
            await world.edit(Kind.CRON_TASK, "daily", handler=flow(step("a"), step("c")))
            await world.pass_time(20)
        assert steps_of(world, "flow") == {"a": "Succeeded", "b": "Succeeded"}
        assert args_of(world, "b") == {"old": True}

    play(story, plan_by_step({}))


@pytest.mark.parametrize("killed_after", [0.0, 0.5, 1.0, 2.5, 4.5, 6.5, 8.5])
def test_whenever_the_operator_is_killed_each_part_is_there_once(killed_after: float) -> None:
    async def story(world: World) -> None:
        undo = {"compensate": IMAGE}
        async with world.operator():
            await world.run(
                "flow", handler=flow(step("a", **undo), step("b", **undo), step("c"), step("z", always=True))
            )
            await world.pass_time(killed_after)
        await world.pass_time(5)
        async with world.operator():
            await world.pass_time(60)
        assert [part_of(pod) for pod in world.pods()] == ["a", "b", "c", "b/undo", "a/undo", "z"]
        assert world.status(Kind.SCHEDULED_RUN, "flow")["phase"] == "Failed"

    play(story, plan_by_step({"c": Plan(runs=2, exit_code=1)}))
