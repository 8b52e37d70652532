"""Cron text to `CronExpression`; whatever it refuses, it says what to write instead.

Role: an expression as a whole: five fields or a macro, which local minutes and days they make together, and whether a
day ever comes.
"""

import re
from functools import lru_cache

from crontask.timetable.expression import CronExpression, Days
from crontask.timetable.field import DAY, HOUR, MINUTE, MONTH, WEEKDAY, CronError, read_field
from crontask.timetable.hashed import replace_hashes
from crontask.timetable.macros import FIVE_FIELDS, MACROS, expand_macro
from crontask.timetable.zone import zone_names

LONGEST_EXPRESSION = 256
_ZONE_PREFIX = re.compile(r"(?:CRON_)?TZ=(\S*)\s*(.*)", re.IGNORECASE | re.DOTALL)
_LONGEST_INTERVAL = 10**6


def parse_cron(text: str, seed: str = "") -> CronExpression:
    """Parse an expression of five fields or a macro; `H` stands for a value hashed from `seed` ("namespace/name").

    Equal expressions give one shared object, whatever the seed, unless they hold an `H`. Raises CronError.
    """
    fields = _split(text.strip())
    return _parse(tuple(replace_hashes(index, field, seed) for index, field in enumerate(fields)))


def _split(text: str) -> list[str]:
    """The five fields in lower case, macros replaced. Raises CronError if there are more or fewer."""
    if not text:
        raise CronError("the expression is empty", f"write {FIVE_FIELDS}")
    if len(text) > LONGEST_EXPRESSION:
        raise CronError(
            f"the expression has {len(text)} characters, over {LONGEST_EXPRESSION}",
            "write ranges and steps instead of long lists, or several schedules",
        )
    prefix = _ZONE_PREFIX.match(text)
    if prefix:
        raise CronError("a time zone cannot stand in the expression", _zone_fix(prefix[1], prefix[2]))
    if text.startswith("@"):
        return expand_macro(text).split()
    fields = text.lower().split()
    if len(fields) < 5:
        macro = f"@{fields[0]}, or " if f"@{text.lower()}" in MACROS else ""
        message = f"{len(fields)} field{'s' if len(fields) > 1 else ''} instead of five"
        raise CronError(message, f"write {macro}{FIVE_FIELDS}")
    if len(fields) > 5:
        raise CronError(f"{len(fields)} fields instead of five", _seconds_fix(fields))
    return fields


def _zone_fix(zone: str, rest: str) -> str:
    time_zone = f"timeZone: {zone}" if zone in zone_names() else "an IANA name as timeZone, e.g. Europe/Berlin,"
    return f"write {time_zone} beside schedule" + (f": {rest!r}" if _is_read(rest) else "")


def _seconds_fix(fields: list[str]) -> str:
    message = "there is no field for seconds or years; "
    step = re.fullmatch(r"\*/0*([1-9]\d*)", fields[0], re.ASCII)
    if step and set(fields[1:]) <= {"*", "?"} and int(step[1]) <= _LONGEST_INTERVAL:
        return f"{message}write interval: {step[1]}s instead of schedule"
    without = " ".join(fields[1:6])
    # In Quartz, whose expressions have six or seven fields, the numbers of weekdays are others.
    if fields[0] in ("0", "00") and _is_read(without) and not re.search(r"\d", fields[5]):
        return f"{message}write schedule: {without!r}; for seconds use interval, e.g. interval: 10s"
    return f"{message}for seconds use interval, e.g. interval: 10s, else write {FIVE_FIELDS}"


def _is_read(text: str) -> bool:
    try:
        parse_cron(text)
    except CronError:
        return False
    return True


@lru_cache(maxsize=4096)
def _parse(fields: tuple[str, ...]) -> CronExpression:
    read = [read_field(index, field) for index, field in enumerate(fields)]
    days = Days(
        months=_mask(read[MONTH].numbers),
        days=_mask(read[DAY].numbers),
        relative=read[DAY].relative,
        weekdays=_mask(read[WEEKDAY].numbers),
        nth=read[WEEKDAY].nth,
        either=read[DAY].restricted and read[WEEKDAY].restricted,
    )
    _require_a_day(days, fields, read[WEEKDAY].restricted)
    real_time = fields[HOUR].startswith(("*", "?"))
    return CronExpression(" ".join(fields), read[MINUTE].numbers, read[HOUR].numbers, days, real_time)


def _mask(numbers: tuple[int, ...]) -> int:
    return sum(1 << number for number in numbers)


def _require_a_day(days: Days, fields: tuple[str, ...], by_weekday: bool) -> None:
    # 2000-2047 holds every kind of year; only a fifth weekday of February needs more than 8 of them.
    if not any(days.of_month(year, month) for year in range(2000, 2048) for month in range(1, 13)):
        raise CronError(
            f"the day never comes: day of month {fields[DAY]!r} in month {fields[MONTH]!r}"
            + (f" on day of week {fields[WEEKDAY]!r}" if by_weekday else ""),
            "write a day that the month has, or L for its last day",
        )
