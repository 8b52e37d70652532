"""Serves /metrics, on the loop that does the work: what is read there is read by nobody else."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from crontask.http_page import HttpPage

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Prometheus says how many seconds it waits for an answer. Half of them may pass before launches are over.
_TIMEOUT_HEADER, _TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds", 10.0
Page = Callable[[float], Awaitable[bytes]]


class MetricsServer(HttpPage):
    """`page` is called with the seconds that it may wait for others."""

    def __init__(self, page: Page) -> None:
        self._page = page
        super().__init__("/metrics", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        body = await self._page(_timeout(request.headers.get(_TIMEOUT_HEADER)) / 2)
        return web.Response(body=body, headers={"Content-Type": _CONTENT_TYPE})


def _timeout(text: str | None) -> float:
    try:
        return min(_TIMEOUT, max(0.0, float(text))) if text is not None else _TIMEOUT
    except ValueError:
        return _TIMEOUT
