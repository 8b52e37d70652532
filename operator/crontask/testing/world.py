"""The world of a sandbox: an API server in memory, a kubelet, an operator, and time, which passes when it is asked to.

Whoever asks is not on the world's event loop: each call runs that loop until nothing is left but waiting, and returns.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from crontask.ports import Document
from crontask.sdk import errors
from crontask.simulation.kubelet import MemoryKubelet, Plan
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.operator import OperatorClock, SimulatedOperator
from crontask.simulation.virtual_time import VirtualClock, VirtualTimeLoop, outside_of_loops

T = TypeVar("T")

# The operator wakes so late that what ends at an instant is known to have ended at that instant (guarantee 9).
_WAKES_LATE = 0.002
# What is due at an instant has started this much after it, and what ended at it is recorded.
_HAPPENS_WITHIN = timedelta(milliseconds=500)
# So many changes are kept for watches, which deliver each before time goes on.
_HISTORY = 1000


class World:
    """What a sandbox consists of. `plan`: how a pod goes; `check`: is called before time passes. It begins at `now`."""

    def __init__(self, now: datetime, plan: Callable[[Document], Plan], check: Callable[[], None]) -> None:
        self._loop = VirtualTimeLoop()
        clock = VirtualClock(now, self._loop)
        self._clock = clock
        self._plan = plan
        self._before_time_passes = check
        self.now = now
        self.api = MemoryApi(clock, history=_HISTORY, logs=False)
        self._kubelet = MemoryKubelet(self.api, clock, self._planned)
        self._operator: SimulatedOperator | None = None
        # What a plan has raised: that is for whoever wrote it.
        self._raised: list[BaseException] = []
        self._run(self._begin())

    @property
    def clock_now(self) -> datetime:
        """The clock of the API server: within the second of `now`."""
        return self._clock.now()

    @property
    def busy(self) -> bool:
        """Whether time stands still, since a handler's function is being called."""
        return self._loop.is_running()

    def advance(self, until: datetime) -> None:
        """Let time pass up to an instant; what is due then has started. Raises what a plan raises."""
        self._check("advance()")
        self._before_time_passes()
        self._run(self._pass_until(until + _HAPPENS_WITHIN))
        self.now = max(self.now, until)

    def step(self, until: datetime) -> bool:
        """Let time pass up to the next moment at which something may happen. Whether the instant is still to come."""
        self._check("waiting for a run")
        self._before_time_passes()
        last = until + _HAPPENS_WITHIN
        if self._clock.now() >= last:
            return False
        self._run(self._pass_once(last))
        self.now = max(self.now, min(until, self._clock.now().replace(microsecond=0)))
        return True

    def settle(self) -> None:
        """Have everybody see what has just been written. No time passes. Within a function, that comes after it."""
        if not self.busy:
            self._run(self._loop.settled())

    def operator_down(self) -> None:
        """The operator is killed."""
        self._check("outage()")
        if self._operator is not None:
            self._run(self._operator.kill())
            self._operator = None

    def operator_up(self) -> None:
        """Another one starts, if the world goes on."""
        if self._operator is None and not self._loop.is_closed():
            self._run(self._start_operator())

    def close(self) -> None:
        """End all that runs."""
        if self._loop.is_closed():
            return
        with outside_of_loops():
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    # --- on the loop -------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        self._playing = asyncio.create_task(self._kubelet.run())
        await self._start_operator()

    async def _start_operator(self) -> None:
        self._operator = SimulatedOperator(self.api, OperatorClock(self._clock, _WAKES_LATE), only_observe=True)
        await self._operator.start()
        await self._loop.settled()

    async def _pass_until(self, instant: datetime) -> None:
        await self._loop.settled()
        while self._clock.now() < instant and not self._raised:
            await self._pass_once(instant)

    async def _pass_once(self, instant: datetime) -> None:
        await self._loop.pass_time((instant - self._clock.now()).total_seconds())

    def _planned(self, pod: Document) -> Plan:
        """The plan of a pod. One that raises stops the world: a pod that nobody plays would be a riddle."""
        try:
            return self._plan(pod)
        except BaseException as error:  # noqa: BLE001 - it is raised to whoever let time pass
            self._raised.append(error)
            return Plan(runs=None)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with outside_of_loops():
            result = self._loop.run_until_complete(work)
        if self._raised:
            first, self._raised = self._raised[0], []
            raise first
        return result

    def check_open(self) -> None:
        """Raises BadInput when it is closed."""
        if self._loop.is_closed():
            raise errors.BadInput("Sandbox", "is closed", "use it within its `with`")

    def _check(self, what: str) -> None:
        self.check_open()
        if self.busy:
            problem = "cannot be done within a handler: time stands still while its function is called"
            raise errors.BadInput(what, problem, "do it in the test")
