"""A run in batches at an instant: how far it is, by its own record and by what the parts say that ended since."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from crontask.api.composite import MOST_BATCHES, Batch
from crontask.api.composite_status import BatchStatus
from crontask.api.names import part_of_batch
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import BatchPart
from crontask.decide.attempt.reused import reuse_of, text_of
from crontask.decide.composite.composite import Composite, Failure
from crontask.decide.composite.model import PART_GONE, WantedPart
from crontask.decide.composite.reused_pod import longest_of_pod, reused_pod
from crontask.decide.composite.step_state import end_reason, gone
from crontask.decide.composite.values import Values
from crontask.decide.model import ScheduledRun

CURSOR_STUCK, INCOMPLETE, BATCH_FAILED = "CursorStuck", "BatchResultIncomplete", "BatchFailed"
# The runs of these stay; of older ones so many go at a time.
KEPT, _GO_AT_A_TIME = 10, 10
_WHAT_TO_GIVE_BACK = 'give back a JSON object with isDone, true or false, and until it is true cursor, like {"page": 2}'


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: the batches that are done and counted. `ended`: when the last one did, where that is known.

    `parts`: how many runs have done them.
    """

    batches: int = 0
    parts: int = 0
    partial: int = 0
    done: bool = False
    cursor: Any = None
    processed: int | None = None
    errors: int | None = None
    total: int | None = None
    result: Any = None
    result_truncated: bool = False
    ended: datetime | None = None

    def plus(self, part: ScheduledRun, given: BatchStatus) -> "Progress":
        """The same after one more part, and what that has done."""
        several = reuse_of(part) is not None
        if several and not given.batches:
            return replace(self, parts=self.parts + 1, ended=part.ended_at)
        return replace(
            self,
            batches=self.batches + (given.batches if several else 1),
            parts=self.parts + 1,
            partial=self.partial + (given.partial if several else part.status.phase is RunPhase.PARTIAL),
            done=bool(given.done),
            cursor=given.cursor if given.cursor is not None or given.done else self.cursor,
            processed=_sum(self.processed, given.processed_count),
            errors=_sum(self.errors, given.error_count),
            total=given.total if given.total is not None else self.total,
            result=part.status.result,
            result_truncated=bool(part.status.result_truncated),
            ended=part.ended_at,
        )

    @property
    def percent(self) -> int | None:
        """How many per cent are processed, where it is known of how many."""
        if not self.total:
            return None
        return min(100, 100 * (self.processed or 0) // self.total)

    @property
    def shown(self) -> str:
        """The same for a column."""
        if self.percent is not None:
            return f"{self.percent} %"
        return f"{self.batches} {'batch' if self.batches == 1 else 'batches'}"


@dataclass(frozen=True)
class BatchRun(Composite):
    """A composite run with batch, seen at an instant."""

    @property
    def batch(self) -> Batch:
        """What it does in batches."""
        found = self.view.plan.handler.batch
        assert found is not None, "asked of runs in batches alone"
        return found

    @cached_property
    def recorded(self) -> BatchStatus:
        """What the status says of the batches."""
        return self.status.batch or BatchStatus(cursor=self.plan.cursor)

    @cached_property
    def _followed(self) -> tuple[Progress, Failure | None]:
        """From the record on, each batch that has ended: how far they came, and why no other follows."""
        known = self.recorded
        last = self.part(known.parts_done) if known.parts_done else None
        found = Progress(
            known.batches,
            known.parts_done,
            known.partial,
            bool(known.done),
            known.cursor,
            known.processed_count,
            known.error_count,
            known.total,
            last.status.result if last is not None else None,
            bool(last.status.result_truncated) if last is not None else False,
            last.ended_at if last is not None and last.ended else None,
        )
        while not found.done and (part := self.part(found.parts + 1)) is not None and part.ended:
            given = part.status.batch or BatchStatus()
            if not part.succeeded:
                # What its pod had done before stands.
                found = found.plus(part, given) if reuse_of(part) is not None and given.batches else found
                return found, _failure_of(part, found.batches + 1)
            before, found = found.cursor, found.plus(part, given)
            if reuse_of(part) is not None and not given.batches:
                continue
            if (failure := _no_way_on(found.batches, before, given)) is not None:
                return found, failure
        return found, None

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._followed[0]

    @cached_property
    def failure(self) -> Failure | None:
        """Why no other batch follows."""
        progress, failure = self._followed
        if failure is not None or progress.done:
            return failure
        part, number = part_of_batch(progress.parts + 1), progress.batches + 1
        refusal = self.view.given_up(part)
        if refusal is not None:
            return Failure(refusal.reason, f"batch {number}: {refusal.message}")
        name = self.view.name_of(part)
        named = self.recorded.run == name and part not in self.view.parts
        if named and name not in self.view.orphaned and name not in self.view.unmade:
            return Failure(PART_GONE, f"batch {number}: {gone(name)}")
        return None

    @cached_property
    def open(self) -> tuple[ScheduledRun, ...]:
        """The parts that have not ended: one, but where somebody has removed others."""
        return tuple(part for part in self.view.parts.values() if not part.ended)

    @property
    def orphaned(self) -> bool:
        """Whether the pod of the next batch goes on, though its run is gone."""
        return self.view.name_of(part_of_batch(self.progress.parts + 1)) in self.view.orphaned

    def part(self, number: int) -> ScheduledRun | None:
        """The run of that number."""
        return self.view.parts.get(part_of_batch(number))

    def wanted(self) -> WantedPart:
        """The part that does the next batch. Raises MissingError."""
        asked, plan, number, cursor = self.batch, self.plan, self.progress.batches + 1, self.progress.cursor
        others = {"cursor": cursor, "batch": number, "size": asked.size}
        values = Values(self.run, plan.args, others=others)
        own = self.progress.parts + 1
        reuse = reused_pod(asked, self._left(number)) if asked.reuses_pods else None
        part = own if reuse is not None or own != number else None
        return WantedPart(
            part_of_batch(own),
            {"batch": BatchPart(number=number, size=asked.size, cursor=cursor, part=part, reuse=reuse)},
            asked.handler,
            self.args(asked.args, values),
            asked.retry or plan.retry,
            longest_of_pod(asked) if reuse is not None else asked.timeout,
            plan.start_timeout,
            str(number),
        )

    def _left(self, number: int) -> int:
        """How many batches may be done from that one on."""
        most = MOST_BATCHES
        if self.batch.max_batches is not None:
            most = min(most, self.plan.again.first + self.batch.max_batches)
        return max(1, most - number + 1)

    # --- the runs that have done their batch -------------------------------------------------------------------------

    @cached_property
    def first_kept(self) -> int | None:
        """The number of the first run that may be there: those before are gone, all of them counted."""
        found = self.recorded.first_kept
        for number in _oldest(self.recorded):
            if self.part(number) is not None:
                return found
            found = number + 1
        return found

    def counted_parts(self) -> Iterator[ScheduledRun]:
        """The oldest of those that the record counts, but for the last of them."""
        parts = (self.part(number) for number in _oldest(self.recorded))
        return (part for part in parts if part is not None and part.ended)


def _oldest(recorded: BatchStatus) -> range:
    """The first numbers whose runs may be there and need not be kept, as many as are looked at."""
    first = recorded.first_kept or 1
    return range(first, min(recorded.parts_done - KEPT + 1, first + _GO_AT_A_TIME))


def parts_to_look_at(recorded: BatchStatus, find: Callable[[int], ScheduledRun | None]) -> Iterator[ScheduledRun]:
    """Of the runs of so many batches those by which the next is decided: the last ones, and the oldest."""
    yield from (part for number in _oldest(recorded) if (part := find(number)) is not None)
    last = find(recorded.parts_done) if recorded.parts_done else None
    if last is not None:
        yield last
    number = recorded.parts_done + 1
    while (part := find(number)) is not None:
        yield part
        number += 1


def _failure_of(part: ScheduledRun, number: int) -> Failure:
    """Why it has failed that did a batch."""
    phase = part.status.phase.value if part.status.phase is not None else "gone"
    why = part.status.message or end_reason(part)
    return Failure(BATCH_FAILED, f"batch {number} is {phase}" + (f": {why}" if why else ""))


def _no_way_on(number: int, before: Any, given: BatchStatus) -> Failure | None:
    """Why a batch that ended well leads to no other, though it is not the last."""
    if given.done is None or given.stuck == "NoIsDone":
        return Failure(INCOMPLETE, f"batch {number} did not give back isDone; {_WHAT_TO_GIVE_BACK}")
    if given.done:
        return None
    if given.cursor is None or given.stuck == "NoCursor":
        return Failure(INCOMPLETE, f"batch {number} is not the last, and gave back no cursor; {_WHAT_TO_GIVE_BACK}")
    # One that is no longer the first of its pod may give back where that began.
    same = given.batches <= 1 and text_of(given.cursor) == text_of(before)
    if same or given.stuck == "SameCursor":
        message = (
            f"batch {number} gave back the cursor with which it began, {text_of(given.cursor)}, and is not the last"
        )
        return Failure(CURSOR_STUCK, f"{message}; give back where the next one begins, or isDone: true")
    return None


def _sum(before: int | None, more: int | None) -> int | None:
    return before if more is None else (before or 0) + more
