"""Progress of long steps, on standard error: a ticking line on a terminal, plain lines now and then elsewhere.

Called by binaries, images, packages and cluster.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

FIRST_LINE, EVERY = 2.0, 15.0
"""Seconds after which a step that is not done writes its first line, and between the next ones (no terminal)."""

console = Console(stderr=True, highlight=False)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Show that the step goes on while the block runs, and how long it took when it is done."""
    began = time.monotonic()
    with _on_terminal(text) if console.is_terminal else _in_lines(text, began):
        yield
    console.print(f"[green]done[/] {text} [dim]{time.monotonic() - began:.1f} s[/]", soft_wrap=True)


@contextmanager
def _on_terminal(text: str) -> Iterator[None]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(text, total=None)
        yield


@contextmanager
def _in_lines(text: str, began: float) -> Iterator[None]:
    finished = threading.Event()

    def tick() -> None:
        pause = FIRST_LINE
        while not finished.wait(pause):
            pause = EVERY
            console.print(f"     {text} … {time.monotonic() - began:.0f} s", soft_wrap=True)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        finished.set()
        ticker.join()
