"""What somebody may do, as the API server says of their own credentials: asked at most every ten seconds.

A button that one may not press is not there. The API server decides all the same when it is pressed.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from crontask.api.resources import CRON_TASK, EVENT, NAMESPACE, POD, SCHEDULED_RUN, Resource
from crontask.client import ALL, AsyncCluster, errors
from crontask.client.requests import checked_name
from crontask.dashboard.reader import Query

KEPT = 10.0
"""Seconds for which an answer is kept: who loses a right loses it here within them."""
_AT_ONCE = 20
_MOST_KEPT = 10_000


class Right(NamedTuple):
    """A verb on a resource, as in a Role."""

    verb: str
    resource: Resource
    subresource: str = ""


SEE_TASKS = Right("list", CRON_TASK)
CREATE_RUNS, CHANGE_RUNS = Right("create", SCHEDULED_RUN), Right("patch", SCHEDULED_RUN)
CREATE_TASKS, CHANGE_TASKS = Right("create", CRON_TASK), Right("patch", CRON_TASK)
# Of one task, by its name: the admission policies ask for them.
TRIGGER, SUSPEND = Right("trigger", CRON_TASK), Right("suspend", CRON_TASK)
CREATE_PODS, READ_LOGS, READ_EVENTS = Right("create", POD), Right("get", POD, "log"), Right("list", EVENT)

BUTTONS = ("run", "steer", "pause", "pods", "logs", "events")
"""What may be asked of a task or a run: to run it, to change a run, to pause it, more than a task says; to read."""
_ONLY_READING = ("logs", "events")


class Rights:
    """Those of one user. Raises errors.Unauthorized where the API server does not know them any more."""

    def __init__(self, cluster: AsyncCluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._known: dict[tuple[Right, str, str], tuple[float, bool]] = {}
        self._asking = asyncio.Semaphore(_AT_ONCE)

    async def may(self, right: Right, namespace: str, name: str = "") -> bool:
        """Whether they may, in the namespace; empty: in all of them. `name`: of the one object that it is about."""
        known = self._known.get((right, namespace, name))
        if known is not None and known[0] > self._clock():
            return known[1]
        async with self._asking:
            verdict = await self._cluster.can(
                right.verb, right.resource, namespace=namespace, name=name, subresource=right.subresource
            )
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[right, namespace, name] = (self._clock() + KEPT, bool(verdict))
        return bool(verdict)

    async def buttons(self, namespace: str, task: str) -> frozenset[str]:
        """Those of BUTTONS that they may press. `task`: the one that it is about; empty of a run without one.

        A run can name a task that there cannot be: of that one nobody is asked, and no button is there.
        """
        asked = BUTTONS if not task or _is_name(task, CRON_TASK) else _ONLY_READING
        found = await asyncio.gather(*(self._may_press(button, namespace, task) for button in asked))
        return frozenset(button for button, allowed in zip(asked, found, strict=True) if allowed)

    async def _may_press(self, button: str, namespace: str, task: str) -> bool:
        if button in ("run", "steer"):
            of_runs = CREATE_RUNS if button == "run" else CHANGE_RUNS
            triggers = not task or await self.may(TRIGGER, namespace, task)
            return triggers and await self.may(of_runs, namespace)
        if button == "pause":
            if not task or not await self.may(CHANGE_TASKS, namespace, task):
                return False
            return await self.may(SUSPEND, namespace, task) or await self.may(CREATE_TASKS, namespace)
        return await self.may({"pods": CREATE_PODS, "logs": READ_LOGS}.get(button, READ_EVENTS), namespace)

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
            names = tuple(dict.fromkeys(name for name in known if _is_name(name, NAMESPACE)))
        allowed = await asyncio.gather(*(self.may(SEE_TASKS, name) for name in names))
        return tuple(sorted(name for name, may in zip(names, allowed, strict=True) if may))


def _is_name(name: str, resource: Resource) -> bool:
    try:
        checked_name(name, resource)
    except errors.InvalidName:
        return False
    return True
