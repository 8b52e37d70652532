"""The plan of a composite run: by what it goes, frozen when it starts, whatever becomes of its task."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from crontask.api.base import Duration, Model
from crontask.api.handler import Handler
from crontask.api.policies import Retry
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


UNREADABLE = "PlanUnreadable"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the parts are made from. `args`: of the run, resolved. `retry`, `start_timeout`: unless a part has its own.

    `timeout`, `total_timeout`: of the whole run, None without a limit. `items`: of a fan-out, where neither its handler
    nor the args say them. `cursor`: where its batches begin; `continues`: the last run of its task before it.
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
    if run.spec.handler is None and settings.handler is not None:
        plan["handler"] = settings.handler.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return plan


def plan_of(run: ScheduledRun) -> Plan | None:
    """The plan of a run that has one; None where nobody can read it."""
    if "plan" not in run.memo:
        run.memo["plan"] = _parsed(run)
    found: Plan | None = run.memo["plan"]
    return found


def _parsed(run: ScheduledRun) -> Plan | None:
    known = run.status.composite
    recorded = dict((known.plan if known is not None else None) or {})
    args, items = recorded.pop("args", {}), recorded.pop("items", None)
    cursor = recorded.pop("cursor", None)
    try:
        document = _Document.model_validate(recorded)
    except ValidationError:
        return None
    handler = run.spec.handler or document.handler
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
    )
