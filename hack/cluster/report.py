"""Progress of long steps, on standard error: ticking lines on a terminal, plain lines now and then elsewhere.

Steps may go on side by side, in threads. Standard library only: it also reports how the Python packages are installed.
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

FIRST_LINE, EVERY = 2.0, 15.0
"""Seconds after which a step that is not done writes its first line, and between the next ones (no terminal)."""

REDRAWN = 0.5
"""Seconds between two drawings of what goes on (terminal)."""

_CLEAR_LINE, _LINE_UP = "\x1b[2K\r", "\x1b[1A"


@dataclass
class Step:
    """A step that goes on. `detail` may be set from its block: how far it is, e.g. `120 of 3081 packages`."""

    text: str
    detail: str = ""
    began: float = field(default_factory=time.monotonic)
    next_line: float = field(default_factory=lambda: FIRST_LINE)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def line(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        return f"     {self.text}{detail} … {self.seconds:.0f} s"


def say(text: str) -> None:
    """Write a line, above the steps that go on."""
    _DISPLAY.say(text)


@contextmanager
def step(text: str) -> Iterator[Step]:
    """Show that the step goes on while the block runs, and how long it took when it is done."""
    current = Step(text)
    with _DISPLAY.showing(current):
        yield current
    say(f"{_green('done')} {text} {current.seconds:.1f} s")


class _Display:
    """All that goes on; one writer for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: list[Step] = []
        self._drawn = 0

    def say(self, text: str) -> None:
        with self._lock:
            self._erase()
            print(text, file=sys.stderr, flush=True)
            self._draw()

    @contextmanager
    def showing(self, current: Step) -> Iterator[None]:
        finished = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(current, finished), daemon=True)
        with self._lock:
            self._erase()
            self._steps.append(current)
            self._draw()
        ticker.start()
        try:
            yield
        finally:
            finished.set()
            ticker.join()
            with self._lock:
                self._erase()
                self._steps.remove(current)
                self._draw()

    def _tick(self, current: Step, finished: threading.Event) -> None:
        while not finished.wait(REDRAWN):
            with self._lock:
                if _is_terminal():
                    self._erase()
                    self._draw()
                elif current.seconds >= current.next_line:
                    current.next_line = current.seconds + EVERY
                    print(current.line(), file=sys.stderr, flush=True)

    def _erase(self) -> None:
        print(_LINE_UP.join([_CLEAR_LINE] * (self._drawn + 1)), end="", file=sys.stderr) if self._drawn else None
        self._drawn = 0

    def _draw(self) -> None:
        if _is_terminal() and self._steps:
            width = shutil.get_terminal_size().columns - 1
            print("\n".join(each.line()[:width] for each in self._steps), file=sys.stderr, flush=True)
            self._drawn = len(self._steps)


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _green(text: str) -> str:
    return f"\x1b[32m{text}\x1b[0m" if _is_terminal() and "NO_COLOR" not in os.environ else text


_DISPLAY = _Display()
