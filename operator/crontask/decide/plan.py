"""The plan of a composite run: by what it goes, frozen when it starts, whatever becomes of its task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import Field, ValidationError

from crontask.api.base import Duration, Model
from crontask.api.composite_status import OPEN_STEPS
from crontask.api.handler import Handler
from crontask.api.policies import Retry
from crontask.api.scheduledrun import CompositeRunStatus, Parent
from crontask.decide.model import ScheduledRun
from crontask.decide.settings import START_TIMEOUT, RunSettings


class _Document(Model):
    """The plan as it stands in a status. `handler`: None of an inline run, whose own cannot change."""

    handler: Handler | None = None
    retry: Retry | None = None
    timeout: Duration | None = None
    start_timeout: Duration | None = None
    total_timeout: Duration | None = None
    task_generation: int | None = None
    continues: str | None = None


class _Again(Model):
    """What the plan of a rerun says of the run that it runs again."""

    key: str | None = None
    keys: dict[str, str] = Field(default_factory=dict)
    partial: tuple[str, ...] = ()
    stands: bool = False
    parts: dict[str, str] = Field(default_factory=dict)
    note: str | None = None
    first: int | None = None


UNREADABLE = "PlanUnreadable"


@dataclass(frozen=True, slots=True)
class Again:
    """What is kept of the run that is run again. `stands`: that had ended well, and nothing of it is undone.

    `keys`: with what the idempotency key of a part begins, where that is not the run itself; `key`: of all other items
    and batches. `results`: of steps, where the status has no room for them; `partial`: the parts of these that were.
    `parts`: by part, the runs of parts that are run again themselves. `note`: what there is to say of it; `first`: how
    many batches it had done, and `cursor` where the first of these began.
    """

    key: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    partial: tuple[str, ...] = ()
    stands: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None
    first: int = 0
    cursor: Any = None


NOTHING_KEPT = Again()


@dataclass(frozen=True, slots=True)
class Plan:
    """What the parts are made from. `args`: of the run, resolved. `retry`, `start_timeout`: unless a part has its own.

    `timeout`, `total_timeout`: of the whole run, None without a limit. `items`: of a fan-out, where neither its handler
    nor the args say them. `cursor`: where its batches begin; `continues`: the last run of its task before it. `again`:
    of a rerun, what it keeps.
    """

    handler: Handler
    args: dict[str, Any] = field(default_factory=dict)
    retry: Retry | None = None
    timeout: timedelta | None = None
    start_timeout: timedelta = START_TIMEOUT
    total_timeout: timedelta | None = None
    items: list[Any] | None = None
    cursor: Any = None
    continues: str | None = None
    again: Again = NOTHING_KEPT

    def has_part(self, asked: Parent, known: CompositeRunStatus) -> bool:
        """Whether such a part belongs to a run that goes by this, among others. `known`: how far that run is."""
        if self.handler.batch is not None:
            return asked.batch is not None
        if self.handler.for_each is not None:
            # What collects is recorded before it is made.
            collects = known.items is not None and known.items.collect is not None
            total = known.items.total if known.items is not None else 0
            return (bool(asked.collect) and collects) or (asked.item is not None and asked.item.index < total)
        named = asked.step or asked.undo
        step = next((step for step in self.handler.steps or () if step.name == named), None)
        if step is None:
            return False
        # A person does what asks for approval.
        return step.compensate is not None if asked.undo is not None else step.approval is None


def ended_without(known: CompositeRunStatus, asked: Parent, run: str) -> bool:
    """Whether the step that a part is to do has ended, and not by that run: skipped, refused, or done by another."""
    step = next((step for step in known.steps if step.name == asked.step), None)
    return step is not None and step.phase not in OPEN_STEPS and step.run != run


def make_plan(run: ScheduledRun, settings: RunSettings, generation: int | None) -> dict[str, Any]:
    """The plan to record: what the run and its task say now."""
    document = _Document(
        retry=settings.retry,
        timeout=settings.timeout,
        start_timeout=settings.start_timeout,
        total_timeout=settings.total_timeout,
        task_generation=generation,
    )
    # Null is a value in args, of the run and of its steps.
    plan = {**document.model_dump(mode="json", by_alias=True, exclude_none=True), "args": settings.args}
    # That of a rerun is another's, which may go.
    if (run.spec.handler is None or run.spec.rerun_of is not None) and settings.handler is not None:
        plan["handler"] = settings.handler.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return plan


def plan_of(run: ScheduledRun) -> Plan | None:
    """The plan of a run that has one; None where nobody can read it."""
    if "plan" not in run.memo:
        known = run.status.composite
        run.memo["plan"] = parse_plan(run, (known.plan if known is not None else None) or {})
    found: Plan | None = run.memo["plan"]
    return found


def parse_plan(run: ScheduledRun, written: Mapping[str, Any]) -> Plan | None:
    """The plan as it is written; None where nobody can read it."""
    recorded = dict(written)
    args, items = recorded.pop("args", {}), recorded.pop("items", None)
    cursor, kept = recorded.pop("cursor", None), recorded.pop("rerun", None)
    try:
        document = _Document.model_validate(recorded)
        again = _again(kept)
    except ValidationError:
        return None
    handler = document.handler if run.spec.rerun_of is not None else run.spec.handler or document.handler
    if handler is None or not handler.composite or not isinstance(args, dict) or not isinstance(items, list | None):
        return None
    return Plan(
        handler,
        args,
        document.retry,
        document.timeout,
        document.start_timeout or START_TIMEOUT,
        document.total_timeout,
        items,
        cursor,
        document.continues,
        again,
    )


def _again(kept: Any) -> Again:
    if not isinstance(kept, dict):
        return NOTHING_KEPT
    results, cursor = kept.get("results"), kept.get("cursor")
    found = _Again.model_validate({name: value for name, value in kept.items() if name not in ("results", "cursor")})
    return Again(
        found.key,
        found.keys,
        results if isinstance(results, dict) else {},
        found.partial,
        found.stands,
        found.parts,
        found.note,
        found.first or 0,
        cursor,
    )
