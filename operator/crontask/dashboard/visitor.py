"""Somebody who looks at the page: their own connection to the API server, and what they may do there."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from crontask.client import AsyncCluster, errors, operations, requests
from crontask.dashboard.reader import Reader
from crontask.dashboard.rights import Rights

# A task that nobody holds may be collected before it has ended.
_closing: "set[asyncio.Future[None]]" = set()


class Visitor:
    """One user. Everything that is read, asked or written for them goes out with their own credentials."""

    def __init__(self, cluster: AsyncCluster) -> None:
        self.cluster = cluster
        self.rights = Rights(cluster)
        self.reader = Reader(cluster)
        self.name = cluster.access.user
        # Whether the connections are those of one session, and are closed with it.
        self.of_one_session = False
        self._at_work, self._retired = 0, False

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While something is done for them: only then their connections close, or it would open them again."""
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1
            self._close_if_idle()

    def leave(self) -> None:
        """The session has ended."""
        if self.of_one_session:
            self.retire()

    def retire(self) -> None:
        """Nothing more is begun for them."""
        self._retired = True
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._retired and not self._at_work:
            closing = asyncio.ensure_future(self.cluster.close())
            _closing.add(closing)
            closing.add_done_callback(_closing.discard)

    async def introduce(self) -> None:
        """Ask the API server for their name. Raises errors.Unauthorized for somebody that it does not know."""
        try:
            review = await self.cluster.run(operations.once(requests.who()))
        except (errors.Forbidden, errors.NotFound):
            return
        user = (review.get("status") or {}).get("userInfo") or {}
        self.name = str(user.get("username") or self.name)
