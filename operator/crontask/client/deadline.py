"""How long something may still take."""

import time


class Deadline:
    """So many seconds from now on; None: without an end."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """Seconds until then, 0 once it is over; None without an end."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether that time has passed."""
        left = self.left
        return left is not None and left <= 0

    def at_most(self, seconds: float) -> float:
        """So many seconds, or those that are left where they are fewer; never below 0."""
        return max(0.0, shorter(seconds, self.left) or 0.0)


def shorter(*seconds: float | None) -> float | None:
    """The least of those that are bounds; None if none is."""
    return min((each for each in seconds if each is not None), default=None)
