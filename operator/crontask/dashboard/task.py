"""The view of one task: what it does and when, what comes, what became of its times, and its runs. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.client.answers import written
from crontask.client.requests import Document
from crontask.dashboard.address import LONGEST_PAGE, Ask
from crontask.dashboard.command_lines import resume_line, suspend_line
from crontask.dashboard.forms import RunForm, run_form
from crontask.dashboard.moments import Moment
from crontask.dashboard.pages_of import Pages, pages_of
from crontask.dashboard.plain import one_line, plain
from crontask.dashboard.reader import Query, Snapshot
from crontask.dashboard.runs import RunRow, begun, facts_of_run, newest_first, rows_of, summaries
from crontask.dashboard.schedule import expressions_of, schedule_of, zone_of
from crontask.dashboard.strip import decided_times
from crontask.dashboard.symbols import Look
from crontask.dashboard.task_facts import facts
from crontask.dashboard.task_state import condition_of, note_of_task, paused_because, state_of
from crontask.dashboard.views import NoSuchObjectError, Scene, View
from crontask.decide.task.described import coming_of, why_none_comes
from crontask.decide.task.pause import said_not_by_spec
from crontask.engine.parse import parse_task

_COMING, _RUNS = 10, 20
_COUNTS = (
    ("succeeded", "succeeded", "good"),
    ("partial", "partial", "half"),
    ("failed", "failed", "bad"),
    ("timedOut", "timed out", "late"),
    ("canceled", "canceled", "held"),
    ("skipped", "skipped", "idle"),
    ("missed", "missed", "late"),
)
_EXPECTED = {"Ready": "True", "Suspended": "False", "LastRunSucceeded": "True"}
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ComingRow:
    """A time to come. `start`: where it is another, by jitter."""

    nominal: Moment
    start: Moment | None
    note: str


@dataclass(frozen=True, slots=True)
class DecidedCell:
    """A time that has come, and what became of it."""

    look: Look
    moment: Moment | None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A time that did not start."""

    due: Moment | None
    until: Moment | None
    kind: str
    reason: str
    run: str
    run_href: str
    count: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that is not as it should be."""

    title: str
    message: str


@dataclass(frozen=True, slots=True)
class TaskModel:
    """What the templates show."""

    namespace: str
    name: str
    look: Look
    note: str
    schedule: str
    expressions: str
    zone: str
    shown_zone: str
    facts: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]
    conditions: tuple[Condition, ...]
    coming: tuple[ComingRow, ...]
    why_none: str
    decided: tuple[DecidedCell, ...]
    counts: tuple[tuple[int, str, str], ...]
    runs: tuple[RunRow, ...]
    pages: Pages
    decisions: tuple[DecisionRow, ...]
    suspended: bool
    paused: str
    form: RunForm
    pause_line: str
    resume_line: str
    yaml_href: str
    events_href: str
    links: dict[str, str]
    last_success: Moment | None
    has_schedule: bool


def _queries(ask: Ask) -> tuple[Query, ...]:
    return (
        Query(CRON_TASK, ask.namespace, name=ask.name),
        Query(SCHEDULED_RUN, ask.namespace, fields=f"spec.taskRef.name={ask.name},spec.parent.name="),
    )


def find(query: Query, snapshot: Snapshot) -> Document:
    """The one object of a query. Raises NoSuchObjectError."""
    found = snapshot[query]
    if not found:
        raise NoSuchObjectError(f"there is no {query.kind.kind} {query.name} in the namespace {query.namespace}")
    return found[0].document


def _build(ask: Ask, snapshot: Snapshot, scene: Scene) -> TaskModel:
    of_task, of_runs = _queries(ask)
    task = find(of_task, snapshot)
    status, zone = task.get("status") or {}, zone_of(task)
    runs = newest_first(begun(snapshot[of_runs]))
    pages = pages_of(ask, len(runs), ask.number("per", _RUNS, LONGEST_PAGE))
    shown = rows_of(runs[max(0, pages.first - 1) : pages.last], scene, zone)
    gone = tuple(summaries(task, (facts_of_run(run).name for run in runs), scene, zone)) if not pages.after else ()
    coming, why = _coming(task, scene, zone)
    links = scene.links
    return TaskModel(
        ask.namespace,
        ask.name,
        state_of(task),
        note_of_task(task, scene.clock),
        schedule_of(task),
        expressions_of(task),
        zone,
        scene.clock.zone(zone)[0],
        tuple((label, text) for label, text in facts(task) if text),
        tuple(f"{key}={value}" for key, value in sorted((task["metadata"].get("labels") or {}).items())),
        tuple(_conditions(task)),
        coming,
        why,
        tuple(DecidedCell(each.look, scene.clock.moment(each.at, zone)) for each in decided_times(task)),
        _counts(status),
        (*shown, *gone),
        pages,
        tuple(_decision(each, ask, scene, zone) for each in status.get("recentDecisions") or ()),
        status.get("phase") == "Suspended" or bool(paused_because(task, scene.clock)),
        paused_because(task, scene.clock),
        run_form(task),
        suspend_line(ask.namespace, ask.name),
        resume_line(ask.namespace, ask.name),
        links.task(ask.namespace, ask.name, "yaml"),
        links.task(ask.namespace, ask.name, "events"),
        {act: links.task(ask.namespace, ask.name, act) for act in ("trigger", "pause", "resume", "backfill")},
        scene.clock.moment(status.get("lastSuccessfulTime"), zone),
        any(key in (task.get("spec") or {}) for key in ("schedule", "schedules", "interval")),
    )


def _coming(task: Document, scene: Scene, zone: str) -> tuple[tuple[ComingRow, ...], str]:
    """The times to come by the operator's own timetable; or why there are none."""
    parsed = parse_task(written(task), lambda meta: None)
    if not parsed.valid:
        return (), "its spec cannot be used"
    spec, now = parsed.spec, scene.clock.now.replace(microsecond=0)
    if spec.suspend or said_not_by_spec(parsed):
        return (), "it is suspended"
    found = coming_of(parsed, now, _COMING, parsed.recorded_until)
    if not found:
        return (), why_none_comes(parsed)
    rows = []
    for each in found:
        nominal = scene.clock.moment(each.nominal, zone)
        start = scene.clock.moment(each.start, zone) if each.start - each.nominal >= _SECOND else None
        if nominal is not None:
            rows.append(ComingRow(nominal, start, "; ".join(filter(None, (each.note, each.change)))))
    return tuple(rows), ""


def _counts(status: Document) -> tuple[tuple[int, str, str], ...]:
    counts = status.get("counts") or {}
    return tuple((int(counts[key]), word, css) for key, word, css in _COUNTS if counts.get(key))


def _decision(decision: Document, ask: Ask, scene: Scene, zone: str) -> DecisionRow:
    run = one_line(decision.get("run") or "")
    return DecisionRow(
        scene.clock.moment(decision.get("nominalTime"), zone),
        scene.clock.moment(decision.get("until"), zone),
        one_line(decision.get("type") or ""),
        one_line(decision.get("reason") or ""),
        run,
        scene.links.run(ask.namespace, run) if run else "",
        int(decision.get("count") or 1),
    )


def _conditions(task: Document) -> Iterator[Condition]:
    """Those that say something that nobody wants."""
    for condition in (task.get("status") or {}).get("conditions") or ():
        type_ = str(condition.get("type"))
        if type_ not in ("LastRunSucceeded", "Suspended") and condition.get("status") != _EXPECTED.get(type_, "False"):
            reason = one_line(condition.get("reason") or condition.get("status"))
            yield Condition(f"{type_}: {reason}", _message(condition))
    if not condition_of(task, "Ready"):
        yield Condition("The operator has not seen it yet", "")


def _message(condition: Document) -> str:
    return plain(condition.get("message") or "")


TASK_VIEW = View(
    "ns/{ns}/tasks/{name}",
    "task.html",
    ("task/_head.html", "task/_acts.html", "task/_times.html", "task/_history.html"),
    _queries,
    _build,
    lambda ask, snapshot: ask.name,
)
