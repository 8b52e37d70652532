"""SIGTERM: how a pod is asked to stop, by a cancel, a timeout or an eviction."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """Raised in the main thread on SIGTERM, so that `finally:` and context managers do their work.

    No Exception, so that `except Exception:` in a handler does not swallow it.
    """


class Interrupt:
    """Reacts once. `error`: what it raises in the main thread, unless another reaction is asked for."""

    error: type[BaseException]

    def __init__(self) -> None:
        self.asked = False
        self._react: Callable[[], object] = self._raise

    @contextmanager
    def reaction(self, react: Callable[[], object]) -> Iterator[None]:
        """Within, it does this instead of raising."""
        before, self._react = self._react, react
        try:
            yield
        finally:
            self._react = before

    def _raise(self) -> None:
        raise self.error


class Stop(Interrupt):
    """Reacts to the first SIGTERM, and to no further one: those would break what the first made unwind."""

    error = Stopped

    def __init__(self) -> None:
        super().__init__()
        self._process = os.getpid()

    def install(self) -> None:
        """From now on SIGTERM comes here. PID 1 needs that: for it the kernel drops signals that nobody handles."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def shield(self) -> None:
        """From now on SIGTERM is noted, and does nothing more."""
        self._react = _nothing

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            # A process that the handler forked inherits this, and shall end by SIGTERM as any other does.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        elif not self.asked:
            # Of many that follow none may do more than look: each nests in the one before.
            self.asked = True
            self._react()


def _nothing() -> None:
    """Let SIGTERM pass."""
