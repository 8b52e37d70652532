"""An operator on the API server in memory: started, killed at any await, started again, with a clock of its own."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakSet

from crontask.decide.decisions import Transition
from crontask.decide.model import Config
from crontask.engine.assemble import make_engine, make_informers
from crontask.engine.events import EventRecorder, Subject
from crontask.engine.gate import Gate
from crontask.engine.queue import WriteQueue
from crontask.engine.store import Store
from crontask.ports import Api, Clock, ObjectKey

# Apart by more than this, the operator's clock and the API server's are not believed.
CLOCK_SKEW = timedelta(seconds=30)
_owner: ContextVar["SimulatedOperator | None"] = ContextVar("operator", default=None)
Observe = Callable[[ObjectKey, Transition], None]


class OperatorClock:
    """The operator's own clock: off by `offset`, and late by `latency` seconds when it wakes."""

    def __init__(self, true: Clock, latency: float = 0.0) -> None:
        self._true = true
        self._latency = latency
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """See Clock."""
        return self._true.now() + self.offset

    def monotonic(self) -> float:
        """See Clock."""
        return self._true.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See Clock."""
        await self._true.sleep(max(0.0, seconds) + self._latency)


class _ListeningRecorder(EventRecorder):
    """Calls somebody else first; with `only`, nobody besides: no log line, no count, no event."""

    def __init__(self, api: Api, queue: WriteQueue, clock: Clock, observe: Observe, *, only: bool) -> None:
        super().__init__(api, queue, clock)
        self._observe = observe
        self._only = only

    def record(self, transition: Transition, *subjects: Subject) -> None:
        """See EventRecorder."""
        self._observe(subjects[0].key, transition)
        if not self._only:
            super().record(transition, *subjects)


class SimulatedOperator:
    """One life of an operator that leads for as long as `time_left` says so. All its tasks end with `kill`.

    `observe` gets each transition; with `only_observe`, nobody else does.
    """

    def __init__(
        self,
        api: Api,
        clock: OperatorClock,
        config: Config | None = None,
        *,
        observe: Observe = lambda key, transition: None,
        only_observe: bool = False,
        time_left: Callable[[], float] = lambda: 100.0,
    ) -> None:
        self.store = Store()
        self._clock = clock
        self._informers = make_informers(api, clock, self.store)
        queue = WriteQueue(Gate(time_left), clock)
        recorder = _ListeningRecorder(api, queue, clock, observe, only=only_observe)
        self._engine = make_engine(api, clock, self.store, queue, config or Config(), recorder=recorder)
        self.store.changed = self._engine.enqueue
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()

    async def start(self) -> None:
        """Watch, and decide once everything is known."""
        own_tasks_by_operator()
        token = _owner.set(self)
        try:
            for informer in self._informers:
                self._spawn(informer.run())
            for informer in self._informers:
                await informer.synced.wait()
            self.check_clock()
            self._spawn(self._engine.run())
        finally:
            _owner.reset(token)

    def check_clock(self) -> None:
        """Compare the operator's clock with the true one, as the real operator does with each answer."""
        self._engine.set_clock_skewed(abs(self._clock.offset) > CLOCK_SKEW)

    async def kill(self) -> None:
        """The process is gone: nothing of it is waited for."""
        mine = [task for task in self._tasks if not task.done()]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)

    def owns(self, task: "asyncio.Task[Any]") -> None:
        """The task is one of the operator's."""
        self._tasks.add(task)

    def _spawn(self, main: Coroutine[Any, Any, None]) -> None:
        self.owns(asyncio.get_running_loop().create_task(main))


def own_tasks_by_operator() -> None:
    """From now on, what an operator's task starts on the running loop is the operator's too."""
    loop = asyncio.get_running_loop()
    if loop.get_task_factory() is None:
        loop.set_task_factory(_make_task)


def _make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, context: Any = None) -> "asyncio.Task[Any]":
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, context=context)
    owner = _owner.get()
    if owner is not None:
        owner.owns(task)
    return task
