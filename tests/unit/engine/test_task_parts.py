"""Parts that are runs of a CronTask, played: they count and wait in it, and never for themselves."""

from itertools import pairwise
from typing import Any

import pytest
from composite_world import IMAGE, environment, parts, status
from engine_world import NAMESPACE, World, play

from crontask.api.names import ANNOTATION_BACKFILL
from crontask.ports import Kind
from crontask.simulation.kubelet import Plan


def of_task(world: World, name: str) -> list[dict[str, Any]]:
    runs = world.api.documents(Kind.SCHEDULED_RUN)
    return [run for run in runs if run["spec"].get("taskRef", {}).get("name") == name]


def steps(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"steps": list(listed)}


def test_a_step_of_a_task_is_a_run_of_it() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("one", handler=IMAGE, args={"a": 1, "b": 1}, timeout="1h", retry={"limit": 1})
            flow = steps({"name": "first", "task": "one", "args": {"b": "${args.x}"}, "timeout": "5m"})
            await world.run("flow", handler=flow, args={"x": 2})
            await world.pass_time(10)
        assert status(world, "flow")["phase"] == "Succeeded"
        (part,) = of_task(world, "one")
        assert part["status"]["origin"] == "Child"
        assert part["spec"]["timeout"] == "5m"
        assert "handler" not in part["spec"]
        assert part["metadata"]["ownerReferences"][0]["name"] == "flow"
        assert part["metadata"]["labels"]["crontask.dev/task"] == "one"
        (pod,) = world.pods()
        seen = environment(pod)
        assert (seen["CRONTASK_NAME"], seen["CRONTASK_ARGS"]) == ("one", '{"a":1,"b":2}')
        assert (seen["CRONTASK_PARENT_RUN"], seen["CRONTASK_STEP"]) == ("flow", "first")
        counts = world.status(Kind.CRON_TASK, "one")["counts"]
        assert counts["succeeded"] == 1
        assert [run["name"] for run in world.status(Kind.CRON_TASK, "one")["recentRuns"]] == [part["metadata"]["name"]]

    play(story, lambda pod: Plan(runs=2))


def test_it_waits_for_its_turn_in_its_task() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("one", handler=IMAGE, concurrency={"max": 2})
            await world.run("all", handler={"forEach": {"items": 5, "handler": {"task": "one"}}})
            await world.pass_time(2)
            phases = sorted(run["status"]["phase"] for run in of_task(world, "one"))
            assert phases == ["Queued", "Queued", "Queued", "Running", "Running"]
            await world.pass_time(20)
        assert status(world, "all")["items"]["ends"] == "S5"
        assert world.status(Kind.CRON_TASK, "one")["counts"]["succeeded"] == 5

    play(story, lambda pod: Plan(runs=4))


def test_a_task_that_is_not_there_is_waited_for() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("flow", handler=steps({"name": "a", "task": "later"}))
            await world.pass_time(5)
            (step,) = status(world, "flow")["steps"]
            assert step["message"] == "waits for CronTask later, which does not exist"
            assert status(world, "flow")["message"] == "a: waits for CronTask later, which does not exist"
            await world.run("all", handler={"forEach": {"items": 3, "handler": {"task": "later"}}})
            await world.pass_time(5)
            says = "item 0: waits for CronTask later, which does not exist; 2 more wait"
            assert status(world, "all")["message"] == says
            await world.task("later", handler=IMAGE)
            await world.pass_time(10)
        for run in ("flow", "all"):
            assert status(world, run)["phase"] == "Succeeded"
            assert "message" not in status(world, run)

    play(story, lambda pod: Plan(runs=2))


def test_its_history_does_not_remove_a_part() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("one", handler=IMAGE, history={"succeeded": 0, "failed": 0})
            await world.run(
                "flow", handler=steps({"name": "a", "task": "one"}, {"name": "b", "container": IMAGE["container"]})
            )
            await world.pass_time(3600)
            assert len(parts(world, "flow")) == 2
            assert status(world, "flow")["phase"] == "Succeeded"

    play(story, lambda pod: Plan(runs=2))


def test_a_workflow_within_a_workflow() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("inner", handler={"forEach": {"items": "${args.ids}", "handler": IMAGE}})
            outer = steps(
                {"name": "fan", "task": "inner", "args": {"ids": ["a", "b"]}},
                {"name": "use", **IMAGE, "args": {"done": "${steps.fan.result.succeeded}"}},
            )
            await world.run("outer", handler=outer)
            await world.pass_time(20)
        assert status(world, "outer")["phase"] == "Succeeded"
        use = next(pod for pod in world.pods() if environment(pod).get("CRONTASK_STEP") == "use")
        assert environment(use)["CRONTASK_ARGS"] == '{"done":2}'
        item = next(pod for pod in world.pods() if environment(pod).get("CRONTASK_ITEM") == '"b"')
        root = status(world, "outer")
        assert environment(item)["CRONTASK_IDEMPOTENCY_KEY"].count("/") == 2, root

    play(story, lambda pod: Plan(runs=2))


def test_a_cancel_and_a_pause_are_handed_down() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("inner", handler={"forEach": {"items": 3, "parallelism": 1, "handler": IMAGE}})
            await world.run("outer", handler=steps({"name": "fan", "task": "inner"}))
            await world.pass_time(2)
            await world.edit(Kind.SCHEDULED_RUN, "outer", suspend=True)
            await world.pass_time(30)
            (inner,) = of_task(world, "inner")
            assert inner["status"]["items"]["ends"] == "S-2"
            await world.edit(Kind.SCHEDULED_RUN, "outer", suspend=False)
            await world.pass_time(2)
            await world.edit(Kind.SCHEDULED_RUN, "outer", cancel=True)
            await world.pass_time(60)
        (inner,) = of_task(world, "inner")
        assert (inner["status"]["phase"], inner["status"]["items"]["ends"]) == ("Canceled", "SCN")
        assert status(world, "outer")["phase"] == "Canceled"

    play(story, lambda pod: Plan(runs=5))


def test_what_would_wait_for_itself_fails_at_once() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("self", handler=steps({"name": "again", "task": "self"}))
            await world.run("start", taskRef={"name": "self"})
            await world.pass_time(10)
        assert status(world, "start")["phase"] == "Failed"
        (part,) = parts(world, "start")
        assert part["status"]["conditions"][0]["reason"] == "WouldDeadlock"
        assert part["status"]["message"] == (
            "it would wait for ever: each slot of CronTask self is held by start, "
            "and none of these can end before it does"
        )

    play(story)


def test_two_that_wait_for_each_other_are_ended() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            pause = {"name": "work", **IMAGE}
            await world.task("a", handler=steps(pause, {"name": "other", "task": "b"}))
            await world.task("b", handler=steps(pause, {"name": "other", "task": "a"}))
            await world.run("of-a", taskRef={"name": "a"})
            await world.run("of-b", taskRef={"name": "b"})
            await world.pass_time(60)
        phases = {status(world, name)["phase"] for name in ("of-a", "of-b")}
        assert "Failed" in phases
        assert phases <= {"Failed", "Succeeded"}

    play(story, lambda pod: Plan(runs=2))


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 7])
def test_many_that_wait_for_each_other_are_ended(slots: int) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            fan = {"items": 2, "failurePolicy": "FailFast", "handler": {"task": "self"}}
            await world.task("self", handler={"forEach": fan}, concurrency={"max": slots})
            await world.run("start", taskRef={"name": "self"})
            await world.pass_time(60)
        assert {run["status"]["phase"] for run in of_task(world, "self")} <= {"Failed", "Canceled"}
        assert "WouldDeadlock" in {run["status"]["conditions"][0]["reason"] for run in of_task(world, "self")}

    play(story)


def test_two_tasks_of_two_slots_whose_runs_wait_for_each_other_go_on() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            for name, other in ("ab", "ba"):
                work = [{"name": "work", **IMAGE}, {"name": "other", "task": other}]
                await world.task(name, handler=steps(*work), concurrency={"max": 2})
                await world.run(f"first-of-{name}", taskRef={"name": name})
                await world.run(f"second-of-{name}", taskRef={"name": name})
            await world.pass_time(120)
        assert all(run["status"]["phase"] in ("Failed", "Succeeded") for run in world.runs())

    play(story, lambda pod: Plan(runs=2))


def test_who_waits_for_a_run_that_will_end_waits() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("one", handler=IMAGE)
            await world.run("long", taskRef={"name": "one"})
            await world.pass_time(1)
            await world.run("flow", handler=steps({"name": "a", "task": "one"}))
            await world.pass_time(20)
            assert status(world, "flow")["phase"] == "Running"
            await world.pass_time(60)
        assert status(world, "flow")["phase"] == "Succeeded"

    play(story, lambda pod: Plan(runs=30))


def test_workflows_that_start_each_other_without_end_are_cut() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("self", handler=steps({"name": "again", "task": "self"}), concurrency={"policy": "Allow"})
            await world.run("start", taskRef={"name": "self"})
            await world.pass_time(120)
        assert status(world, "start")["phase"] == "Failed"
        runs = of_task(world, "self")
        assert len(runs) == 17
        assert sum("more than 16 runs deep" in run["status"]["message"] for run in runs) >= 1
        assert all(run["status"]["phase"] == "Failed" for run in runs)

    play(story)


def test_a_backfill_takes_no_slot_from_the_schedule() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("daily", handler=IMAGE, interval="10s")
            times = [f"2026-01-0{day}T00:00:00Z" for day in range(1, 6)]
            fan = {"items": times, "handler": {"task": "daily"}, "scheduledTime": "${item}"}
            await world.run("past", handler={"forEach": fan})
            await world.pass_time(120)
        made_up = [run for run in of_task(world, "daily") if run.get("status", {}).get("origin") == "Backfill"]
        assert sorted(run["status"]["scheduledTime"] for run in made_up) == times
        assert status(world, "past")["phase"] == "Succeeded"
        counts = world.status(Kind.CRON_TASK, "daily")["counts"]
        assert counts["skipped"] == 0
        assert counts["succeeded"] >= 5 + 10
        # Among themselves they keep to the task's limit.
        spans = sorted((run["status"]["startTime"], run["status"]["completionTime"]) for run in made_up)
        assert all(ended <= started for (_, ended), (started, _) in pairwise(spans))

    play(story, lambda pod: Plan(runs=4))


def test_what_a_backfill_has_done_stands_in_the_record() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("minutely", handler=IMAGE, schedule="* * * * *")
            await world.pass_time(130)
            assert world.status(Kind.CRON_TASK, "minutely")["decided"] == "F30 F60"
            fan = {"items": ["2026-03-01T12:01:00Z"], "handler": {"task": "minutely"}, "scheduledTime": "${item}"}
            await world.run("past", handler={"forEach": fan})
            await world.pass_time(20)
        assert world.status(Kind.CRON_TASK, "minutely")["decided"] == "S30 F60"

    play(story, lambda pod: Plan(runs=4, exit_code=0 if pod["metadata"]["name"].startswith("past") else 1))


@pytest.mark.parametrize(
    ("only", "ends", "phases"),
    [
        ("failed", "U2S", ("Skipped", "Skipped", "Succeeded")),
        ("missing", "U2S", ("Skipped", "Skipped", "Succeeded")),
        ("all", "S3", ("Succeeded",) * 3),
        (None, "S3", ("Succeeded",) * 3),
    ],
)
def test_what_has_been_done_since_is_not_done_again(only: str | None, ends: str, phases: tuple[str, ...]) -> None:
    """One time is done before the first part starts, another while that waits for its turn."""

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("minutely", handler=IMAGE, schedule="1-3 * * * *")
            await world.pass_time(200)
            assert world.status(Kind.CRON_TASK, "minutely")["decided"] == "F30 F60x2"
            times = [f"2026-03-01T12:0{minute}:00Z" for minute in (1, 2, 3)]
            await world.run("by-hand", taskRef={"name": "minutely"}, scheduledTime=times[0])
            await world.pass_time(20)
            await world.run("long", taskRef={"name": "minutely"}, scheduledTime=times[1])
            await world.pass_time(1)
            fan = {"items": times, "handler": {"task": "minutely"}, "scheduledTime": "${item}", "parallelism": 2}
            annotations = {ANNOTATION_BACKFILL: only} if only is not None else {}
            body = {"metadata": {"name": "past", "annotations": annotations}, "spec": {"handler": {"forEach": fan}}}
            await world.api.create(Kind.SCHEDULED_RUN, NAMESPACE, body)
            await world.pass_time(1)
            waiting = [run for run in of_task(world, "minutely") if run["status"]["phase"] == "Queued"]
            assert waiting, "one waits for the end of what does the same"
            before = world.status(Kind.CRON_TASK, "minutely")["counts"]
            await world.pass_time(60)
        assert status(world, "past")["phase"] == "Succeeded"
        assert status(world, "past")["items"]["ends"] == ends
        made = [run for run in of_task(world, "minutely") if run["status"]["origin"] == "Backfill"]
        by_time = {run["spec"]["scheduledTime"]: run["status"]["phase"] for run in made}
        assert tuple(by_time[time] for time in times) == phases
        after = world.status(Kind.CRON_TASK, "minutely")
        assert after["decided"] == "S30 S60x2"
        # What was not needed is in no count, and the run that was under way is.
        assert after["counts"]["skipped"] == 0
        assert after["counts"]["succeeded"] == before["succeeded"] + 1 + phases.count("Succeeded")

    play(story, lambda pod: Plan(runs=10, exit_code=1 if pod["metadata"]["name"].startswith("minutely-t") else 0))


@pytest.mark.parametrize("value", ["yesterday", 5, None])
def test_what_is_no_time_fails_its_item(value: Any) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("daily", handler=IMAGE)
            fan = {"items": [value], "handler": {"task": "daily"}, "scheduledTime": "${item}"}
            await world.run("past", handler={"forEach": fan})
            await world.pass_time(10)
        assert status(world, "past")["phase"] == "Failed"
        assert "which is not a time like 2026-03-29T01:00:00Z" in status(world, "past")["message"]

    play(story)


def test_a_pod_of_a_step_takes_no_second_slot_of_its_task() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            two = {"policy": "Allow", "max": 2}
            await world.task("flow", handler=steps({"name": "a", **IMAGE}), concurrency=two)
            for name in ("first", "second", "third"):
                await world.run(name, taskRef={"name": "flow"})
                await world.pass_time(1)
            assert [status(world, name)["phase"] for name in ("first", "second", "third")] == [
                "Running",
                "Running",
                "Queued",
            ]

    play(story, lambda pod: Plan(runs=20))
