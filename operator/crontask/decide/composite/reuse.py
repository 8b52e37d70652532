"""What a rerun keeps of the run that it runs again: steps and items that succeeded, and the batches that are done."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from crontask.api.composite import Step
from crontask.api.composite_status import (
    DONE_STEPS,
    BatchStatus,
    ItemsStatus,
    StepPhase,
    StepStatus,
)
from crontask.api.handler import Handler
from crontask.api.names import part_of_batch, part_of_item, part_of_step
from crontask.api.reference import Found, references_in
from crontask.api.rerun import FROM_START
from crontask.api.step_order import dependencies, own_references, step_of, topological
from crontask.decide.composite.batch_run import Progress
from crontask.decide.composite.letters import REUSED, TO_COME, WELL, coded, decoded
from crontask.decide.composite.part import begin_of_key, own_parts
from crontask.decide.composite.plan_items import ItemsError, items_of
from crontask.decide.composite.step_state import recordable
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import NOTHING_KEPT, Plan


@dataclass(frozen=True, slots=True)
class Kept:
    """What a plan says of what is kept, what else it says for that, and what the status says at the start."""

    plan: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)


def kept_of(
    source: ScheduledRun, plan: Plan | None, parts: Iterable[ScheduledRun], new: Plan, run: ScheduledRun
) -> Kept:
    """What a run that goes by the plan `new` keeps of the other, which went by `plan` and has those parts."""
    asked, handler = run.spec.rerun_of, new.handler
    assert asked is not None, "asked of reruns alone"
    if plan is None:
        return Kept()
    own = own_parts(source, parts)
    if handler.steps is not None and plan.handler.steps is not None:
        return _kept_steps(source, plan, own, handler, asked.from_)
    if handler.for_each is not None and plan.handler.for_each is not None and asked.from_ != FROM_START:
        return _kept_items(source, plan, own, new, run)
    if handler.batch is not None and plan.handler.batch is not None:
        return _kept_batches(source, plan, run, anew=asked.from_ == FROM_START)
    return Kept()


# --- steps -----------------------------------------------------------------------------------------------------------


def _settled(source: ScheduledRun, handler: Handler, begins: str) -> dict[str, StepStatus]:
    """The steps that do not run again, by name: they succeeded, or were skipped, as all before them, and stand."""
    if begins == FROM_START or source.status.composite is None:
        return {}
    recorded = {step.name: step for step in source.status.composite.steps}
    order, found = dependencies(handler.steps or ()), dict[str, StepStatus]()
    for name in topological(order):
        step = recorded.get(name)
        stands = step is not None and (step.phase in DONE_STEPS or step.phase is StepPhase.SKIPPED)
        if step is None or not stands or step.compensated or name == begins:
            continue
        if all(before in found for before in order[name]):
            found[name] = step
    return found


def _results(
    source: ScheduledRun, plan: Plan, parts: Mapping[str, ScheduledRun], kept: Mapping[str, StepStatus]
) -> dict[str, Any]:
    """The results of steps that are known, though the status does not say them: they are null, or too long for it."""
    found: dict[str, Any] = {}
    for name, step in kept.items():
        part = parts.get(part_of_step(name))
        if step.result is not None or step.phase not in DONE_STEPS:
            continue
        if name in plan.again.results and step.phase is StepPhase.REUSED:
            found[name] = plan.again.results[name]
        elif part is not None and not part.status.result_truncated:
            found[name] = part.status.result
    return found


def missing_results(
    source: ScheduledRun, plan: Plan, parts: Iterable[ScheduledRun], handler: Handler, begins: str
) -> str | None:
    """A step that is kept, and whose result is not, though what runs again refers to it."""
    kept = _settled(source, handler, begins)
    known = _results(source, plan, own_parts(source, parts), kept)
    lost = {n for n, step in kept.items() if step.phase in DONE_STEPS and step.result is None and n not in known}
    again = [step for step in handler.steps or () if step.name not in kept and not step.always]
    undone = again if source.succeeded else [step for step in handler.steps or () if not step.always]
    asked = {name for step in again for name in _results_asked(own_references(step, ""))}
    for step in undone:
        if step.compensate is not None:
            asked |= set(_results_asked(references_in(step.compensate.args, "")))
    return next((name for name in kept if name in lost & asked), None)


def _results_asked(references: Iterable[object]) -> Iterator[str]:
    """The steps whose results are referred to."""
    for found in references:
        if isinstance(found, Found) and found.reference.path[1:2] == ("result",):
            name = step_of(found.reference)
            if name is not None:
                yield name


def _kept_steps(
    source: ScheduledRun, plan: Plan, parts: Mapping[str, ScheduledRun], handler: Handler, begins: str
) -> Kept:
    status = source.status.composite
    assert status is not None, "it had a plan"
    kept = _settled(source, handler, begins)
    recorded = {step.name: step for step in status.steps} if begins != FROM_START else {}
    results = _results(source, plan, parts, kept)
    keys: dict[str, str] = {}
    again: dict[str, str] = {}
    for step in handler.steps or ():
        before = recorded.get(step.name)
        if step.name in kept or (before is not None and before.phase not in DONE_STEPS and not before.compensated):
            keys[step.name] = begin_of_key(source, plan, part_of_step(step.name))
            part = parts.get(part_of_step(step.name))
            if step.name not in kept and part is not None and _is_run_again(part, step.task):
                again[part_of_step(step.name)] = part.meta.name
    partial = [n for n, s in kept.items() if s.phase is StepPhase.PARTIAL or n in plan.again.partial]
    found = {"keys": keys, "results": results, "partial": partial, "stands": source.succeeded, "parts": again}
    steps = tuple(_step_at_start(step, kept) for step in handler.steps or ())
    return Kept({"rerun": found}, status={"progress": f"{len(kept)}/{len(steps)} steps", "steps": steps})


def _step_at_start(step: Step, kept: Mapping[str, StepStatus]) -> StepStatus:
    known = kept.get(step.name)
    if known is None:
        return StepStatus(name=step.name, phase=StepPhase.PENDING)
    if known.phase is StepPhase.SKIPPED:
        return known
    result = recordable(known.result)
    return known.model_copy(update={"phase": StepPhase.REUSED, "result": result, "compensated": None, "reason": None})


def _is_run_again(part: ScheduledRun, task: str | None) -> bool:
    """Whether the run of a part, which has failed, is run again itself: some of its own parts may stand."""
    return task is not None and part.task_name == task and part.ended and part.status.composite is not None


# --- items -----------------------------------------------------------------------------------------------------------


def _kept_items(
    source: ScheduledRun, plan: Plan, parts: Mapping[str, ScheduledRun], new: Plan, run: ScheduledRun
) -> Kept:
    status, each = source.status.composite, new.handler.for_each
    assert status is not None, "it had a plan"
    assert each is not None, "both are fan-outs"
    items, before = items_of(run, new), items_of(source, plan)
    recorded = status.items
    if isinstance(items, ItemsError) or isinstance(before, ItemsError) or recorded is None:
        return Kept()
    letters = decoded(recorded.ends, len(before))
    well = sum(map(letters.count, WELL))
    if _written(items) != _written(before):
        note = f"none of the {well} items that succeeded in run {source.meta.name} is kept: the list has changed"
        return Kept({"rerun": {"note": note}}) if well else Kept()
    ends = "".join(REUSED if letter in WELL else TO_COME for letter in letters)
    keys, again = _items_run_again(source, plan, parts, run, each.handler.task, ends)
    results, omitted = _results_of_items(plan, recorded, ends) if each.collect is not None else (None, False)
    found: dict[str, Any] = {"key": _key_of_items(source, plan), "keys": keys, "parts": again}
    if "P" in letters or plan.again.partial:
        found["partial"] = ["items"]
    shown = ItemsStatus(
        total=len(ends),
        pending=ends.count(TO_COME),
        succeeded=well,
        ends=coded(ends),
        results=results,
        results_omitted=omitted or None,
    )
    return Kept({"rerun": found}, status={"progress": f"{well}/{len(ends)}", "items": shown})


def _key_of_items(source: ScheduledRun, plan: Plan) -> str:
    """With what the keys of its items begin, but for those that its plan names."""
    return plan.again.key or begin_of_key(source, replace(plan, again=NOTHING_KEPT), part_of_item(0))


def _written(items: tuple[Any, ...]) -> bytes:
    return orjson.dumps(items, option=orjson.OPT_SORT_KEYS)


def _items_run_again(
    source: ScheduledRun,
    plan: Plan,
    parts: Mapping[str, ScheduledRun],
    run: ScheduledRun,
    task: str | None,
    ends: str,
) -> tuple[dict[str, str], dict[str, str]]:
    """With what the keys of some items begin, and the runs of items that are run again themselves."""
    keys: dict[str, str] = {}
    again: dict[str, str] = {}
    for index, letter in enumerate(ends):
        name = part_of_item(index)
        if letter != TO_COME:
            continue
        if name in plan.again.keys:
            keys[name] = plan.again.keys[name]
        part = parts.get(name)
        if part is not None and _is_run_again(part, task):
            again[name] = part.meta.name
        elif task is not None and part is None:
            # Nobody knows any more what it has done and undone.
            keys[name] = run.meta.uid
    return keys, again


def _results_of_items(plan: Plan, recorded: ItemsStatus, ends: str) -> tuple[dict[str, Any] | None, bool]:
    """What the items that are kept gave back, for what collects it; and whether nobody has that any more."""
    known = plan.handler.for_each.collect if plan.handler.for_each is not None else None
    if recorded.results_omitted or (known is None and REUSED in ends):
        return None, True
    results = recorded.results if isinstance(recorded.results, dict) else {}
    kept = {index: value for index, value in results.items() if index.isdecimal() and int(index) < len(ends)}
    return {index: value for index, value in kept.items() if ends[int(index)] == REUSED} or None, False


# --- batches ---------------------------------------------------------------------------------------------------------


def _kept_batches(source: ScheduledRun, plan: Plan, run: ScheduledRun, *, anew: bool) -> Kept:
    status, own = source.status.batch, run.spec.cursor
    # Of one that has gone on where another ended, all of it is what that one did, too.
    first = own if own is not None else plan.again.cursor if plan.again.first else plan.cursor
    if anew or status is None:
        cursor = first
        begins = BatchStatus(done=False, cursor=cursor)
        return Kept(beside=_begins(source, cursor), status={"batch": begins, "progress": Progress().shown})
    cursor = own if own is not None else status.cursor
    begins = BatchStatus(
        batches=status.batches,
        partial=status.partial,
        # Canceled, it may have done its last one all the same.
        done=own is None and bool(status.done),
        cursor=cursor,
        processed_count=status.processed_count,
        error_count=status.error_count,
        total=status.total,
        first_kept=status.batches + 1,
    )
    found: dict[str, Any] = {"first": status.batches}
    if first is not None:
        found["cursor"] = first
    if own is None:
        found["key"] = begin_of_key(source, plan, part_of_batch(status.batches + 1))
    progress = Progress(batches=status.batches, processed=status.processed_count, total=status.total).shown
    return Kept({"rerun": found}, _begins(source, cursor), {"batch": begins, "progress": progress})


def _begins(source: ScheduledRun, cursor: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"continues": source.meta.name}
    return found if cursor is None else {**found, "cursor": cursor}
