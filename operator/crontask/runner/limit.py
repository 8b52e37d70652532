"""The longest time that a batch may take, within the runner: a pod that does several has no other limit for each.

By SIGALRM, which a handler has to leave alone then: one that does not is ended with its pod, by the operator.
"""

import signal
from types import FrameType

from crontask.runner.stop import Interrupt


class OutOfTime(BaseException):
    """Raised in the main thread when the time is over. No Exception, so that a handler does not swallow it."""


class Limit(Interrupt):
    """A context in which so many seconds may pass; None: any number."""

    error = OutOfTime

    def __init__(self, seconds: float | None) -> None:
        super().__init__()
        self.seconds = seconds
        self._counts = False

    def __enter__(self) -> "Limit":
        if self.seconds is not None:
            self._counts = True
            signal.signal(signal.SIGALRM, self._on_signal)
            signal.setitimer(signal.ITIMER_REAL, self.seconds)
        return self

    def __exit__(self, *error: object) -> None:
        if self.seconds is not None:
            # One that is on its way comes too late.
            self._counts = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self._counts and not self.asked:
            self.asked = True
            self._react()
