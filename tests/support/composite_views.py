"""A workflow that has started, its parts, and what is decided about it: builders for the tables of its policies."""

from datetime import datetime, timedelta
from typing import Any

from run_life import at, attempt, recorded

from crontask.api.composite_status import Halt, StepStatus
from crontask.api.metadata import Condition, Metadata, OwnerReference
from crontask.api.names import part_name
from crontask.api.scheduledrun import Attempt, Parent, RunPhase, ScheduledRunSpec
from crontask.api.validate import validate_run
from crontask.decide.composite.model import CompositeDecision, CompositeView
from crontask.decide.composite.plan import plan_of
from crontask.decide.composite.steps import decide_steps
from crontask.decide.model import ScheduledRun

NAME, UID = "flow", "flow-uid"
C: dict[str, Any] = {"container": {"image": "i"}}


def step(name: str, **fields: Any) -> dict[str, Any]:
    """A step as it is written."""
    return {"name": name, **C, **fields}


def part(
    name: str,
    phase: RunPhase | None = RunPhase.RUNNING,
    ended: float = 5,
    *attempts: Attempt,
    reason: str = "Error",
    cancel: bool = False,
    **status: Any,
) -> tuple[str, ScheduledRun]:
    """The run of a part, NAME or NAME/undo, created at second 1; unless `attempts` say otherwise it had one."""
    step_name, _, undo = name.partition("/")
    key = {"undo": step_name} if undo else {"step": step_name}
    asked = Parent(name=NAME, uid=UID, root=NAME, depth=1, key=f"{UID}/{name}", **key)
    over = phase is not None and phase.terminal
    known = attempts or (attempt(1, 1, ended if over else None, exit_code=_code(phase)),)
    fields = {"completion_time": at(ended), "conditions": (_end(phase, reason, ended),)} if over and phase else {}
    owner = OwnerReference(api_version="v", kind="ScheduledRun", name=NAME, uid=UID, controller=True)
    own = part_name(NAME, UID, name)
    meta = Metadata(name=own, uid=own, namespace="n", creation_timestamp=at(1), owner_references=(owner,))
    spec = ScheduledRunSpec(parent=asked, cancel=cancel)
    return name, ScheduledRun(meta, spec, (), recorded(phase, *known, start_time=at(1), **fields, **status))


def _code(phase: RunPhase | None) -> int | None:
    if phase in (RunPhase.SUCCEEDED, RunPhase.PARTIAL):
        return 0
    return 1 if phase is RunPhase.FAILED else None


def _end(phase: RunPhase, reason: str, ended: float) -> Condition:
    good = phase in (RunPhase.SUCCEEDED, RunPhase.PARTIAL)
    kind, why = ("Complete", "Completed") if good else ("Failed", reason)
    return Condition(type=kind, status="True", reason=why, message="", last_transition_time=at(ended))


def flow(
    *steps: dict[str, Any],
    parts: tuple[tuple[str, ScheduledRun], ...] = (),
    halt: Halt | None = None,
    undo: tuple[str, ...] | None = None,
    said: tuple[StepStatus, ...] = (),
    plan: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    refused: dict[str, str] | None = None,
    orphaned: tuple[str, ...] = (),
    unmade: tuple[str, ...] = (),
    beside: dict[str, Any] | None = None,
    **spec: Any,
) -> CompositeView:
    """A workflow that started at second 0. `beside`: beside its steps; `spec`: of its run; `said`: recorded of them."""
    parsed, problems = validate_run({"handler": {"steps": list(steps), **(beside or {})}, **spec})
    assert parsed is not None, problems
    known = {"args": parsed.args, **(plan or {})}
    fields: dict[str, Any] = {"halt": halt, "undo": undo, "steps": said, **(status or {})}
    phase = fields.pop("phase", RunPhase.RUNNING)
    meta = Metadata(name=NAME, uid=UID, namespace="n", creation_timestamp=at(0))
    run = ScheduledRun(meta, parsed, (), recorded(phase, start_time=at(0), plan=known, **fields))
    found = plan_of(run)
    assert found is not None
    gone = frozenset(orphaned), frozenset(unmade)
    return CompositeView(run, found, dict(parts), refused or {}, *gone, suspended=bool(parsed.suspend))


def decided(view: CompositeView, now: float = 9) -> CompositeDecision:
    """What is decided so many seconds after its start."""
    return decide_steps(view, at(now))


def seconds(instant: datetime | None) -> float | None:
    """Since its start."""
    return (instant - at(0)) / timedelta(seconds=1) if instant is not None else None
