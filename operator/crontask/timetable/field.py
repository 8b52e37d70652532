"""One field of a cron expression: from its text to the values that it stands for, or to a refusal.

Role: the grammar of items, the same for every field: `*`, `?`, `*/n`, `a`, `a/n`, `a-b`, `a-b/n`, in lists. A bound is
a number, with or without leading zeros, or a name of three letters or in full; a range may go over the end of its
field. Of the day of month also `L`, `L-3`, `15W`, `LW`, `28-L`; of the day of week also `mon#2`, `L5`.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import chain
from typing import NamedTuple

from crontask.timetable.expression import LAST, RelativeDay

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


class CronError(ValueError):
    """An expression that is refused. `message`: what is wrong; `fix`: what to write instead."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}: {fix}")
        self.message = message
        self.fix = fix


class Field(NamedTuple):
    """A field: the values `low`..`high`, and `top`, the highest number that may be written (7 is Sunday too).

    `unit`: of a duration that is as long as one value, where there is one. `restart`: when a step begins anew.
    """

    name: str
    low: int
    high: int
    top: int
    names: dict[str, int]
    allowed: str
    unit: str
    restart: str

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.high - self.low + 1


class Values(NamedTuple):
    """What a field stands for. `restricted`: no item of it is `*`, `?` or `*/1` (as Kubernetes reads day fields)."""

    numbers: tuple[int, ...]
    relative: tuple[RelativeDay, ...]
    nth: tuple[tuple[int, int], ...]
    restricted: bool


def _names(full: tuple[str, ...], first: int) -> dict[str, int]:
    return {name: number for number, each in enumerate(full, first) for name in (each[:3], each)}


FIELDS = (
    Field("minute", 0, 59, 59, {}, "0-59", "m", "each hour"),
    Field("hour", 0, 23, 23, {}, "0-23", "h", "each day"),
    Field(
        "day of month",
        1,
        31,
        31,
        {},
        "1-31, L (the last day), L-3 (three days before it), 15W (its nearest weekday)",
        "d",
        "each month",
    ),
    Field("month", 1, 12, 12, _names(_MONTHS, 1), "1-12 or jan-dec", "", "each year"),
    Field(
        "day of week",
        0,
        6,
        7,
        _names(_WEEKDAYS, 0),
        "0-7 or sun-sat, mon#2 (the second), L5 (the last Friday)",
        "d",
        "each week",
    ),
)
MINUTE, HOUR, DAY, MONTH, WEEKDAY = range(5)
_SPAN = re.compile(r"(?:(?P<any>[*?])|(?P<first>\w+)(?:-(?P<last>\w+))?)(?P<stepped>/(?P<step>.*))?", re.ASCII)
_RELATIVE = re.compile(r"(?:l(?:-(?P<before>\d+))?|(?P<day>\d+))(?P<weekday>w)?", re.ASCII)
_NTH = re.compile(r"(\w+)(?:-(\w+))?#(\d+)", re.ASCII)
_LAST_WEEKDAY = re.compile(r"l(\w+)", re.ASCII)
_LAST_REVERSED = re.compile(r"(\w+?)#?l", re.ASCII)
_MISPLACED_W = re.compile(r"(^|[\dl-])w(?![a-z])|w\d", re.ASCII)
_RANDOM = re.compile(r"r(\(.*\))?(/.*)?", re.ASCII)
_FURTHEST_BEFORE, _MOST_NTH = 30, 5
_LONGEST_INTERVAL_DAYS = 3660
_DAYS = {"m": 1440, "h": 24, "d": 1}


def read_field(index: int, text: str) -> Values:
    """What a field of an expression stands for; `text` is in lower case, without `H`. Raises CronError."""
    numbers: set[int] = set()
    relative: set[RelativeDay] = set()
    nth: set[tuple[int, int]] = set()
    restricted = True
    for item in text.split(","):
        if index == DAY and (day := _relative_day(item)) is not None:
            relative.add(day)
        elif index == WEEKDAY and (pairs := _nth_weekdays(item)) is not None:
            nth.update(pairs)
        else:
            span = _read_span(index, item)
            restricted = restricted and (span.first is not None or span.step > 1)
            numbers.update(_walk(FIELDS[index], span))
    return Values(tuple(sorted(numbers)), tuple(sorted(relative)), tuple(sorted(nth)), restricted)


def read_step(index: int, text: str, item: str) -> int:
    """A step: from 1, and no longer than the field, which begins anew before a longer one is over."""
    field = FIELDS[index]
    step = _digits(text)
    if not step:
        raise refuse_item(index, item, "a step must be a number from 1")
    if step > field.size:
        days = step / _DAYS[field.unit] if field.unit else _LONGEST_INTERVAL_DAYS
        fix = f"write interval: {step}{field.unit} instead of schedule" if days < _LONGEST_INTERVAL_DAYS else ""
        why = f"a step of {text} is longer than the field, which begins anew {field.restart}"
        raise refuse_item(index, item, why, fix)
    return step


def read_number(index: int, text: str, item: str) -> int:
    """A number or a name of a field. Raises CronError."""
    field = FIELDS[index]
    number = field.names.get(text, _digits(text))
    if number is None:
        raise refuse_item(index, item, *_about_unread(index, item, text))
    if not field.low <= number <= field.top:
        raise refuse_item(index, item, f"{text} is not in {field.low}-{field.top}")
    return number


def refuse_item(index: int, item: str, why: str, fix: str = "") -> CronError:
    """A refusal that names the field and the item."""
    field = FIELDS[index]
    steps = ", lists a,b, ranges a-b, steps */n or a-b/n, or *"
    return CronError(f"{field.name} {item!r}: {why}", fix or f"write {field.allowed}{steps}")


class _Span(NamedTuple):
    """A walk through a field by steps. `first` None: all of it; `last` None: from `first` on, if it is stepped."""

    first: int | None
    last: int | None
    step: int
    stepped: bool


def _read_span(index: int, item: str) -> _Span:
    if not item:
        raise refuse_item(index, item, "an empty item in its list")
    if _RANDOM.fullmatch(item):
        raise refuse_item(
            index, item, "R would be another time at each restart", "write H: a time that stays the task's own"
        )
    match = _SPAN.fullmatch(item)
    if match is None or (match["any"] == "?" and match["stepped"]):
        raise refuse_item(index, item, *_about_unread(index, item))
    first = None if match["any"] else read_number(index, match["first"], item)
    last = None
    if match["last"]:
        # The days that a month lacks never come.
        to_the_last = index == DAY and match["last"] == "l"
        last = FIELDS[DAY].high if to_the_last else read_number(index, match["last"], item)
    step = read_step(index, match["step"], item) if match["stepped"] else 1
    return _Span(first, last, step, bool(match["stepped"]))


def _walk(field: Field, span: _Span) -> Iterator[int]:
    """The values of a span, which goes over the end of the field where it ends before it begins."""
    if span.first is None:
        return iter(range(field.low, field.high + 1, span.step))
    first, last = span.first, span.last
    if last is None:
        last = max(first, field.high) if span.stepped else first
    if first > field.high and first != last:
        # Sunday as 7, with days after it.
        first = field.low
    rows = (range(first, last + 1),) if first <= last else (range(first, field.high + 1), range(field.low, last + 1))
    each = [number if number <= field.high else field.low for number in chain(*rows)]
    return iter(each[:: span.step])


def _relative_day(item: str) -> RelativeDay | None:
    """`L`, `L-3`, `15W`, `LW`, `L-3W`; None if it is none of them."""
    match = _RELATIVE.fullmatch(item)
    if match is None or (match["day"] and not match["weekday"]):
        return None
    if match["day"]:
        return RelativeDay(read_number(DAY, match["day"], item), True)
    before = _digits(match["before"] or "0")
    if before is None or before > _FURTHEST_BEFORE:
        raise refuse_item(DAY, item, f"{match['before']} is not in 0-{_FURTHEST_BEFORE}")
    return RelativeDay(-before, bool(match["weekday"]))


def _nth_weekdays(item: str) -> list[tuple[int, int]] | None:
    """The (weekday, n) of `mon#2`, `mon-fri#1` and `L5`; None if it is none of them."""
    if last := _LAST_WEEKDAY.fullmatch(item):
        return [(read_number(WEEKDAY, last[1], item) % 7, LAST)]
    match = _NTH.fullmatch(item)
    if match is None:
        return None
    n = _digits(match[3])
    if n is None or not 1 <= n <= _MOST_NTH:
        raise refuse_item(WEEKDAY, item, f"{match[3]} is not in 1-{_MOST_NTH}")
    first = read_number(WEEKDAY, match[1], item)
    span = _Span(first, read_number(WEEKDAY, match[2], item) if match[2] else first, 1, False)
    return [(day, n) for day in _walk(FIELDS[WEEKDAY], span)]


def _digits(text: str) -> int | None:
    """A number in ASCII digits, None if it is not; of a very long one, a number that is out of any range too."""
    if not (text.isascii() and text.isdecimal()):
        return None
    return int((text.lstrip("0") or "0")[:9])


def _about_unread(index: int, item: str, name: str = "") -> tuple[str, str]:
    """What is wrong with an item, or a name in it, and what to write instead ("" for all that the field takes)."""
    known = FIELDS[index].names
    for field in FIELDS:
        if name in field.names:
            return f"{name} belongs in the field {field.name}", ""
    reversed_ = _LAST_REVERSED.fullmatch(item)
    if index == WEEKDAY and reversed_:
        day = known.get(reversed_[1], _digits(reversed_[1]))
        if day is not None and day <= FIELDS[WEEKDAY].top:
            last = f"write L{day % 7} (the last {_WEEKDAYS[day % 7].title()})"
            return "the last weekday is written the other way round", last
    if index == WEEKDAY and item == "l":
        return "L needs a weekday", "write L5 (the last Friday), or L as the day of month for the last day"
    if index in (DAY, WEEKDAY) and _MISPLACED_W.search(item):
        return "W stands after one day of month, without a range or a step", "write 15W or LW as the day of month"
    if index == DAY and "l" in item:
        return "L is the last day, L-3 three days before it, and 28-L a range; no other form holds an L", ""
    near = [each for each in known if len(each) > 3 and each.startswith(name[:3])] if len(name) > 2 else []
    near = near or get_close_matches(name, [each for each in known if len(each) > 3], n=1, cutoff=0.7)
    return "it cannot be read", f"write {near[0][:3]}" if near else ""
