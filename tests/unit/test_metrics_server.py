"""/metrics over HTTP: the page, for how long it may wait, and a port that is taken."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from crontask.app import _serves
from crontask.metrics_server import MetricsServer


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def served(patience: list[float]) -> AsyncIterator[str]:
    async def page(seconds: float) -> bytes:
        patience.append(seconds)
        return b"crontask_leader 1.0\n"

    server, port = MetricsServer(page), free_port()
    await server.start(port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop()


async def test_the_page_is_text_as_prometheus_reads_it() -> None:
    async with served([]) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/metrics") as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert await response.text() == "crontask_leader 1.0\n"
        async with session.get(url) as response:
            assert response.status == 404


@pytest.mark.parametrize(
    ("header", "patience"),
    [(None, 5.0), ("4", 2.0), ("0.5", 0.25), ("60", 5.0), ("-1", 0.0), ("soon", 5.0), ("nan", 0.0)],
)
async def test_half_of_the_time_that_prometheus_waits_may_pass_before_launches_are_over(
    header: str | None, patience: float
) -> None:
    given: list[float] = []
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": header} if header is not None else {}
    async with served(given) as url, aiohttp.ClientSession() as session, session.get(f"{url}/metrics", headers=headers):
        assert given == [patience]


async def test_a_port_that_is_taken_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async def page(seconds: float) -> bytes:
        return b""

    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        server = MetricsServer(page)
        assert not await _serves(server, port)
        await server.stop()
    assert f"metrics cannot be served on port {port}: " in caplog.text
    assert "write another --metrics-port, or 0" in caplog.text


async def test_nothing_is_served_where_nothing_is_asked_for() -> None:
    async def page(seconds: float) -> bytes:
        return b""

    assert await _serves(MetricsServer(page), 0)
