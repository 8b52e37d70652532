"""The one gate that every write passes: just before it is sent, our lease must have time left.

A paused process that wakes after its lease was lost sends nothing.
"""

from collections.abc import Callable


class LeaseLostError(Exception):
    """The write was not sent: another operator may be leading."""


class Gate:
    """Checks the lease. `time_left`: seconds, on a clock that runs on while the process is stopped."""

    def __init__(self, time_left: Callable[[], float], margin: float = 1.0) -> None:
        self._time_left = time_left
        self._margin = margin

    def check(self) -> None:
        """Raise LeaseLostError unless the lease lasts for longer than the margin (seconds)."""
        left = self._time_left()
        if left <= self._margin:
            raise LeaseLostError(f"the lease has {left:.1f} s left")
