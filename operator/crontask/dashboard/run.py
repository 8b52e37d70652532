"""The view of one run: how it goes or went, its attempts, its parts, and what it was given and gave back. Pure."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from crontask.api.phases import TERMINAL, RunPhase
from crontask.api.resources import SCHEDULED_RUN
from crontask.client.log_sources import logs_url
from crontask.client.requests import Document
from crontask.client.timing import took
from crontask.client.tree import is_composite, label_of, note_of, phase_of
from crontask.dashboard.address import Ask
from crontask.dashboard.command_lines import cancel_line, hold_line, logs_line, rerun_line
from crontask.dashboard.moments import Moment
from crontask.dashboard.plain import as_json, one_line, plain
from crontask.dashboard.reader import Query, Snapshot
from crontask.dashboard.run_parts import Batches, Items, StepRow, batches_of, graph_of, items_of, step_rows, undone
from crontask.dashboard.runs import due_of, facts_of_run, origin_of, task_name
from crontask.dashboard.symbols import Look, look_of
from crontask.dashboard.task import find
from crontask.dashboard.views import Scene, View

_LONGEST_JSON = 16 * 1024
# Reasons of attempts that are states too.
_STOPPED = ("Canceled", "TimedOut")


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One pod of the run."""

    number: int
    look: Look
    pod: str
    started: Moment | None
    ended: Moment | None
    took: str
    code: str
    reason: str
    message: str
    log_href: str


@dataclass(frozen=True, slots=True)
class RunModel:
    """What the templates show."""

    namespace: str
    name: str
    look: Look
    reason: str
    note: str
    task: str
    task_href: str
    parent: str
    parent_href: str
    part: str
    again: str
    again_href: str
    origin: str
    made: Moment | None
    due: Moment | None
    started: Moment | None
    ended: Moment | None
    took: str
    key: str
    items_done: str
    cancel_reason: str
    attempts: tuple[AttemptRow, ...]
    graph: Markup
    steps: tuple[StepRow, ...]
    items: Items | None
    batches: Batches | None
    undone: tuple[tuple[str, str, str], ...]
    args: str
    result: str
    shown_zone: str
    open: bool
    canceling: bool
    composite: bool
    can_hold: bool
    held: bool
    log_href: str
    log_stream: str
    logs_url: str
    lines: dict[str, str]
    links: dict[str, str]


def _queries(ask: Ask) -> tuple[Query, ...]:
    return (
        Query(SCHEDULED_RUN, ask.namespace, name=ask.name),
        Query(SCHEDULED_RUN, ask.namespace, fields=f"spec.parent.name={ask.name}"),
    )


def _build(ask: Ask, snapshot: Snapshot, scene: Scene) -> RunModel:
    of_run, of_parts = _queries(ask)
    run = find(of_run, snapshot)
    uid = run["metadata"]["uid"]
    # Parts of one that had this name before are not its own.
    parts = [part for part in snapshot[of_parts] if facts_of_run(part).parent == uid]
    status, spec, links = run.get("status") or {}, run["spec"], scene.links
    task = task_name(run)
    parent = spec.get("parent") or {}
    again = str((spec.get("rerunOf") or {}).get("name") or "")
    phase = status.get("phase")
    is_open, held = phase not in TERMINAL, bool(spec.get("suspend"))
    moment = scene.clock.moment

    def to(*more: str) -> str:
        return links.run(ask.namespace, ask.name, *more)

    return RunModel(
        ask.namespace,
        ask.name,
        look_of(phase_of(run)),
        _reason(status),
        plain(note_of(run)),
        task,
        links.task(ask.namespace, task) if task else "",
        str(parent.get("name") or ""),
        links.run(ask.namespace, str(parent["name"])) if parent.get("name") else "",
        label_of(run) if parent else "",
        again,
        links.run(ask.namespace, again) if again else "",
        origin_of(run),
        moment(run["metadata"].get("creationTimestamp")),
        moment(due_of(run)),
        moment(status.get("startTime")),
        moment(status.get("completionTime")),
        one_line(status.get("duration") or took(status.get("startTime"), None, scene.clock.now)),
        one_line(spec.get("idempotencyKey") or ""),
        _done(status),
        plain(spec.get("cancelReason") or ""),
        tuple(_attempts(status, ask, scene)),
        graph_of(status, parts, ask, scene),
        step_rows(status, parts, ask, scene),
        items_of(status, parts, ask, scene),
        batches_of(status, parts, ask, scene),
        undone(status),
        shown_json(spec.get("args")),
        shown_json(status.get("result")),
        scene.clock.zone("UTC")[0],
        is_open,
        phase == RunPhase.CANCELING or bool(spec.get("cancel")),
        is_composite(run),
        is_open and (is_composite(run) or not status.get("attempts")),
        held,
        to("log"),
        links.to("live", "ns", ask.namespace, "runs", ask.name, "log") if is_open or status.get("podName") else "",
        logs_url(status),
        {
            "cancel": cancel_line(ask.namespace, ask.name),
            "rerun": rerun_line(ask.namespace, ask.name),
            "hold": hold_line(ask.namespace, ask.name, held=not held),
            "logs": logs_line(ask.namespace, ask.name, follow=is_open),
        },
        {act: to(act) for act in ("cancel", "rerun", "hold", "release", "answer", "yaml", "events")},
    )


def _reason(status: Document) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") in ("Complete", "Failed"):
            return one_line(condition.get("reason") or "")
    return ""


def _done(status: Document) -> str:
    counted = ((status.get("processedCount"), "processed"), (status.get("errorCount"), "failed"))
    return ", ".join(f"{count:,} {word}" for count, word in counted if count is not None)


def _attempts(status: Document, ask: Ask, scene: Scene) -> list[AttemptRow]:
    rows = []
    for attempt in status.get("attempts") or ():
        ended, code = attempt.get("completionTime"), attempt.get("exitCode")
        stopped = attempt.get("reason") if attempt.get("reason") in _STOPPED else "Failed"
        phase = "Running" if not ended else "Succeeded" if code == 0 else stopped
        pod = one_line(attempt.get("pod") or "")
        rows.append(
            AttemptRow(
                int(attempt.get("number") or 0),
                look_of(phase),
                pod,
                scene.clock.moment(attempt.get("startTime")),
                scene.clock.moment(ended),
                took(attempt.get("startTime"), ended, scene.clock.now),
                "" if code is None else str(code),
                one_line(attempt.get("reason") or ""),
                plain(attempt.get("message") or ""),
                f"{scene.links.run(ask.namespace, ask.name, 'log')}?attempt={attempt.get('number')}" if pod else "",
            )
        )
    return rows


def shown_json(value: Any) -> str:
    """A value for people, the beginning of a long one; empty for none."""
    if value in (None, {}):
        return ""
    text = plain(as_json(value, indent=2))
    return text if len(text) <= _LONGEST_JSON else f"{text[:_LONGEST_JSON]}\n…"


def _task_of(ask: Ask, snapshot: Snapshot) -> str:
    of_run, _ = _queries(ask)
    return task_name(find(of_run, snapshot))


RUN_VIEW = View(
    "ns/{ns}/runs/{name}",
    "run.html",
    ("run/_head.html", "run/_acts.html", "run/_parts.html", "run/_attempts.html", "run/_data.html"),
    _queries,
    _build,
    _task_of,
)
