"""Which policy decides about a composite run, and how far it is when it starts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from crontask.api.composite_status import BatchStatus, ItemsStatus, StepPhase, StepStatus
from crontask.api.handler import Handler
from crontask.api.reference import parse_reference
from crontask.api.task_status import TaskBatch
from crontask.decide.composite.approval_record import ignored_without_steps
from crontask.decide.composite.batch_run import Progress
from crontask.decide.composite.batches import decide_batches
from crontask.decide.composite.items import decide_items
from crontask.decide.composite.letters import TO_COME, coded
from crontask.decide.composite.model import CompositeDecision, CompositeView
from crontask.decide.composite.plan_items import ItemsError, resolved_items
from crontask.decide.composite.steps import decide_steps
from crontask.decide.model import ScheduledRun


def decide_composite(view: CompositeView, now: datetime) -> CompositeDecision:
    """What should be so now of a composite run that has started."""
    handler = view.plan.handler
    if handler.batch is None and handler.for_each is None:
        return decide_steps(view, now)
    decided = decide_batches(view, now) if handler.batch is not None else decide_items(view, now)
    not_used, told = ignored_without_steps(view.run)
    first = decided.record_first or bool(told)
    return replace(decided, ignored=not_used, transitions=(*decided.transitions, *told), record_first=first)


def planned_items(run: ScheduledRun, handler: Handler, args: dict[str, Any]) -> dict[str, Any]:
    """What a plan says of the items where neither the handler nor the args do: a trigger could be edited."""
    asked = handler.for_each.items if handler.for_each is not None else None
    reference = parse_reference(asked) if isinstance(asked, str) else None
    if reference is None or reference.root == "args":
        return {}
    items = resolved_items(run, args, asked)
    return {} if isinstance(items, ItemsError) else {"items": list(items)}


def planned_cursor(run: ScheduledRun, handler: Handler, last: TaskBatch | None) -> dict[str, Any]:
    """What a plan says of where the batches begin. `last`: how far those of its task have come."""
    if handler.batch is None:
        return {}
    begins, found = run.spec.cursor, dict[str, Any]()
    if handler.batch.continue_from == "LastRun" and last is not None:
        found["continues"] = last.run
        begins = last.cursor if begins is None and not last.done else begins
    return found if begins is None else {**found, "cursor": begins}


def at_its_start(run: ScheduledRun, handler: Handler, args: dict[str, Any], cursor: Any = None) -> Mapping[str, Any]:
    """What the status says of a composite run that starts: how far it is."""
    if handler.batch is not None:
        return {"progress": Progress().shown, "batch": BatchStatus(done=False, cursor=cursor)}
    if handler.for_each is None:
        steps = tuple(StepStatus(name=step.name, phase=StepPhase.PENDING) for step in handler.steps or ())
        return {"progress": f"0/{len(steps)} steps", "steps": steps}
    items = resolved_items(run, args, handler.for_each.items)
    total = 0 if isinstance(items, ItemsError) else len(items)
    status = ItemsStatus(total=total, pending=total, ends=coded(TO_COME * total))
    return {"progress": f"0/{total}", "items": status}
