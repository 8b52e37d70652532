"""A part of a run in batches whose pod does several: builders of it, of its pod's messages, and of what is known.

Callers: tests/unit/decide.
"""

import json
from dataclasses import replace
from typing import Any

from run_life import Life, at, own_run, recorded

from crontask.api.composite_status import BatchStatus
from crontask.api.metadata import Metadata
from crontask.api.phases import RunPhase
from crontask.api.pod import Pod
from crontask.api.scheduledrun import Attempt, BatchPart, Parent, ReusedPod
from crontask.api.validate import validate_run
from crontask.decide.model import ScheduledRun
from crontask.decide.pod_state import NOT_MADE, Present
from crontask.decide.views import RunView

_PYTHON = {"python": {"source": "def handler(ctx): ..."}}


def parent_of(*, paused: bool = False) -> ScheduledRun:
    """The run in batches."""
    parsed, problems = validate_run({"handler": {"batch": {"size": 5, "handler": _PYTHON}}, "suspend": paused})
    assert parsed is not None, problems
    status = recorded(RunPhase.RUNNING, start_time=at(0), plan={}, batch=BatchStatus())
    return ScheduledRun(Metadata(name="all", namespace="n", uid="all", creation_timestamp=at(0)), parsed, (), status)


def part(
    *attempts: Attempt,
    done: BatchStatus | None = None,
    lost: int = 0,
    phase: RunPhase = RunPhase.RUNNING,
    reuse: bool = True,
    number: int = 4,
    cursor: Any = 3,
    most: int = 100,
    **spec: Any,
) -> ScheduledRun:
    """It begins with the fourth batch, at 3. `done`: what is recorded of it."""
    goes_on = ReusedPod.model_validate({"for": "5m", "most": most}) if reuse else None
    batch = BatchPart(number=number, size=5, cursor=cursor, part=2 if reuse else None, reuse=goes_on)
    asked = Parent(name="all", uid="all", root="all", depth=1, key=f"u/{number}", batch=batch)
    run = own_run(status=recorded(phase, *attempts, batch=done, lost_attempts=lost, start_time=at(0)), **spec)
    return replace(run, spec=run.spec.model_copy(update={"parent": asked}))


def several_batches(pod: Pod | None, *attempts: Attempt, paused: bool = True, **fields: Any) -> RunView:
    """What is known of it, and of its pod."""
    state = Present(pod) if pod is not None else NOT_MADE
    return RunView(part(*attempts, **fields), None, state, parent=parent_of(paused=paused))


def life_of(run: ScheduledRun) -> Life:
    """It is decided again and again."""
    life = Life(run)
    life.task = None  # type: ignore[assignment]
    return life


def said(batches: int, **fields: Any) -> str:
    """The message of a pod that has done so many: each adds 1 to the cursor."""
    return json.dumps({"status": "success", "batches": batches, "cursor": 3 + batches, "isDone": False, **fields})
