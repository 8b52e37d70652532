"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing is ready. Nothing ever waits.

Threads and sockets do not belong on such a loop: time would not wait for them.
"""

import asyncio
import selectors
from asyncio.base_events import MAXIMUM_SELECT_TIMEOUT  # type: ignore[attr-defined]
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import ulp
from typing import Any, TypeVar

T = TypeVar("T")


_RESOLUTION = 1e-6


class DeadlockError(Exception):
    """Nothing is ready and no timer is set: on virtual time that would wait for ever."""


class _NeverWaiting(selectors.SelectSelector):
    """Instead of waiting calls `idle`, with the seconds until the next timer. Of sockets, none is ever ready."""

    def __init__(self, idle: Callable[[float | None], None]) -> None:
        super().__init__()
        self._idle = idle

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now: nothing. To ask the system, each time, would cost as much as all timers do."""
        if timeout != 0:
            self._idle(timeout)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, beginning at zero."""

    def __init__(self) -> None:
        super().__init__(_NeverWaiting(self._idle))
        self._elapsed = 0.0
        # Who waits until all has settled, and after which time of the loop.
        self._unsettled: list[tuple[float, asyncio.Future[None]]] = []
        self.skip(0.0)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._elapsed

    def skip(self, seconds: float) -> None:
        """Pass over a while: timers that end in it are late."""
        self._elapsed += max(0.0, seconds)
        # A timer counts as over when it is this near. With less than a float resolves it would never be over.
        self._clock_resolution = max(_RESOLUTION, 2 * ulp(self._elapsed))

    def _idle(self, timeout: float | None) -> None:
        """Nothing is ready: time passes until the next timer, unless somebody waited for this moment."""
        if timeout == MAXIMUM_SELECT_TIMEOUT:
            # asyncio looks around at least once a day.
            timeout = self._scheduled[0].when() - self._elapsed  # type: ignore[attr-defined]
        if (timeout is None or timeout >= self._clock_resolution) and self._wake_settled():
            return
        if timeout is None:
            names = sorted(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks(self))
            waiting = ", ".join(names) or "no task"
            raise DeadlockError(f"nothing is ready and no timer is set; waiting for ever: {waiting}")
        self.skip(timeout)

    async def settled(self) -> None:
        """Wait until everybody has had their say, and only time could bring more."""
        await self._settled_after(float("-inf"))

    async def pass_time(self, most: float) -> None:
        """Let time pass until the next timer of anybody, `most` seconds at most, and wait until all has settled."""
        alarm = self.call_later(most, _nothing)
        try:
            await self._settled_after(self.time())
        finally:
            alarm.cancel()

    async def _settled_after(self, instant: float) -> None:
        waiting = self.create_future()
        self._unsettled.append((instant, waiting))
        await waiting

    def _wake_settled(self) -> bool:
        """Wake who waited for this moment. Whether anybody did."""
        now = self.time()
        due = [waiting for after, waiting in self._unsettled if after < now]
        self._unsettled = [(after, waiting) for after, waiting in self._unsettled if after >= now]
        for waiting in due:
            if not waiting.done():
                waiting.set_result(None)
        return bool(due)


def _nothing() -> None:
    """What a timer does that is there to stop time."""


class VirtualClock:
    """The `Clock` port on a virtual loop, by default the one that runs: the wall clock is `epoch` when it begins."""

    def __init__(self, epoch: datetime, loop: VirtualTimeLoop | None = None) -> None:
        self._epoch = epoch
        self._loop = loop

    def now(self) -> datetime:
        """The wall clock."""
        return self._epoch + timedelta(seconds=self.monotonic())

    def jump(self, by: timedelta) -> None:
        """Somebody sets the wall clock; monotonic time is not touched."""
        self._epoch += by

    def monotonic(self) -> float:
        """Virtual seconds."""
        return (self._loop or asyncio.get_running_loop()).time()

    async def sleep(self, seconds: float) -> None:
        """Wait, in virtual time."""
        await asyncio.sleep(max(0.0, seconds))


@contextmanager
def outside_of_loops() -> Iterator[None]:
    """Within, no event loop runs in this thread, whichever did: another one may, and asyncio.run() be called.

    The loop that did stands still meanwhile, as it does in any call that takes its time.
    """
    loop = asyncio._get_running_loop()
    if loop is None:
        yield
        return
    task = _swap_current_task(loop, None)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        _swap_current_task(loop, task)


def _swap_current_task(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any] | None") -> "asyncio.Task[Any] | None":
    """Have the loop be in another task, where this Python can: one that cannot knows the tasks of each loop apart."""
    swap = getattr(asyncio.tasks, "_swap_current_task", None)
    swapped: asyncio.Task[Any] | None = swap(loop, task) if swap is not None else None
    return swapped


def run_virtual(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end on virtual time; what it leaves running is cancelled."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main())
