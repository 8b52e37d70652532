"""Time zones from the pinned `tzdata` package, and the stretches of constant offset that they consist of.

Role: the only module that knows where zone data comes from. zoneinfo does not expose its transitions, so they are
found by sampling the offset day by day and bisecting, once for each zone and year. No two changes that cancel out lie
within a day.
"""

from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from crontask.timetable.zone_advice import ANY_NAME, advise

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 2, 9998
_DAY = 86400
# Local times can repeat across New Year: look back by more than the longest repetition (a whole day, at the date line).
_LOOK_BACK = 3 * _DAY


class ZoneError(ValueError):
    """A time zone that does not exist. `message`: what is wrong; `fix`: what to write instead."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}: {fix}")
        self.message = message
        self.fix = fix


class Segment(NamedTuple):
    """A stretch [start, end) of one UTC offset, cut at the year's ends. Seconds since 1970: UTC, and `seen` local.

    `before`: the offset just before `start`. `seen`: local times below it had come before this stretch, so those in
    [start + offset, seen) repeat, and those in [seen, start + offset) were left out by a gap.
    """

    start: int
    end: int
    offset: int
    before: int
    seen: int


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every name that `load_zone` accepts: the IANA names and links of the pinned data."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def _load(name: str) -> ZoneInfo:
    # Not ZoneInfo(name): that would prefer the machine's own data over the pinned one.
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def load_zone(name: str) -> ZoneInfo:
    """The zone of an exact IANA name (or `UTC`), the same object each time. Raises ZoneError with the nearest names."""
    if name not in zone_names():
        raise _unknown(name)
    return _load(name)


def _unknown(name: str) -> ZoneError:
    if not name.strip():
        return ZoneError("the time zone is empty", f"leave timeZone out for UTC, or {ANY_NAME}")
    return ZoneError(f"there is no time zone {name!r}", advise(name.strip(), zone_names()))


def year_of(second: int) -> int:
    """The UTC year of a second since 1970, kept within FIRST_YEAR..LAST_YEAR."""
    within = min(max(second, _new_year(FIRST_YEAR)), _new_year(LAST_YEAR + 1) - 1)
    return (EPOCH + timedelta(seconds=within)).year


@lru_cache(maxsize=8192)
def segments(zone: ZoneInfo, year: int) -> tuple[Segment, ...]:
    """The stretches of constant offset that make up a UTC year (FIRST_YEAR..LAST_YEAR), in order, without holes."""
    start, end = _new_year(year), _new_year(year + 1)
    found: list[Segment] = []
    at = start - _LOOK_BACK
    offset = before = _offset(zone, at)
    seen = at + offset
    for change in [*_transitions(zone, at, end - 1), end]:
        if change > start:
            if at < start:
                # The stretch that spans New Year: nothing changes there.
                at, before, seen = start, offset, max(seen, start + offset)
            found.append(Segment(at, change, offset, before, seen))
        seen = max(seen, change + offset)
        at, before, offset = change, offset, _offset(zone, change)
    return tuple(found)


def _transitions(zone: ZoneInfo, start: int, end: int) -> list[int]:
    """Instants in (start, end] from which on another offset holds."""
    samples = [*range(start, end, _DAY), end]
    offsets = [_offset(zone, sample) for sample in samples]
    return [
        _bisect(zone, low, high)
        for (low, high), (left, right) in zip(pairwise(samples), pairwise(offsets), strict=True)
        if left != right
    ]


def _bisect(zone: ZoneInfo, low: int, high: int) -> int:
    """The first instant in (low, high] with another offset than `low`."""
    offset = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = (EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _new_year(year: int) -> int:
    return int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
