"""Runs that run others again, played: what is kept of these, what is not, and what a crash leaves."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from composite_world import IMAGE, environment, parts, result
from engine_world import NAMESPACE, World, play

from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.kubelet import Plan

WELL, BADLY = Plan(runs=2), Plan(runs=2, exit_code=1)


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **IMAGE, **fields}


def phases(world: World, run: str) -> dict[str, str]:
    return {s["name"]: s["phase"] for s in world.status(Kind.SCHEDULED_RUN, run).get("steps", [])}


def end(world: World, run: str) -> tuple[str, str]:
    status = world.status(Kind.SCHEDULED_RUN, run)
    return status["phase"], "".join(c["reason"] for c in status["conditions"] if c["type"] in ("Complete", "Failed"))


def said(world: World, run: str) -> str:
    return str(world.status(Kind.SCHEDULED_RUN, run)["message"])


def done(world: World, run: str) -> dict[str, str]:
    """The parts that have a pod, with their idempotency keys; of what is no part, its own key."""
    names = {part["metadata"]["name"]: _name(part) for part in parts(world, run)} or {run: "it"}
    labels = [(pod["metadata"]["labels"]["crontask.dev/run"], pod) for pod in world.pods()]
    return {names[name]: environment(pod)["CRONTASK_IDEMPOTENCY_KEY"] for name, pod in labels if name in names}


def _name(part: Document) -> str:
    asked = part["spec"]["parent"]
    if "item" in asked:
        return str(asked["item"]["index"])
    if "batch" in asked:
        return str(asked["batch"]["number"])
    return "collect" if asked.get("collect") else asked.get("step") or f"{asked['undo']}/undo"


def uid(world: World, run: str) -> str:
    return str(world.api.document(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, run))["metadata"]["uid"])


def failing_once(*parts_: str, first: str = "first") -> Callable[[Document], Plan]:
    """Those parts of the run of that name fail; all else goes well."""

    def plan(pod: Document) -> Plan:
        seen = environment(pod)
        mine = seen.get("CRONTASK_PARENT_RUN", seen["CRONTASK_RUN"]) == first
        part = seen.get("CRONTASK_STEP") or seen.get("CRONTASK_ITEM_INDEX") or seen.get("CRONTASK_BATCH") or "it"
        undo = seen["CRONTASK_IDEMPOTENCY_KEY"].endswith("/undo")
        return BADLY if mine and part in parts_ and not undo else WELL

    return plan


async def again(world: World, name: str, of: str = "first", seconds: float = 30, **spec: Any) -> None:
    how = {key: spec.pop(key) for key in ("from_", "definition") if key in spec}
    asked = {"name": of, **{key.rstrip("_"): value for key, value in how.items()}}
    await world.run(name, rerunOf=asked, **spec)
    await world.pass_time(seconds)


# --- runs of one pod -------------------------------------------------------------------------------------------------


def test_a_run_of_a_task_is_run_again_with_its_args_and_its_time() -> None:
    async def story(world: World) -> None:
        time = "2026-02-01T00:00:00Z"
        async with world.operator():
            await world.task("t", args={"region": "eu", "size": 1})
            await world.run("first", taskRef={"name": "t"}, args={"size": 2, "none": None}, scheduledTime=time)
            await world.pass_time(10)
            assert end(world, "first") == ("Failed", "Error")
            await again(world, "second", taskRef={"name": "t"}, args={"more": 1})
        assert end(world, "second") == ("Succeeded", "Completed")
        (pod,) = [pod for pod in world.pods() if environment(pod)["CRONTASK_RUN"] == "second"]
        seen = environment(pod)
        assert json.loads(seen["CRONTASK_ARGS"]) == {"region": "eu", "size": 2, "none": None, "more": 1}
        assert seen["CRONTASK_SCHEDULED_TIME"] == time
        assert seen["CRONTASK_IDEMPOTENCY_KEY"] == uid(world, "first")
        assert world.status(Kind.SCHEDULED_RUN, "second")["origin"] == "Manual"

    play(story, failing_once("it"))


def test_of_a_handler_of_its_own_it_needs_nothing_once_it_has_started() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("first", handler={"container": {"image": "own:1"}}, args={"a": None}, retry={"limit": 1})
            await world.pass_time(20)
            await again(world, "second", seconds=1)
            await world.api.delete(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, "first"), uid=uid(world, "first"))
            await world.pass_time(20)
        assert end(world, "second") == ("Failed", "Error")
        pods = [pod for pod in world.pods() if environment(pod)["CRONTASK_RUN"] == "second"]
        # Also the retry is that of the other.
        assert [pod["spec"]["containers"][0]["image"] for pod in pods] == ["own:1", "own:1"]
        assert [environment(pod)["CRONTASK_ARGS"] for pod in pods] == ['{"a":null}', '{"a":null}']

    play(story, lambda pod: BADLY)


@pytest.mark.parametrize(("from_", "own"), [("Failed", False), ("Start", True)])
def test_all_anew_has_a_key_of_its_own(from_: str, own: bool) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("first", handler=IMAGE)
            await world.pass_time(10)
            await again(world, "second", from_=from_)
            assert done(world, "second") == {"it": uid(world, "second" if own else "first")}
            await again(world, "third", "second", from_="Start")
            assert done(world, "third") == {"it": uid(world, "third")}

    play(story, failing_once("it"))


def test_the_key_is_kept_over_a_chain() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("first", handler=IMAGE)
            await world.pass_time(10)
            await again(world, "second")
            await again(world, "third", "second")
            assert done(world, "third") == {"it": uid(world, "first")}

    play(story, lambda pod: BADLY)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_what_cannot_be_run_again_says_why() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("t", concurrency={"policy": "Allow"})
            await world.task("other")
            await world.run("well", taskRef={"name": "t"})
            await world.run("own", handler=IMAGE)
            await world.run("flow", handler={"steps": [step("a"), step("b")]})
            await world.pass_time(15)
            await world.run("runs", handler={"steps": [step("a"), step("b")]})
            (part, *_) = [part["metadata"]["name"] for part in parts(world, "flow")]
            asked: dict[str, dict[str, Any]] = {
                "gone": {"rerunOf": {"name": "nothing"}},
                "active": {"rerunOf": {"name": "runs"}},
                "itself": {"rerunOf": {"name": "itself"}},
                "part": {"rerunOf": {"name": part}},
                "nothing-left": {"rerunOf": {"name": "own"}},
                "no-task": {"rerunOf": {"name": "well", "from": "Start"}},
                "a-task": {"rerunOf": {"name": "own", "from": "Start"}, "taskRef": {"name": "t"}},
                "other-task": {"rerunOf": {"name": "well", "from": "Start"}, "taskRef": {"name": "other"}},
                "step": {"rerunOf": {"name": "flow", "from": "c"}},
                "no-steps": {"rerunOf": {"name": "own", "from": "c"}},
            }
            for name, spec in asked.items():
                await world.run(name, **spec)
            await world.pass_time(1)
            assert {name: (end(world, name)[1], said(world, name)) for name in asked} == {
                "gone": ("RerunSourceGone", "run nothing does not exist any more, or never did; start a new run"),
                "active": ("RerunSourceActive", "run runs has not ended; run it again once it has"),
                "itself": ("RerunSourceActive", "run itself has not ended; run it again once it has"),
                "part": ("RerunOfAPart", f"run {part} is a part of run flow; run that one again"),
                "nothing-left": (
                    "NothingToRerun",
                    "run own is Succeeded: nothing of it has failed; "
                    "write from: Start, or --from Start, to do all of it again",
                ),
                "no-task": ("RerunOfAnotherTask", "run well is one of CronTask t; write taskRef: {name: t}"),
                "a-task": (
                    "RerunOfAnotherTask",
                    "run own has a handler of its own, and no CronTask; remove taskRef",
                ),
                "other-task": ("RerunOfAnotherTask", "run well is one of CronTask t; write taskRef: {name: t}"),
                "step": (
                    "NoSuchStep",
                    "rerunOf.from: run flow has no step c to begin at: its steps are a, b",
                ),
                "no-steps": (
                    "NoSuchStep",
                    "rerunOf.from: run own has no step c to begin at: it has no steps; write from: Failed, or from: "
                    "Start",
                ),
            }
            assert {end(world, name)[0] for name in asked} == {"Failed"}

    play(story, lambda pod: WELL)


def test_only_the_newest_of_a_chain_is_run_again() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("first", handler=IMAGE)
            await world.pass_time(10)
            # Of two at once, the older: that the other was asked for is no reason to do it twice.
            await world.run("second", rerunOf={"name": "first"})
            await world.run("too-late", rerunOf={"name": "first"})
            await world.pass_time(10)
            await again(world, "third", "second")
            await again(world, "fourth", "first")
            await again(world, "refused", "too-late")
        assert end(world, "second") == end(world, "third") == ("Failed", "Error")
        for late, newest in (("too-late", "second"), ("fourth", "third")):
            assert end(world, late) == ("Failed", "AlreadyRerun")
            assert said(world, late) == f"run first has already been run again, last by run {newest}; name that one"
        assert end(world, "refused") == ("Failed", "RerunNotStarted")
        assert said(world, "refused") == "run too-late never started to run first again; name first instead"
        assert len(world.pods()) == 3

    play(story, lambda pod: BADLY)


def test_it_is_decided_when_it_would_start() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("first", handler=IMAGE)
            await world.run("later", rerunOf={"name": "first"}, delay="30s")
            await world.run("held", rerunOf={"name": "later"}, suspend=True)
            await world.pass_time(20)
            assert [world.status(Kind.SCHEDULED_RUN, run)["phase"] for run in ("later", "held")] == ["Pending"] * 2
            await world.pass_time(20)
            assert end(world, "later") == ("Succeeded", "Completed")

    play(story, failing_once("it"))


# --- workflows -------------------------------------------------------------------------------------------------------


def test_what_succeeded_is_reused_and_the_rest_has_its_old_keys() -> None:
    async def story(world: World) -> None:
        steps = (
            step("fetch"),
            step("slow", args={"rows": "${steps.fetch.result.rows}"}),
            step("load", args={"rows": "${steps.fetch.result.rows}", "region": "${args.region}"}),
            step("tidy", always=True),
        )
        async with world.operator():
            await world.run("first", handler={"steps": list(steps)}, args={"region": "eu"})
            await world.pass_time(30)
            assert phases(world, "first") == {
                **{"fetch": "Succeeded", "slow": "Succeeded", "load": "Failed", "tidy": "Succeeded"}
            }
            await again(world, "second", seconds=3)
            before = {part["spec"]["parent"]["step"]: part["metadata"]["name"] for part in parts(world, "first")}
            own = uid(world, "first")
            await world.api.delete(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, "first"), uid=own)
            await world.pass_time(30)
        assert end(world, "second") == ("Succeeded", "Completed")
        status = world.status(Kind.SCHEDULED_RUN, "second")
        assert phases(world, "second") == {
            **{"fetch": "Reused", "slow": "Reused", "load": "Succeeded", "tidy": "Succeeded"}
        }
        assert [s["run"] for s in status["steps"][:2]] == [before["fetch"], before["slow"]]
        assert status["steps"][0]["result"] == {"rows": [1, 2]}
        assert status["progress"] == "4/4 steps"
        assert done(world, "second") == {"load": f"{own}/load", "tidy": f"{uid(world, 'second')}/tidy"}
        (load,) = [pod for pod in world.pods() if environment(pod).get("CRONTASK_PARENT_RUN") == "second"][:1]
        assert environment(load)["CRONTASK_ARGS"] == '{"region":"eu","rows":[1,2]}'

    def plan(pod: Document) -> Plan:
        if environment(pod)["CRONTASK_STEP"] == "fetch":
            return Plan(runs=2, message=result(rows=[1, 2]))
        return failing_once("load")(pod)

    play(story, plan)


def test_all_downstream_of_what_runs_again_runs_again() -> None:
    async def story(world: World) -> None:
        steps = (
            step("a", dependsOn=[]),
            step("b", dependsOn=["a"], continueOnFailure=True),
            step("c", dependsOn=["b"]),
            step("d", dependsOn=["a"]),
            step("e", dependsOn=["a"], when={"value": "${args.x}", "in": [1]}),
            step("f", dependsOn=["e"]),
        )
        async with world.operator():
            await world.run("first", handler={"steps": list(steps)}, args={"x": 2})
            await world.pass_time(30)
            assert end(world, "first")[0] == "Partial"
            await again(world, "second")
            assert phases(world, "second") == {
                **{"a": "Reused", "b": "Succeeded", "c": "Succeeded", "d": "Reused", "e": "Skipped", "f": "Reused"}
            }
            # It succeeded: what runs again is another one.
            first, second = uid(world, "first"), uid(world, "second")
            assert done(world, "second") == {"b": f"{first}/b", "c": f"{second}/c"}
            await again(world, "third", "second", from_="d")
            assert done(world, "third") == {"d": f"{uid(world, 'third')}/d"}
            await again(world, "fourth", "third", from_="Start", args={"x": 1})
            assert set(phases(world, "fourth").values()) == {"Succeeded"}
            own = uid(world, "fourth")
            assert done(world, "fourth") == {name: f"{own}/{name}" for name in "abcdef"}

    play(story, failing_once("b"))


def test_what_was_undone_is_not_reused_and_has_a_new_key() -> None:
    async def story(world: World) -> None:
        undo = {"compensate": IMAGE}
        steps = (step("a"), step("b", **undo), step("c", **undo))
        async with world.operator():
            await world.run("first", handler={"steps": list(steps)})
            await world.pass_time(40)
            assert {s["name"]: s.get("compensated") for s in world.status(Kind.SCHEDULED_RUN, "first")["steps"]} == {
                **{"a": None, "b": True, "c": None}
            }
            await again(world, "second")
        assert phases(world, "second") == {"a": "Reused", "b": "Succeeded", "c": "Succeeded"}
        assert done(world, "second") == {"b": f"{uid(world, 'second')}/b", "c": f"{uid(world, 'first')}/c"}

    play(story, failing_once("c"))


def test_its_undo_is_of_what_it_reused_too() -> None:
    async def story(world: World) -> None:
        steps = (step("a", compensate={**IMAGE, "args": {"id": "${steps.a.result.id}"}}), step("b"))
        async with world.operator():
            await world.run("first", handler={"steps": list(steps)}, cancel=False)
            await world.pass_time(3)
            await world.edit(Kind.SCHEDULED_RUN, "first", cancel=True, cancelMode="Immediate")
            await world.pass_time(20)
            assert end(world, "first") == ("Canceled", "Canceled")
            assert phases(world, "first")["a"] == "Succeeded"
            await again(world, "second")
        assert end(world, "second") == ("Failed", "StepFailed")
        status = world.status(Kind.SCHEDULED_RUN, "second")
        assert [(s["phase"], s.get("compensated")) for s in status["steps"]] == [("Reused", True), ("Failed", None)]
        assert status["undo"] == ["a"]
        first = uid(world, "first")
        assert done(world, "second") == {"b": f"{first}/b", "a/undo": f"{first}/a/undo"}
        (undo,) = [pod for pod in world.pods() if environment(pod)["CRONTASK_IDEMPOTENCY_KEY"] == f"{first}/a/undo"]
        assert environment(undo)["CRONTASK_ARGS"] == '{"id":7}'

    def plan(pod: Document) -> Plan:
        seen = environment(pod)
        if seen["CRONTASK_IDEMPOTENCY_KEY"].endswith("/undo") or seen["CRONTASK_STEP"] == "a":
            return Plan(runs=1, message=result(id=7))
        return Plan(runs=2, exit_code=1) if seen["CRONTASK_PARENT_RUN"] == "second" else Plan(runs=60)

    play(story, plan)


def test_what_a_run_did_that_ended_well_is_not_undone() -> None:
    async def story(world: World) -> None:
        steps = (step("a", compensate=IMAGE), step("b"), step("c"))
        async with world.operator():
            await world.run("first", handler={"steps": list(steps)})
            await world.pass_time(20)
            await again(world, "second", from_="b")
        assert end(world, "second") == ("Failed", "StepFailed")
        status = world.status(Kind.SCHEDULED_RUN, "second")
        assert [(s["name"], s["phase"]) for s in status["steps"]] == [
            *(("a", "Reused"), ("b", "Failed"), ("c", "NotReached"))
        ]
        assert [(entry["step"], entry["reason"]) for entry in status["notCompensated"]] == [("a", "Reused")]
        assert set(done(world, "second")) == {"b"}

    play(story, failing_once("b", first="second"))


@pytest.mark.parametrize("definition", ["Same", "Latest"])
def test_by_which_definition(definition: str) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.task("t", handler={"steps": [step("a"), step("b")]}, args={"x": 1, "y": 1})
            await world.run("first", taskRef={"name": "t"}, args={"x": 2})
            await world.pass_time(20)
            steps = [step("a"), step("new"), step("b")]
            await world.edit(Kind.CRON_TASK, "t", handler={"steps": steps}, args={"x": 1, "y": 3, "z": 4})
            await again(world, "second", definition=definition, taskRef={"name": "t"})
        assert end(world, "second") == ("Succeeded", "Completed")
        later = {"new": "Succeeded"} if definition == "Latest" else {}
        assert phases(world, "second") == {"a": "Reused", **later, "b": "Succeeded"}
        seen = {environment(pod)["CRONTASK_ARGS"] for pod in world.pods() if _is_of(pod, "second")}
        assert seen == ({'{"x":2,"y":3,"z":4}'} if definition == "Latest" else {'{"x":2,"y":1}'})

    play(story, failing_once("b"))


def _is_of(pod: Document, run: str) -> bool:
    return environment(pod).get("CRONTASK_PARENT_RUN") == run


@pytest.mark.parametrize("used", [True, False])
def test_a_result_that_did_not_fit_and_is_needed(used: bool) -> None:
    async def story(world: World) -> None:
        args = {"args": {"x": "${steps.a.result.x}"}} if used else {"args": {}}
        async with world.operator():
            await world.run("first", handler={"steps": [step("a"), step("b"), step("c", **args)]})
            await world.pass_time(20)
            (a, *_) = parts(world, "first")
            # Of a result over a kilobyte only the run of the step has all.
            await world.api.delete(
                ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, a["metadata"]["name"]), uid=a["metadata"]["uid"]
            )
            await again(world, "second")
        if used:
            assert end(world, "second") == ("Failed", "ResultTruncated")
            assert said(world, "second") == (
                "the result of step a did not fit into 4096 bytes, or is gone, and what runs again needs it; "
                "write from: a, or from: Start"
            )
        else:
            assert phases(world, "second") == {"a": "Reused", "b": "Succeeded", "c": "Succeeded"}

    def plan(pod: Document) -> Plan:
        long = Plan(runs=2, message=result(x="y" * 1500))
        return long if environment(pod)["CRONTASK_STEP"] == "a" else failing_once("b")(pod)

    play(story, plan)


def test_a_long_result_is_taken_over_from_the_run_of_its_step() -> None:
    async def story(world: World) -> None:
        steps = [step("a"), step("b", args={"x": "${steps.a.result.x}"})]
        async with world.operator():
            await world.run("first", handler={"steps": steps})
            await world.pass_time(20)
            await again(world, "second")
            await again(world, "third", "second")
        for run in ("second", "third"):
            assert phases(world, run)["a"] == "Reused"
            (pod,) = [pod for pod in world.pods() if _is_of(pod, run)]
            assert json.loads(environment(pod)["CRONTASK_ARGS"]) == {"x": "y" * 1500}
        assert end(world, "third")[0] == "Succeeded"

    def plan(pod: Document) -> Plan:
        seen = environment(pod)
        if seen["CRONTASK_STEP"] == "a":
            return Plan(runs=2, message=result(x="y" * 1500))
        return WELL if seen["CRONTASK_PARENT_RUN"] == "third" else BADLY

    play(story, plan)


def test_an_approval_that_was_given_is_not_asked_for_again() -> None:
    async def story(world: World) -> None:
        steps = [{"name": "ask", "approval": {}}, step("b", args={"by": "${steps.ask.result.by}"})]
        async with world.operator():
            await world.run("first", handler={"steps": steps})
            await world.pass_time(3)
            noted = {"metadata": {"annotations": {"crontask.dev/approve": "ask by alice"}}}
            await world.api.patch(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, "first"), noted)
            await world.pass_time(20)
            await again(world, "second")
        assert phases(world, "second") == {"ask": "Reused", "b": "Succeeded"}
        (pod,) = [pod for pod in world.pods() if _is_of(pod, "second")]
        assert environment(pod)["CRONTASK_ARGS"] == '{"by":"alice"}'

    play(story, failing_once("b"))


@pytest.mark.parametrize("killed_after", [0.2, 1, 2.5, 4, 6, 9])
def test_an_operator_that_is_killed_does_nothing_twice(killed_after: float) -> None:
    async def story(world: World) -> None:
        steps = [step("a"), step("b"), step("c")]
        async with world.operator():
            await world.run("first", handler={"steps": steps})
            await world.pass_time(30)
            await again(world, "second", seconds=killed_after)
        async with world.operator():
            await world.pass_time(30)
        assert end(world, "second") == ("Succeeded", "Completed")
        assert phases(world, "second") == {"a": "Reused", "b": "Succeeded", "c": "Succeeded"}
        first = uid(world, "first")
        keys = [environment(pod)["CRONTASK_IDEMPOTENCY_KEY"] for pod in world.pods() if _is_of(pod, "second")]
        assert sorted(keys) == [f"{first}/b", f"{first}/c"]

    play(story, failing_once("b"))


# --- fan-outs, batches, and parts that are composite themselves ------------------------------------------------------


def test_items_that_succeeded_are_kept() -> None:
    async def story(world: World) -> None:
        each = {"items": ["a", "b", "c", "d"], "handler": IMAGE, "collect": IMAGE, "args": {"it": "${item}"}}
        async with world.operator():
            await world.run("first", handler={"forEach": each})
            await world.pass_time(20)
            assert world.status(Kind.SCHEDULED_RUN, "first")["items"]["ends"] == "SFSF"
            await again(world, "second", seconds=4)
            assert world.status(Kind.SCHEDULED_RUN, "second")["items"]["ends"] == "USUF"
            await world.pass_time(20)
            await again(world, "third", "second")
        first, items = uid(world, "first"), world.status(Kind.SCHEDULED_RUN, "third")["items"]
        assert end(world, "third") == ("Succeeded", "Completed")
        assert (items["ends"], items["succeeded"], items["total"]) == ("U3S", 4, 4)
        assert set(done(world, "second")) == {"1", "3", "collect"}
        keys = {
            run: {re.sub("-[0-9a-f]{8}$", "", key) for key in done(world, run).values()} for run in ("second", "third")
        }
        assert keys == {
            "second": {f"{first}/1", f"{first}/3", f"{uid(world, 'second')}/collect"},
            "third": {f"{first}/3", f"{uid(world, 'third')}/collect"},
        }
        (collect,) = [pod for pod in world.pods() if _is_of(pod, "third") and '"total"' in _args(pod)]
        assert json.loads(_args(collect))["results"] == [{"n": n} for n in ("a", "b", "c", "d")]

    def plan(pod: Document) -> Plan:
        seen = environment(pod)
        if "CRONTASK_ITEM" not in seen:
            return WELL
        bad = {"first": ('"b"', '"d"'), "second": ('"d"',)}.get(seen["CRONTASK_PARENT_RUN"], ())
        return (
            BADLY if seen["CRONTASK_ITEM"] in bad else Plan(runs=2, message=result(n=json.loads(seen["CRONTASK_ITEM"])))
        )

    play(story, plan)


def _args(pod: Document) -> str:
    return environment(pod)["CRONTASK_ARGS"]


def test_of_another_list_nothing_is_kept() -> None:
    async def story(world: World) -> None:
        each = {"items": "${args.ids}", "handler": IMAGE}
        async with world.operator():
            await world.run("first", handler={"forEach": each}, args={"ids": [1, 2]})
            await world.pass_time(20)
            await again(world, "second", args={"ids": [1, 2, 3]}, seconds=2)
            words = "none of the 1 items that succeeded in run first is kept: the list has changed"
            assert said(world, "second") == words
            await world.pass_time(20)
        assert (end(world, "second")[0], said(world, "second")) == ("Succeeded", words)
        assert world.status(Kind.SCHEDULED_RUN, "second")["items"]["ends"] == "S3"
        assert all(key.startswith(f"{uid(world, 'second')}/") for key in done(world, "second").values())

    play(story, failing_once("1"))


def test_what_a_fan_out_tolerated_can_be_done_after_all() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("first", handler={"forEach": {"items": 3, "handler": IMAGE, "maxFailed": 1}})
            await world.pass_time(20)
            assert end(world, "first")[0] == "Partial"
            await again(world, "second")
            assert world.status(Kind.SCHEDULED_RUN, "second")["items"]["ends"] == "USU"
            await again(world, "third", "second")
        assert end(world, "third") == ("Failed", "NothingToRerun")

    play(story, failing_once("1"))


def counting(until: int, bad: Callable[[str, int], bool]) -> Callable[[Document], Plan]:
    """Batches that count up; `bad`: whether the batch of that number of that run fails."""

    def plan(pod: Document) -> Plan:
        seen = environment(pod)
        number = int(seen["CRONTASK_BATCH"])
        if bad(seen["CRONTASK_PARENT_RUN"], number):
            return BADLY
        cursor = int(seen.get("CRONTASK_CURSOR", "0")) + 1
        said = {"cursor": cursor, "isDone": cursor >= until, "processedCount": 10}
        return Plan(runs=1, message=json.dumps(said))

    return plan


def test_batches_go_on_at_the_cursor_and_so_does_their_number() -> None:
    async def story(world: World) -> None:
        handler = {"batch": {"size": 10, "handler": IMAGE, "maxBatches": 2}}
        async with world.operator():
            await world.run("first", handler=handler)
            await world.pass_time(20)
            await again(world, "second")
            assert end(world, "second") == ("Partial", "MaxBatches")
            await again(world, "third", "second")
            await again(world, "fourth", "third")
            await again(world, "fifth", "third", from_="Start", seconds=3)
        batch = world.status(Kind.SCHEDULED_RUN, "third")["batch"]
        assert (batch["batches"], batch["cursor"], batch["processedCount"], batch["done"]) == (4, 4, 40, True)
        assert end(world, "third")[0] == "Succeeded"
        assert end(world, "fourth") == ("Failed", "NothingToRerun")
        first = uid(world, "first")
        assert done(world, "first") == {"1": f"{first}/1", "2": f"{first}/2"}
        # The one that failed has the same key again; of the others each has its own, over all runs.
        assert done(world, "second") == {"2": f"{first}/2", "3": f"{first}/3"}
        assert done(world, "third") == {"4": f"{first}/4"}
        assert done(world, "fifth")["1"] == f"{uid(world, 'fifth')}/1"

    play(story, counting(4, lambda run, number: run == "first" and number == 2))


def test_a_workflow_within_that_failed_is_run_again_itself() -> None:
    async def story(world: World) -> None:
        inner = {"steps": [step("x"), step("y"), step("z")]}
        async with world.operator():
            await world.task("inner", handler=inner)
            await world.run("first", handler={"steps": [step("a"), {"name": "in", "task": "inner"}, step("b")]})
            await world.pass_time(30)
            assert phases(world, "first") == {"a": "Succeeded", "in": "Failed", "b": "NotReached"}
            (before,) = (
                p["metadata"]["name"] for p in parts(world, "first") if p["spec"]["parent"].get("step") == "in"
            )
            assert phases(world, before) == {"x": "Succeeded", "y": "Failed", "z": "NotReached"}
            await again(world, "second")
        (made,) = (p for p in parts(world, "second") if p["spec"]["parent"].get("step") == "in")
        assert made["spec"]["rerunOf"]["name"] == before
        assert end(world, "second") == ("Succeeded", "Completed")
        assert phases(world, made["metadata"]["name"]) == {"x": "Reused", "y": "Succeeded", "z": "Succeeded"}
        first = uid(world, "first")
        assert done(world, made["metadata"]["name"]) == {"y": f"{first}/in/y", "z": f"{first}/in/z"}

    def plan(pod: Document) -> Plan:
        seen = environment(pod)
        return BADLY if seen["CRONTASK_STEP"] == "y" and "first" in seen["CRONTASK_PARENT_RUN"] else WELL

    play(story, plan)


def test_what_the_next_run_of_its_task_has_gone_on_with_is_not_done_again() -> None:
    async def story(world: World) -> None:
        handler = {"batch": {"size": 10, "handler": IMAGE, "continueFrom": "LastRun"}}
        async with world.operator():
            await world.task("t", handler=handler)
            await world.run("first", taskRef={"name": "t"})
            await world.pass_time(20)
            await world.run("next", taskRef={"name": "t"})
            await world.pass_time(20)
            assert done(world, "next").keys() == {"1", "2", "3"}
            await again(world, "second", taskRef={"name": "t"})
        assert end(world, "second") == ("Failed", "AlreadyRerun")
        assert said(world, "second") == (
            "run next has continued where run first ended; name that one, or start a new run"
        )

    play(story, counting(4, lambda run, number: run == "first" and number == 2))


# --- once, whatever comes between ------------------------------------------------------------------------------------


def test_one_that_was_run_again_by_a_run_that_is_gone_is_not_run_again_once_more() -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("first", handler=IMAGE)
            await world.pass_time(10)
            await again(world, "second")
            key = ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, "second")
            await world.api.delete(key, uid=uid(world, "second"))
            await world.pass_time(5)
            await again(world, "third")
            await again(world, "second")
        for late in ("third", "second"):
            assert end(world, late) == ("Failed", "AlreadyRerun")

    play(story, lambda pod: BADLY)


@pytest.mark.parametrize("canceled", [True, False])
def test_one_that_has_begun_goes_before_an_older_one(canceled: bool) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            await world.run("first", handler=IMAGE)
            await world.run("older", rerunOf={"name": "first"}, suspend=True)
            await world.pass_time(10)
        await world.run("younger", rerunOf={"name": "first"}, suspend=canceled)
        claim = {"metadata": {"annotations": {"crontask.dev/rerun-by": f"younger/{uid(world, 'younger')}"}}}
        await world.api.patch(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, "first"), claim)
        await world.edit(Kind.SCHEDULED_RUN, "older", suspend=False)
        async with world.operator():
            await world.pass_time(5)
            if canceled:
                words = "waits for run younger, which runs first again as well"
                assert said(world, "older") == words
                await world.edit(Kind.SCHEDULED_RUN, "younger", cancel=True)
            await world.pass_time(20)
        ended = {run: end(world, run)[1] for run in ("older", "younger")}
        assert ended == {
            "older": "Completed" if canceled else "AlreadyRerun",
            "younger": "Canceled" if canceled else "Completed",
        }

    play(story, failing_once("it"))
