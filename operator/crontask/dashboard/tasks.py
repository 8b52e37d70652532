"""The view of all tasks: which there are, how they are, what ran last and what comes next. Pure."""

from dataclasses import dataclass

from markupsafe import Markup

from crontask.api.resources import CRON_TASK
from crontask.client.requests import Document
from crontask.dashboard.address import A_PAGE, LONGEST_PAGE, Ask
from crontask.dashboard.moments import Moment
from crontask.dashboard.pages_of import Pages, pages_of
from crontask.dashboard.plain import one_line
from crontask.dashboard.reader import Query, Snapshot
from crontask.dashboard.schedule import schedule_of, zone_of
from crontask.dashboard.strip import decided_times, strip
from crontask.dashboard.symbols import Look, look_of
from crontask.dashboard.task_list import GROUPS, SORTS, searched
from crontask.dashboard.task_state import count_of, note_of_task, state_of
from crontask.dashboard.views import Scene, View


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
    state, search, sort = ask.choice("state", GROUPS), ask.text("q"), _sort(ask)
    found = searched(tasks, search)
    groups = tuple(
        Group(word, sum(map(belongs, found)), ask.again(state=key or None, page=None), css, key == state)
        for key, (word, css, belongs) in GROUPS.items()
    )
    chosen = sorted(filter(GROUPS[state][2], found), key=SORTS[sort][1])
    if ask.query.get("sort", "").startswith("-"):
        chosen.reverse()
    size = ask.number("per", A_PAGE, LONGEST_PAGE)
    pages = pages_of(ask, len(chosen), size)
    shown = chosen[pages.first - 1 : pages.last] if chosen else []
    return TasksModel(
        "Tasks",
        ask.namespace,
        tuple(_row(task.document, scene) for _, task in shown),
        groups,
        tuple(Sorting(key, word, key == sort) for key, (word, _) in SORTS.items()),
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
        count_of(status.get("activeCount")),
        count_of(status.get("queued")),
        upcoming,
        one_line(status.get("nextRunTime") or "") if upcoming is None else "",
    )


def _sort(ask: Ask) -> str:
    asked = ask.query.get("sort", "").removeprefix("-")
    return asked if asked in SORTS else "name"


TASKS = View("ns/{ns}/tasks", "tasks.html", ("tasks/_groups.html", "tasks/_table.html"), _queries, _build)
