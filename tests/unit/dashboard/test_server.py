"""What the server answers to requests that no browser sends, and to those of nobody."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from crontask.client import Access, AsyncCluster, errors
from crontask.client.grants import Grant, Login
from crontask.client.tls import Tls
from crontask.dashboard import http
from crontask.dashboard.desk import Desk
from crontask.dashboard.entry import LocalEntry, ProxyEntry, VisitorOf
from crontask.dashboard.guard import Site
from crontask.dashboard.reader import Query, Reader, Snapshot
from crontask.dashboard.rights import Right, Rights
from crontask.dashboard.server import application
from crontask.dashboard.session import Session
from crontask.dashboard.streams import MOST
from crontask.dashboard.visitor import Visitor

HOST = "127.0.0.1:80"
ORIGIN = f"http://{HOST}"
PREFIX = "/SecretPrefixThatNobodyGuesses"
Page = TestClient[web.Request, web.Application]


@pytest.fixture
def desk() -> Desk:
    """Of a page on one's own machine; its API server is never asked."""
    access = Access("http://127.0.0.1:1", "shop", Tls(), Login(lambda: Grant("Bearer x")), "ann", "here")
    visitor = Visitor(AsyncCluster(access))
    return Desk(Site(frozenset({ORIGIN}), PREFIX), LocalEntry(visitor), "", "shop")


class AsServed(TestServer):
    """As the page is served. A TestServer of its own would cancel a handler once its client is gone."""

    async def _make_runner(self, **kwargs: object) -> web.AppRunner:
        return http.runner(self.app)


@pytest.fixture
async def page(desk: Desk) -> AsyncIterator[Page]:
    async with TestClient(AsServed(application(desk)), headers={"Host": HOST}) as client:
        yield client


def logged_in(desk: Desk) -> dict[str, str]:
    """The headers of somebody who is."""
    assert isinstance(desk.entry, LocalEntry)
    return {"Cookie": f"crontask-session={desk.sessions.begin(desk.entry.visitor)}", "Origin": ORIGIN}


def session_of(desk: Desk, headers: Mapping[str, str]) -> Session:
    found = desk.sessions.find(headers["Cookie"].partition("=")[2])
    assert found is not None
    return found


class StillReader(Reader):
    """Of a cluster in which nothing is, and nothing happens until `fail`."""

    def __init__(self, cluster: AsyncCluster, fail: asyncio.Event, error: BaseException) -> None:
        super().__init__(cluster)
        self.fail, self.error = fail, error

    async def once(self, queries: Iterable[Query]) -> Snapshot:
        return dict.fromkeys(queries, ())

    async def changing(self, queries: Iterable[Query], beat: float) -> AsyncGenerator[Snapshot, None]:
        yield await self.once(queries)
        await self.fail.wait()
        raise self.error


class AllRights(Rights):
    async def may(self, right: Right, namespace: str, name: str = "") -> bool:
        return True


def still(desk: Desk, error: BaseException | None = None) -> asyncio.Event:
    """The event that makes what is read fail."""
    assert isinstance(desk.entry, LocalEntry)
    visitor, fail = desk.entry.visitor, asyncio.Event()
    visitor.reader = StillReader(visitor.cluster, fail, error or RuntimeError("a fault"))
    visitor.rights = AllRights(visitor.cluster)
    return fail


@pytest.mark.parametrize(
    ("task", "buttons"),
    [
        ("task", {"run", "steer", "pause", "pods", "logs", "events"}),
        ("", {"run", "steer", "pods", "logs", "events"}),
        # No task can have such a name, but a run can name it, and is to be shown.
        ("task-", {"logs", "events"}),
    ],
)
async def test_which_buttons_there_are_for_one_who_may_do_all(desk: Desk, task: str, buttons: set[str]) -> None:
    assert isinstance(desk.entry, LocalEntry)
    assert await AllRights(desk.entry.visitor.cluster).buttons("shop", task) == buttons


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {}, 404),
        ("GET", "/nothing", {}, 404),
        ("GET", PREFIX, {}, 404),
        ("GET", f"{PREFIX[:-1]}/static/page.css", {}, 404),
        ("GET", f"{PREFIX}x/static/page.css", {}, 404),
        ("POST", "/login", {}, 404),
        ("POST", "/login", {"Origin": ORIGIN}, 404),
        ("PUT", "/healthz/x", {}, 404),
        ("GET", "/", {"Host": "evil.example"}, 421),
        ("GET", f"{PREFIX}/", {"Host": "evil.example"}, 421),
        ("POST", f"{PREFIX}/login", {"Host": "evil.example", "Origin": ORIGIN}, 421),
        ("POST", "/login", {"Host": "evil.example"}, 421),
    ],
)
async def test_who_does_not_know_the_prefix_is_not_told_it(
    page: Page, method: str, path: str, headers: Mapping[str, str], status: int
) -> None:
    answer = await page.request(method, path, headers=headers)
    assert answer.status == status
    assert PREFIX not in f"{dict(answer.headers)}{await answer.text()}"
    assert answer.headers["Server"] == "crontask"


async def test_who_knows_the_prefix_is_asked_to_log_in(page: Page) -> None:
    answer = await page.get(f"{PREFIX}/ns/-/tasks")
    assert answer.status == 401
    assert f'action="{PREFIX}/login"' in await answer.text()


LIVE = f"{PREFIX}/live/ns/shop/tasks"


@pytest.mark.parametrize("error", [None, RuntimeError("a fault"), errors.AccessError("gone")])
async def test_a_stream_that_ends_before_its_time_has_the_page_loaded_anew(
    desk: Desk, page: Page, error: Exception | None
) -> None:
    fail, headers = still(desk, error), logged_in(desk)
    answer = await page.get(LIVE, headers=headers)
    assert (await answer.content.readline()).startswith(b"event: regions")
    if error is None:
        form = {"token": session_of(desk, headers).form_token}
        assert (await page.post(f"{PREFIX}/logout", data=form, headers=headers, allow_redirects=False)).status == 303
    else:
        fail.set()
    # An answer within the answer would not be read as chunks.
    rest = await answer.text()
    assert rest.endswith("event: anew\ndata: anew\n\n")
    assert "HTTP/1.1" not in rest


async def test_a_stream_of_somebody_who_has_logged_out_is_refused(desk: Desk, page: Page) -> None:
    still(desk)
    headers = logged_in(desk)
    desk.sessions.end(headers["Cookie"].partition("=")[2])
    assert (await page.get(LIVE, headers=headers)).status == 401


async def test_one_session_has_so_many_streams(desk: Desk, page: Page) -> None:
    still(desk)
    headers, other = logged_in(desk), logged_in(desk)
    open_ = [await page.get(LIVE, headers=headers) for _ in range(MOST)]
    assert {answer.status for answer in open_} == {200}
    assert (await page.get(LIVE, headers=headers)).status == 429
    assert (await page.get(LIVE, headers=other)).status == 200
    session = session_of(desk, headers)
    desk.sessions.end(headers["Cookie"].partition("=")[2])
    for answer in open_:
        await answer.text()
    assert session.streams == 0


async def test_a_stream_ends_with_its_page_though_nothing_is_written(desk: Desk, page: Page) -> None:
    still(desk)
    headers = logged_in(desk)
    answer = await page.get(LIVE, headers=headers)
    session = session_of(desk, headers)
    assert session.streams == 1
    answer.close()
    async with asyncio.timeout(20):
        while session.streams:  # noqa: ASYNC110 - a count has no event
            await asyncio.sleep(0.05)


async def test_connections_close_once_nothing_is_done_with_them(desk: Desk, page: Page) -> None:
    """Closed before, they would be opened again by what is still going on, and stay so."""
    still(desk)
    assert isinstance(desk.entry, LocalEntry)
    visitor, closed = desk.entry.visitor, asyncio.Event()
    visitor.of_one_session = True

    async def close() -> None:
        closed.set()

    visitor.cluster.close = close  # type: ignore[method-assign]
    headers = logged_in(desk)
    answer = await page.get(LIVE, headers=headers)
    with visitor.at_work():
        desk.sessions.end(headers["Cookie"].partition("=")[2])
        await answer.text()
        assert not closed.is_set()
    await asyncio.wait_for(closed.wait(), 10)


URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (URLENCODED, b"code=x", 401),
        (f"{URLENCODED}; charset=UTF-8", "code=%C3%A4ä".encode(), 401),
        (URLENCODED, b"", 401),
        (URLENCODED, b"code=x" + b"&a=1" * 1001, 400),
        (URLENCODED, b"code=\xff", 400),
        (URLENCODED, b"code=%ff", 400),
        (URLENCODED, b"code=%ED%A0%80", 400),
        *(
            (f"{URLENCODED}; charset={charset}", b"code=x", 415)
            for charset in ("punycode", "foo", "utf-16", "undefined", "rot13", "zlib", "unicode_escape", "utf-7")
        ),
        ("multipart/form-data", b"code=x", 415),
        ("multipart/form-data; boundary=a", b"--a\r\n\r\nx\r\n--a--\r\n", 415),
        ("text/plain", b"code=x", 415),
        (";;=", b"code=x", 415),
        (URLENCODED, b"code=" + b"x" * 300_000, 413),
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_a_form_is_what_our_pages_send(
    desk: Desk, page: Page, path: str, content_type: str, body: bytes, status: int
) -> None:
    headers = logged_in(desk)
    answer = await page.post(f"{PREFIX}{path}", data=body, headers={**headers, "Content-Type": content_type})
    # Where it is read, it is not one of theirs.
    assert answer.status == (403 if status == 401 and path == "/logout" else status)


class Known(VisitorOf):
    """Every token is a user of that name."""

    def __init__(self, desk: Desk) -> None:
        assert isinstance(desk.entry, LocalEntry)
        self._of = desk.entry.visitor

    async def visitor(self, token: str) -> Visitor | None:
        made = Visitor(AsyncCluster(self._of.cluster.access))
        made.name, made.reader, made.rights = token, self._of.reader, self._of.rights
        return made


@pytest.mark.parametrize(
    ("method", "path", "status", "begun"),
    [
        ("GET", f"{PREFIX}/ns/shop/tasks", 200, 1),
        ("HEAD", f"{PREFIX}/ns/shop/tasks", 200, 1),
        ("GET", f"{PREFIX}/nothing", 404, 0),
        ("GET", f"{PREFIX}/static/page.css", 200, 0),
        ("GET", LIVE, 401, 0),
        ("POST", f"{PREFIX}/ns/shop/tasks/a/pause", 401, 0),
        ("POST", f"{PREFIX}/logout", 401, 0),
        ("PUT", f"{PREFIX}/ns/shop/tasks", 405, 0),
    ],
)
async def test_behind_a_proxy_a_session_begins_with_a_view_alone(
    desk: Desk, page: Page, method: str, path: str, status: int, begun: int
) -> None:
    still(desk)
    other = logged_in(desk)
    desk.entry = ProxyEntry(Known(desk))
    for _ in range(3):
        headers = {"Authorization": "Bearer bob", "Origin": ORIGIN}
        answer = await page.request(method, path, headers=headers)
        assert answer.status == status
        assert ("crontask-session" in answer.cookies) is bool(begun)
        # As one who keeps no cookies.
        page.session.cookie_jar.clear()
    assert len(desk.sessions) == 1 + 3 * begun
    assert session_of(desk, other).visitor.name == "ann"


async def test_who_is_forgotten_behind_a_proxy_leaves_no_connections(desk: Desk) -> None:
    """Also where two requests bring the same token at once."""
    now, closed = [0.0], []
    still(desk)

    class Counting(Known):
        async def visitor(self, token: str) -> Visitor | None:
            made = await super().visitor(token)
            assert made is not None
            made.retire = lambda: closed.append(made)  # type: ignore[method-assign]
            await asyncio.sleep(0)
            return made

    entry = ProxyEntry(Counting(desk), lambda: now[0])
    first, second = await asyncio.gather(entry.visitor("bob"), entry.visitor("bob"))
    assert first is second
    assert len(closed) == 1
    now[0] = 61.0
    assert await entry.visitor("bob") is first
    assert first not in closed
    now[0] = 1e6
    await entry.visitor("ann")
    assert first in closed


@pytest.mark.parametrize("query", ["q=a%23b", "q=a%26page%3D2", "q=a%2Bb", "q=%25", "q=a+b", "q=%C3%A4"])
async def test_what_is_asked_of_a_view_is_asked_of_its_stream(desk: Desk, page: Page, query: str) -> None:
    still(desk)
    shown = await page.get(URL(f"{PREFIX}/ns/shop/tasks?{query}", encoded=True), headers=logged_in(desk))
    assert f'data-live="{LIVE}?{query}"' in await shown.text()
    assert f'value="{PREFIX}/ns/shop/tasks?{query}"' in await shown.text()


async def test_who_logs_in_again_is_logged_in_once(desk: Desk, page: Page) -> None:
    assert isinstance(desk.entry, LocalEntry)
    for _ in range(3):
        # The browser sends the cookie that it has.
        answer = await page.post(f"{PREFIX}/login", data={"code": desk.entry.code.draw()}, headers={"Origin": ORIGIN})
        assert answer.status == 200
        assert len(desk.sessions) == 1


SECRET = "ThisIsACredential"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"Authorization: Bearer {SECRET}\x00", 400),
        (f"Authorization Bearer {SECRET}", 400),
        (f"Cookie: crontask-session={SECRET}\x01", 400),
        (f"{SECRET}", 400),
        (f"Authorization: Bearer {SECRET}{'x' * 30_000}", 400),
        # The longest that is a token of ours.
        (f"Authorization: Bearer {'x' * 16_384}", 401),
    ],
)
async def test_no_credential_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture, line: str, status: int) -> None:
    runner = http.runner(application(desk))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(f"GET {PREFIX}/ HTTP/1.1\r\nHost: {HOST}\r\n{line}\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] == str(status).encode()
        writer.close()
    finally:
        await runner.cleanup()
    formatted = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert SECRET not in formatted
    assert ("Error handling request" in formatted) is (status == 400)
