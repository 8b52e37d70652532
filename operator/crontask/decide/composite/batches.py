"""The policy of a run in batches: which have ended, whether another follows, and how it ends."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from crontask.api.base import cut
from crontask.api.composite import MOST_BATCHES
from crontask.api.composite_status import BatchStatus, Halt
from crontask.api.names import part_of_batch
from crontask.api.phases import RunPhase
from crontask.api.reference import MissingError
from crontask.decide.composite.batch_run import BatchRun
from crontask.decide.composite.ending import COMPLETED
from crontask.decide.composite.halt import (
    at_most_once,
    canceled,
    out_of_time,
    to_cancel,
    while_ending,
    while_paused,
    why_ending,
)
from crontask.decide.composite.model import PART_KEPT, CompositeDecision, CompositeEnd, CompositeView
from crontask.decide.composite.step_state import LONGEST_MESSAGE
from crontask.decide.composite.times import deadline
from crontask.decide.composite.values import reason_of
from crontask.decide.composite.waiting import waits_for
from crontask.decide.decisions import earliest
from crontask.decide.model import ScheduledRun

MAX_BATCHES = "MaxBatches"


def decide_batches(view: CompositeView, now: datetime) -> CompositeDecision:
    """What should be so now of a run in batches that has started."""
    found = BatchRun(view, now)
    halt = found.status.halt or canceled(found.run)
    if halt is None and found.failure is not None:
        halt = Halt(phase=RunPhase.FAILED, reason=found.failure.reason, message=_cut(found.failure.message))
    over = found.progress.done or _is_enough(found)
    if halt is None and not over:
        halt = out_of_time(view, now)
    decided = _decided(found, halt, over=over)
    gone = tuple(part for part in found.counted_parts() if _goes_at(part, now) <= now)
    later = (at for part in found.counted_parts() if (at := _goes_at(part, now)) > now)
    return replace(decided, prune=gone, wake_at=earliest(decided.wake_at, *later))


def _decided(found: BatchRun, halt: Halt | None, *, over: bool) -> CompositeDecision:
    if halt is not None and (found.open or found.orphaned):
        return _halting(found, halt)
    if halt is not None:
        return _ended(found, RunPhase(halt.phase), halt.reason, halt.message, halt)
    if found.open or found.orphaned:
        return _going_on(found)
    if over:
        return _completed(found)
    return _next(found)


def _is_enough(found: BatchRun) -> bool:
    """Whether there are to be no more; none that cannot be counted, whoever wrote the number into the status."""
    batches, most = found.progress.batches, found.batch.max_batches
    return max(batches, found.progress.parts) >= MOST_BATCHES or (
        most is not None and batches - found.plan.again.first >= most
    )


# --- while it goes on ------------------------------------------------------------------------------------------------


def _going_on(found: BatchRun) -> CompositeDecision:
    """A batch is under way, or its time has not come."""
    limit = deadline(found.view, found.now)
    number = f"batch {found.progress.batches + 1}"
    waits = None if found.orphaned else waits_for((number, part) for part in found.open)
    message = while_paused(found.run) if found.view.suspended else waits
    decision = _decision(found, RunPhase.RUNNING, message)
    return replace(decision, wake_at=limit.at if limit is not None else None)


def _next(found: BatchRun) -> CompositeDecision:
    """None is under way: the next begins, so long after the one before."""
    decision = _going_on(found)
    if found.view.suspended:
        return decision
    ended, delay = found.progress.ended, found.batch.delay
    if ended is not None and delay is not None and ended + delay > found.now:
        return replace(decision, wake_at=earliest(decision.wake_at, ended + delay))
    try:
        wanted = found.wanted()
    except MissingError as error:
        message = _cut(f"batch {found.progress.batches + 1}: {error}")
        return _ended(found, RunPhase.FAILED, reason_of(error), message)
    if not at_most_once(found.view, wanted, found.now):
        return replace(decision, wanted=(wanted,))
    # The status names it before it is begun.
    return replace(_decision(found, RunPhase.RUNNING, None, named=True), wanted=(wanted,), record_first=True)


def _halting(found: BatchRun, halt: Halt) -> CompositeDecision:
    """No other begins; the one that runs is ended, unless others of the run were at fault."""
    count = len(found.open) or 1
    message = f"{why_ending(halt)}; waits for the end of {count} {'run' if count == 1 else 'runs'}"
    decision = _decision(found, while_ending(halt), message, halt)
    return replace(decision, cancels=to_cancel(found.run, found.open) if halt.phase != "Failed" else ())


# --- the end ---------------------------------------------------------------------------------------------------------


def _completed(found: BatchRun) -> CompositeDecision:
    """The last batch is done, or there are to be no more of them in this run."""
    progress = found.progress
    if not progress.done:
        most = found.batch.max_batches or MOST_BATCHES
        message = f"maxBatches, {most}, is reached, and it is not done; {_how_to_go_on(found)}"
        return _ended(found, RunPhase.PARTIAL, MAX_BATCHES, _cut(message))
    if not progress.partial:
        return _ended(found, RunPhase.SUCCEEDED, COMPLETED, None)
    message = f"{progress.partial} of {progress.batches} batches were partial"
    return _ended(found, RunPhase.PARTIAL, COMPLETED, message)


def _how_to_go_on(found: BatchRun) -> str:
    if found.batch.continue_from == "LastRun":
        return "the next run of the task continues"
    cursor = orjson.dumps(found.progress.cursor).decode()
    return f"to continue, create a run with spec.cursor: {cursor}"


def _ended(
    found: BatchRun, phase: RunPhase, reason: str, message: str | None, halt: Halt | None = None
) -> CompositeDecision:
    progress = found.progress
    well = phase in (RunPhase.SUCCEEDED, RunPhase.PARTIAL)
    end = CompositeEnd(
        phase,
        reason,
        message,
        _result(found) if well else None,
        well and progress.result_truncated,
        progress.processed,
        progress.errors,
    )
    return replace(_decision(found, phase, message, halt), end=end)


def _result(found: BatchRun) -> Any:
    """That of the last batch, or the totals."""
    progress = found.progress
    if progress.result is not None or progress.result_truncated:
        return progress.result
    return {
        "batches": progress.batches,
        "processedCount": progress.processed,
        "errorCount": progress.errors,
    }


# --- what the status says, and what need not be there any more -------------------------------------------------------


def _decision(
    found: BatchRun, phase: RunPhase, message: str | None, halt: Halt | None = None, *, named: bool = False
) -> CompositeDecision:
    progress = found.progress
    following = found.view.name_of(part_of_batch(progress.parts + 1))
    running = next((part.meta.name for part in found.open), following if named or found.orphaned else None)
    shown = BatchStatus(
        batches=progress.batches,
        parts=progress.parts if found.batch.reuses_pods else None,
        partial=progress.partial,
        done=progress.done,
        cursor=progress.cursor,
        processed_count=progress.processed,
        error_count=progress.errors,
        total=progress.total,
        percent=progress.percent,
        run=running,
        first_kept=found.first_kept,
    )
    return CompositeDecision(
        phase,
        _cut(message) if message is not None else None,
        progress.shown,
        batch=shown,
        processed_count=progress.processed,
        error_count=progress.errors,
        halt=halt,
        record_first=found.status.halt != halt,
    )


def _goes_at(part: ScheduledRun, now: datetime) -> datetime:
    """When a part that the record counts is removed."""
    return (part.recorded_at or now) + PART_KEPT


def _cut(message: str) -> str:
    return cut(message, LONGEST_MESSAGE)
