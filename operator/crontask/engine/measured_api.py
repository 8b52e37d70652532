"""The API server, with each write measured: how long it takes, and how it is answered."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from crontask.ports import Api, ApiError, Clock, Document, Kind, ObjectKey, Page, WatchEvent

T = TypeVar("T")
Wrote = Callable[[Kind, str, int, float], None]
_CREATED, _OK = 201, 200


class MeasuredApi:
    """Passes everything on. `wrote` is called with the kind, the verb, the HTTP status (0: none) and the seconds."""

    def __init__(self, api: Api, clock: Clock, wrote: Wrote) -> None:
        self._api = api
        self._clock = clock
        self._wrote = wrote

    async def list_page(
        self,
        kind: Kind,
        *,
        namespace: str = "",
        selector: str = "",
        fields: str = "",
        limit: int = 500,
        continue_token: str = "",
    ) -> Page:
        """See Api."""
        return await self._api.list_page(
            kind, namespace=namespace, selector=selector, fields=fields, limit=limit, continue_token=continue_token
        )

    def watch(
        self, kind: Kind, *, resource_version: str, namespace: str = "", selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """See Api."""
        return self._api.watch(kind, resource_version=resource_version, namespace=namespace, selector=selector)

    async def get(self, key: ObjectKey) -> bytes:
        """See Api."""
        return await self._api.get(key)

    async def create(self, kind: Kind, namespace: str, body: Document, *, dry_run: bool = False) -> bytes:
        """See Api. What is only asked is no write."""
        if dry_run:
            return await self._api.create(kind, namespace, body, dry_run=True)
        return await self._measured(kind, "create", self._api.create(kind, namespace, body), _CREATED)

    async def patch(self, key: ObjectKey, body: Document, *, subresource: str = "") -> bytes:
        """See Api."""
        return await self._measured(key.kind, "patch", self._api.patch(key, body, subresource=subresource))

    async def update_status(self, key: ObjectKey, *, uid: str, version: str, status: Document) -> bytes:
        """See Api."""
        update = self._api.update_status(key, uid=uid, version=version, status=status)
        return await self._measured(key.kind, "update", update)

    async def delete(self, key: ObjectKey, *, uid: str, version: str = "", grace_seconds: int | None = None) -> None:
        """See Api."""
        delete = self._api.delete(key, uid=uid, version=version, grace_seconds=grace_seconds)
        await self._measured(key.kind, "delete", delete)

    async def warm(self, connections: int) -> None:
        """See Api."""
        await self._api.warm(connections)

    async def _measured(self, kind: Kind, verb: str, write: Awaitable[T], code: int = _OK) -> T:
        began = self._clock.monotonic()
        try:
            answer = await write
        except ApiError as error:
            self._wrote(kind, verb, error.status, self._clock.monotonic() - began)
            raise
        self._wrote(kind, verb, code, self._clock.monotonic() - began)
        return answer
