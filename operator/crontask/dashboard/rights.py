"""What somebody may do, as the API server says of their own credentials: asked at most every ten seconds.

A button that one may not press is not there. The API server decides all the same when it is pressed.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from crontask.api.resources import CRON_TASK, EVENT, NAMESPACE, POD, SCHEDULED_RUN, Resource
from crontask.client import ALL, AsyncCluster, errors
from crontask.client.requests import checked_namespace
from crontask.dashboard.reader import Query

KEPT = 10.0
"""Seconds for which an answer is kept: who loses a right loses it here within them."""
_AT_ONCE = 20


class Right(NamedTuple):
    """A verb on a resource, as in a Role."""

    verb: str
    resource: Resource
    subresource: str = ""


SEE_TASKS = Right("list", CRON_TASK)
SEE_RUNS = Right("list", SCHEDULED_RUN)
RUN = Right("create", SCHEDULED_RUN)
STEER = Right("patch", SCHEDULED_RUN)
PAUSE = Right("patch", CRON_TASK)
READ_LOGS = Right("get", POD, "log")
READ_EVENTS = Right("list", EVENT)
_NAMES = {RUN: "run", STEER: "steer", PAUSE: "pause", READ_LOGS: "logs", READ_EVENTS: "events"}


class Rights:
    """Those of one user. Raises errors.Unauthorized where the API server does not know them any more."""

    def __init__(self, cluster: AsyncCluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._known: dict[tuple[Right, str], tuple[float, bool]] = {}
        self._asking = asyncio.Semaphore(_AT_ONCE)

    async def may(self, right: Right, namespace: str) -> bool:
        """Whether they may, in the namespace; empty: in all of them."""
        known = self._known.get((right, namespace))
        if known is not None and known[0] > self._clock():
            return known[1]
        async with self._asking:
            verdict = await self._cluster.can(
                right.verb, right.resource, namespace=namespace, subresource=right.subresource
            )
        self._known[right, namespace] = (self._clock() + KEPT, bool(verdict))
        return bool(verdict)

    async def names(self, rights: Iterable[Right], namespace: str) -> frozenset[str]:
        """What templates ask for: those of the rights that they have, by name."""
        rights = tuple(rights)
        found = await asyncio.gather(*(self.may(right, namespace) for right in rights))
        return frozenset(_NAMES[right] for right, allowed in zip(rights, found, strict=True) if allowed)

    async def everywhere(self) -> bool:
        """Whether they may see the tasks of all namespaces at once."""
        return await self.may(SEE_TASKS, ALL)

    async def check(self, queries: Iterable[Query]) -> None:
        """Raise errors.Forbidden where they may not list what a view shows, any more."""
        for query in queries:
            if not await self.may(Right("list", query.kind), query.namespace):
                asked = errors.Asked("list", query.kind, query.namespace)
                raise errors.Forbidden(asked, 403, "Forbidden", f"you may not {asked}")

    async def namespaces(self, known: Iterable[str]) -> tuple[str, ...]:
        """Where they may see tasks, by name. `known`: which to ask about, where they may not list all."""
        if await self.may(Right("list", NAMESPACE), ALL):
            names = await self._cluster.namespaces()
            if await self.may(SEE_TASKS, ALL):
                return tuple(sorted(names))
        else:
            names = tuple(dict.fromkeys(name for name in known if _is_namespace(name)))
        allowed = await asyncio.gather(*(self.may(SEE_TASKS, name) for name in names))
        return tuple(sorted(name for name, may in zip(names, allowed, strict=True) if may))


def _is_namespace(name: str) -> bool:
    try:
        checked_namespace(name)
    except errors.InvalidName:
        return False
    return True
