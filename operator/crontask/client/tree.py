"""A run as a tree: its attempts, or its parts with theirs; how each goes, and what it waits for. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crontask.api.phases import TERMINAL, RunPhase
from crontask.api.times import cut
from crontask.client.timing import took

Document = dict[str, Any]
_MOST_ALIKE = 20
_LONGEST_ITEM = 40
_UNDER_WAY = frozenset(RunPhase) - TERMINAL
GONE_PARTS = "their runs are removed, as those of items that did not fail are ten minutes after the end of the whole"
_DONE = ("Succeeded", "Reused")
_FAILED = ("Failed", "TimedOut")
_REUSED = re.compile(r"U(\d*)")


@dataclass(frozen=True)
class Node:
    """Something that runs, ran or is to run. `pod`: of a run without parts that failed, the one that it had last."""

    name: str
    phase: str = ""
    start: str = ""
    took: str = ""
    note: str = ""
    children: "tuple[Node, ...]" = ()
    pod: str = ""

    def failed_pods(self) -> Iterator[tuple[str, str]]:
        """What failed within it, and its pod."""
        if self.pod:
            yield self.name, self.pod
        for child in self.children:
            yield from child.failed_pods()

    def rows(self, before: str = "", below: str = "") -> Iterator[tuple[str, ...]]:
        """Cells of a table, whose first column draws the tree."""
        yield before + self.name, self.phase, self.start, self.took, self.note
        for child in self.children:
            last = child is self.children[-1]
            yield from child.rows(f"{below}{'└─ ' if last else '├─ '}", f"{below}{'   ' if last else '│  '}")


class Parts:
    """Runs that are parts of others."""

    def __init__(self, runs: Iterable[Document]) -> None:
        self._of: dict[str, list[Document]] = {}
        for run in runs:
            parent = run["spec"].get("parent") or {}
            self._of.setdefault(str(parent.get("uid")), []).append(run)

    def of(self, run: Document) -> list[Document]:
        """Those of this run."""
        return self._of.get(run["metadata"]["uid"], [])

    def within(self, run: Document) -> Iterator[Document]:
        """Those of this run, and those of its parts."""
        for part in sorted(self.of(run), key=_order):
            yield part
            yield from self.within(part)


def is_composite(run: Document) -> bool:
    """Whether it consists of parts, and has started."""
    return "plan" in (run.get("status") or {})


def label_of(part: Document) -> str:
    """What a part is called beside its siblings."""
    parent = part["spec"].get("parent") or {}
    if parent.get("item") is not None:
        return f"item {parent['item'].get('index')}"
    if parent.get("batch") is not None:
        return f"batch {parent['batch'].get('number')}"
    if parent.get("collect"):
        return "collect"
    return f"undo of {parent['undo']}" if parent.get("undo") else str(parent.get("step") or part["metadata"]["name"])


def tree_of(run: Document, parts: Parts, now: datetime, name: str = "") -> Node:
    """The run with all that is below it."""
    status = run.get("status") or {}
    children = _parts(run, status, parts, now) if is_composite(run) else _attempts(status, now)
    failed = status.get("phase") in _FAILED and not is_composite(run)
    return Node(
        name or run["metadata"]["name"],
        phase_of(run),
        str(status.get("startTime") or ""),
        str(status.get("duration") or took(status.get("startTime"), status.get("completionTime"), now)),
        note_of(run),
        tuple(children),
        str(status.get("podName") or "") if failed else "",
    )


def phase_of(run: Document) -> str:
    """Where the run is; of one that nothing is decided about yet, that."""
    status = run.get("status") or {}
    if (status.get("paused") or {}).get("since"):
        return "Paused"
    return str(status.get("phase") or "Pending")


def note_of(run: Document) -> str:
    """Why it waits, or ended so, in one line."""
    status = run.get("status") or {}
    if not status.get("phase"):
        return "its time has not come" if run["spec"].get("scheduledTime") else "the operator has not seen it yet"
    notes = [status.get("message"), _next_try(status), _progress(status)]
    return "; ".join(" ".join(str(note).split()) for note in notes if note)


def _next_try(status: Document) -> str:
    at = status.get("nextRetryTime")
    return f"tries again at {str(at)[:19]}Z" if at and status.get("phase") == "Retrying" else ""


def _progress(status: Document) -> str:
    return f"{status['progress']} done" if status.get("progress") and status.get("phase") in _UNDER_WAY else ""


def _attempts(status: Document, now: datetime) -> Iterator[Node]:
    for attempt in status.get("attempts") or ():
        ended, code = attempt.get("completionTime"), attempt.get("exitCode")
        phase = "Running" if not ended else "Succeeded" if code == 0 else str(attempt.get("reason") or "Ended")
        begun = str(attempt.get("startTime") or "")
        pod = f"pod {attempt.get('pod')}"
        note = "; ".join(filter(None, (pod, " ".join(str(attempt.get("message") or "").split()))))
        yield Node(f"attempt {attempt.get('number')}", phase, begun, took(begun, ended, now), note)


def _parts(run: Document, status: Document, parts: Parts, now: datetime) -> Iterator[Node]:
    below = sorted(parts.of(run), key=_order)
    if status.get("steps"):
        yield from _steps(status["steps"], below, parts, now)
        return
    collect = [part for part in below if (part["spec"].get("parent") or {}).get("collect")]
    alike = [part for part in below if part not in collect]
    shown = alike if len(alike) <= _MOST_ALIKE else [part for part in alike if phase_of(part) not in _DONE]
    for part in shown[:_MOST_ALIKE]:
        yield tree_of(part, parts, now, _with_item(part))
    yield from _gone_items(status, below)
    if gone := gone_parts(status, below):
        yield Node(f"… and {gone} more", note=f"{GONE_PARTS}: {_totals(status)}")
    if left := len(alike) - len(shown[:_MOST_ALIKE]):
        yield Node(
            f"… and {left} more", note=f"most of them Succeeded: {_totals(status)}" if status.get("items") else ""
        )
    for part in collect:
        yield tree_of(part, parts, now, "collect")


def _steps(steps: Sequence[Document], below: Sequence[Document], parts: Parts, now: datetime) -> Iterator[Node]:
    runs: Mapping[str, Document] = {label_of(part): part for part in below}
    for step in steps:
        name = str(step.get("name"))
        run = runs.get(name)
        within = tree_of(run, parts, now) if run is not None else Node(name)
        note = "; ".join(filter(None, (" ".join(str(step.get("message") or "").split()), _if_undone(step))))
        yield Node(
            name,
            str(step.get("phase") or ""),
            str(step.get("startTime") or ""),
            took(step.get("startTime"), step.get("completionTime"), now),
            note or within.note,
            within.children,
            within.pod,
        )
    for name, part in runs.items():
        if name.startswith("undo of "):
            yield tree_of(part, parts, now, name)


def _if_undone(step: Document) -> str:
    undone = step.get("compensated")
    return "" if undone is None else "undone" if undone else "could not be undone"


def _gone_items(status: Document, below: Sequence[Document]) -> Iterator[Node]:
    """Items that failed, and whose runs are gone."""
    there = {(part["spec"]["parent"].get("item") or {}).get("index") for part in below}
    for item in (status.get("items") or {}).get("failedItems") or ():
        if item.get("index") not in there:
            yield Node(
                f"item {item['index']}: {cut(str(item.get('item')), _LONGEST_ITEM)}",
                "Failed",
                note=str(item.get("message") or ""),
            )


def gone_parts(status: Document, below: Sequence[Document]) -> int:
    """How many items of a fan-out that has ended did not fail, and have no run any more."""
    items = status.get("items") or {}
    if status.get("phase") not in TERMINAL:
        return 0
    there = {(part["spec"]["parent"].get("item") or {}).get("index") for part in below} - {None}
    failed = {item.get("index") for item in items.get("failedItems") or ()}
    # Those that are reused had their run in another fan-out, which this one runs again.
    reused = sum(int(count or 1) for count in _REUSED.findall(str(items.get("ends") or "")))
    started = int(items.get("total") or 0) - int(items.get("notReached") or 0) - reused
    return max(0, started - len(there | failed))


_WORDS = (
    ("succeeded", "succeeded"),
    ("failed", "failed"),
    ("canceled", "canceled"),
    ("notReached", "not reached"),
    ("running", "run"),
    ("pending", "to come"),
)


def _totals(status: Document) -> str:
    items = status.get("items") or {}
    counted = [(items.get(key), word) for key, word in _WORDS]
    return ", ".join(f"{count} {word}" for count, word in counted if count)


def _with_item(part: Document) -> str:
    item = (part["spec"].get("parent") or {}).get("item")
    if item is None:
        return label_of(part)
    return f"{label_of(part)}: {cut(json.dumps(item.get('value'), ensure_ascii=False), _LONGEST_ITEM)}"


def _order(part: Document) -> tuple[int, str, str]:
    parent = part["spec"].get("parent") or {}
    number = (parent.get("item") or {}).get("index", (parent.get("batch") or {}).get("number", 0))
    return int(number), str((part.get("status") or {}).get("startTime") or "~"), str(part["metadata"]["name"])
