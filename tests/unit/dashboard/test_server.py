"""What the server answers to requests that no browser sends, and to those of nobody."""

from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from crontask.client import Access, AsyncCluster
from crontask.client.grants import Grant, Login
from crontask.client.tls import Tls
from crontask.dashboard.desk import Desk
from crontask.dashboard.entry import LocalEntry
from crontask.dashboard.guard import Site
from crontask.dashboard.server import application
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


@pytest.fixture
async def page(desk: Desk) -> AsyncIterator[Page]:
    async with TestClient(TestServer(application(desk)), headers={"Host": HOST}) as client:
        yield client


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
