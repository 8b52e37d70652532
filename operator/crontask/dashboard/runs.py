"""A run as a row: of the history of a task, of what runs now, of a list of runs. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from crontask.api.names import ANNOTATION_RESERVED
from crontask.api.times import parse_duration
from crontask.client.requests import Document
from crontask.client.timing import instant, took
from crontask.client.tree import label_of, note_of, phase_of
from crontask.dashboard.moments import Moment
from crontask.dashboard.plain import one_line
from crontask.dashboard.reader import Held
from crontask.dashboard.symbols import Look, look_of
from crontask.dashboard.views import Scene

_ORIGINS = {
    "Schedule": "by schedule",
    "Manual": "by hand",
    "Backfill": "backfill",
    "After": "after another task",
    "OnComplete": "after another run",
    "Child": "part of a run",
}


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run. `bar`: how long it took, beside the others, in per cent; `href` empty: its object is gone.

    `times`: how many runs it stands for.
    """

    name: str
    namespace: str
    href: str
    task: str
    task_href: str
    look: Look
    origin: str
    due: Moment | None
    started: Moment | None
    ended: Moment | None
    took: str
    bar: Markup
    note: str
    part: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What lists of runs go by. `when`: it was due, or made; `parent`: the UID of the run that it is a part of.

    `begun`: not one that was pre-created, about which nothing is decided yet; `phase`: empty as long as that is so.
    """

    name: str
    namespace: str
    task: str
    parent: str
    phase: str
    begun: bool
    when: datetime
    ended: datetime | None


def facts_of_run(run: Held) -> RunFacts:
    """The facts of a run."""
    return run.facts(_facts)


def _facts(run: Document) -> RunFacts:
    metadata, status = run["metadata"], run.get("status") or {}
    phase = str(status.get("phase") or "")
    made = instant(metadata.get("creationTimestamp"))
    when = instant(status.get("startTime")) or instant(due_of(run)) or made
    assert when is not None, "the API server writes when an object was made"
    return RunFacts(
        metadata["name"],
        metadata["namespace"],
        task_name(run),
        str((run["spec"].get("parent") or {}).get("uid") or ""),
        phase,
        bool(phase) or ANNOTATION_RESERVED not in (metadata.get("annotations") or {}),
        when,
        instant(status.get("completionTime")),
    )


def rows_of(held: Iterable[Held], scene: Scene, zone: str = "UTC") -> tuple[RunRow, ...]:
    """Rows of runs, in that order."""
    runs = [each.document for each in held]
    longest = max((_seconds(run, scene) for run in runs), default=0.0)
    return tuple(_row(run, scene, zone, longest) for run in runs)


def begun(runs: Iterable[Held]) -> Iterator[Held]:
    """Without those that were pre-created, about which nothing is decided yet."""
    return (run for run in runs if facts_of_run(run).begun)


def newest_first(runs: Iterable[Held]) -> list[Held]:
    """By when they were due, or made."""
    return sorted(runs, key=_when, reverse=True)


def oldest_first(runs: Iterable[Held]) -> list[Held]:
    """The other way round."""
    return sorted(runs, key=_when)


def summaries(task: Document, there: Iterable[str], scene: Scene, zone: str) -> Iterator[RunRow]:
    """Of the task's recent runs, those that are not among the objects any more."""
    known, namespace = set(there), task["metadata"]["namespace"]
    for summary in (task.get("status") or {}).get("recentRuns") or ():
        name = str(summary.get("name") or "")
        if name and name not in known:
            yield RunRow(
                name,
                namespace,
                "",
                "",
                "",
                look_of(summary.get("phase")),
                "",
                scene.clock.moment(summary.get("scheduledTime"), zone),
                scene.clock.moment(summary.get("startTime"), zone),
                scene.clock.moment(summary.get("completionTime"), zone),
                one_line(summary.get("duration") or ""),
                Markup(""),
                one_line(summary.get("message") or ""),
            )


def due_of(run: Document) -> object:
    """The time that it stands for, or is due at."""
    status, spec = run.get("status") or {}, run["spec"]
    return status.get("scheduledTime") or spec.get("scheduledTime") or spec.get("at")


def task_name(run: Document) -> str:
    """The task that it is a run of; empty of a run without one."""
    return str((run["spec"].get("taskRef") or {}).get("name") or "")


def origin_of(run: Document) -> str:
    """Who made it."""
    return _ORIGINS.get(str((run.get("status") or {}).get("origin")), "")


def _row(run: Document, scene: Scene, zone: str, longest: float) -> RunRow:
    metadata, status, spec = run["metadata"], run.get("status") or {}, run["spec"]
    task = task_name(run)
    look = look_of(phase_of(run))
    seconds = _seconds(run, scene)
    return RunRow(
        metadata["name"],
        metadata["namespace"],
        scene.links.run(metadata["namespace"], metadata["name"]),
        task,
        scene.links.task(metadata["namespace"], task) if task else "",
        look,
        origin_of(run),
        scene.clock.moment(due_of(run), zone),
        scene.clock.moment(status.get("startTime"), zone),
        scene.clock.moment(status.get("completionTime"), zone),
        one_line(status.get("duration") or took(status.get("startTime"), None, scene.clock.now)),
        bar(seconds, longest, look.css) if seconds else Markup(""),
        one_line(note_of(run)),
        label_of(run) if spec.get("parent") else "",
    )


def bar(seconds: float, longest: float, css: str) -> Markup:
    """A line as long as something took, of those that took `longest`."""
    wide = max(2, round(seconds / longest * 100)) if longest > 0 else 2
    line = '<rect class="{}" width="{}" height="6" rx="3"/>'
    drawn = Markup(line).format("track", 100) + Markup(line).format(f"f-{css}", wide)
    head = Markup('<svg class="bar" width="100" height="6" viewBox="0 0 100 6" aria-hidden="true">')
    return head + drawn + Markup("</svg>")


def _seconds(run: Document, scene: Scene) -> float:
    status = run.get("status") or {}
    start, end = instant(status.get("startTime")), instant(status.get("completionTime"))
    if start is None:
        return 0.0
    if end is None and status.get("duration"):
        return _parsed(status["duration"])
    return max(0.0, ((end or scene.clock.now) - start) / timedelta(seconds=1))


def _parsed(text: object) -> float:
    try:
        return parse_duration(text).total_seconds()
    except ValueError:
        return 0.0


def _when(run: Held) -> tuple[datetime, str]:
    facts = facts_of_run(run)
    return facts.when, facts.name
