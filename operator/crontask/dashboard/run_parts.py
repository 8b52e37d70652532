"""What a composite run consists of: its steps as a graph and as rows, its items as a grid, its batches. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from crontask.api.names import ANNOTATION_APPROVE
from crontask.client.requests import Document
from crontask.client.timing import took
from crontask.dashboard.address import Ask
from crontask.dashboard.command_lines import answer_line
from crontask.dashboard.graph import Node, graph
from crontask.dashboard.moments import Moment
from crontask.dashboard.pages_of import Pages, pages_of
from crontask.dashboard.plain import as_json, one_line, plain
from crontask.dashboard.reader import Held
from crontask.dashboard.runs import RunRow, facts_of_run, oldest_first, rows_of
from crontask.dashboard.strip import grid, legend
from crontask.dashboard.symbols import Look, look_of
from crontask.dashboard.views import Scene
from crontask.decide.composite.letters import decoded

_A_PAGE = 20


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step. `asks`: it waits for an answer, by `line` in a terminal; `undo`: what was undone of it."""

    name: str
    look: Look
    href: str
    started: Moment | None
    ended: Moment | None
    took: str
    message: str
    line: str
    undo: str
    undo_href: str
    asks: bool
    answer: str
    result: str


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a fan-out. `failures`: how many failed; `failed`: the first of them."""

    grid: Markup
    legend: tuple[tuple[Look, int], ...]
    total: int
    done: int
    failures: int
    failed: tuple[tuple[int, str, str, str], ...]
    runs: tuple[RunRow, ...]
    pages: Pages


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of a run."""

    done: int
    processed: int
    errors: int
    total: int | None
    percent: int | None
    cursor: str
    runs: tuple[RunRow, ...]
    pages: Pages


def graph_of(status: Document, parts: Sequence[Held], ask: Ask, scene: Scene) -> Markup:
    """The steps as a graph; empty where there are none."""
    steps = status.get("steps") or ()
    if not steps:
        return Markup("")
    plans = _plans(status)
    names = [str(step.get("name")) for step in steps]
    before = _before(names, plans)
    nodes = [
        Node(
            name,
            look_of(step.get("phase")),
            took(step.get("startTime"), step.get("completionTime"), scene.clock.now),
            _href(step.get("run"), parts, ask, scene),
            bool(plans.get(name, {}).get("always")),
        )
        for name, step in zip(names, steps, strict=True)
    ]
    return graph(nodes, before)


def step_rows(status: Document, parts: Sequence[Held], ask: Ask, scene: Scene) -> tuple[StepRow, ...]:
    """The steps in the order of the list."""
    return tuple(_step(step, parts, ask, scene) for step in status.get("steps") or ())


def items_of(status: Document, parts: Sequence[Held], ask: Ask, scene: Scene) -> Items | None:
    """The items of a fan-out; None of a run without any."""
    items = status.get("items")
    if not isinstance(items, dict):
        return None
    total = min(int(items.get("total") or 0), 1000)
    letters = decoded(str(items.get("ends") or ""), total)
    failed = tuple(
        (
            int(each.get("index") or 0),
            plain(each.get("item") or ""),
            plain(each.get("message") or ""),
            _href(each.get("run"), parts, ask, scene),
        )
        for each in items.get("failedItems") or ()
    )
    done = sum(int(items.get(key) or 0) for key in ("succeeded", "failed", "canceled", "notReached"))
    shown, pages = _some(parts, ask, scene)
    return Items(grid(letters), legend(letters), total, done, int(items.get("failed") or 0), failed, shown, pages)


def batches_of(status: Document, parts: Sequence[Held], ask: Ask, scene: Scene) -> Batches | None:
    """The batches; None of a run without any, and of one that is a batch itself."""
    batch = status.get("batch")
    if not isinstance(batch, dict) or "plan" not in status:
        return None
    shown, pages = _some(parts, ask, scene)
    cursor = batch.get("cursor")
    return Batches(
        int(batch.get("batches") or 0),
        int(batch.get("processedCount") or 0),
        int(batch.get("errorCount") or 0),
        batch.get("total"),
        batch.get("percent"),
        "" if cursor is None else one_line(as_json(cursor)),
        shown,
        pages,
    )


def undone(status: Document) -> tuple[tuple[str, str, str], ...]:
    """What could not be undone: the step, the reason, and what was said."""
    return tuple(
        (one_line(each.get("step")), one_line(each.get("reason")), plain(each.get("message") or ""))
        for each in status.get("notCompensated") or ()
    )


def _some(parts: Iterable[Held], ask: Ask, scene: Scene) -> tuple[tuple[RunRow, ...], Pages]:
    """The runs of parts of the page that is asked for, the newest first."""
    ordered = oldest_first(parts)[::-1]
    pages = pages_of(ask, len(ordered), _A_PAGE)
    return rows_of(ordered[max(0, pages.first - 1) : pages.last], scene), pages


def _plans(status: Document) -> dict[str, Document]:
    handler = (status.get("plan") or {}).get("handler") or {}
    steps = handler.get("steps") if isinstance(handler, dict) else None
    return {str(step.get("name")): step for step in steps or () if isinstance(step, dict)}


def _before(names: Sequence[str], plans: dict[str, Document]) -> dict[str, tuple[str, ...]]:
    """What each step depends on, as the plan says; where it does not, on the one before."""
    ordinary = [name for name in names if not plans.get(name, {}).get("always")]
    if any("dependsOn" in plan for plan in plans.values()):
        return {name: tuple(map(str, plans.get(name, {}).get("dependsOn") or ())) for name in ordinary}
    return {name: tuple(ordinary[at - 1 : at]) if at else () for at, name in enumerate(ordinary)}


def _step(step: Document, parts: Sequence[Held], ask: Ask, scene: Scene) -> StepRow:
    compensated = step.get("compensated")
    answer = step.get("answer") or {}
    said = "approved" if answer.get("approved") else "rejected"
    result = step.get("result")
    name, asks = one_line(step.get("name")), asks_for_approval(step)
    # Never one that a message says: whoever wrote it would decide what the approver pastes.
    line = answer_line(ask.namespace, ask.name, ANNOTATION_APPROVE, name) if asks else ""
    message = plain(step.get("message") or step.get("reason") or "")
    return StepRow(
        name,
        look_of(step.get("phase")),
        _href(step.get("run"), parts, ask, scene),
        scene.clock.moment(step.get("startTime")),
        scene.clock.moment(step.get("completionTime")),
        took(step.get("startTime"), step.get("completionTime"), scene.clock.now),
        # The operator ends its message with the very same line, for whoever reads it elsewhere.
        message.removesuffix(f"; {line}") if asks else message,
        line,
        "" if compensated is None else "undone" if compensated else "could not be undone",
        _href(step.get("undoRun"), parts, ask, scene),
        asks,
        f"{said}{' by ' + one_line(answer['by']) if answer.get('by') else ''}" if answer else "",
        "" if result is None else one_line(as_json(result)),
    )


def asks_for_approval(step: Document) -> bool:
    """Whether a step of a status waits for somebody's answer."""
    waits = step.get("phase") == "Waiting" and not step.get("run")
    return waits and bool(step.get("startTime")) and not step.get("answer")


def _href(run: Any, parts: Sequence[Held], ask: Ask, scene: Scene) -> str:
    """The address of a part's run, if it is still there."""
    known = isinstance(run, str) and any(facts_of_run(part).name == run for part in parts)
    return scene.links.run(ask.namespace, run) if known else ""
