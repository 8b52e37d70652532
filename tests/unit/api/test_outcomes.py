"""The record of what became of each nominal time: what is written is read again, and never longer than it may be."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.api.outcomes import EPOCH, LONGEST, Became, Record, Row, became_of, rows_of, times_of

SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)
_LETTERS = st.sampled_from(sorted(Became))
_GAPS = st.one_of(st.sampled_from((60, 300, 86400)), st.integers(1, 10**6))
# How long after the one before, with which gap, how often.
_ROWS = st.lists(st.tuples(_LETTERS, _GAPS, _GAPS, st.integers(1, 50)), max_size=40)


def after(seconds: int) -> datetime:
    """So long after the record begins."""
    return SINCE + timedelta(seconds=seconds)


def drawn(rows: list[tuple[Became, int, int, int]]) -> list[Row]:
    """The rows, one behind the other."""
    found, last = [], SINCE
    for became, wait, gap, count in rows:
        found.append(Row(became, last + timedelta(seconds=wait), gap, count))
        last = found[-1].last
    return found


def times_in(rows: list[Row]) -> list[tuple[datetime, Became]]:
    """One by one, newest first."""
    return [
        (row.first + timedelta(seconds=row.gap * n), row.became)
        for row in reversed(rows)
        for n in range(row.count)[::-1]
    ]


@given(_ROWS)
def test_what_is_written_is_read_again(rows: list[tuple[Became, int, int, int]]) -> None:
    added, text, since = drawn(rows), None, SINCE
    for row in added:
        # As a status is: read, added to, and written.
        record = Record(text, since)
        record.append(row)
        text, since = record.text(), record.since
        assert len(text) <= LONGEST
    found, wanted = list(times_of(text, since)), times_in(added)
    assert found == wanted[: len(found)]
    assert [time for time, _ in wanted[len(found) :]][:1] == ([since] if since > SINCE else [])


@given(_ROWS, st.data())
def test_a_time_is_corrected_and_no_other(rows: list[tuple[Became, int, int, int]], data: st.DataObject) -> None:
    record = Record(None, SINCE)
    for row in drawn(rows):
        record.append(row)
    before = dict(times_of(record.text(), record.since))
    time = data.draw(st.sampled_from(sorted(before)) if before else st.just(SINCE))
    time += timedelta(seconds=data.draw(st.sampled_from((0, 0, 1, -1))))
    became, open_ = data.draw(_LETTERS), frozenset({Became.RUNS})
    changed = record.correct(time, became, open_)
    wanted = {**before, time: became} if before.get(time) in open_ and time in before else before
    assert dict(times_of(record.text(), record.since)) == wanted
    assert changed is (wanted != before)


@given(_ROWS, st.integers(-100, 10**8), st.integers(-100, 10**8), st.data())
def test_a_stretch_of_a_record_and_one_time_of_it_are_as_all_of_it(
    rows: list[tuple[Became, int, int, int]], start: int, length: int, data: st.DataObject
) -> None:
    record = Record(None, SINCE)
    for row in drawn(rows):
        record.append(row)
    text, since = record.text(), record.since
    everything = dict(times_of(text, since))
    first, last = after(start), after(start + length)
    found = {
        EPOCH + timedelta(seconds=time): row.became for row in rows_of(text, since) for time in row.times(first, last)
    }
    assert found == {time: became for time, became in everything.items() if first <= time < last}
    time = data.draw(st.sampled_from(sorted(everything)) if everything else st.just(SINCE))
    time += timedelta(seconds=data.draw(st.sampled_from((0, 0, 1, -1, 60))))
    assert became_of(text, since, time) == everything.get(time)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([Row(Became.SUCCEEDED, after(60))], "S60", id="one"),
        pytest.param([Row(Became.SUCCEEDED, after(60), 60, 480)], "S60x480", id="a row"),
        pytest.param([Row(Became.SUCCEEDED, after(30), 60, 480)], "S30 S60x479", id="a row from another instant on"),
        pytest.param([Row(Became.FAILED, after(60)), Row(Became.FAILED, after(120))], "F60x2", id="two that are alike"),
        pytest.param([Row(Became.FAILED, after(60)), Row(Became.FAILED, after(60))], "F60", id="one that is there"),
        pytest.param([Row(Became.MISSED, after(60)), Row(Became.SKIPPED, after(60), 60, 3)], "m60 s60x2", id="in part"),
        pytest.param([Row(Became.MISSED, after(-60), 60, 2)], "", id="before it begins"),
    ],
)
def test_its_form(rows: list[Row], text: str) -> None:
    record = Record(None, SINCE)
    for row in rows:
        record.append(row)
    assert record.text() == text


def test_years_of_minutes_are_short() -> None:
    record = Record(None, SINCE)
    for year in range(20):
        record.append(Row(Became.SUCCEEDED, record.newest + timedelta(minutes=1), 60, 525_599))
        record.append(Row(Became.FAILED if year % 2 else Became.SKIPPED, record.newest + timedelta(minutes=1)))
    assert record.since == SINCE
    assert len(record.text()) < 400


def test_of_a_task_that_alternates_the_oldest_are_dropped() -> None:
    text, since = None, SINCE
    for minute in range(1, 2000):
        record = Record(text, since)
        record.append(Row(Became.FAILED if minute % 2 else Became.SUCCEEDED, after(60 * minute)))
        text, since = record.text(), record.since
    found = list(times_of(text, since))
    assert LONGEST - 4 < len(text or "") <= LONGEST
    assert found[0] == (after(60 * 1999), Became.FAILED)
    assert found[-1][0] == since + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("X60", "is not a row of letters", id="another letter"),
        pytest.param("S60  F60", "is not a row of letters", id="two spaces"),
        pytest.param("S60 ", "is not a row of letters", id="a space at the end"),
        pytest.param("S60\n", "is not a row of letters", id="a line"),
        pytest.param("S0", "is not a row of letters", id="no distance"),
        pytest.param("S60x0", "is not a row of letters", id="never"),
        pytest.param("S6_0", "is not a row of letters", id="digits that Python takes"),
        pytest.param("S٦", "is not a row of letters", id="digits of another script"),
        pytest.param(" ".join(["S60"] * 300), "is longer than 1024", id="too long"),
        pytest.param("S999999999999x999999999", "times that no calendar has", id="beyond the calendar"),
    ],
)
def test_what_is_no_record(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(times_of(text, SINCE))


def test_without_an_instant_it_begins_at_nothing_is_known() -> None:
    assert list(times_of(None, None)) == []
    assert list(times_of(None, SINCE)) == []
    with pytest.raises(ValueError, match="has no decidedSince"):
        list(times_of("S60", None))


def test_the_newest_are_read_without_the_others() -> None:
    assert list(islice(times_of("S60x999999999", SINCE), 2))[1][1] is Became.SUCCEEDED


def test_a_reader_needs_the_standard_library_alone() -> None:
    code = "import sys, crontask.api.outcomes; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"kopf", "pydantic", "orjson", "aiohttp"} & set(done.stdout.split())
