"""How far a simulation is: a bar on the terminal of stderr, as soon as it takes longer than a second.

Elsewhere nothing is shown.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

T = TypeVar("T")
_AFTER, _EVERY = 1.0, 0.1


class Progress:
    """From one instant to another. `monotonic`: seconds of the real clock."""

    def __init__(self, start: datetime, end: datetime, monotonic: Callable[[], float] = monotonic) -> None:
        self._start = start
        self._total = (end - start).total_seconds()
        self._monotonic = monotonic
        self._next = monotonic() + _AFTER
        self._wanted = sys.stderr.isatty()
        self._bar: Bar | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def show(self, now: datetime) -> None:
        """So far it is, if that is worth another look."""
        if not self._wanted or self._monotonic() < self._next:
            return
        self._next = self._monotonic() + _EVERY
        if self._bar is None:
            self._bar = _bar(self._total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=(now - self._start).total_seconds(), refresh=True)

    def until_the_first(self, lines: Iterable[T]) -> Iterator[T]:
        """The lines. On a terminal they show themselves how far it is, and the bar would be in their way."""
        shown = sys.stdout.isatty()
        for line in lines:
            if shown:
                self._remove()
            yield line

    def _remove(self) -> None:
        self._wanted = False
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _bar(total: float) -> "Bar":
    # Loaded for who waits a second anyway.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("simulating"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
    bar.add_task("", total=total)
    return bar
