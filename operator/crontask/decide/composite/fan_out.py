"""A fan-out at an instant: its items, how each of them is, and what is known of those that have ended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from crontask.api.base import Time, cut
from crontask.api.composite import Collect, ForEach, Step
from crontask.api.composite_status import MOST_FAILED_ITEMS, FailedItem, ItemsStatus
from crontask.api.names import PART_OF_COLLECT, part_of_item
from crontask.api.reference import MissingError
from crontask.api.scheduledrun import Item
from crontask.api.written import shown
from crontask.decide.composite.composite import Composite, Failure
from crontask.decide.composite.letters import (
    BADLY,
    CANCELED,
    NOT_REACHED,
    OPEN,
    RUNS,
    TO_COME,
    WELL,
    coded,
    decoded,
    letter_of,
)
from crontask.decide.composite.model import LONGEST_CLEAN_UP, ONLY_SEEN, PART_GONE, StepState, WantedPart
from crontask.decide.composite.plan_items import ItemsError, items_of
from crontask.decide.composite.step_state import LONGEST_MESSAGE, gone, step_status
from crontask.decide.composite.values import Values, handed_over, reason_of
from crontask.decide.model import ScheduledRun

_LONGEST_ITEM = 256
# Of all items together: collect is handed them as args.
_LONGEST_RESULTS = 64 * 1024
_HASH = 8
_TIME: TypeAdapter[datetime] = TypeAdapter(Time)


@dataclass(frozen=True)
class FanOut(Composite):
    """A composite run with forEach, seen at an instant."""

    @property
    def for_each(self) -> ForEach:
        """What it does with the items."""
        found = self.view.plan.handler.for_each
        assert found is not None, "asked of fan-outs alone"
        return found

    @cached_property
    def items(self) -> tuple[Any, ...] | ItemsError:
        """The items, or why there are none."""
        return items_of(self.run, self.plan)

    @cached_property
    def known_items(self) -> tuple[Any, ...]:
        """The items; none where that is an error."""
        return self.items if isinstance(self.items, tuple) else ()

    @cached_property
    def recorded(self) -> ItemsStatus:
        """What the status says of the items."""
        return self.status.items or ItemsStatus(total=len(self.known_items))

    @cached_property
    def letters_before(self) -> str:
        """How each item is, as it is recorded."""
        return decoded(self.recorded.ends, len(self.known_items))

    @cached_property
    def failures(self) -> Mapping[int, Failure]:
        """Why items failed that have no run to say so."""
        return dict(self._failures())

    @cached_property
    def letters(self) -> str:
        """How each item is now."""
        found = list(self.letters_before)
        for index, letter in enumerate(found):
            if letter in OPEN:
                found[index] = self._letter(index, letter)
        return "".join(found)

    @cached_property
    def newly_ended(self) -> tuple[int, ...]:
        """The items that have ended, and are not recorded as such."""
        both = enumerate(zip(self.letters_before, self.letters, strict=True))
        return tuple(index for index, (before, now) in both if before in OPEN and now not in OPEN)

    def part(self, index: int) -> ScheduledRun | None:
        """The run that looks after an item."""
        return self.view.parts.get(part_of_item(index))

    def only_seen(self) -> bool:
        """Whether nothing but this process knows how an item ended."""
        seen = [self.failures[index] for index in self.newly_ended if index in self.failures]
        return any(failure.reason in ONLY_SEEN for failure in seen)

    @cached_property
    def _wanted(self) -> dict[int, WantedPart]:
        """Those that have been asked for: whether an item can have its args is found out by making them."""
        return {}

    def wanted(self, index: int) -> WantedPart:
        """The part that looks after an item. Raises MissingError."""
        if index not in self._wanted:
            self._wanted[index] = self._made(index)
        return self._wanted[index]

    def _made(self, index: int) -> WantedPart:
        asked, plan, item = self.for_each, self.plan, self.known_items[index]
        args = self.args(asked.args, self._values(index))
        part, task = part_of_item(index), asked.handler.task
        digest = sha256(orjson.dumps(item, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_HASH]
        return WantedPart(
            part,
            {"item": Item(index=index, value=item), "backfill": True if asked.scheduled_time is not None else None},
            asked.handler,
            args,
            asked.retry or plan.retry if task is None else None,
            asked.timeout,
            plan.start_timeout,
            f"{part}-{digest}",
            task,
            self._scheduled_time(index),
        )

    # --- what has become of those that have ended ---------------------------------------------------------------------

    def counted(self, name: str) -> int | None:
        """A count of the parts: as it is recorded, and of those that have ended since."""
        parts = (self.part(index) for index in self.newly_ended)
        found = [count for part in parts if part is not None and (count := getattr(part.status, name)) is not None]
        before: int | None = getattr(self.status, name)
        return (before or 0) + sum(found) if found else before

    def failed_items(self) -> tuple[FailedItem, ...]:
        """The first that failed, or were canceled: the runs of these stay, so that a rerun can go on with them."""
        known = self.recorded.failed_items
        new = [index for index in self.newly_ended if self.letters[index] in BADLY]
        found = (*known, *map(self._failed_item, new[: MOST_FAILED_ITEMS - len(known)]))
        return tuple(sorted(found, key=lambda item: item.index))

    def results(self) -> tuple[dict[str, Any] | None, bool]:
        """What the items gave back, by index, for what collects it; and whether that was too long to be kept."""
        if self.for_each.collect is None or self.recorded.results_omitted:
            return None, bool(self.recorded.results_omitted)
        recorded = self.recorded.results
        known: dict[str, Any] = dict(recorded) if isinstance(recorded, dict) else {}
        for index in self.newly_ended:
            part = self.part(index)
            if part is None or self.letters[index] not in WELL:
                continue
            if part.status.result_truncated:
                return None, True
            if part.status.result is not None:
                known[str(index)] = part.status.result
        too_long = len(orjson.dumps(known)) > _LONGEST_RESULTS
        return (None, True) if too_long else (known, False)

    # --- what comes at the end ---------------------------------------------------------------------------------------

    @cached_property
    def collect(self) -> StepState | None:
        """How it is that is given the totals; None where there is nothing of the kind, or it has not begun."""
        asked = self.for_each.collect
        if asked is None:
            return None
        return self.begun(_as_step(asked), PART_OF_COLLECT, self.recorded.collect)

    def wanted_collect(self, totals: dict[str, Any], values: Values) -> WantedPart:
        """The part that is given the totals."""
        asked, plan = self.for_each.collect, self.plan
        assert asked is not None, "only of what has one"
        return WantedPart(
            PART_OF_COLLECT,
            {"collect": True},
            asked,
            handed_over({**(values.resolved(asked.args) if asked.args is not None else {}), **totals}),
            asked.retry or plan.retry,
            asked.timeout or LONGEST_CLEAN_UP,
            plan.start_timeout,
            PART_OF_COLLECT,
        )

    # -----------------------------------------------------------------------------------------------------------------

    def _letter(self, index: int, before: str) -> str:
        part = self.part(index)
        if part is not None:
            return letter_of(part)
        if index in self.failures:
            return "F"
        return RUNS if before == RUNS and self.view.name_of(part_of_item(index)) in self.view.orphaned else TO_COME

    def _failures(self) -> Iterator[tuple[int, Failure]]:
        """Of items without a run: that is refused, or it is gone, or it cannot have its args (see handed_over).

        The last is looked at in its turn, of as many as could start.
        """
        may_start = self.for_each.parallelism if self._may_lack and self.status.halt is None else 0
        for index, letter in enumerate(self.letters_before):
            if letter not in OPEN or self.part(index) is not None:
                continue
            refusal = self.view.given_up(part_of_item(index))
            name = self.view.name_of(part_of_item(index)) if letter == RUNS else ""
            if refusal is not None:
                yield index, Failure(refusal.reason, refusal.message)
            elif name and name not in self.view.unmade:
                if name not in self.view.orphaned:
                    yield index, Failure(PART_GONE, gone(name))
            elif may_start and (missing := self._missing(index)) is not None:
                yield index, missing
            elif may_start:
                may_start -= 1

    @cached_property
    def _may_lack(self) -> bool:
        """Whether an item could have args that refer to what is not there, or are too long."""
        asked = self.for_each
        if asked.scheduled_time is not None or (asked.args is not None and b"${" in orjson.dumps(asked.args)):
            return True
        # All have the same.
        return self._missing(0) is not None

    def _missing(self, index: int) -> Failure | None:
        try:
            self.wanted(index)
        except MissingError as error:
            return Failure(reason_of(error), str(error))
        return None

    def _scheduled_time(self, index: int) -> datetime | None:
        """The nominal time that the run of an item stands for. Raises MissingError where it is none."""
        asked = self.for_each.scheduled_time
        if asked is None:
            return None
        value = self._values(index).resolved(asked)
        try:
            return _TIME.validate_python(value if isinstance(value, str) else "")
        except ValidationError:
            raise MissingError(f"{asked} is {shown(value)}, which is not a time like 2026-03-29T01:00:00Z") from None

    def _values(self, index: int) -> Values:
        return Values(self.run, self.plan.args, others={"item": self.known_items[index], "index": index})

    def _failed_item(self, index: int) -> FailedItem:
        part, failure = self.part(index), self.failures.get(index)
        message = part.status.message if part is not None else failure.message if failure is not None else None
        return FailedItem(
            index=index,
            item=cut(orjson.dumps(self.known_items[index]).decode(), _LONGEST_ITEM),
            run=part.meta.name if part is not None else None,
            message=cut(message, LONGEST_MESSAGE) if message else None,
        )


def _as_step(asked: Collect) -> Step:
    """What runs at the end, as a step: how it goes is reported as of one."""
    return Step(name=PART_OF_COLLECT, timeout=asked.timeout or timedelta(hours=1))


def shown_letters(fan: FanOut, letters: str) -> ItemsStatus:
    """What the status says of the items, given how each is."""
    results, omitted = fan.results()
    count = letters.count
    return ItemsStatus(
        total=len(letters),
        pending=count(TO_COME),
        running=count(RUNS),
        succeeded=sum(map(count, WELL)),
        failed=count("F") + count("T"),
        canceled=count(CANCELED),
        not_reached=count(NOT_REACHED) or None,
        ends=coded(letters),
        failed_items=fan.failed_items(),
        results=results or None,
        results_omitted=omitted or None,
        collect=step_status(PART_OF_COLLECT, fan.collect) if fan.collect is not None else fan.recorded.collect,
    )
