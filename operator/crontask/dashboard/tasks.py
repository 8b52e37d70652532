"""The view of all tasks: which there are, how they are, what ran last and what comes next. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from crontask.api.names import ANNOTATION_SUSPENDED_BY
from crontask.api.resources import CRON_TASK
from crontask.client.requests import Document
from crontask.client.timing import instant
from crontask.dashboard.address import A_PAGE, LONGEST_PAGE, Ask
from crontask.dashboard.moments import Clock, Moment
from crontask.dashboard.pages_of import Pages, pages_of
from crontask.dashboard.plain import one_line
from crontask.dashboard.reader import Query, Snapshot
from crontask.dashboard.rights import PAUSE, RUN
from crontask.dashboard.schedule import schedule_of, zone_of
from crontask.dashboard.strip import decided_times, strip
from crontask.dashboard.symbols import Look, look_of
from crontask.dashboard.views import Scene, View

_BROKEN = ("Invalid", "Rejected")
_LAST = datetime.max


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task in the list."""

    namespace: str
    name: str
    href: str
    look: Look
    note: str
    schedule: str
    zone: str
    times: Markup
    last: Look | None
    last_href: str
    last_time: Moment | None
    running: int
    queued: int
    next_time: Moment | None
    next_text: str


@dataclass(frozen=True, slots=True)
class Group:
    """A number of tasks that have something in common, and the address that shows them."""

    word: str
    count: int
    href: str
    css: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Sorting:
    """A way to sort. `value`: in the address."""

    value: str
    word: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class TasksModel:
    """What the templates show."""

    title: str
    namespace: str
    rows: tuple[TaskRow, ...]
    groups: tuple[Group, ...]
    sortings: tuple[Sorting, ...]
    pages: Pages
    search: str
    state: str
    any: bool
    manifest: str


def _queries(ask: Ask) -> tuple[Query, ...]:
    return (Query(CRON_TASK, ask.namespace),)


def _build(ask: Ask, snapshot: Snapshot, scene: Scene) -> TasksModel:
    (query,) = _queries(ask)
    tasks = snapshot[query]
    state, search = ask.choice("state", _GROUPS), ask.text("q")
    found = [task for task in tasks if _matches(task, search)] if search else list(tasks)
    groups = tuple(
        Group(word, sum(map(belongs, found)), ask.again(state=key or None, page=None), css, key == state)
        for key, (word, css, belongs) in _GROUPS.items()
    )
    chosen = sorted(filter(_GROUPS[state][2], found), key=_SORTS[_sort(ask)][1])
    if ask.query.get("sort", "").startswith("-"):
        chosen.reverse()
    size = ask.number("per", A_PAGE, LONGEST_PAGE)
    pages = pages_of(ask, len(chosen), size)
    shown = chosen[pages.first - 1 : pages.last] if chosen else []
    return TasksModel(
        "Tasks",
        ask.namespace,
        tuple(_row(task, scene) for task in shown),
        groups,
        tuple(Sorting(key, word, key == _sort(ask)) for key, (word, _) in _SORTS.items()),
        pages,
        search,
        state,
        bool(tasks),
        "crontask new hello | kubectl apply -f -",
    )


def _row(task: Document, scene: Scene) -> TaskRow:
    metadata, status = task["metadata"], task.get("status") or {}
    namespace, name, zone = metadata["namespace"], metadata["name"], zone_of(task)
    last = status.get("lastRun") or {}
    upcoming = scene.clock.moment(status.get("nextRunTime"), zone)
    return TaskRow(
        namespace,
        name,
        scene.links.task(namespace, name),
        state_of(task),
        note_of_task(task, scene.clock),
        schedule_of(task),
        zone if zone != "UTC" else "",
        strip(times) if (times := decided_times(task)) else Markup(""),
        look_of(last["phase"]) if last.get("phase") else None,
        scene.links.run(namespace, str(last["name"])) if last.get("name") else "",
        scene.clock.moment(last.get("completionTime"), zone),
        _count(status.get("activeCount")),
        _count(status.get("queued")),
        upcoming,
        one_line(status.get("nextRunTime") or "") if upcoming is None else "",
    )


def state_of(task: Document) -> Look:
    """How the task is: what needs somebody comes first."""
    status = task.get("status") or {}
    phase = status.get("phase")
    if phase in _BROKEN:
        return look_of(phase)
    if phase == "Active" and _is(task, "Overdue"):
        return look_of("Overdue")
    if phase == "Active" and _failing(task):
        return look_of("Failing")
    return look_of(phase)


def note_of_task(task: Document, clock: Clock) -> str:
    """Why it is so, in one line; nothing of one that is as it should be."""
    status = task.get("status") or {}
    phase = status.get("phase")
    if phase in _BROKEN:
        return _said(task, "Ready")
    if phase == "Suspended":
        return paused_because(task, clock) or _said(task, "Suspended")
    if _is(task, "Overdue"):
        return _said(task, "Overdue")
    if _is(task, "Stalled"):
        return _said(task, "Stalled")
    if _failing(task):
        failures = _count(status.get("consecutiveFailures"))
        message = one_line((status.get("lastRun") or {}).get("message") or "")
        return f"{failures} in a row{': ' if message else ''}{message}" if failures > 1 else message
    return ""


def paused_because(task: Document, clock: Clock) -> str:
    """Who paused it, until when and why, where its spec does; nothing where it does not."""
    spec = task.get("spec") or {}
    if not spec.get("suspend") and not spec.get("suspendUntil"):
        return ""
    by = (task["metadata"].get("annotations") or {}).get(ANNOTATION_SUSPENDED_BY)
    until = clock.moment(spec.get("suspendUntil"), zone_of(task))
    parts = (
        f"by {by}" if by else "",
        f"until {until.exact}" if until else "",
        f"“{spec['suspendReason']}”" if spec.get("suspendReason") else "",
    )
    return one_line(" ".join(filter(None, parts)))


def condition_of(task: Document, type_: str) -> Document:
    """The condition of that type; an empty one where there is none."""
    for condition in (task.get("status") or {}).get("conditions") or ():
        if condition.get("type") == type_:
            return dict(condition)
    return {}


def _is(task: Document, type_: str) -> bool:
    return bool(condition_of(task, type_).get("status") == "True")


def _said(task: Document, type_: str) -> str:
    condition = condition_of(task, type_)
    return one_line(condition.get("message") or condition.get("reason") or "")


def _failing(task: Document) -> bool:
    return bool(condition_of(task, "LastRunSucceeded").get("status") == "False")


def _phase(task: Document) -> Any:
    return (task.get("status") or {}).get("phase")


def _needs_somebody(task: Document) -> bool:
    return state_of(task).css in ("bad", "late")


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


_GROUPS: dict[str, tuple[str, str, Callable[[Document], bool]]] = {
    "": ("All", "idle", lambda task: True),
    "attention": ("Need attention", "bad", _needs_somebody),
    "running": ("Running", "runs", lambda task: _count((task.get("status") or {}).get("activeCount")) > 0),
    "suspended": ("Suspended", "held", lambda task: _phase(task) == "Suspended"),
}


def _matches(task: Document, search: str) -> bool:
    """Whether each part of the search is in it somewhere."""
    text = " ".join(_searched(task)).lower()
    return all(word in text for word in search.lower().split())


def _searched(task: Document) -> Iterable[str]:
    metadata, status = task["metadata"], task.get("status") or {}
    yield metadata["namespace"]
    yield metadata["name"]
    yield from (f"{key}={value}" for key, value in (metadata.get("labels") or {}).items())
    yield schedule_of(task)
    yield str(status.get("scheduleText") or "")
    yield str((status.get("lastRun") or {}).get("message") or "")


def _name(task: Document) -> tuple[str, str]:
    return task["metadata"]["name"], task["metadata"]["namespace"]


def _by_next(task: Document) -> tuple[bool, datetime, str]:
    at = instant((task.get("status") or {}).get("nextRunTime"))
    return at is None, at.replace(tzinfo=None) if at else _LAST, _name(task)[0]


def _by_last(task: Document) -> tuple[bool, float, str]:
    at = instant(((task.get("status") or {}).get("lastRun") or {}).get("completionTime"))
    return at is None, -at.timestamp() if at else 0.0, _name(task)[0]


_ORDER = {"bad": 0, "late": 1, "held": 3, "idle": 4}


def _by_state(task: Document) -> tuple[int, str]:
    return _ORDER.get(state_of(task).css, 2), _name(task)[0]


_SORTS: dict[str, tuple[str, Callable[[Document], Any]]] = {
    "name": ("Name", _name),
    "state": ("State", _by_state),
    "next": ("Next run", _by_next),
    "last": ("Last run", _by_last),
}


def _sort(ask: Ask) -> str:
    asked = ask.query.get("sort", "").removeprefix("-")
    return asked if asked in _SORTS else "name"


TASKS = View("ns/{ns}/tasks", "tasks.html", ("tasks/_groups.html", "tasks/_table.html"), _queries, _build, (RUN, PAUSE))
