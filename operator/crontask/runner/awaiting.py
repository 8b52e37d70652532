"""Waits for an asynchronous handler, in an event loop that ends with it."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from crontask.runner.stop import Interrupt

_WIND_UP_SECONDS = 5.0
_log = logging.getLogger("crontask.runner")


def run_awaitable(awaitable: Awaitable[Any], interrupt: Interrupt) -> Any:
    """What it gives. Where that is interrupted it is cancelled, and the interrupt's error raised if it ends by that.

    Not by asyncio.run: that waits for threads of `asyncio.to_thread` too, and for as long as they like.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(_result(awaitable))
    try:
        with interrupt.reaction(lambda: loop.call_soon_threadsafe(task.cancel)):
            try:
                return loop.run_until_complete(task)
            finally:
                _wind_up(loop)
    except asyncio.CancelledError as error:
        if interrupt.asked:
            raise interrupt.error().with_traceback(error.__traceback__) from None
        raise
    finally:
        loop.close()


async def _result(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    """Let the tasks that are left end, but not for ever."""
    try:
        loop.run_until_complete(_end_rest(loop))
    except (RuntimeError, TimeoutError):
        _log.warning("what the handler left in its event loop could not be ended", exc_info=True)


async def _end_rest(loop: asyncio.AbstractEventLoop) -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=_WIND_UP_SECONDS)
    await asyncio.wait_for(loop.shutdown_asyncgens(), _WIND_UP_SECONDS)
