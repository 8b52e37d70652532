"""When it runs: the schedule of a CronJob or of a line of a crontab, and its zone, as the fields of a CronTask.

What kube-controller-manager does is that of robfig/cron v3, which finds each instant whose local time matches: a local
time that does not exist is left out, one that comes twice fires both times.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from crontask.api.base import format_time
from crontask.api.times import parse_time
from crontask.cli.conversion.draft import Draft, RefusedError
from crontask.timetable import CronError, ZoneError, load_zone, parse_cron
from crontask.timetable.field import FIELDS, read_field
from crontask.timetable.zone import segments

_ZONE = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)", re.DOTALL)
_EVERY = re.compile(r"@every\s+(.*)", re.DOTALL)
# A duration of Go.
_PART = re.compile(r"(\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SECONDS = {
    **{"h": Decimal(3600), "m": Decimal(60), "s": Decimal(1)},
    **{"ms": Decimal("1e-3"), "us": Decimal("1e-6"), "ns": Decimal("1e-9")},
}
_UNITS = (("h", 3600), ("m", 60), ("s", 1))
_LONGEST_INTERVAL = 3660 * 86400
_STEP = re.compile(r"(\*|\d+|\d+-\d+)/0*([1-9]\d*)", re.ASCII)
_LONGEST_STEP = 10**9
# Whether a zone has changes of the clock: those that the zone data knows of these years.
_YEARS = range(2024, 2038)
SCHEDULE = ("spec", "schedule")
_TIME_ZONE = ("spec", "timeZone")


def set_cronjob_times(
    draft: Draft, schedule: str, zone: str | None, source_zone: str | None, path: str, last: str | None
) -> None:
    """The times of a CronJob. `last`: when it last started a Job, or was made, from which `@every` counts."""
    text = schedule.strip()
    prefix = _ZONE.fullmatch(text)
    if prefix is not None and zone is not None:
        raise RefusedError(path, "has a zone of its own beside timeZone, which Kubernetes refuses", "keep one of them")
    if prefix is not None:
        zone, text = prefix[1], prefix[2].strip()
    if every := _EVERY.fullmatch(text):
        _set_interval(draft, text, every[1], path, last)
    elif _set_schedule(draft, text, path):
        _set_zone(draft, text, zone, source_zone)


def set_crontab_times(draft: Draft, schedule: str, zone: str | None, path: str) -> None:
    """The times of a line of a crontab; its zone is None where nobody said it."""
    if _days_are_both_asked_of(schedule):
        message = f"{schedule!r}: where a day field begins with *, cron wants both days to match, and crontask either"
        raise RefusedError(path, message, "write the days as one field, or two lines")
    if not _set_schedule(draft, re.sub(r"(?<![\w*])(\d+)~(\d+)", r"H(\1-\2)", schedule), path):
        return
    if zone is not None:
        _check_zone(zone, path)
        draft.spec["timeZone"] = zone
    elif _depends_on_zone(draft.spec["schedule"]):
        draft.comment(SCHEDULE, "In UTC: a crontab does not say in which zone its machine is. --source-zone does.")


def _set_interval(draft: Draft, text: str, duration: str, path: str, last: str | None) -> None:
    """robfig/cron cuts what is finer than a second, and takes less than a second as one."""
    found = list(_PART.finditer(duration))
    if not found or "".join(part[0] for part in found) != duration:
        raise RefusedError(path, f"{text!r} has no duration that Go understands", "write one like @every 1h30m")
    units = {"µs": "us", "μs": "us"}
    total = sum(Decimal(part[1]) * _SECONDS[units.get(part[2], part[2])] for part in found)
    seconds = max(1, int(total))
    if seconds > _LONGEST_INTERVAL:
        raise RefusedError(path, f"{text!r} is longer than ten years", "write a schedule")
    draft.spec["interval"] = _written(seconds)
    if last is None:
        draft.comment(("spec", "interval"), f"{text}: counted from the creation of this task.")
        return
    try:
        start = format_time(parse_time(last))
    except ValueError as error:
        raise RefusedError("status.lastScheduleTime", str(error)) from error
    draft.comment(("spec", "interval"), f"{text}: goes on in step with the CronJob.")
    draft.spec["startTime"] = start


def _written(seconds: int) -> str:
    parts = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        parts.append(f"{count}{unit}" if count else "")
    return "".join(parts)


def _set_schedule(draft: Draft, text: str, path: str) -> bool:
    """The schedule; False where it never comes, and the task is one that runs on demand."""
    if text.lower() == "@reboot":
        message = "@reboot has no equal: nothing boots"
        raise RefusedError(path, message, "start it with what needs it, or create a ScheduledRun when it should run")
    known = _without_long_steps(text)
    if known != text:
        draft.comment(SCHEDULE, f"{text!r}: a step longer than its field leaves its first value alone.")
    try:
        parse_cron(known)
    except CronError as error:
        if not _never_comes(known):
            raise RefusedError(path, error.message, error.fix) from error
        draft.comment(SCHEDULE, f"On demand: {text!r} never comes. `crontask trigger` makes a run.")
        return False
    draft.spec["schedule"] = known
    return True


def _without_long_steps(text: str) -> str:
    """`*/90` of minutes as `0`: a field begins anew before the step is over, which is refused here."""
    fields = text.split()
    if len(fields) != len(FIELDS):
        return text
    return " ".join(
        ",".join(_first_of(item, known.low, known.size) for item in field.split(","))
        for field, known in zip(fields, FIELDS, strict=True)
    )


def _first_of(item: str, low: int, size: int) -> str:
    match = _STEP.fullmatch(item)
    if match is None or len(match[2]) > len(str(_LONGEST_STEP)) or int(match[2]) <= size:
        return item
    return str(low) if match[1] == "*" else match[1].partition("-")[0]


def _never_comes(text: str) -> bool:
    """Whether each field can be read, and it is only that no month has the day."""
    fields = text.lower().split()
    if len(fields) != len(FIELDS):
        return False
    try:
        for index, field in enumerate(fields):
            read_field(index, field)
    except CronError:
        return False
    return True


def _set_zone(draft: Draft, text: str, zone: str | None, source_zone: str | None) -> None:
    path = "spec.timeZone"
    if zone is None and source_zone is None:
        if _depends_on_zone(draft.spec["schedule"]):
            draft.comment(
                SCHEDULE,
                "In UTC: without timeZone a CronJob is in the zone of kube-controller-manager, which is nearly always "
                "UTC. --source-zone says another.",
            )
        return
    name = zone or str(source_zone)
    _check_zone(name, path)
    draft.spec["timeZone"] = name
    if not parse_cron(text_of(draft), "").real_time and _changes(name):
        draft.comment(
            ("spec", "dst"),
            "As CronJob does: a local time that does not exist is left out, one that comes twice starts twice. Without "
            "this each starts once.",
        )
        draft.spec["dst"] = {"missing": "Skip", "repeated": "Both"}


def text_of(draft: Draft) -> str:
    """The schedule of a draft that has one."""
    return str(draft.spec["schedule"])


def _check_zone(name: str, path: str) -> None:
    try:
        load_zone(name)
    except ZoneError as error:
        raise RefusedError(path, error.message, error.fix) from error


def _changes(name: str) -> bool:
    """Whether the clock of a zone changes."""
    zone = load_zone(name)
    return len({each.offset for year in _YEARS for each in segments(zone, year)}) > 1


def _depends_on_zone(schedule: str) -> bool:
    """Whether it is due at other instants in another zone: more than the minute is restricted."""
    fields = list(_fields(schedule))
    return any(set(field) - set("*?") for field in fields[1:])


def _fields(schedule: str) -> Iterator[str]:
    yield from parse_cron(schedule).text.split()


def _days_are_both_asked_of(schedule: str) -> bool:
    """Whether one day field begins with * without being *, and the other is restricted: cron then wants both."""
    fields = schedule.split()
    if len(fields) != len(FIELDS):
        return False
    days = (fields[2], fields[4])
    return any(day.startswith("*") and day != "*" for day in days) and "*" not in days
