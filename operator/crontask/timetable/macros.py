"""`@daily` and its kin, and what to write for those that other schedulers know and this one does not."""

import math
import re
from decimal import Decimal
from difflib import get_close_matches

from crontask.timetable.field import CronError

FIVE_FIELDS = "five fields: minute hour day-of-month month day-of-week, e.g. 0 3 * * mon-fri"
MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SCHEDULES_OF_OTHERS = {
    "@minutely": "* * * * *",
    "@every_minute": "* * * * *",
    "@nightly": "0 0 * * *",
    "@noon": "0 12 * * *",
    "@weekdays": "0 0 * * mon-fri",
    "@workdays": "0 0 * * mon-fri",
    "@weekends": "0 0 * * sat,sun",
    "@semimonthly": "0 0 1,15 * *",
    "@quarterly": "0 0 1 */3 *",
    "@semiannually": "0 0 1 */6 *",
}
_INTERVALS_OF_OTHERS = {
    "@secondly": "1s",
    "@every_second": "1s",
    "@fortnightly": "14d",
    "@biweekly": "14d",
}
_SECONDS: dict[str, int | Decimal] = {
    **dict.fromkeys(("w", "week", "weeks"), 604800),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **{"ms": Decimal("1e-3"), "us": Decimal("1e-6"), "µs": Decimal("1e-6"), "ns": Decimal("1e-9")},
}
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PARTS = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-zµ]+)\s*")
_AS_WRITTEN = re.compile(r"(\d{1,9}d)?(\d{1,9}h)?(\d{1,9}m)?(\d{1,9}s)?", re.ASCII)
_LONGEST_INTERVAL = 3660 * 86400
_ALIKE = 0.8


def expand_macro(text: str) -> str:
    """The five fields of a macro, whatever its case. Raises CronError for one that is not known."""
    name, _, rest = text.lower().partition(" ")
    if name in MACROS and not rest:
        return MACROS[name]
    if name == "@every":
        interval = _interval(rest) or "5m"
        raise CronError("@every is not a cron expression", f"write interval: {interval} instead of schedule")
    if name == "@reboot":
        raise CronError(
            "@reboot has no meaning here: nothing boots",
            "leave schedule out, and create a ScheduledRun when it should run",
        )
    raise CronError(f"{text!r} is not known", _meant(name))


def _meant(name: str) -> str:
    if name in _SCHEDULES_OF_OTHERS:
        return f"write schedule: {_SCHEDULES_OF_OTHERS[name]!r}"
    if name in _INTERVALS_OF_OTHERS:
        return f"write interval: {_INTERVALS_OF_OTHERS[name]} instead of schedule, with a startTime to count from"
    # Half of the adverbs of frequency end alike: one that is only mistyped begins alike too.
    near = [known for known in get_close_matches(name, MACROS, cutoff=_ALIKE) if known[:2] == name[:2]]
    return f"write {near[0] if near else ' '.join(MACROS)}, or {FIVE_FIELDS}"


def _interval(text: str) -> str | None:
    """The duration that `@every` names, as `interval` takes it: whole seconds, rounded up; None if it does not.

    What is one already stays as it is written.
    """
    parts = _PARTS.findall(text)
    if not parts or _PARTS.sub("", text.strip()) or any(unit not in _SECONDS for _, unit in parts):
        return None
    total = sum(Decimal(amount) * _SECONDS[unit] for amount, unit in parts)
    seconds = math.ceil(total)
    if not 1 <= seconds <= _LONGEST_INTERVAL:
        return None
    if _AS_WRITTEN.fullmatch(text):
        return text
    written = ""
    for unit, size in _UNITS.items():
        amount, seconds = divmod(seconds, size)
        written += f"{amount}{unit}" if amount else ""
    return written
