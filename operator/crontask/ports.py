"""The ports: all that engine and executor know of the world outside.

Implemented by kube (the real API server and clock) and by simulation (an in-memory API on virtual time).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple, Protocol

from crontask.api import resources

Document = dict[str, Any]


class Kind(Enum):
    """A kind of object that engine and executor know."""

    CRON_TASK = resources.CRON_TASK
    SCHEDULED_RUN = resources.SCHEDULED_RUN
    POD = resources.POD
    EVENT = resources.EVENT
    LEASE = resources.LEASE

    # Each is one object. Enum's own goes by the name, in Python, and each look-up of a key would pay for that.
    __hash__ = object.__hash__

    @property
    def prefix(self) -> str:
        """The path before the namespace."""
        return self.value.prefix

    @property
    def plural(self) -> str:
        """The name of the resource in a path."""
        return self.value.plural

    @property
    def kind(self) -> str:
        """The value of `kind` in an object."""
        return self.value.kind


class ObjectKey(NamedTuple):
    """Which object: its kind, namespace and name."""

    kind: Kind
    namespace: str
    name: str


# Who we are, where it would go, what met it: of these, only the next try says more.
_NOT_ABOUT_THE_OBJECT = (401, 404, 405, 408, 409, 429)


class ApiError(Exception):
    """The API server refused, or could not be reached (status 0: it is not known whether a write landed)."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in (0, 408, 429) or self.status >= 500

    @property
    def refuses(self) -> bool:
        """Whether it is an answer about the object that was to be created, and not about the state of the server.

        A 500 is one too: so an admission webhook that cannot be reached is reported, and what etcd finds too large.
        """
        return self.status == 500 or (400 <= self.status < 500 and self.status not in _NOT_ABOUT_THE_OBJECT)

    @property
    def final(self) -> bool:
        """Whether the same object will never be taken. What a policy or a webhook says, its owner may change."""
        by_admission = any(who in self.message for who in ("admission webhook", "ValidatingAdmissionPolicy"))
        return self.status in (400, 413, 422) and not by_admission


class WatchExpiredError(Exception):
    """410: the resource version is too old to resume from. List again."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: raw JSON of each item, where to go on, and the version of the whole list."""

    items: tuple[bytes, ...]
    continue_token: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """ADDED, MODIFIED, DELETED or BOOKMARK, with the raw JSON of the object."""

    type: str
    object: bytes


class Clock(Protocol):
    """The time, and waiting for it."""

    def now(self) -> datetime:
        """The wall clock, UTC."""

    def monotonic(self) -> float:
        """Seconds that no correction of the clock moves, and that run on while the process is stopped."""

    async def sleep(self, seconds: float) -> None:
        """Wait; less than zero is zero."""


class Api(Protocol):
    """The API server. Every method raises ApiError."""

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
        """A page of all objects of a kind, in one namespace or in all, by labels and by fields."""

    def watch(
        self, kind: Kind, *, resource_version: str, namespace: str = "", selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """Events after that version, until the server ends the watch. Raises WatchExpiredError."""

    async def get(self, key: ObjectKey) -> bytes:
        """The raw JSON of an object. 404 if there is none."""

    async def create(self, kind: Kind, namespace: str, body: Document, *, dry_run: bool = False) -> bytes:
        """Create it; the raw JSON as stored. 409 if the name is taken. `dry_run`: only ask whether it could be."""

    async def patch(self, key: ObjectKey, body: Document, *, subresource: str = "") -> bytes:
        """A JSON merge patch; `metadata.resourceVersion` in it makes a 409 of a change in between."""

    async def update_status(self, key: ObjectKey, *, uid: str, version: str, status: Document) -> bytes:
        """Replace the status of an object of ours; 409 if it has another UID or version by now."""

    async def delete(self, key: ObjectKey, *, uid: str, version: str = "", grace_seconds: int | None = None) -> None:
        """Delete it if it still has that UID, and that version if one is given (409 otherwise, 404 if it is gone)."""

    async def warm(self, connections: int) -> None:
        """Have so many connections open. It is not said whether that went well: requests open what they need."""


class Informed(Protocol):
    """Who is handed what an informer sees."""

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """An object as it is now (from a list, an ADDED or a MODIFIED)."""

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """An object that is gone, as it was last."""

    def on_listed(self, kind: Kind, alive: set[str], version: str, namespace: str) -> None:
        """A whole list of that version has been read; what is older and has none of these UIDs is gone.

        `namespace`: that it is a list of; empty: of all.
        """
