"""Serves /metrics, on the loop that does the work: what is read there is read by nobody else."""

from collections.abc import Awaitable, Callable

from aiohttp import web

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Prometheus says how many seconds it waits for an answer. Half of them may pass before launches are over.
_TIMEOUT_HEADER, _TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds", 10.0
Page = Callable[[float], Awaitable[bytes]]


class MetricsServer:
    """`page` is called with the seconds that it may wait for others."""

    def __init__(self, page: Page) -> None:
        self._page = page
        application = web.Application()
        application.router.add_get("/metrics", self._answer)
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, port: int) -> None:
        """Serve on all IPv4 addresses. Raises OSError, as where the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "0.0.0.0", port).start()

    async def stop(self) -> None:
        """Serve no more."""
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await self._page(_timeout(request.headers.get(_TIMEOUT_HEADER)) / 2)
        return web.Response(body=body, headers={"Content-Type": _CONTENT_TYPE})


def _timeout(text: str | None) -> float:
    try:
        return min(_TIMEOUT, max(0.0, float(text))) if text is not None else _TIMEOUT
    except ValueError:
        return _TIMEOUT
