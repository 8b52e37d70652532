"""The status of a composite run that somebody wrote by hand: it is repaired or ends, and nothing else is harmed."""

from typing import Any

import pytest
from composite_world import IMAGE, plan_by_step
from engine_world import NAMESPACE, World, play

from crontask.ports import Kind, ObjectKey
from crontask.simulation.kubelet import Plan

STEPS = {"steps": [{"name": "a", **IMAGE, "compensate": IMAGE}, {"name": "b", **IMAGE}, {"name": "c", **IMAGE}]}
ITEMS = {"forEach": {"items": 3, "parallelism": 1, "handler": IMAGE, "collect": IMAGE}}
BATCHES = {"batch": {"size": 1, "handler": IMAGE}}
FAILED = {"phase": "Failed", "reason": "StepFailed"}
LARGEST = 2**63 - 1
ROWS: tuple[tuple[str, dict[str, Any], dict[str, Any], str], ...] = (
    ("ends in no phase that there is", STEPS, {"halt": {"phase": "Lost", "reason": "Lost"}}, "Succeeded"),
    ("ends in no phase of an end", ITEMS, {"halt": {"phase": "Running", "reason": "ItemsFailed"}}, "Succeeded"),
    ("ends well", STEPS, {"halt": {"phase": "Succeeded", "reason": "StepFailed"}}, "Succeeded"),
    ("undoes what is no step", STEPS, {"halt": FAILED, "undo": ["nobody", "a"]}, "Failed"),
    ("undoes what has no undo", STEPS, {"halt": FAILED, "undo": ["b"]}, "Failed"),
    ("was paused for ever", STEPS, {"paused": {"seconds": LARGEST}}, "Succeeded"),
    ("is paused since ever", STEPS, {"paused": {"since": "0001-01-01T00:00:00Z", "seconds": LARGEST}}, "Succeeded"),
    ("counts as many batches as there may be", BATCHES, {"batch": {"batches": 10**9}}, "Partial"),
    ("counts as many batches as there are numbers", BATCHES, {"batch": {"batches": LARGEST}}, "Partial"),
    # While a part runs nothing is decided by that, and it is written anew.
    ("counts as many parts as there are numbers", BATCHES, {"batch": {"parts": LARGEST}}, "Succeeded"),
    ("counts parts that nobody has seen", BATCHES, {"batch": {"batches": 0, "parts": 7}}, "Succeeded"),
    # The pod of the eighth says nothing here.
    ("counts fewer parts than there were", BATCHES, {"batch": {"batches": 7, "parts": 0}}, "Failed"),
    ("has ends that are none", ITEMS, {"items": {"total": 3, "ends": "garbage"}}, "Succeeded"),
    ("has more items than there are", ITEMS, {"items": {"total": LARGEST, "ends": "S9999F9999"}}, "Succeeded"),
    ("has no items", ITEMS, {"items": {"total": 0}}, "Succeeded"),
    ("has no steps", STEPS, {"steps": []}, "Succeeded"),
    ("has steps that are none", STEPS, {"steps": [{"name": "x", "phase": "Running", "run": "y"}]}, "Succeeded"),
    ("has results that are none", ITEMS, {"items": {"total": 3, "ends": "S", "results": ["x"]}}, "Succeeded"),
    ("has a plan that is none", STEPS, {"plan": {"timeout": "soon"}}, "Failed"),
)


@pytest.mark.parametrize(("handler", "mangled", "ends"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_it_ends_and_harms_no_other(
    handler: dict[str, Any], mangled: dict[str, Any], ends: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: World) -> None:
        async with world.operator():
            for name in ("mangled", "other"):
                await world.run(name, handler=handler, timeout="3660d")
            await world.pass_time(1)
            world.api.set_status(ObjectKey(Kind.SCHEDULED_RUN, NAMESPACE, "mangled"), mangled)
            await world.pass_time(120)
        assert world.status(Kind.SCHEDULED_RUN, "mangled")["phase"] == ends
        assert world.status(Kind.SCHEDULED_RUN, "other")["phase"] == "Succeeded"
        assert not [record for record in caplog.records if record.levelname == "ERROR"]

    last = '{"isDone": true}'
    play(story, plan_by_step({"1": Plan(runs=2, message=last)}))
