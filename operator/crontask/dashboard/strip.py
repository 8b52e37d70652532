"""The last nominal times of a task as a strip, and the items of a fan-out as a grid: SVG, a shape and a colour each.

Read from `status.decided`. What nobody can read is left out, and never guessed. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from markupsafe import Markup

from crontask.api.outcomes import Became, times_of
from crontask.client.requests import Document
from crontask.client.timing import instant
from crontask.dashboard.symbols import BECAME, ITEMS, Look, drawing

SHOWN = 30
_CELL, _HIGH, _ABOVE = 8, 16, 2
_A_ROW = 50
_GRID_SCALE = 2


@dataclass(frozen=True, slots=True)
class Time:
    """A nominal time and what became of it."""

    at: datetime
    became: Became

    @property
    def look(self) -> Look:
        """How it looks."""
        return BECAME[self.became]


def decided_times(task: Document, count: int = SHOWN) -> tuple[Time, ...]:
    """The last `count` of a task, the oldest first; none where the record cannot be read."""
    status = task.get("status") or {}
    try:
        found = list(islice(times_of(status.get("decided"), instant(status.get("decidedSince"))), count))
    except (ValueError, TypeError, OverflowError):
        return ()
    return tuple(Time(at, became) for at, became in reversed(found))


def strip(times: Sequence[Time]) -> Markup:
    """Small, for a table: each kind of end is one path, whatever it counts. The newest is on the right."""
    letters = "".join(time.became.value for time in times)
    label = _in_words(letters, {each.value: look for each, look in BECAME.items()})
    width = SHOWN * _CELL
    first = SHOWN - len(letters)
    corners = [((first + at) * _CELL + 1, _ABOVE) for at in range(len(letters))]
    looks = {each.value: look for each, look in BECAME.items()}
    return _svg("strip", width, _HIGH, f"Last {_counted(len(letters), 'time')}: {label}", letters, corners, looks)


def grid(letters: str) -> Markup:
    """The items of a fan-out, in rows."""
    corners = [(at % _A_ROW * _CELL + 1, at // _A_ROW * (_HIGH + 2) + _ABOVE) for at in range(len(letters))]
    rows = -(-len(letters) // _A_ROW)
    width, height = min(len(letters), _A_ROW) * _CELL, rows * (_HIGH + 2)
    label = f"{_counted(len(letters), 'item')}: {_in_words(letters, ITEMS)}"
    return _svg("grid", width, height, label, letters, corners, ITEMS)


def _svg(
    css: str,
    width: int,
    height: int,
    label: str,
    letters: str,
    corners: Iterable[tuple[int, int]],
    looks: Mapping[str, Look],
) -> Markup:
    paths: dict[str, list[str]] = {}
    for letter, (x, y) in zip(letters, corners, strict=True):
        paths.setdefault(letter, []).append(f"M{x} {y}{drawing(letter)}")
    drawn = Markup("").join(
        Markup('<path class="f-{}" fill-rule="evenodd" d="{}"/>').format(looks[letter].css, "".join(parts))
        for letter, parts in paths.items()
    )
    scale = _GRID_SCALE if css == "grid" else 1
    head = Markup('<svg class="{}" role="img" width="{}" height="{}" viewBox="0 0 {} {}" aria-label="{}">')
    return (
        head.format(css, width * scale, height * scale, width, height, label)
        + Markup("<title>{}</title>").format(label)
        + drawn
        + (Markup("</svg>"))
    )


def _in_words(letters: str, looks: Mapping[str, Look]) -> str:
    counted = Counter(letters)
    said = ", ".join(f"{counted[letter]} {look.word.lower()}" for letter, look in looks.items() if counted[letter])
    return said or "nothing is recorded yet"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def legend(letters: str) -> tuple[tuple[Look, int], ...]:
    """How many items look how, without those that there are none of."""
    counted = Counter(letters)
    return tuple((look, counted[letter]) for letter, look in ITEMS.items() if counted[letter])
