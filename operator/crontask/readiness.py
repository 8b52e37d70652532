"""Serves /readyz: whether this operator does, or would do as the leader, all that it is to."""

from collections.abc import Callable

from aiohttp import web


class ReadinessServer:
    """`unready` is called with each request: why it is not ready, a line each; nothing, if it is."""

    def __init__(self, unready: Callable[[], list[str]]) -> None:
        self._unready = unready
        application = web.Application()
        application.router.add_get("/readyz", self._answer)
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, port: int) -> None:
        """Serve on all IPv4 addresses. Raises OSError, as where the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "0.0.0.0", port).start()

    async def stop(self) -> None:
        """Serve no more."""
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        reasons = self._unready()
        return web.Response(text="\n".join([*reasons, ""]) if reasons else "ready\n", status=503 if reasons else 200)
