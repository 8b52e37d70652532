"""When the run of a nominal time starts: at that time, or, with jitter, a while after it that the task's name chooses.

Role: jitter moves starts, never nominal times. It is a hash, so that every operator computes the same start, and at
most half the gap to the next nominal time, so that starts keep the order of their times.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.timetable.timetable import Timetable

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Jitter:
    """How starts are spread: over `width`, by a hash of `seed` ("namespace/name") and the nominal time."""

    width: timedelta = timedelta(0)
    seed: str = ""

    def start_of(self, nominal: datetime, timetable: Timetable) -> datetime:
        """The start of a nominal time, a whole second in [nominal, nominal + width), before half the gap is over."""
        if not self.width:
            return nominal
        following = timetable.next_after(nominal)
        width = self.width if following is None else min(self.width, (following - nominal) / 2)
        seconds = int(width / _SECOND)
        return nominal + timedelta(seconds=self._hash(nominal) % seconds) if seconds else nominal

    def latest_started(self, timetable: Timetable, now: datetime) -> datetime | None:
        """The latest nominal time whose start has come; None if there is none."""
        latest = timetable.previous_at_or_before(now)
        if latest is None or not self.width or self.start_of(latest, timetable) <= now:
            return latest
        # Starts keep the order of their times, and each comes before the next nominal time.
        return timetable.previous_at_or_before(latest - _SECOND)

    def next_nominal(self, timetable: Timetable, now: datetime) -> datetime | None:
        """The nominal time that starts next; None if nothing will start."""
        latest = timetable.previous_at_or_before(now) if self.width else None
        if latest is not None and self.start_of(latest, timetable) > now:
            return latest
        return timetable.next_after(now)

    def upcoming(self, timetable: Timetable, now: datetime, n: int) -> tuple[datetime, ...]:
        """The first `n` nominal times whose start is still to come: one of them may have come itself."""
        after = self.latest_started(timetable, now)
        if after is None:
            # The first time of all may have come, and its start not yet.
            first = timetable.previous_at_or_before(now)
            after = first - _SECOND if first is not None else now
        return timetable.upcoming(after, n)

    def _hash(self, nominal: datetime) -> int:
        key = f"{self.seed}\0{int(nominal.timestamp())}"
        return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])


NO_JITTER = Jitter()
