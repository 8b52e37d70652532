"""Serves one address over HTTP, on the loop that does the work: /metrics, /readyz."""

from aiohttp import web
from aiohttp.typedefs import Handler


class HttpPage:
    """`answer` is called with each request for `path`."""

    def __init__(self, path: str, answer: Handler) -> None:
        application = web.Application()
        application.router.add_get(path, answer)
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, port: int) -> None:
        """Serve on all IPv4 addresses. Raises OSError, as where the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "0.0.0.0", port).start()

    async def stop(self) -> None:
        """Serve no more."""
        await self._runner.cleanup()
