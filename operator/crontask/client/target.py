"""What both clusters, awaited or not, know: one API server, one user of it, and where names are looked for."""

from typing import Self

from crontask.client.access import Access, Flags, load
from crontask.client.requests import Document


class Target:
    """One API server, and one user of it."""

    def __init__(self, access: Access) -> None:
        self.access = access

    @classmethod
    def load(cls, flags: Flags = Flags()) -> Self:  # noqa: B008
        """The cluster that flags, environment and files say. Nothing is asked of it yet."""
        return cls(load(flags))

    @property
    def namespace(self) -> str:
        """Where names are looked for if nothing else is said."""
        return self.access.namespace

    def _of(self, body: Document, namespace: str | None) -> str:
        """Where an object that says it itself belongs."""
        return self._in(namespace or (body.get("metadata") or {}).get("namespace"))

    def _in(self, namespace: str | None) -> str:
        return self.access.namespace if namespace is None else namespace
