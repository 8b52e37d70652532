"""How many events one task may have: what runs each second would fill etcd with them. The log has them all.

Callers: tell.
"""

from collections.abc import Hashable

# So many at once, as client-go; then one in so many seconds, so that a task that is due each minute is told whole.
_BURST, _SECONDS = 25, 10.0
_MANY = 1024


class EventLimit:
    """For each subject a bucket of tokens, kept as the time at which it will be full again."""

    def __init__(self) -> None:
        self._full_at: dict[Hashable, float] = {}
        self._tidy_at = _MANY

    def allows(self, subject: Hashable, now: float) -> bool:
        """Whether an event about it may be written at `now`, in seconds of a monotonic clock; if so, it counts."""
        full_at = max(now, self._full_at.get(subject, now)) + _SECONDS
        if full_at - now > _BURST * _SECONDS:
            return False
        self._full_at[subject] = full_at
        if len(self._full_at) >= self._tidy_at:
            self._forget_full(now)
        return True

    def _forget_full(self, now: float) -> None:
        self._full_at = {subject: at for subject, at in self._full_at.items() if at > now}
        self._tidy_at = max(_MANY, 2 * len(self._full_at))
