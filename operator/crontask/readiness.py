"""Serves /readyz: whether this operator does, or would do as the leader, all that it is to."""

from collections.abc import Callable

from aiohttp import web

from crontask.http_page import HttpPage


class ReadinessServer(HttpPage):
    """`unready` is called with each request: why it is not ready, a line each; nothing, if it is."""

    def __init__(self, unready: Callable[[], list[str]]) -> None:
        self._unready = unready
        super().__init__("/readyz", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        reasons = self._unready()
        return web.Response(text="\n".join([*reasons, ""]) if reasons else "ready\n", status=503 if reasons else 200)
