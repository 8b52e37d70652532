"""What an operator watches: the whole cluster but for what others have claimed, or the namespaces that it has claimed.

Used by app: it starts and stops the informers.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from crontask.engine.assemble import make_informers
from crontask.engine.informer import Informer
from crontask.engine.store import Store
from crontask.kube.claim import Claim, ClaimsOfOthers, why_left
from crontask.ports import Api, ApiError, Clock, Informed, Kind

_log = logging.getLogger("crontask")


class Watching(Protocol):
    """Keeps the store up to date."""

    informers: list[Informer]
    """Those that run now."""

    async def run(self) -> None:
        """Watch until cancelled. Ends only by a fault of ours."""

    async def settled(self) -> None:
        """Wait until all that there is to decide about is known."""

    def unready(self) -> list[str]:
        """Why this operator does not do all that it is to; nothing, if it does."""


class _HeldBack(Informed):
    """Hands on what informers of a namespace see only once all of them have listed, all at a time.

    A task must not be decided about before its runs and pods are known.
    """

    def __init__(self, store: Store, namespace: str) -> None:
        self._store = store
        self._namespace = namespace
        self._held: list[partial[None]] | None = []

    def open(self) -> None:
        """All have listed."""
        held, self._held = self._held or [], None
        self._store.enter(self._namespace)
        for news in held:
            news()

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""
        self._pass_on(partial(self._store.on_object, kind, raw))

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""
        self._pass_on(partial(self._store.on_deleted, kind, raw))

    def on_listed(self, kind: Kind, alive: set[str], version: str, namespace: str) -> None:
        """See Informed."""
        self._pass_on(partial(self._store.on_listed, kind, alive, version, namespace))

    def _pass_on(self, news: "partial[None]") -> None:
        if self._held is None:
            news()
        else:
            self._held.append(news)


class _Namespaces:
    """The informers of single namespaces, which come and go."""

    def __init__(self, api: Api, clock: Clock, store: Store, informers: list[Informer]) -> None:
        self._api = api
        self._clock = clock
        self._store = store
        self._informers = informers
        self._of: dict[str, tuple[Informer, ...]] = {}
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}

    def __contains__(self, namespace: str) -> bool:
        return namespace in self._of

    def enter(self, group: asyncio.TaskGroup, namespace: str) -> None:
        """Watch it from now on."""
        held = _HeldBack(self._store, namespace)
        informers = make_informers(self._api, self._clock, held, (namespace,))
        self._informers.extend(informers)
        self._of[namespace] = informers
        self._tasks[namespace] = [group.create_task(informer.run()) for informer in informers]
        self._tasks[namespace].append(group.create_task(_open(held, informers)))

    def not_listed(self) -> list[str]:
        """What has not been listed yet."""
        return [f"{each.what} are not listed yet" for each in self._informers if not each.synced.is_set()]

    async def settled(self) -> None:
        """Wait until what those know that run now has been handed on."""
        opening = [tasks[-1] for tasks in self._tasks.values()]
        if opening:
            await asyncio.wait(opening)

    def leave(self, namespace: str) -> None:
        """Know nothing of it any more."""
        for task in self._tasks.pop(namespace, ()):
            task.cancel()
        gone = self._of.pop(namespace, ())
        self._informers[:] = [informer for informer in self._informers if informer not in gone]
        self._store.leave(namespace)


async def _open(held: _HeldBack, informers: Sequence[Informer]) -> None:
    for informer in informers:
        await informer.synced.wait()
    held.open()


class WatchedNamespaces:
    """Some namespaces: each is watched while its claim is ours. `holder`: this installation, as NAMESPACE/NAME."""

    def __init__(self, api: Api, clock: Clock, store: Store, namespaces: Sequence[str], holder: str) -> None:
        self.informers: list[Informer] = []
        self._clock = clock
        self._namespaces = _Namespaces(api, clock, store, self.informers)
        self._claims = {namespace: Claim(api, clock, namespace, holder) for namespace in namespaces}
        self._looked = {namespace: asyncio.Event() for namespace in namespaces}

    async def run(self) -> None:
        """See Watching."""
        async with asyncio.TaskGroup() as group:
            for namespace, claim in self._claims.items():
                group.create_task(self._look_after(group, namespace, claim))

    async def settled(self) -> None:
        """See Watching."""
        for looked in self._looked.values():
            await looked.wait()
        await self._namespaces.settled()

    def unready(self) -> list[str]:
        """See Watching."""
        others = [why_left(where, claim.other) for where, claim in self._claims.items() if claim.other]
        problems = [claim.problem for claim in self._claims.values() if claim.problem]
        unknown = [
            f"the claim of {where} is not known yet" for where, each in self._claims.items() if not each.is_known
        ]
        return others + problems + unknown + self._namespaces.not_listed()

    async def _look_after(self, group: asyncio.TaskGroup, namespace: str, claim: Claim) -> None:
        while True:
            try:
                await claim.look()
            except ApiError as error:
                _log.warning("the claim of namespace %s cannot be read or written: %s", namespace, error)
            if claim.is_ours and namespace not in self._namespaces:
                self._namespaces.enter(group, namespace)
            elif not claim.is_ours and namespace in self._namespaces:
                self._namespaces.leave(namespace)
            if claim.is_known:
                self._looked[namespace].set()
            await self._clock.sleep(claim.pause)


class WholeCluster:
    """All namespaces but for those that others have claimed. `holder`: this installation, as NAMESPACE/NAME."""

    def __init__(self, api: Api, clock: Clock, store: Store, holder: str) -> None:
        self.informers = list(make_informers(api, clock, store))
        self._everywhere = tuple(self.informers)
        self._clock = clock
        self._store = store
        self._claims = ClaimsOfOthers(api, clock, holder)
        self._namespaces = _Namespaces(api, clock, store, self.informers)
        self._left: dict[str, str] = {}
        self._looked = asyncio.Event()

    async def run(self) -> None:
        """See Watching."""
        async with asyncio.TaskGroup() as group:
            await self._look(group)
            while not self._looked.is_set():
                await self._clock.sleep(1.0)
                await self._look(group)
            for informer in self._everywhere:
                group.create_task(informer.run())
            while True:
                await self._clock.sleep(self._claims.pause)
                await self._look(group)

    async def settled(self) -> None:
        """See Watching."""
        await self._looked.wait()
        for informer in self._everywhere:
            await informer.synced.wait()
        await self._namespaces.settled()

    def unready(self) -> list[str]:
        """See Watching. That others have claimed namespaces is as it should be."""
        return self._namespaces.not_listed()

    async def _look(self, group: asyncio.TaskGroup) -> None:
        try:
            claimed = await self._claims.look()
        except ApiError as error:
            _log.warning("claims of other operators cannot be listed: %s", error)
            if error.status == 403:
                # As with a role of before there were claims: then there are none.
                self._looked.set()
            return
        for namespace in claimed.keys() - self._left.keys():
            _log.info("namespace %s is left to the operator that claims it, %s", namespace, claimed[namespace])
            self._namespaces.leave(namespace)
        for namespace in self._left.keys() - claimed.keys():
            _log.info("namespace %s is no longer claimed by %s", namespace, self._left[namespace])
            self._namespaces.enter(group, namespace)
        self._left = claimed
        self._looked.set()
