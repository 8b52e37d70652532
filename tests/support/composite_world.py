"""Composite runs in a played world: their parts, what these are given, and how their pods go."""

import json
from collections.abc import Callable
from typing import Any

from engine_world import World

from crontask.ports import Document, Kind
from crontask.simulation.kubelet import Plan

IMAGE: dict[str, Any] = {"container": {"image": "busybox:1.36"}}


def parts(world: World, parent: str) -> list[Document]:
    """In the order of their creation."""
    found = [run for run in world.api.documents(Kind.SCHEDULED_RUN) if "parent" in run["spec"]]
    return [run for run in found if run["spec"]["parent"]["name"] == parent]


def result(**values: Any) -> str:
    return json.dumps({"result": values})


def plan_by_step(plans: dict[str, Plan]) -> Callable[[Document], Plan]:
    """How the pod of each part goes, by the step's name, or NAME/undo; others run for 2 s."""
    return lambda pod: plans.get(part_of(pod), Plan(runs=2))


def environment(pod: Document) -> dict[str, str]:
    return {v["name"]: v.get("value", "") for v in pod["spec"]["containers"][0]["env"]}


def status(world: World, run: str = "all") -> Document:
    return world.status(Kind.SCHEDULED_RUN, run)


def given(world: World) -> list[tuple[str, str | None, str]]:
    """To the pods of batches: the first batch of each, its cursor, the end of its key."""
    seen = [environment(pod) for pod in world.pods()]
    return [
        (each["CRONTASK_BATCH"], each.get("CRONTASK_CURSOR"), each["CRONTASK_IDEMPOTENCY_KEY"].partition("/")[2])
        for each in seen
    ]


def part_of(pod: Document) -> str:
    """The part that a pod does: what follows the last run above it in its idempotency key."""
    return environment(pod)["CRONTASK_IDEMPOTENCY_KEY"].partition("/")[2]


def args_of(world: World, part: str) -> Any:
    (pod,) = (pod for pod in world.pods() if part_of(pod) == part)
    return json.loads(environment(pod)["CRONTASK_ARGS"])
