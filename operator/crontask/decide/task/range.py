"""The range of time that `audit` and `backfill` are asked about. Pure, and without pydantic: it is checked first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.times import format_time

_SECOND = timedelta(seconds=1)


class BadRangeError(ValueError):
    """Nothing can lie in a range: why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Range:
    """The times from `start` up to, but not including, `end`, as far as they have come."""

    start: datetime
    end: datetime
    now: datetime

    @classmethod
    def of(
        cls, start: datetime, end: datetime | None, now: datetime, called: tuple[str, str] = ("from", "to")
    ) -> "Range":
        """As somebody asks for it, in fields that are `called` so; without an end up to now. Raises BadRangeError."""
        now = now.replace(microsecond=0)
        # An instant that was given as so long ago lies within a second.
        start = start.replace(microsecond=0)
        end = now + _SECOND if end is None else end.replace(microsecond=0)
        if start > now:
            raise BadRangeError(f"{called[0]} {format_time(start)} is still to come; write an earlier time")
        if start >= end:
            raise BadRangeError(
                f"{called[1]} {format_time(end)} is not after {called[0]} {format_time(start)}; swap them"
            )
        return cls(start, min(end, now + _SECOND), now)
