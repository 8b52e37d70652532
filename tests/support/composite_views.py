"""A workflow that has started, its parts, and what is decided about it: builders for the tables of its policies."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from run_life import at, attempt, recorded

from crontask.api.composite_status import Halt, ItemsStatus, StepStatus
from crontask.api.metadata import Condition, Metadata, OwnerReference
from crontask.api.names import part_name
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import Attempt, Item, Parent, ScheduledRunSpec
from crontask.api.validate import validate_run
from crontask.decide.composite.decide import decide_composite
from crontask.decide.composite.model import NAME_TAKEN, CompositeDecision, CompositeView
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import plan_of
from crontask.decide.refusal import Refusal

NAME, UID = "flow", "flow-uid"
C: dict[str, Any] = {"container": {"image": "i"}}
Refused = Mapping[str, str | Refusal]
# Of another part: nothing is asked for until then.
_OTHER = {"other": Refusal("RunRejected", "exceeded quota", False, at(99), at(0))}


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
    """The run of a part, NAME or NAME/undo, INDEX or collect; created at second 1.

    Unless `attempts` say otherwise it had one.
    """
    asked = Parent(name=NAME, uid=UID, root=NAME, depth=1, key=f"{UID}/{name}", **_asked(name))
    over = phase is not None and phase.terminal
    known = attempts or (attempt(1, 1, ended if over else None, exit_code=_code(phase)),)
    fields = {"completion_time": at(ended), "conditions": (_end(phase, reason, ended),)} if over and phase else {}
    owner = OwnerReference(api_version="v", kind="ScheduledRun", name=NAME, uid=UID, controller=True)
    made = own(name)
    meta = Metadata(name=made, uid=made, namespace="n", creation_timestamp=at(1), owner_references=(owner,))
    spec = ScheduledRunSpec(parent=asked, cancel=cancel)
    return name, ScheduledRun(meta, spec, (), recorded(phase, *known, start_time=at(1), **fields, **status))


def _asked(name: str) -> dict[str, Any]:
    if name.isdecimal():
        return {"item": Item(index=int(name), value=name)}
    step_name, _, undo = name.partition("/")
    return {"collect": True} if name == "collect" else {"undo": step_name} if undo else {"step": step_name}


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
    undo: tuple[str, ...] | None = None,
    said: tuple[StepStatus, ...] = (),
    status: dict[str, Any] | None = None,
    beside: dict[str, Any] | None = None,
    **known: Any,
) -> CompositeView:
    """A workflow that started at second 0. `beside`: beside its steps; `said`: recorded of them; `known`: as of any."""
    fields = {"undo": undo, "steps": said, **(status or {})}
    return _composite({"steps": list(steps), **(beside or {})}, fields, **known)


def fan_out(
    items: Any,
    ends: str = "",
    *,
    said: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    each: dict[str, Any] | None = None,
    **known: Any,
) -> CompositeView:
    """A fan-out that started at second 0. `ends`, `said`: recorded of its items; `each`: beside these.

    `known`: as of any. A number of items stands for as many.
    """
    total = items if isinstance(items, int) else len(items) if isinstance(items, list) else 0
    fields = {"items": ItemsStatus(total=total, ends=ends, **(said or {})), **(status or {})}
    return _composite({"forEach": {"items": items, "handler": C, **(each or {})}}, fields, **known)


def _composite(
    handler: dict[str, Any],
    fields: dict[str, Any],
    *,
    parts: tuple[tuple[str, ScheduledRun], ...] = (),
    halt: Halt | None = None,
    plan: dict[str, Any] | None = None,
    refused: Refused | None = None,
    orphaned: tuple[str, ...] = (),
    unmade: tuple[str, ...] = (),
    held: bool = False,
    **spec: Any,
) -> CompositeView:
    parsed, problems = validate_run({"handler": handler, **spec})
    assert parsed is not None, problems
    known = {"args": parsed.args, **(plan or {})}
    phase = fields.pop("phase", RunPhase.RUNNING)
    meta = Metadata(name=NAME, uid=UID, namespace="n", creation_timestamp=at(0))
    run = ScheduledRun(meta, parsed, (), recorded(phase, start_time=at(0), plan=known, halt=halt, **fields))
    found = plan_of(run)
    assert found is not None
    gone = frozenset(orphaned), frozenset(unmade)
    suspended = bool(parsed.suspend)
    return CompositeView(run, found, dict(parts), {**refusals(refused), **(_OTHER if held else {})}, *gone, suspended)


def refusals(refused: Refused | None) -> dict[str, Refusal]:
    """What is said against parts; a text says that the name is taken."""
    taken = {part: said for part, said in (refused or {}).items() if isinstance(said, str)}
    known = {part: said for part, said in (refused or {}).items() if isinstance(said, Refusal)}
    return known | {part: Refusal(NAME_TAKEN, said, True, at(0), at(0)) for part, said in taken.items()}


def rejected(
    message: str = "spec.args: Invalid value", *, retry_at: float | None = None, alone: bool = True
) -> Refusal:
    """The API server does not take the run of a part: for good, or until it is tried again."""
    return Refusal("RunRejected", message, retry_at is None, at(retry_at or 0), at(0), alone=alone)


def own(part: str) -> str:
    """The name of the run that is that part."""
    return part_name(NAME, UID, part)


def decided(view: CompositeView, now: float = 9) -> CompositeDecision:
    """What is decided so many seconds after its start."""
    return decide_composite(view, at(now))


def seconds(instant: datetime | None) -> float | None:
    """Since its start."""
    return (instant - at(0)) / timedelta(seconds=1) if instant is not None else None
