"""Random histories of one task: an oracle decides the same, and what is promised of all of them holds."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from chaos.bugs import BUGS
from histories import FAILOVER, Decided, History, Watched, at, decided, tally, watch
from history_oracle import Oracle
from history_strategies import GAPS, POLICIES, histories
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from crontask.api.base import parse_duration
from crontask.timetable import IntervalTimetable, Jitter

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
# What an edit, a pause or the API server left out is recorded, too.
RECORDED = ("Skip", "Miss", "Drop", "Reject")
ENDS = ("Start", *RECORDED)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def first_seen(history: History, second: int) -> int | None:
    """The first second from then on at which somebody decides about times."""
    return next((now for now in range(second, history.length) if not history.is_away(now)), None)


def undecided(history: History) -> set[int]:
    """Nominal times that nobody was there to decide: since the operator went away, if it did not come back."""
    here = next(now for now in reversed(range(history.length)) if not history.is_away(now))
    return set(range(here + 1, history.length))


@settings(max_examples=70, suppress_health_check=QUIET)
@given(histories(), st.booleans())
def test_equals_oracle(history: History, by_stretches: bool) -> None:
    oracle = Oracle(history)
    wanted = oracle.decide()
    assume(not oracle.unsure)
    found = decided(history, by_stretches)
    assert found == wanted
    ends = Counter(entry.nominal for entry in found if entry.what in ENDS)
    # Started or recorded once; a run whose pod was refused has ended without a start, and so may leave two.
    assert all(times == 1 or history.refused_pods for times in ends.values())
    tally["histories that equal the oracle's"] += 1
    tally["decisions in them"] += len(wanted)


# What the record may say of a time after the last decision about it: a start may have ended in any way since.
LETTERS = {
    "Start": "RSFCr",
    "Skip": "s",
    "Drop": "s",
    "Miss": "m",
    "Reject": "m",
    "Fail": "F",
    "Cancel": "Cr",
    "Queue": "R",
}
# A status is written once a second at most.
WRITTEN_IN = 5


def check_record(seen: Watched, wanted: list[Decided]) -> None:
    """What the status says of each time is what the oracle decided, and after decidedSince each time is there."""
    record, since, until = seen.record()
    letters: dict[int, tuple[int, str]] = {}
    for entry in wanted:
        if entry.what in LETTERS and entry.nominal > since:
            before, said = letters.get(entry.nominal, (0, ""))
            letters[entry.nominal] = (entry.time, LETTERS[entry.what] + (said if before == entry.time else ""))
    unseen = max((entry.time for entry in wanted if entry.what == "Unseen"), default=0)
    early = {entry.nominal for entry in wanted if entry.time < unseen}
    assert not early & record.keys(), "it goes on over what nobody knows"
    assert {time for time in record if time <= until} == {time for time in letters if time <= until}
    for time, letter in record.items():
        last, said = letters[time]
        assert letter in said or (letter == "R" and last > seen.history.length - WRITTEN_IN)
    tally["times of which the record says what the oracle does"] += len(record)


@settings(max_examples=25, suppress_health_check=QUIET)
@given(histories())
def test_the_record_is_that_of_the_oracle(history: History) -> None:
    oracle = Oracle(history)
    wanted = oracle.decide()
    assume(not oracle.unsure)
    check_record(watch(history), wanted)


def test_a_record_that_says_more_than_is_so_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(
        gap=60, length=900, takes=100, policy="Queue", deadline=90, downs=((210, 500),), edits=((300, 90),)
    )
    wanted = Oracle(history).decide()
    check_record(watch(history), wanted)
    BUGS["unknown_taken_for_known"](monkeypatch)
    with pytest.raises(AssertionError):
        check_record(watch(history), wanted)


@settings(max_examples=20, suppress_health_check=QUIET)
@given(histories(rich=True))
def test_each_time_is_decided_once(history: History) -> None:
    """At most once, whatever happens; and, where nobody edits, pauses or mistrusts a clock, not less often."""
    one = replace(history, edits=(), pauses=(), backs=())
    for played in (history, one):
        found = Counter(entry.nominal for entry in decided(played) if entry.what in ENDS)
        assert [nominal for nominal, times in found.items() if times > 1] == []
        tally["histories in which each time is decided once"] += 1
    entries = decided(replace(one, spec={}))
    told = {entry.nominal for entry in entries}
    assert told == set(range(one.gap, one.length, one.gap)) - undecided(one)
    queued = {entry.nominal for entry in entries if entry.what == "Queue"}
    ended = {entry.nominal for entry in entries if entry.what in ENDS}
    assert told - ended <= queued


@settings(max_examples=30, suppress_health_check=QUIET)
@given(histories())
def test_each_time_is_started_or_recorded_whatever_is_refused(history: History) -> None:
    """With jitter, absences and refusals: each time whose start has come, and that somebody could decide, is told."""
    one = replace(history, edits=(), pauses=(), backs=(), refused_pods=(), catch_up="None", takes=1)
    one = replace(one, policy="Allow", max=None)
    told = {entry.nominal for entry in decided(one)}
    nominals = set(range(one.gap, one.length, one.gap)) - undecided(one)
    to_come = {time for time in nominals if one.start_of(time, one.gap) + FAILOVER >= one.length - 60}
    assert nominals - to_come <= told | {time for time in nominals if one.start_of(time, one.gap) in undecided(one)}
    tally["histories with refusals in which each time is told"] += 1


@settings(max_examples=20, suppress_health_check=QUIET)
@given(histories(plain=True), st.sampled_from((None, "10s", "5m")), st.booleans())
def test_what_nothing_hinders_starts_on_time(history: History, jitter: str | None, by_stretches: bool) -> None:
    calm = replace(history, downs=(), pauses=(), edits=(), backs=())
    calm = replace(calm, takes=min(calm.takes, calm.gap // 2), spec={"jitter": jitter} if jitter is not None else {})
    width = parse_duration(jitter) if jitter is not None else timedelta(0)
    spread, timetable = Jitter(width, "default/a"), IntervalTimetable(at(0), timedelta(seconds=calm.gap))
    wanted = []
    for nominal in range(calm.gap, calm.length, calm.gap):
        start = int((spread.start_of(at(nominal), timetable) - at(0)).total_seconds())
        if start < calm.length:
            wanted.append(Decided(start, nominal, "Start"))
    assert decided(calm, by_stretches) == wanted
    tally["histories without a hindrance"] += 1


def check_promises(seen: Watched) -> None:
    """What holds in each history."""
    history = seen.history
    for entry in seen.entries:
        if entry.what != "Unseen":
            assert entry.nominal <= entry.time - history.behind(entry.time), "nothing is decided before its time"
    assert seen.watermarks == sorted(seen.watermarks), "the watermark never goes back"
    starts = [entry.nominal for entry in seen.entries if entry.what == "Start"]
    assert starts == sorted(starts), "what waits starts in order"
    assert len(starts) == len(set(starts)), "nothing starts twice"
    limit = history.max or (None if history.policy == "Allow" else 1)
    assert limit is None or seen.most_pods <= limit
    assert history.catch_up == "All" or seen.most_catching_up == 0
    assert seen.most_catching_up <= history.limit
    tally["statuses whose watermark does not go back"] += seen.statuses
    tally["histories with missed times that wait"] += seen.most_catching_up > 0


@settings(max_examples=30, suppress_health_check=QUIET)
@given(histories(rich=True))
def test_promises_hold(history: History) -> None:
    seen = watch(history)
    check_promises(seen)
    tally["histories in which the promises hold"] += 1


@settings(max_examples=18, suppress_health_check=QUIET)
@given(
    histories(plain=True),
    st.sampled_from(POLICIES),
    st.sampled_from((1, 1, 2, 3)),
    st.sampled_from(("Latest", "All", "All")),
    st.integers(1, 5),
    st.sampled_from((2, 3, 5)),
)
def test_promises_hold_where_runs_overlap(
    history: History, policy: str, most: int, catch_up: str, takes: int, limit: int
) -> None:
    """Runs longer than their gap, and a second absence while what was missed in the first still waits."""
    gap = min(history.gap, 90)
    length = max(history.length, 25 * gap)
    busy = replace(history, gap=gap, length=length, takes=takes * gap - 7, policy=policy, max=most)
    downs = ((5 * gap + 20, 10 * gap + 20), (12 * gap + 20, 18 * gap + 20))
    busy = replace(busy, catch_up=catch_up, limit=limit, downs=downs, pauses=(), edits=(), backs=())
    seen, oracle = watch(busy), Oracle(busy)
    wanted = oracle.decide()
    assert oracle.unsure or seen.entries == wanted
    found = Counter(entry.nominal for entry in seen.entries if entry.what in ENDS)
    assert max(found.values()) == 1
    assert {entry.nominal for entry in seen.entries} == {entry.nominal for entry in wanted}
    check_promises(seen)
    tally["histories in which the promises hold, with overlaps"] += 1


@settings(max_examples=30, suppress_health_check=QUIET)
@given(histories(rich=True), st.sampled_from(GAPS))
def test_neither_an_edit_nor_a_resume_starts_the_past(history: History, gap: int) -> None:
    """What had come due before either was seen, and was not decided then, is never decided."""
    second = history.length // 2
    edited = replace(history, edits=((second, gap),), spec={})
    entries = decided(edited)
    seen = [first_seen(edited, second)] if gap != edited.gap else []
    for first, last in edited.pauses:
        # A pause that nobody saw was none.
        if any(not edited.is_down(now) for now in range(first, last)):
            seen.append(first_seen(edited, last))
    known: dict[int, int] = {}
    for entry in entries:
        if entry.what not in ("Unseen", "Drop"):
            known.setdefault(entry.nominal, entry.time)
    for since in seen:
        if since is not None and not edited.is_paused(since):
            clock = since - edited.behind(since)
            assert [nominal for nominal, time in known.items() if time >= since and nominal <= clock] == []
            tally["edits and resumes that start no past"] += 1
