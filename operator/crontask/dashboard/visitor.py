"""Somebody who looks at the page: their own connection to the API server, and what they may do there."""

from crontask.client import AsyncCluster, errors, operations, requests
from crontask.dashboard.reader import Reader
from crontask.dashboard.rights import Rights


class Visitor:
    """One user. Everything that is read, asked or written for them goes out with their own credentials."""

    def __init__(self, cluster: AsyncCluster) -> None:
        self.cluster = cluster
        self.rights = Rights(cluster)
        self.reader = Reader(cluster)
        self.name = cluster.access.user

    async def introduce(self) -> None:
        """Ask the API server for their name. Raises errors.Unauthorized for somebody that it does not know."""
        try:
            review = await self.cluster.run(operations.once(requests.who()))
        except (errors.Forbidden, errors.NotFound):
            return
        user = (review.get("status") or {}).get("userInfo") or {}
        self.name = str(user.get("username") or self.name)
