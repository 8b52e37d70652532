"""The last times and the items as SVG: what is drawn is what the record says, and nothing else."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.api.outcomes import Became
from crontask.dashboard.strip import decided_times, grid, legend, strip
from crontask.dashboard.symbols import BECAME, ITEMS, drawing

SINCE = datetime(2026, 3, 1, tzinfo=UTC)


def task(decided: Any, since: Any = "2026-03-01T00:00:00Z") -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "b"}, "status": {"decided": decided, "decidedSince": since}}


def test_the_newest_thirty_the_oldest_first() -> None:
    times = decided_times(task("S60x40 F60 m60"))
    assert len(times) == 30
    assert [time.became.value for time in times[-3:]] == ["S", "F", "m"]
    assert times[-1].at == SINCE + timedelta(minutes=42)
    assert times[0].at == SINCE + timedelta(minutes=13)


@pytest.mark.parametrize(
    ("decided", "since"),
    [(None, None), ("S60", None), ("nonsense", "2026-03-01T00:00:00Z"), (7, "2026-03-01T00:00:00Z"), ("S60", "never")],
)
def test_what_cannot_be_read_is_left_out(decided: Any, since: Any) -> None:
    assert decided_times(task(decided, since)) == ()
    assert decided_times({"metadata": {}}) == ()


def test_a_strip_says_what_it_shows() -> None:
    drawn = ElementTree.fromstring(strip(decided_times(task("S60x3 F60 s60x2"))))
    assert drawn.get("aria-label") == "Last 6 times: 3 succeeded, 1 failed, 2 skipped"
    assert [path.get("class") for path in drawn.findall("path")] == ["f-good", "f-bad", "f-idle"]
    # The newest is on the right, where the strip ends.
    skipped = drawn.findall("path")[2].get("d") or ""
    assert re.findall(r"M(\d+) ", skipped) == ["225", "233"]


def test_a_strip_of_nothing() -> None:
    assert "nothing is recorded yet" in strip(())


@given(st.text(alphabet="".join(ITEMS), max_size=1000))
def test_a_grid_has_a_cell_an_item(letters: str) -> None:
    drawn = ElementTree.fromstring(grid(letters))
    corners = [corner for path in drawn.findall("path") for corner in re.findall(r"M(\d+) (\d+)", path.get("d") or "")]
    assert len(corners) == len(set(corners)) == len(letters)
    assert sum(count for _, count in legend(letters)) == len(letters)


def test_each_state_has_a_shape_of_its_own() -> None:
    """Whoever sees no colours tells them apart."""
    became = [drawing(letter.value) for letter in Became]
    assert len(set(became)) == len(became)
    assert {look.css for look in BECAME.values()} <= {"good", "half", "bad", "late", "runs", "idle", "held"}
    items = [drawing(letter) for letter in ITEMS]
    assert len(set(items)) == len(items)
