"""The client, the informer and the lease, against a real API server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import orjson
import pytest
from api_server import until

from cluster.control_plane import ControlPlane
from crontask.engine.informer import Informer
from crontask.kube.client import HttpApi
from crontask.kube.clock import SystemClock
from crontask.kube.connection import connect
from crontask.kube.lease import Lease
from crontask.ports import ApiError, Document, Kind, ObjectKey, WatchEvent, WatchExpiredError

Use = Callable[[HttpApi], Awaitable[None]]


@pytest.fixture
def with_api(control_plane: ControlPlane) -> Callable[[Use], None]:
    """Run a coroutine with a client of the real API server."""

    async def run(use: Use) -> None:
        async with HttpApi(connect(str(control_plane.kubeconfig))) as api, asyncio.timeout(90):
            await use(api)

    return lambda use: asyncio.run(run(use))


def _run(name: str, **spec: object) -> Document:
    return {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "ScheduledRun",
        "metadata": {"name": name, "labels": {"test": "kube"}},
        "spec": {"taskRef": {"name": "t"}, **spec},
    }


async def _create(api: HttpApi, namespace: str, *names: str) -> list[Document]:
    return [orjson.loads(await api.create(Kind.SCHEDULED_RUN, namespace, _run(name))) for name in names]


# --- client ----------------------------------------------------------------------------------------------------------


def test_a_list_comes_in_pages_of_one_version(with_api: Callable[[Use], None], namespace: str) -> None:
    async def use(api: HttpApi) -> None:
        await _create(api, namespace, "a", "b", "c", "d", "e")
        pages = [await api.list_page(Kind.SCHEDULED_RUN, selector="test=kube", limit=2)]
        # What is made meanwhile is not in it.
        await _create(api, namespace, "f")
        while pages[-1].continue_token:
            token = pages[-1].continue_token
            pages.append(await api.list_page(Kind.SCHEDULED_RUN, selector="test=kube", limit=2, continue_token=token))
        found = [orjson.loads(raw)["metadata"] for page in pages for raw in page.items]
        assert len(pages[0].items) == 2
        assert [meta["name"] for meta in found if meta["namespace"] == namespace] == ["a", "b", "c", "d", "e"]
        assert len({page.resource_version for page in pages}) == 1

    with_api(use)


@pytest.mark.parametrize(("field", "refused"), [("commands", True), ("command", False)])
def test_a_pod_with_a_field_that_there_is_not_is_refused(
    with_api: Callable[[Use], None], namespace: str, field: str, refused: bool
) -> None:
    """It would be dropped, and the image's own command run."""

    async def use(api: HttpApi) -> None:
        container = {"name": "main", "image": "busybox:1.36", field: ["false"]}
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [container]}}
        try:
            await api.create(Kind.POD, namespace, pod, dry_run=True)
        except ApiError as error:
            assert "unknown field" in error.message or not refused
            assert (error.refuses, error.final) == (True, True) or not refused
            assert "unknown field" not in error.message or refused
        else:
            assert not refused

    with_api(use)


@pytest.mark.parametrize(
    ("what", "status", "reason"),
    [
        ("get", 404, "NotFound"),
        ("create", 409, "AlreadyExists"),
        ("stale", 409, "Conflict"),
        ("other", 409, "Conflict"),
        ("invalid", 422, "Invalid"),
        ("nowhere", 404, "NotFound"),
    ],
)
def test_a_refusal_says_what_it_is(
    with_api: Callable[[Use], None], namespace: str, what: str, status: int, reason: str
) -> None:
    async def use(api: HttpApi) -> None:
        (made,) = await _create(api, namespace, "known")
        key, unknown = (ObjectKey(Kind.SCHEDULED_RUN, namespace, name) for name in ("known", "unknown"))
        await api.patch(key, {"metadata": {"labels": {"new": "1"}}})
        stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"], "labels": {"new": "2"}}}
        requests: dict[str, Callable[[], Awaitable[object]]] = {
            "get": lambda: api.get(unknown),
            "create": lambda: api.create(Kind.SCHEDULED_RUN, namespace, _run("known")),
            "stale": lambda: api.patch(key, stale),
            "other": lambda: api.delete(key, uid="00000000-0000-0000-0000-000000000000"),
            "invalid": lambda: api.create(Kind.SCHEDULED_RUN, namespace, _run("bad", cancel="perhaps")),
            "nowhere": lambda: api.create(Kind.SCHEDULED_RUN, "no-such-namespace", _run("x")),
        }
        with pytest.raises(ApiError) as caught:
            await requests[what]()
        assert (caught.value.status, caught.value.reason) == (status, reason)
        assert not caught.value.passing
        assert caught.value.message

    with_api(use)


def test_a_server_that_is_not_there_is_worth_another_try(
    control_plane: ControlPlane, with_api: Callable[[Use], None], namespace: str
) -> None:
    async def use(api: HttpApi) -> None:
        await _create(api, namespace, "before")
        control_plane.stop_apiserver(grace=0)
        try:
            with pytest.raises(ApiError) as caught:
                await api.get(ObjectKey(Kind.SCHEDULED_RUN, namespace, "before"))
        finally:
            control_plane.start_apiserver()
        assert caught.value.status == 0
        assert caught.value.passing
        assert await api.get(ObjectKey(Kind.SCHEDULED_RUN, namespace, "before"))

    with_api(use)


def test_a_version_that_the_server_has_forgotten_expires(with_api: Callable[[Use], None]) -> None:
    async def use(api: HttpApi) -> None:
        with pytest.raises(WatchExpiredError):
            await _first_event(api, "1")

    with_api(use)


async def _first_event(api: HttpApi, version: str) -> WatchEvent:
    """The first event after a version. A server that has just started says 429 until its storage is ready."""
    while True:
        try:
            return await anext(aiter(api.watch(Kind.SCHEDULED_RUN, resource_version=version)))
        except ApiError as error:
            if not error.passing:
                raise
            await asyncio.sleep(0.2)


# --- informer --------------------------------------------------------------------------------------------------------


class _Known:
    """What an informer has told: the objects of one namespace by name."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._all: dict[str, Document] = {}
        self.lists = 0

    @property
    def names(self) -> set[str]:
        metas = [document["metadata"] for document in self._all.values()]
        return {meta["name"] for meta in metas if meta["namespace"] == self._namespace}

    def on_object(self, kind: Kind, raw: bytes) -> None:
        document = orjson.loads(raw)
        self._all[document["metadata"]["uid"]] = document

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        self._all.pop(orjson.loads(raw)["metadata"]["uid"], None)

    def on_listed(self, kind: Kind, alive: set[str], version: str, namespace: str) -> None:
        self.lists += 1
        self._all = {uid: document for uid, document in self._all.items() if uid in alive}


class _Interrupted(HttpApi):
    """A client whose watches end, and begin again only when they may."""

    def __init__(self, control_plane: ControlPlane) -> None:
        super().__init__(connect(str(control_plane.kubeconfig)))
        self.may_watch = asyncio.Event()
        self.may_watch.set()

    async def watch(
        self, kind: Kind, *, resource_version: str, namespace: str = "", selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        await self.may_watch.wait()
        async for event in super().watch(
            kind, resource_version=resource_version, namespace=namespace, selector=selector
        ):
            if not self.may_watch.is_set():
                return
            yield event


async def _informed(api: HttpApi, known: _Known, use: Callable[[], Awaitable[None]]) -> None:
    informer = Informer(api, SystemClock(), Kind.SCHEDULED_RUN, known)
    running = asyncio.create_task(informer.run())
    try:
        await asyncio.wait_for(informer.synced.wait(), 30)
        await use()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def test_an_informer_outlives_a_restart_of_the_server(
    control_plane: ControlPlane, with_api: Callable[[Use], None], namespace: str
) -> None:
    known = _Known(namespace)

    async def use(api: HttpApi) -> None:
        async def watched() -> None:
            (before,) = await _create(api, namespace, "before")
            await asyncio.to_thread(until, "the first is told", lambda: known.names == {"before"})
            await asyncio.to_thread(control_plane.stop_apiserver, 0)
            await asyncio.to_thread(control_plane.start_apiserver)
            await _create(api, namespace, "after")
            await api.delete(ObjectKey(Kind.SCHEDULED_RUN, namespace, "before"), uid=before["metadata"]["uid"])
            await asyncio.to_thread(until, "only the second is known", lambda: known.names == {"after"})

        await _informed(api, known, watched)

    with_api(use)


def test_what_vanished_behind_an_expired_watch_is_swept(control_plane: ControlPlane, namespace: str) -> None:
    known = _Known(namespace)

    async def use() -> None:
        async with _Interrupted(control_plane) as api, asyncio.timeout(90):

            async def watched() -> None:
                gone, _ = await _create(api, namespace, "gone", "stays")
                await asyncio.to_thread(until, "both are told", lambda: known.names == {"gone", "stays"})
                api.may_watch.clear()
                # The watch ends with the next event; the ones after it are told to nobody.
                await _create(api, namespace, "unseen")
                await api.delete(ObjectKey(Kind.SCHEDULED_RUN, namespace, "gone"), uid=gone["metadata"]["uid"])
                # A server that begins anew keeps no events of before.
                await asyncio.to_thread(control_plane.stop_apiserver, 0)
                await asyncio.to_thread(control_plane.start_apiserver)
                assert known.names == {"gone", "stays"}
                api.may_watch.set()
                await asyncio.to_thread(until, "the list has swept", lambda: known.names == {"stays", "unseen"})
                assert known.lists == 2

            await _informed(api, known, watched)

    asyncio.run(use())


# --- lease -----------------------------------------------------------------------------------------------------------


def _lease(api: HttpApi, namespace: str, identity: str) -> Lease:
    return Lease(api, SystemClock(), namespace, "crontask", identity, duration=3, renew_every=0.5, look_every=0.1)


def test_one_leads_and_what_it_gives_up_is_taken(with_api: Callable[[Use], None], namespace: str) -> None:
    async def use(api: HttpApi) -> None:
        first, second = _lease(api, namespace, "first"), _lease(api, namespace, "second")
        await first.acquire()
        holding = asyncio.create_task(first.hold())
        waiting = asyncio.create_task(second.acquire())
        # For longer than the lease lasts unrenewed.
        done, _ = await asyncio.wait((waiting,), timeout=4)
        assert not done
        assert first.time_left() > 0 > second.time_left()
        holding.cancel()
        await first.release()
        assert first.time_left() < 0
        await waiting
        assert second.time_left() > 0
        lease = orjson.loads(await api.get(ObjectKey(Kind.LEASE, namespace, "crontask")))
        assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == ("second", 1)

    with_api(use)


def test_a_leader_that_falls_silent_is_followed_only_when_its_time_is_over(
    with_api: Callable[[Use], None], namespace: str
) -> None:
    async def use(api: HttpApi) -> None:
        first, second = _lease(api, namespace, "first"), _lease(api, namespace, "second")
        await first.acquire()
        await second.acquire()
        assert first.time_left() < 0 < second.time_left()
        # Awake again, it finds another leader.
        await asyncio.wait_for(first.hold(), 30)
        assert first.time_left() < 0

    with_api(use)


def test_both_at_once_make_one_leader(with_api: Callable[[Use], None], namespace: str) -> None:
    async def use(api: HttpApi) -> None:
        leases = [_lease(api, namespace, f"candidate-{number}") for number in range(8)]
        waiting = [asyncio.create_task(lease.acquire()) for lease in leases]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert sum(lease.time_left() > 0 for lease in leases) == 1
        for task in waiting:
            task.cancel()

    with_api(use)
