"""Which nominal times an edit changes: those that stay, those that come or go, and those that move. Pure.

A time that goes and one that comes are one that moves where each is nearest to the other, and closer than half-way to
its neighbours in either timing: 02:30 that becomes 03:00 moves; of an hourly task that becomes a daily one, 23 times a
day go.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["moves", "startMoves", "goes", "comes"]
KINDS: tuple[Kind, ...] = ("moves", "startMoves", "goes", "comes")
# Times that move by more different amounts than that are summed up in one group.
_MOST_SHIFTS = 4


@dataclass(frozen=True, slots=True)
class Due:
    """A nominal time, and when its run may start: later, with jitter."""

    nominal: datetime
    start: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a time: `old` is None of one that comes, `new` of one that goes."""

    kind: Kind
    old: Due | None
    new: Due | None

    @property
    def shift(self) -> timedelta | None:
        """By how much its start moves; None of one that comes or goes."""
        return self.new.start - self.old.start if self.old is not None and self.new is not None else None


@dataclass(frozen=True, slots=True)
class Group:
    """Changes of one kind, in the order of their times. `shift`: what all of them move by, None if they differ."""

    kind: Kind
    shift: timedelta | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many times stay as they are, and what becomes of the others."""

    stay: int
    groups: tuple[Group, ...]

    def count(self, *kinds: Kind) -> int:
        """How many changes there are of these kinds."""
        return sum(len(group.changes) for group in self.groups if group.kind in kinds)


def compare(old: Sequence[Due], new: Sequence[Due]) -> Comparison:
    """What an edit makes of the old times, both in their order and over the same stretch of time."""
    before, after = {due.nominal: due for due in old}, {due.nominal: due for due in new}
    both = [nominal for nominal in before if nominal in after]
    changes = [
        Change("startMoves", before[nominal], after[nominal])
        for nominal in both
        if before[nominal].start != after[nominal].start
    ]
    stay = len(both) - len(changes)
    gone = [due for due in old if due.nominal not in after]
    come = [due for due in new if due.nominal not in before]
    moved = dict(_moved(gone, come, list(before), list(after)))
    moved_to = set(moved.values())
    changes += [Change("moves", gone[index], come[to]) for index, to in moved.items()]
    changes += [Change("goes", due, None) for index, due in enumerate(gone) if index not in moved]
    changes += [Change("comes", None, due) for index, due in enumerate(come) if index not in moved_to]
    return Comparison(stay, tuple(_grouped(changes)))


def _moved(
    gone: Sequence[Due], come: Sequence[Due], old: Sequence[datetime], new: Sequence[datetime]
) -> Iterator[tuple[int, int]]:
    """The indices of a time that goes and of the one that it becomes."""
    going, coming = [due.nominal for due in gone], [due.nominal for due in come]
    for index, nominal in enumerate(going):
        nearest = _nearest(coming, nominal)
        if nearest is None or _nearest(going, coming[nearest]) != index:
            continue
        apart = abs(coming[nearest] - nominal)
        if 2 * apart < min(_gap(old, nominal), _gap(new, coming[nearest])):
            yield index, nearest


def _nearest(times: Sequence[datetime], instant: datetime) -> int | None:
    at = bisect_left(times, instant)
    around = [index for index in (at - 1, at) if 0 <= index < len(times)]
    return min(around, key=lambda index: abs(times[index] - instant), default=None)


def _gap(times: Sequence[datetime], nominal: datetime) -> timedelta:
    """How far the nearer neighbour is of a time of them."""
    at = bisect_left(times, nominal)
    around = [index for index in (at - 1, at + 1) if 0 <= index < len(times)]
    return min((abs(times[index] - nominal) for index in around), default=timedelta.max)


def _grouped(changes: Sequence[Change]) -> Iterator[Group]:
    for kind in KINDS:
        alike = [change for change in changes if change.kind == kind]
        shifts = dict.fromkeys(change.shift for change in alike)
        # Jitter moves each start by another amount.
        if kind == "startMoves" or len(shifts) > _MOST_SHIFTS:
            shifts = dict.fromkeys([None])
        for shift in shifts if alike else ():
            yield Group(kind, shift, tuple(change for change in alike if shift is None or change.shift == shift))
