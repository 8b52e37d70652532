"""Which tasks a list shows, and in which order: by search, group and sort key. Pure.

What it goes by is read off an object once, and kept with it: a list of ten thousand is asked for again and again, while
few of them change.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from crontask.client.requests import Document
from crontask.client.timing import instant
from crontask.dashboard.reader import Held
from crontask.dashboard.schedule import schedule_of
from crontask.dashboard.task_state import count_of, state_of

_NEVER = float("inf")
_ORDER = {"bad": 0, "late": 1, "held": 3, "idle": 4}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a list goes by. `next`, `last`: in seconds since 1970; `text`: what is searched, in small letters."""

    name: tuple[str, str]
    order: int
    needs_somebody: bool
    running: bool
    active: bool
    suspended: bool
    next: float
    last: float
    text: str


def facts_of(task: Held) -> Facts:
    """The facts of a task."""
    return task.facts(_facts)


def _facts(task: Document) -> Facts:
    metadata, status = task["metadata"], task.get("status") or {}
    css = state_of(task).css
    upcoming, ended = instant(status.get("nextRunTime")), instant((status.get("lastRun") or {}).get("completionTime"))
    return Facts(
        (metadata["name"], metadata["namespace"]),
        _ORDER.get(css, 2),
        css in ("bad", "late"),
        count_of(status.get("activeCount")) > 0,
        status.get("phase") == "Active",
        status.get("phase") == "Suspended",
        upcoming.timestamp() if upcoming else _NEVER,
        -ended.timestamp() if ended else _NEVER,
        " ".join(_searched(task)).lower(),
    )


def _searched(task: Document) -> Iterable[str]:
    metadata, status = task["metadata"], task.get("status") or {}
    yield metadata["namespace"]
    yield metadata["name"]
    yield from (f"{key}={value}" for key, value in (metadata.get("labels") or {}).items())
    yield schedule_of(task)
    yield str(status.get("scheduleText") or "")
    yield str((status.get("lastRun") or {}).get("message") or "")


Known = tuple[Facts, Held]

GROUPS: dict[str, tuple[str, str, Callable[[Known], bool]]] = {
    "": ("All", "idle", lambda known: True),
    "attention": ("Need attention", "bad", lambda known: known[0].needs_somebody),
    "running": ("Running", "runs", lambda known: known[0].running),
    "suspended": ("Suspended", "held", lambda known: known[0].suspended),
}
"""By what stands in the address: the title, the colour, and which tasks."""

SORTS: dict[str, tuple[str, Callable[[Known], Any]]] = {
    "name": ("Name", lambda known: known[0].name),
    "state": ("State", lambda known: (known[0].order, known[0].name)),
    "next": ("Next run", lambda known: (known[0].next, known[0].name)),
    "last": ("Last run", lambda known: (known[0].last, known[0].name)),
}


def searched(tasks: Iterable[Held], search: str) -> list[Known]:
    """The tasks in which each part of the search is somewhere."""
    parts = search.lower().split()
    known = [(facts_of(task), task) for task in tasks]
    return [each for each in known if all(part in each[0].text for part in parts)] if parts else known
