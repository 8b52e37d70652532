"""How often something may be written about one object: some at once, then one in so many seconds."""

from collections.abc import Hashable

_MANY = 1024
# Who waits does so to the microsecond, and floats have their errors: what is as near as this is now, or somebody who
# comes a little early would have to wait for no time at all, again and again.
_NOW = 0.001


class Rate:
    """For each subject a bucket of `burst` tokens, one more in `seconds`; kept as the time at which it will be full."""

    def __init__(self, burst: int, seconds: float) -> None:
        self._burst = burst
        self._seconds = seconds
        self._full_at: dict[Hashable, float] = {}
        self._tidy_at = _MANY

    def wait(self, subject: Hashable, now: float) -> float:
        """Seconds until the next about it may be written; 0.0 counts as one. `now` is of a monotonic clock."""
        full_at = max(now, self._full_at.get(subject, now)) + self._seconds
        wait = full_at - now - self._burst * self._seconds
        if wait > _NOW:
            return wait
        self._full_at[subject] = full_at
        if len(self._full_at) >= self._tidy_at:
            self._forget_full(now)
        return 0.0

    def _forget_full(self, now: float) -> None:
        self._full_at = {subject: at for subject, at in self._full_at.items() if at > now}
        self._tidy_at = max(_MANY, 2 * len(self._full_at))
