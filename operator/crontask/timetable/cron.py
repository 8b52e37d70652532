"""Cron text to `CronExpression`; whatever it refuses, it says what to write instead.

Role: the only file that imports croniter, and only to read one field at a time. croniter's own stepping is not used:
it fires twice in a repeated hour, misses times in a 30-minute change, and takes `*/2` for unrestricted where the
other day field lists every day. What it reads differently from Kubernetes is rewritten before it sees it: macros,
`H`, `5-5` (to croniter: every value), `22-4/3`, `?`; and whether a day field is a restriction is read from the text.
Callers: validation, and whoever makes a `CronTimetable`.
"""

import hashlib
import re
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

from croniter import CroniterError, croniter

from crontask.timetable.expression import LAST, CronExpression, Days

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: dict[str, int]
    allowed: str


_FIELDS = (
    _Field("minute", 0, 59, {}, "0-59"),
    _Field("hour", 0, 23, {}, "0-23"),
    _Field("day of month", 1, 31, {}, "1-31 or L (the last day)"),
    _Field("month", 1, 12, {name: i for i, name in enumerate(_MONTHS, 1)}, "1-12 or jan-dec"),
    _Field(
        "day of week",
        0,
        6,
        {name: i for i, name in enumerate(_WEEKDAYS)},
        "0-7 or sun-sat, mon#2 (the second), L5 (the last Friday)",
    ),
)
_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY = range(5)
_FORM = "five fields: minute hour day-of-month month day-of-week, e.g. 0 3 * * mon-fri"
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_ZONE_PREFIX = re.compile(r"(?:CRON_)?TZ=(\S*)\s*(.*)", re.IGNORECASE | re.DOTALL)
_HASH = re.compile(r"h(?:\((\d{1,4})-(\d{1,4})\))?(?:/(\d{1,4}))?", re.ASCII)
_RANGE = re.compile(r"(\w+)-(\w+)(?:/(\d+))?", re.ASCII)
_RANDOM = re.compile(r"r(\(.*\))?(/.*)?", re.ASCII)
_NEAREST_WEEKDAY = re.compile(r"(\d+|l)w|w\d+", re.ASCII)
_LAST_WEEKDAY_REVERSED = re.compile(r"([0-7]|sun|mon|tue|wed|thu|fri|sat)l", re.ASCII)
_NTH = re.compile(r".*#.*|l\d+", re.ASCII)


class CronError(ValueError):
    """An expression that is refused. `message`: what is wrong; `fix`: what to write instead."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}: {fix}")
        self.message = message
        self.fix = fix


def parse_cron(text: str, seed: str = "") -> CronExpression:
    """Parse an expression of five fields or a macro; `H` stands for a value hashed from `seed` ("namespace/name").

    Equal expressions give one shared object, whatever the seed, unless they hold an `H`. Raises CronError.
    """
    fields = _split(text.strip())
    return _parse(tuple(_replace_hashes(index, field, seed) for index, field in enumerate(fields)))


def _split(text: str) -> list[str]:
    """The five fields in lower case, macros replaced. Raises CronError if there are more or fewer."""
    if not text:
        raise CronError("the expression is empty", f"write {_FORM}")
    prefix = _ZONE_PREFIX.match(text)
    if prefix:
        raise CronError("a time zone cannot stand in the expression", _zone_fix(prefix[1], prefix[2]))
    if text.startswith("@"):
        return _macro(text).split()
    fields = text.lower().split()
    if len(fields) < 5:
        raise CronError(f"{len(fields)} field{'s' if len(fields) > 1 else ''} instead of five", f"write {_FORM}")
    if len(fields) > 5:
        raise CronError(f"{len(fields)} fields instead of five", _seconds_fix(fields))
    return fields


def _zone_fix(zone: str, rest: str) -> str:
    return f"write timeZone: {zone or 'Europe/Berlin'} beside schedule: {rest or '0 3 * * *'!r}"


def _seconds_fix(fields: list[str]) -> str:
    step = re.fullmatch(r"\*/(\d+)", fields[0])
    if step and set(fields[1:]) <= {"*", "?"}:
        return f"there is no field for seconds or years; write interval: {step[1]}s instead of schedule"
    return f"there is no field for seconds or years; for seconds use interval, e.g. interval: 10s, else write {_FORM}"


def _macro(text: str) -> str:
    name, _, rest = text.lower().partition(" ")
    if name in _MACROS and not rest:
        return _MACROS[name]
    if name == "@every":
        raise CronError(
            "@every is not a cron expression", f"write interval: {rest.strip() or '5m'} instead of schedule"
        )
    if name == "@reboot":
        raise CronError(
            "@reboot has no meaning here: nothing boots",
            "leave schedule out, and create a ScheduledRun when it should run",
        )
    near = get_close_matches(name, _MACROS, n=1)
    raise CronError(f"{text!r} is not known", f"write {near[0] if near else ' '.join(_MACROS)}, or {_FORM}")


def _replace_hashes(index: int, field: str, seed: str) -> str:
    if "h" not in field:
        return field
    items = field.split(",")
    return ",".join(_replace_hash(index, item, f"{seed}\0{index}\0{at}") for at, item in enumerate(items))


def _replace_hash(index: int, item: str, key: str) -> str:
    """`H`, `H(a-b)`, `H/n`, `H(a-b)/n` as a plain item; another one as it is.

    croniter's hash is not used: a crc32 shifted by one bit a field, so that hour and minute depend on each other, and
    nothing promises that it stays. A stepped H begins within the first step.
    """
    match = _HASH.fullmatch(item)
    if not match:
        return item
    field = _FIELDS[index]
    low, high = (int(match[1]), int(match[2])) if match[1] else (field.low, field.high)
    if not field.low <= low <= high <= field.high:
        raise _bad_field(index, item, "its range is not one")
    if not match[3]:
        # A bare H as the day of month must come in each month.
        return str(low + _hash(key, (28 if index == _DAY and not match[1] else high) - low + 1))
    step = int(match[3])
    if not step:
        raise _bad_field(index, item, "a step of 0")
    return f"{low + _hash(key, min(step, high - low + 1))}-{high}/{step}"


def _hash(key: str, size: int) -> int:
    """A number in [0, size), the same in every process and version: tasks keep their times."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % size


@lru_cache(maxsize=4096)
def _parse(fields: tuple[str, ...]) -> CronExpression:
    sets = [_values(index, field) for index, field in enumerate(fields)]
    numbers = [tuple(sorted(value for value in values if isinstance(value, int))) for values, _ in sets]
    nth = sets[_WEEKDAY][1]
    days = Days(
        months=_mask(numbers[_MONTH]),
        days=_mask(numbers[_DAY]),
        last_day="l" in sets[_DAY][0],
        weekdays=0 if nth else _mask(numbers[_WEEKDAY]),
        nth=nth,
        either=_restricts(fields[_DAY]) and _restricts(fields[_WEEKDAY]),
    )
    _require_a_day(days, fields)
    real_time = fields[_HOUR].startswith(("*", "?"))
    return CronExpression(" ".join(fields), numbers[_MINUTE], numbers[_HOUR], days, real_time)


def _mask(values: tuple[int, ...]) -> int:
    return sum(1 << value for value in set(values))


def _restricts(field: str) -> bool:
    """Whether a day field is a restriction, as Kubernetes reads it: `*/2` is one, `*`, `?`, `*/1` and `*,5` are not."""
    return not {"*", "?", "*/1"} & set(field.split(","))


def _require_a_day(days: Days, fields: tuple[str, ...]) -> None:
    # 2000-2047 holds every kind of year; only a fifth weekday of February needs more than 8 of them.
    if not any(days.of_month(year, month) for year in range(2000, 2048) for month in range(1, 13)):
        raise CronError(
            f"the day never comes: day of month {fields[_DAY]!r} in month {fields[_MONTH]!r}"
            + (f" on day of week {fields[_WEEKDAY]!r}" if _restricts(fields[_WEEKDAY]) else ""),
            "write a day that the month has, or L for its last day",
        )


def _values(index: int, field: str) -> tuple[set[int | str], tuple[tuple[int, int], ...]]:
    """The values of one field ("l" for the last day) and its (weekday, n) pairs. Raises CronError."""
    plain = "*" if field == "?" else ",".join(_plain_item(index, item) for item in field.split(","))
    if index == _WEEKDAY and len({bool(_NTH.fullmatch(item)) for item in plain.split(",")}) > 1:
        raise _bad_field(
            index, field, "# and L cannot stand in a list with plain days", "write two tasks, or schedules"
        )
    row = ["*"] * 5
    row[index] = plain
    try:
        expanded, nth = croniter.expand(" ".join(row))
    except (CroniterError, KeyError, IndexError, TypeError) as error:
        raise _bad_field(index, field, _why_unread(index, field)) from error
    values = set(expanded[index])
    if "*" in values:
        values |= set(range(_FIELDS[index].low, _FIELDS[index].high + 1))
    pairs = {(int(day), LAST if n == "l" else int(n)) for day, numbers in nth.items() for n in numbers}
    return values - {"*"}, tuple(sorted(pairs))


def _plain_item(index: int, item: str) -> str:
    """One item of a list in a form that croniter reads as Kubernetes does. Raises CronError for what we do not take."""
    if not item:
        raise _bad_field(index, item, "an empty item in its list")
    if _RANDOM.fullmatch(item):
        raise _bad_field(
            index, item, "R would be another time at each restart", "write H: a time that stays the task's own"
        )
    if index == _DAY and _NEAREST_WEEKDAY.fullmatch(item):
        raise _bad_field(
            index, item, "W (the nearest weekday) is not supported", "write a day, 1-31, or a weekday, e.g. mon#1"
        )
    if index == _WEEKDAY and _LAST_WEEKDAY_REVERSED.fullmatch(item):
        day = _FIELDS[index].names.get(item[:-1], item[:-1])
        raise _bad_field(index, item, "the last weekday is written the other way round", f"write L{day}")
    match = _RANGE.fullmatch(item)
    return _plain_range(index, match[1], match[2], int(match[3] or 1), item) if match else item


def _plain_range(index: int, first: str, last: str, step: int, item: str) -> str:
    """`5-5` as `5`, and a range over the end of the field (`22-4/3`) as the list of its values; others as they are."""
    field = _FIELDS[index]
    low, high = _number(field, first), _number(field, last)
    if low is None or high is None or not step:
        return item
    if low == high:
        return first
    top = 7 if index == _WEEKDAY and 7 in (low, high) else field.high
    if low < high or not (field.low <= high and low <= top):
        return item
    wrapped = [*range(low, top + 1), *range(field.low, high + 1)]
    if top == 7 and low == 7:
        wrapped = list(range(field.low, high + 1))
    return ",".join(str(value) for value in wrapped[::step])


def _number(field: _Field, text: str) -> int | None:
    if text.isdecimal() and len(text) <= 4:
        return int(text)
    return field.names.get(text)


def _why_unread(index: int, field: str) -> str:
    """What is wrong with a field that croniter refuses; its own words name neither the field nor the value."""
    known = _FIELDS[index]
    top = 7 if index == _WEEKDAY else known.high
    for bound in re.findall(r"(?<![\d/#])\d+", field):
        if not known.low <= int(bound[:9]) <= top:
            return f"{bound} is not in {known.low}-{top}"
    if re.search(r"/0*(?!\d)", field):
        return "a step must be a number from 1"
    return "it cannot be read"


def _bad_field(index: int, item: str, why: str, fix: str = "") -> CronError:
    field = _FIELDS[index]
    steps = ", lists a,b, ranges a-b, steps */n or a-b/n, or *"
    return CronError(f"{field.name} {item!r}: {why}", fix or f"write {field.allowed}{steps}")
