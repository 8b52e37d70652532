"""The policy of a fan-out: which items have ended, which may start now, and what comes when all have."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from crontask.api.base import cut
from crontask.api.composite_status import Halt, ItemsStatus, StepPhase, StepStatus
from crontask.api.names import PART_OF_COLLECT
from crontask.api.phases import SUCCESSES, RunPhase
from crontask.api.reference import MissingError
from crontask.decide.composite.ending import COMPLETED
from crontask.decide.composite.fan_out import FanOut, shown_letters
from crontask.decide.composite.halt import (
    at_most_once,
    canceled,
    out_of_time,
    to_cancel,
    while_ending,
    while_paused,
    why_ending,
)
from crontask.decide.composite.letters import BADLY, NOT_REACHED, PARTIAL, RUNS, TO_COME
from crontask.decide.composite.model import CompositeDecision, CompositeEnd, CompositeView, StepState, WantedPart
from crontask.decide.composite.plan_items import ItemsError
from crontask.decide.composite.step_state import LONGEST_MESSAGE
from crontask.decide.composite.times import deadline
from crontask.decide.composite.values import Values
from crontask.decide.composite.waiting import waits_for

ITEMS_INVALID, ITEMS_FAILED, COLLECT_FAILED = "ItemsInvalid", "ItemsFailed", "CollectFailed"
_PERCENT = "%"
# What failed, as JSON: beside the results there is room for so much in the args of what collects.
_LONGEST_FAILED = 24 * 1024


def decide_items(view: CompositeView, now: datetime) -> CompositeDecision:
    """What should be so now of a fan-out that has started: first the items, then what collects, and the end."""
    fan = FanOut(view, now)
    if isinstance(fan.items, ItemsError):
        end = CompositeEnd(RunPhase.FAILED, ITEMS_INVALID, cut(fan.items.message, LONGEST_MESSAGE))
        return CompositeDecision(end.phase, end.message, "0/0", end=end)
    under_way = RUNS in fan.letters
    halt = fan.status.halt
    if halt is None or halt.reason == ITEMS_FAILED:
        # What ends by itself after too many failures, or collects, can still be canceled.
        halt = canceled(fan.run) or halt
    if halt is None and (under_way or TO_COME in fan.letters):
        halt = _too_many_failed(fan) or out_of_time(view, now)
        if halt is None:
            return _going_on(fan)
    collecting = fan.collect if fan.collect is not None and fan.collect.open else None
    if halt is not None and (under_way or (collecting is not None and halt.reason != ITEMS_FAILED)):
        return _halting(fan, halt, collecting)
    return _at_the_end(fan, halt)


def most_failed(asked: int | str, total: int) -> int:
    """How many may fail: per cent are of all, rounded down."""
    if isinstance(asked, int):
        return asked
    return total * int(asked.rstrip(_PERCENT)) // 100


# --- the items -------------------------------------------------------------------------------------------------------


def _too_many_failed(fan: FanOut) -> Halt | None:
    """Nothing new starts once too many have failed, unless all run whatever happens."""
    failed = sum(map(fan.letters.count, BADLY))
    if fan.for_each.failure_policy == "Continue" or failed <= most_failed(fan.for_each.max_failed, len(fan.letters)):
        return None
    return Halt(phase=RunPhase.FAILED, reason=ITEMS_FAILED, message=_how_many_failed(fan))


def _how_many_failed(fan: FanOut) -> str:
    failed, total, most = sum(map(fan.letters.count, BADLY)), len(fan.letters), fan.for_each.max_failed
    first = min(fan.failed_items(), key=lambda item: item.index, default=None)
    why = f"; item {first.index}: {first.message}" if first is not None and first.message else ""
    return cut(f"{failed} of {total} items failed, and maxFailed is {most}{why}", LONGEST_MESSAGE)


def _going_on(fan: FanOut) -> CompositeDecision:
    """Some have not ended: as many as may start do, in order."""
    room = fan.for_each.parallelism - fan.letters.count(RUNS)
    paused = fan.view.suspended
    wanted: list[WantedPart] = []
    letters = list(fan.letters)
    for index in (index for index, letter in enumerate(fan.letters) if letter == TO_COME):
        if len(wanted) >= room or paused:
            break
        part = fan.wanted(index)
        wanted.append(part)
        if at_most_once(fan.view, part, fan.now):
            # The status says so before it is begun.
            letters[index] = RUNS
    limit = deadline(fan.view, fan.now)
    message = while_paused(fan.run) if paused else _while_going_on(fan, starts=bool(wanted))
    decision = _decision(fan, RunPhase.RUNNING, message, "".join(letters))
    return replace(
        decision,
        wanted=tuple(wanted),
        record_first=decision.record_first or letters != list(fan.letters),
        wake_at=limit.at if limit is not None else None,
    )


def _while_going_on(fan: FanOut, *, starts: bool) -> str | None:
    """What there is to say of its list, and what it waits for, where nothing of it goes on. `starts`: an item does."""
    running = ((f"item {index}", fan.part(index)) for index, letter in enumerate(fan.letters) if letter == RUNS)
    return "; ".join(filter(None, (fan.plan.again.note, waits_for(running) if not starts else None))) or None


def _halting(fan: FanOut, halt: Halt, collecting: StepState | None) -> CompositeDecision:
    """Nothing new starts; what runs ends by itself, or is ended."""
    running = [fan.part(index) for index, letter in enumerate(fan.letters) if letter == RUNS]
    ends = halt.reason != ITEMS_FAILED or fan.for_each.failure_policy == "FailFast"
    count = len(running) + (collecting is not None)
    message = f"{why_ending(halt)}; waits for the end of {count} {'run' if count == 1 else 'runs'}"
    decision = _decision(fan, while_ending(halt), message, fan.letters, halt)
    parts = [*running, collecting.part if collecting is not None else None]
    return replace(decision, cancels=to_cancel(fan.run, parts) if ends else ())


# --- the end ---------------------------------------------------------------------------------------------------------


def _at_the_end(fan: FanOut, halt: Halt | None) -> CompositeDecision:
    """What collects the totals; then the end."""
    letters = fan.letters.replace(TO_COME, NOT_REACHED)
    shown = shown_letters(fan, letters)
    end = _end_of_items(fan, shown, halt)
    if fan.for_each.collect is None or (halt is not None and halt.reason != ITEMS_FAILED):
        return replace(_decision(fan, end.phase, end.message, letters, halt), end=end)
    state = fan.collect
    if state is None or state.open:
        return _collecting(fan, letters, shown, halt, end, state)
    decision = _decision(fan, end.phase, end.message, letters, halt)
    if not state.done:
        message = cut(f"collect is {state.phase.value}: {state.message or state.reason}", LONGEST_MESSAGE)
        failed = replace(end, phase=RunPhase.FAILED, reason=COLLECT_FAILED, message=message, result=None)
        return replace(decision, phase=failed.phase, message=failed.message, end=failed)
    partly = end.phase is RunPhase.SUCCEEDED and state.phase is StepPhase.PARTIAL
    end = replace(
        end,
        phase=RunPhase.PARTIAL if partly else end.phase,
        result=state.result,
        result_truncated=state.result_truncated,
    )
    return replace(decision, phase=end.phase, end=end)


def _end_of_items(fan: FanOut, shown: ItemsStatus, halt: Halt | None) -> CompositeEnd:
    """How the run ends as far as its items say."""
    failed = shown.failed + shown.canceled
    totals = {"total": shown.total, "succeeded": shown.succeeded, "failed": failed}
    processed, errors = fan.counted("processed_count"), fan.counted("error_count")
    if halt is not None:
        phase, reason, message = RunPhase(halt.phase), halt.reason, halt.message
    elif failed > most_failed(fan.for_each.max_failed, shown.total):
        phase, reason, message = RunPhase.FAILED, ITEMS_FAILED, _how_many_failed(fan)
    else:
        partly = failed > 0 or PARTIAL in fan.letters or bool(fan.plan.again.partial)
        phase, reason = RunPhase.PARTIAL if partly else RunPhase.SUCCEEDED, COMPLETED
        message = f"{failed} of {shown.total} items failed" if failed else None
    message = "; ".join(filter(None, (message, fan.plan.again.note))) or None
    result = totals if phase in SUCCESSES else None
    return CompositeEnd(phase, reason, message, result, processed_count=processed, error_count=errors)


def _collecting(
    fan: FanOut, letters: str, shown: ItemsStatus, halt: Halt | None, end: CompositeEnd, state: StepState | None
) -> CompositeDecision:
    """What collects is begun, or runs."""
    so_far = f"{end.message}; " if end.message else ""
    decision = _decision(fan, RunPhase.RUNNING, f"{so_far}waits for collect", letters, halt)
    if state is not None:
        return decision
    values = Values(fan.run, fan.plan.args, so_far=(end.phase, end.message))
    try:
        wanted = fan.wanted_collect(_totals(shown, end), values)
    except MissingError as error:
        message = cut(f"collect: {error}", LONGEST_MESSAGE)
        failed = replace(end, phase=RunPhase.FAILED, reason=COLLECT_FAILED, message=message, result=None)
        ended = _decision(fan, failed.phase, failed.message, letters, halt)
        return replace(ended, end=failed)
    # What it is given is recorded, so that it is the same whatever becomes of the items' runs.
    run = fan.view.name_of(PART_OF_COLLECT) if at_most_once(fan.view, wanted, fan.now) else None
    phase = StepPhase.PENDING if run is None else StepPhase.RUNNING
    begun = StepStatus(name=PART_OF_COLLECT, phase=phase, run=run)
    items = shown.model_copy(update={"collect": begun})
    return replace(decision, items=items, wanted=(wanted,), record_first=True)


def _totals(shown: ItemsStatus, end: CompositeEnd) -> dict[str, Any]:
    """What collects is given."""
    failed = [item.model_dump(mode="json", by_alias=True, exclude_none=True) for item in shown.failed_items]
    if len(orjson.dumps(failed)) > _LONGEST_FAILED:
        failed = [{name: value for name, value in item.items() if name != "message"} for item in failed]
    found: dict[str, Any] = {
        "total": shown.total,
        "succeeded": shown.succeeded,
        "failed": shown.failed + shown.canceled,
        "processedCount": end.processed_count,
        "errorCount": end.error_count,
        "failedItems": failed,
    }
    if not shown.results_omitted:
        known = shown.results or {}
        found["results"] = [known.get(str(index)) for index in range(shown.total)]
    return found


def _decision(
    fan: FanOut,
    phase: RunPhase,
    message: str | None,
    letters: str,
    halt: Halt | None = None,
) -> CompositeDecision:
    shown = shown_letters(fan, letters)
    return CompositeDecision(
        phase,
        cut(message, LONGEST_MESSAGE) if message is not None else None,
        f"{shown.succeeded}/{shown.total}",
        items=shown,
        processed_count=fan.counted("processed_count"),
        error_count=fan.counted("error_count"),
        halt=halt,
        record_first=fan.status.halt != halt or fan.only_seen(),
    )
