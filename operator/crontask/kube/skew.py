"""Whether our clock and the API server's agree, by the Date of its answers."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from crontask.ports import Clock

# Apart by more than this, neither is believed. A Date is to the second, and an answer takes a while.
LARGEST = timedelta(seconds=30)
_EVERY = 1.0
_log = logging.getLogger(__name__)


class SkewMeter:
    """Calls `changed` when the clocks begin to disagree, and when they agree again. Looks once a second at most."""

    def __init__(self, clock: Clock, changed: Callable[[bool], None] = lambda skewed: None) -> None:
        self.changed = changed
        self.skewed = False
        # How far the API server's clock is ahead of ours.
        self.apart = timedelta(0)
        self._clock = clock
        self._looked = float("-inf")

    def observe(self, date: str | None) -> None:
        """The Date header of an answer that has just come."""
        now = self._clock.monotonic()
        if date is None or now - self._looked < _EVERY:
            return
        self._looked = now
        try:
            theirs = parsedate_to_datetime(date).astimezone(UTC)
        except ValueError:
            return
        self._compare(theirs, self._clock.now())

    def _compare(self, theirs: datetime, ours: datetime) -> None:
        apart = self.apart = theirs - ours
        skewed = abs(apart) > LARGEST
        if skewed != self.skewed:
            self.skewed = skewed
            message = f"the API server's clock is {apart.total_seconds():+.0f}s from ours"
            _log.warning("%s: %s", message, "nothing starts on schedule" if skewed else "scheduling goes on")
            self.changed(skewed)
