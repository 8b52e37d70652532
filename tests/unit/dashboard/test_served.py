"""What a page that is served for many is told, and what it reads of tokens and selectors."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from crontask.api.resources import CRON_TASK, SCHEDULED_RUN, Resource
from crontask.client import AsyncCluster
from crontask.client.answers import Event
from crontask.client.operations import Keep
from crontask.dashboard import shared as shared_module
from crontask.dashboard.entry import seconds_left
from crontask.dashboard.reader import Query
from crontask.dashboard.served import BadAddressError, Served, ended_by
from crontask.dashboard.session import LONGEST
from crontask.dashboard.shared import SharedObjects


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("cron.example.com", "write the address"),
        ("ftp://cron.example.com", "write the address"),
        ("https://cron.example.com/cron", "a host name of its own"),
        ("https://cron.example.com?x=1", "write the address"),
        ("http://cron.example.com", "no TLS"),
        ("https://me:word@cron.example.com", "write the address"),
        ("https://cron.example.com:99999", "write the address"),
        ("https://cron.example.com:0", "write the address"),
    ],
)
def test_an_address_that_cannot_be(url: str, said: str) -> None:
    with pytest.raises(BadAddressError, match=said):
        Served("0.0.0.0", 8080, url).site()


@pytest.mark.parametrize(
    ("url", "origin", "secure"),
    [
        ("https://Cron.example.com/", "https://cron.example.com", True),
        ("https://cron.example.com:8443", "https://cron.example.com:8443", True),
        ("https://cron.example.com:443/", "https://cron.example.com", True),
        ("https://cron.example.com:", "https://cron.example.com", True),
        ("https://[FD00::1]:8443", "https://[fd00::1]:8443", True),
        ("http://localhost:80", "http://localhost", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", False),
        ("http://localhost:1", "http://localhost:1", False),
    ],
)
def test_an_address(url: str, origin: str, secure: bool) -> None:
    site = Served("0.0.0.0", 8080, url).site()
    assert (site.origins, site.secure) == (frozenset({origin}), secure)


@pytest.mark.parametrize(
    ("host", "url", "listens"),
    [
        ("", "https://cron.example.com", "0.0.0.0"),
        ("", "http://localhost:8080", "127.0.0.1"),
        ("", "HTTP://127.0.0.1:8080", "127.0.0.1"),
        ("", "http://[::1]:8080", "::1"),
        ("10.0.0.1", "https://cron.example.com", "10.0.0.1"),
        ("0.0.0.0", "http://localhost:8080", "0.0.0.0"),
    ],
)
def test_where_it_listens(host: str, url: str, listens: str) -> None:
    assert Served(host, 8080, url).listens == listens


def jwt(payload: Any) -> str:
    return f"x.{base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip('=')}.y"


@pytest.mark.parametrize(
    ("token", "seconds"),
    [
        (jwt({"exp": 160}), 60.0),
        (jwt({"exp": 40}), 0.0),
        (jwt({"exp": "soon"}), LONGEST),
        (jwt({}), LONGEST),
        (jwt([]), LONGEST),
        ("opaque", LONGEST),
        ("a.%%%.c", LONGEST),
        ("", LONGEST),
    ],
)
def test_how_long_a_token_is_good(token: str, seconds: float) -> None:
    assert seconds_left(token, 100.0) == seconds


NO_CLUSTER = cast(AsyncCluster, None)
RUN = {"metadata": {"name": "r"}, "spec": {"taskRef": {"name": "a"}}, "status": {"phase": "Failed"}}


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ("", True),
        ("metadata.name=r", True),
        ("metadata.name=other", False),
        ("spec.taskRef.name=a,spec.parent.name=", True),
        ("spec.taskRef.name=a,spec.parent.name=x", False),
        ("status.phase!=Succeeded", True),
        ("status.phase!=Failed", False),
        ("status.phase!=Succeeded,status.phase!=Partial,spec.parent.name=", True),
    ],
)
def test_selectors(fields: str, wanted: bool) -> None:
    shared = SharedObjects(NO_CLUSTER)
    shared.keep(SCHEDULED_RUN, {**RUN, "metadata": {"name": "r", "namespace": "a", "uid": "u", "managedFields": [1]}})
    for namespace, there in (("a", wanted), ("", wanted), ("b", False)):
        found = shared.find(Query(SCHEDULED_RUN, namespace, fields=fields))
        assert bool(found) is there
        assert all("managedFields" not in each.document["metadata"] for each in found)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def others() -> list[dict[str, Any]]:
    return [
        {"metadata": {"name": "deep", "namespace": "a", "uid": "d"}, "spec": {"args": {"x": nested(900)}}},
        {"metadata": {"name": "none"}},
        {"metadata": {"name": "odd", "namespace": "a", "uid": "o"}, "spec": "text"},
        {},
    ]


class Cluster:
    """One of the kind, and one that is like nothing; then it fails in a way that nobody foresaw, and goes on."""

    def __init__(self) -> None:
        self.lists = 0
        self.again = asyncio.Event()

    async def list(self, kind: Resource, *, namespace: str, keep: Keep) -> dict[str, Any]:
        self.lists += 1
        if self.lists > 2:
            self.again.set()
        good = {"metadata": {"name": "good", "namespace": "a", "uid": "g"}, "spec": {}}
        return {"items": [keep(each) for each in (*others(), good)]}

    async def watch(self, kind: Resource, *, namespace: str, after: Any) -> AsyncIterator[Event]:
        for each in others():
            yield Event("MODIFIED", each)
            yield Event("DELETED", each) if each.get("spec") == "text" else Event("ADDED", each)
        raise RuntimeError("a fault")


async def read(
    cluster: object, enough: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> tuple[SharedObjects, asyncio.Task[None]]:
    """What is read of such a cluster, without a pause after a fault; who reads goes on."""
    monkeypatch.setattr(shared_module, "_AGAIN", 0.0)
    shared = SharedObjects(cast(AsyncCluster, cluster))
    reading = asyncio.create_task(shared.run())
    await asyncio.wait_for(enough.wait(), 10)
    return shared, reading


async def test_one_object_that_is_like_no_other_does_not_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    shared, reading = await read(cluster, cluster.again, monkeypatch)
    found = shared.find(Query(SCHEDULED_RUN, "a"))
    assert {each.document["metadata"]["name"] for each in found} == {"deep", "good"}
    assert shared.ready
    assert not reading.done()
    reading.cancel()


class Shrinking:
    """A list of two of the kind, then of one, after a fault that nobody foresaw."""

    def __init__(self) -> None:
        self.lists = 0
        self.watched: set[Resource] = set()
        self.both = asyncio.Event()

    async def list(self, kind: Resource, *, namespace: str, keep: Keep) -> dict[str, Any]:
        self.lists += 1
        names = ("kept", "gone") if self.lists <= 2 else ("kept",)
        return {"items": [keep({"metadata": {"name": n, "namespace": "a", "uid": n}, "spec": {}}) for n in names]}

    async def watch(self, kind: Resource, *, namespace: str, after: Any) -> AsyncIterator[Event]:
        assert [set(each) for each in after["items"]] == [{"metadata"}] * len(after["items"])
        if len(after["items"]) == 2:
            raise RuntimeError("a fault")
        self.watched.add(kind)
        if len(self.watched) == 2:
            self.both.set()
        await asyncio.Event().wait()
        yield Event("ADDED", {})


async def test_what_a_later_list_does_not_have_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Shrinking()
    shared, reading = await read(cluster, cluster.both, monkeypatch)
    found = [shared.find(Query(kind, "")) for kind in (CRON_TASK, SCHEDULED_RUN)]
    assert [[each.document["metadata"]["name"] for each in kept] for kept in found] == [["kept"], ["kept"]]
    reading.cancel()


async def test_a_page_ends_with_its_reading() -> None:
    async def dies() -> None:
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError):
        await ended_by(asyncio.Event(), asyncio.create_task(dies()))
    asked, reading = asyncio.Event(), asyncio.create_task(asyncio.Event().wait())
    asked.set()
    await ended_by(asked, cast("asyncio.Task[None]", reading))
    reading.cancel()
