"""Each nominal time is started or recorded, once: counted straight from the spec's own arithmetic, without the oracle.

Over edits, pauses, jitter and refusals. Absences and clocks that go back are test_histories': there, the oracle says
which times somebody could decide.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from chaos.bugs import BUGS
from histories import Decided, History, Refused, decided, tally
from history_strategies import histories
from hypothesis import HealthCheck, given, settings

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
# How one nominal time may end: with a start, or with a record of why there was none.
ENDS = ("Start", "Skip", "Miss", "Drop", "Reject", "Fail", "Cancel")
# What is refused for the last time is tried again within so many seconds, and what was late is decided.
SETTLES = 130


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def nominal_times(history: History) -> set[int]:
    """Each second that the spec of that second names, but for those at which it was just changed, and in pauses."""
    changes = {when for when, _ in history.edits} | {second for stretch in history.pauses for second in stretch}
    return {
        second
        for second in range(1, history.length)
        if second % history.gap_at(second) == 0 and not history.is_paused(second) and second not in changes
    }


def in_time(refused: Refused, length: int) -> Refused:
    """The refusals, over so early that what they hold up is decided before the end."""
    return tuple((first, min(last, length - SETTLES), status) for first, last, status in refused if first < last)


def still_open(history: History, entries: list[Decided]) -> set[int]:
    """The times whose start is yet to come, or just came, and those that wait in a queue."""
    queued = {entry.nominal for entry in entries if entry.what == "Queue"}
    late = {time for time in nominal_times(history) if start_of(history, time) >= history.length - SETTLES}
    return queued | late


def start_of(history: History, nominal: int) -> int:
    return history.start_of(nominal, history.gap_at(nominal))


def count(history: History) -> tuple[list[int], set[int]]:
    """The times that were told more than once, and those that were not told at all."""
    entries = decided(history)
    ended = Counter(entry.nominal for entry in entries if entry.what in ENDS)
    tally["of which by an edit, a pause or a refusal"] += any(e.what in ("Drop", "Reject", "Fail") for e in entries)
    untold = nominal_times(history) - set(ended) - still_open(history, entries)
    return [nominal for nominal, times in ended.items() if times > 1], untold


@settings(max_examples=150, suppress_health_check=QUIET)
@given(histories())
def test_each_time_is_started_or_recorded_once(drawn: History) -> None:
    history = replace(drawn, downs=(), backs=(), length=drawn.length + SETTLES)
    history = replace(
        history,
        refused_runs=in_time(history.refused_runs, drawn.length),
        refused_pods=in_time(history.refused_pods, drawn.length),
    )
    tally["histories with edits and pauses in which each time is told once"] += 1
    assert count(history) == ([], set())


@pytest.mark.parametrize(
    ("fault", "history"),
    [
        ("pause_forgets", History(gap=300, length=1800, jitter=100, pauses=((305, 400), (902, 1000), (1203, 1250)))),
        ("edit_forgets", History(gap=300, length=1800, jitter=100, edits=((305, 420), (845, 300)))),
        ("refused_moves_the_watermark", History(gap=60, length=900, refused_runs=((30, 200, 403),), reserves=False)),
    ],
)
def test_counting_finds_a_time_that_is_lost(fault: str, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    assert count(history) == ([], set())
    BUGS[fault](monkeypatch)
    _, untold = count(history)
    assert untold
