"""References that make args longer, or deeper, than a run may have them, played: it is said, and nothing waits."""

import json
from typing import Any

import pytest
from composite_world import IMAGE, parts
from engine_world import World, play

from crontask.ports import Kind
from crontask.simulation.kubelet import Plan

TOO_LONG = "args: have 120261 bytes as JSON, over 102400; hand over a reference instead"
TOO_DEEP = "args: are nested more than 190 levels deep; hand over a reference instead"
MANY = {f"k{number}": "${steps.a.result}" for number in range(30)}
A = {"name": "a", **IMAGE}


def ends(handler: dict[str, Any], result: Any, task: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """How a run ends whose parts each give back that result; without an error of ours."""
    found: dict[str, Any] = {}

    async def story(world: World) -> None:
        async with world.operator():
            await world.task("inner", handler=IMAGE, **(task or {}))
            await world.run("long", handler=handler, **spec)
            await world.pass_time(60)
        found.update(world.status(Kind.SCHEDULED_RUN, "long"), parts=len(parts(world, "long")))

    message = json.dumps({"isDone": False, "cursor": result, "result": result})
    play(story, lambda pod: Plan(runs=1, message=message))
    return found


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("kind", [IMAGE, {"task": "inner"}], ids=["of its own", "of a task"])
@pytest.mark.parametrize(("result", "says"), [("x" * 4000, TOO_LONG), (nested(200), TOO_DEEP)], ids=["long", "deep"])
def test_a_step_fails(kind: dict[str, Any], result: Any, says: str, caplog: pytest.LogCaptureFixture) -> None:
    status = ends({"steps": [A, {"name": "b", **kind, "args": MANY}]}, result)
    assert (status["phase"], status["message"]) == ("Failed", f"step b is Failed: {says}")
    assert (status["steps"][1]["reason"], status["parts"]) == ("ArgsTooLong", 1)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_step_that_always_runs_fails_and_an_undo_cannot_be() -> None:
    undone = {**A, "compensate": {**IMAGE, "args": MANY}}
    always = {"name": "z", "always": True, **IMAGE, "args": MANY}
    status = ends({"steps": [undone, {"name": "b", **IMAGE, "args": MANY}, always]}, "x" * 4000)
    assert status["notCompensated"] == [{"step": "a", "reason": "ArgsTooLong", "message": TOO_LONG}]
    assert [step.get("reason") for step in status["steps"]] == [None, "ArgsTooLong", "ArgsTooLong"]
    assert (status["phase"], status["parts"]) == ("Failed", 1)


def test_items_fail_each_by_itself() -> None:
    fan = {"items": ["x" * 30_000, "y"], "handler": IMAGE, "args": {f"k{number}": "${item}" for number in range(4)}}
    status = ends({"forEach": {**fan, "maxFailed": 1}}, 1)
    assert (status["phase"], status["items"]["ends"]) == ("Partial", "FS")
    says = "args: have 120033 bytes as JSON, over 102400; hand over a reference instead"
    assert status["items"]["failedItems"][0]["message"] == says


def test_what_collects_fails() -> None:
    collect = {**IMAGE, "args": {"x": "${args.x}"}}
    handler = {"forEach": {"items": 8, "handler": IMAGE, "collect": collect}}
    status = ends(handler, "x" * 2000, args={"x": "y" * 90_000})
    assert status["message"].startswith("collect: args: have 1")
    assert status["phase"] == "Failed"


@pytest.mark.parametrize(
    ("levels", "args", "says"),
    [
        (188, None, "batch 2 gave back the cursor with which it began"),
        (200, {"c": "${cursor}"}, f"batch 2: {TOO_DEEP}"),
        (
            200,
            None,
            "batch 2: spec: is nested more than 190 levels deep; write a flatter value, or hand it over as a text",
        ),
    ],
)
def test_a_batch_whose_cursor_is_deep(levels: int, args: dict[str, Any] | None, says: str) -> None:
    given = {"args": args} if args is not None else {}
    status = ends({"batch": {"size": 1, "handler": IMAGE, **given}}, nested(levels))
    assert status["message"].startswith(says)
    assert status["phase"] == "Failed"
