"""Rows of the tables of fan-outs: what is known of the items and of what collects, and what should be so then."""

from dataclasses import dataclass
from typing import Any

from composite_views import C, decided, part, seconds

from crontask.api.composite_status import Halt, StepPhase, StepStatus
from crontask.api.phases import RunPhase
from crontask.decide.composite.letters import decoded
from crontask.decide.composite.model import CompositeView
from crontask.decide.model import ScheduledRun

P = RunPhase
Parts = tuple[tuple[str, ScheduledRun], ...]
_PHASES = {"R": P.RUNNING, "S": P.SUCCEEDED, "P": P.PARTIAL, "F": P.FAILED, "T": P.TIMED_OUT, "C": P.CANCELED}
# As of a step: Pending, Running, Succeeded, pArtial, Failed, Timed out, Canceled.
_COLLECTS = {phase: phase.value[0] for phase in StepPhase} | {StepPhase.PARTIAL: "A"}
FAILED = Halt(phase="Failed", reason="ItemsFailed", message="too many")
CANCELED = Halt(phase="Canceled", reason="Canceled", message=None)
TIMED_OUT = Halt(phase="TimedOut", reason="TimedOut", message="too long")
ONE: dict[str, Any] = {"parallelism": 1}
TWO: dict[str, Any] = {"parallelism": 2}
STOP: dict[str, Any] = {"failurePolicy": "Stop"}
FAST: dict[str, Any] = {"failurePolicy": "FailFast"}
ONCE: dict[str, Any] = {"retry": {"onLost": "Fail"}}
COLLECT: dict[str, Any] = {"collect": C}
COLLECT_ONCE: dict[str, Any] = {"collect": {**C, **ONCE}}


@dataclass(frozen=True)
class Row:
    """What is known at `now`; how each item is then, the phase, the parts that should exist, and those to end.

    `first`: the status is written before anything follows. `end`: its reason. `wakes`: when to look again. `collect`:
    how it is that is given the totals. `says`: what the message begins with.
    """

    name: str
    known: CompositeView
    ends: str
    phase: RunPhase = P.RUNNING
    wanted: tuple[str, ...] = ()
    cancels: tuple[str, ...] = ()
    halt: str | None = None
    first: bool = False
    end: str | None = None
    collect: str = ""
    wakes: float | None = None
    now: float = 9
    says: str | None = None


def made(letters: str) -> Parts:
    """The runs of items, by letter; none of one that is to come."""
    known = [(str(index), letter) for index, letter in enumerate(letters) if letter != "-"]
    return tuple(
        part(index, P.SKIPPED, reason="Stale") if letter == "N" else part(index, _PHASES[letter])
        for index, letter in known
    )


def asked_to_end(index: int) -> Parts:
    """The run of an item that has been asked to end."""
    return (part(str(index), P.RUNNING, cancel=True),)


def begun(phase: StepPhase = StepPhase.PENDING, run: str | None = None, **fields: Any) -> dict[str, Any]:
    """What is recorded of what collects."""
    return {"said": {"collect": StepStatus(name="collect", phase=phase, run=run, **fields)}}


_SEEN = ("ends", "phase", "wanted", "cancels", "halt", "first", "end", "collect", "wakes", "says")


def should_be(row: Row) -> dict[str, Any]:
    """What the row says."""
    return {name: getattr(row, name) for name in _SEEN}


def as_decided(row: Row) -> dict[str, Any]:
    """The same, as it is decided: of messages as much as the row says."""
    found = decided(row.known, row.now)
    assert found.items is not None, "of fan-outs alone"
    assert found.end is None or (found.end.phase, found.end.message) == (found.phase, found.message), "ends as it says"
    halt, collect = found.halt, found.items.collect
    known = {
        "ends": found.items.ends,
        "phase": found.phase,
        "wanted": tuple(part.part for part in found.wanted),
        "cancels": tuple(run.spec.parent.part for run in found.cancels if run.spec.parent is not None),
        "halt": (halt.message or "")[: len(row.halt or "")] if halt is not None else None,
        "first": found.record_first,
        "end": found.end.reason if found.end is not None else None,
        "collect": _COLLECTS[collect.phase] if collect is not None else "",
        "wakes": seconds(found.wake_at),
        "says": (found.message or "")[: len(row.says)] if row.says is not None else None,
    }
    return {name: known[name] for name in _SEEN}


def summed_up(row: Row) -> tuple[int | str, ...]:
    """How many items are to come, run, succeeded, failed, were canceled, are not reached; and how far the run is."""
    found = decided(row.known, row.now)
    assert found.items is not None, "of fan-outs alone"
    items = found.items
    ended = items.succeeded, items.failed, items.canceled, items.not_reached or 0
    return items.pending, items.running, *ended, found.progress


def summed_up_by_letters(row: Row) -> tuple[int | str, ...]:
    """The same, as the letters say."""
    found = decided(row.known, row.now)
    assert found.items is not None, "of fan-outs alone"
    letters = decoded(found.items.ends, found.items.total)
    number = letters.count
    well, badly = number("S") + number("P"), number("F") + number("T")
    done = f"{well}/{len(letters)}"
    return number("-"), number("R"), well, badly, number("C"), number("N"), done
