"""Addresses of the page: where each view is, and what the query of an address asks for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from crontask.client import ALL

EVERYWHERE = "-"
"""In an address, in place of a namespace: all of them. No namespace has that name."""
A_PAGE, LONGEST_PAGE = 50, 200
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses, below a prefix. `namespace`: as in an address."""

    prefix: str
    namespace: str = EVERYWHERE

    @property
    def home(self) -> str:
        """Where one begins."""
        return f"{self.prefix}/"

    def to(self, *parts: str, **query: object) -> str:
        """Any address."""
        path = "/".join(quote(part, safe="") for part in parts)
        asked = {key: value for key, value in query.items() if value not in (None, "")}
        return f"{self.prefix}/{path}{'?' + urlencode(asked) if asked else ''}"

    def static(self, name: str) -> str:
        """A file of ours."""
        return f"{self.prefix}/static/{name}"

    def view(self, name: str, **query: object) -> str:
        """A view of the namespace: tasks, runs, now."""
        return self.to("ns", self.namespace, name, **query)

    def task(self, namespace: str, name: str, *more: str) -> str:
        """A task."""
        return self.to("ns", namespace, "tasks", name, *more)

    def run(self, namespace: str, name: str, *more: str) -> str:
        """A run."""
        return self.to("ns", namespace, "runs", name, *more)


@dataclass(frozen=True, slots=True)
class Ask:
    """What an address asks for. `namespace`: as the API has it, empty for all; `name`: of the object, if it is one."""

    namespace: str
    name: str
    query: Mapping[str, str]

    def text(self, key: str, longest: int = LONGEST_SEARCH) -> str:
        """A text of the query, empty where there is none."""
        return self.query.get(key, "")[:longest].strip()

    def choice(self, key: str, among: Mapping[str, object]) -> str:
        """One of some; the first of them where it is none."""
        value = self.query.get(key, "")
        return value if value in among else next(iter(among))

    def number(self, key: str, default: int, most: int) -> int:
        """A whole number from 1 on; the default where it is none."""
        value = self.query.get(key, "")
        is_number = value.isascii() and value.isdigit() and len(value) < 9 and int(value) > 0
        return min(int(value), most) if is_number else default

    def again(self, **changes: object) -> str:
        """The query with these changes, beginning with `?`; one of None or nothing goes."""
        asked = {**self.query, **changes}
        kept = {key: value for key, value in asked.items() if value not in (None, "")}
        return f"?{urlencode(kept)}"


def as_namespace(part: str) -> str:
    """A namespace of an address as the API has it."""
    return ALL if part == EVERYWHERE else part
