"""Which objects of a namespace have something in common: the runs of a task, the members of a group."""

from collections.abc import Collection


class Index:
    """Names by what they have in common, within a namespace; always in the order in which they came."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], dict[str, None]] = {}

    def add(self, namespace: str, common: str | None, name: str) -> None:
        """Note the name, where there is something that it has in common with others."""
        if common is not None:
            self._names.setdefault((namespace, common), {})[name] = None

    def discard(self, namespace: str, common: str | None, name: str) -> None:
        """Forget the name, if it is noted."""
        names = self._names.get((namespace, common)) if common is not None else None
        if names is None or common is None:
            return
        names.pop(name, None)
        if not names:
            del self._names[namespace, common]

    def names(self, namespace: str, common: str | None) -> Collection[str]:
        """All names noted; empty for nothing in common."""
        return tuple(self._names.get((namespace, common), ())) if common is not None else ()
