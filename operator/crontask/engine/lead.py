"""One term of leadership: the engine works for as long as the lease is held, and nobody asks it to stop."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from crontask.engine.informer import Informer
from crontask.engine.loop import Engine
from crontask.engine.store import Store

_log = logging.getLogger("crontask")


class Leadership(Protocol):
    """The lease, once it is ours. `troubled_at`: when it met a fault last, by the monotonic clock."""

    troubled_at: float

    async def hold(self) -> None:
        """Keep it; returns when it is lost."""

    async def release(self) -> None:
        """Give it up, if it is still ours."""


async def lead(
    engine: Engine, store: Store, informers: Sequence[Informer], lease: Leadership, stopping: "asyncio.Task[Any]"
) -> None:
    """Work as the leader until asked to stop, or until the lease is lost: then stand by again, with a warm store."""
    working = asyncio.create_task(_work(engine, store, informers, lease.troubled_at))
    holding = asyncio.create_task(lease.hold())
    ended, _ = await asyncio.wait((working, holding, stopping), return_when=asyncio.FIRST_COMPLETED)
    _log.info("stopping: %s", "asked to" if stopping.done() else "the lease is lost")
    # The lease is still renewed while the last writes finish.
    await engine.stop()
    store.changed = lambda key: None
    holding.cancel()
    working.cancel()
    # It may be in the middle of a renewal: nobody renews what is given up.
    await asyncio.wait((holding,))
    await lease.release()
    for task in ended - {stopping}:
        # It ends with an error only by a fault of ours.
        task.result()


async def _work(engine: Engine, store: Store, informers: Sequence[Informer], troubled_at: float) -> None:
    # What the leader before wrote last decides what is free, and which times are done.
    await asyncio.gather(*(informer.catch_up(troubled_at) for informer in informers))
    store.memory.begin_term()
    store.changed = engine.enqueue
    engine.decide_all()
    await engine.run()


async def first_of(stopping: "asyncio.Task[Any]", other: Coroutine[Any, Any, Any]) -> None:
    """Wait for the other, or for the wish to stop."""
    waiting = asyncio.ensure_future(other)
    await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
