"""The union of several expressions against the oracle's set of instants."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from timetable_oracle import POLICIES, QUIET, Pattern, compare, due_of, fired, hits, tally, union, walk
from timetable_strategies import Near, Place, accepted, days, hours, places, policies, templates, wall_hours, weekdays

from crontask.timetable import CronTimetable, Dst, load_zone, parse_cron

real_time = st.builds(
    "{} {} * * *".format, st.sampled_from(["0", "30", "*/20", "5-50/15"]), st.sampled_from(["*", "*/2"])
)
wall_time = st.builds("{} {} * * *".format, st.sampled_from(["0", "30", "*/20", "5-50/15"]), wall_hours)
unions = st.lists(st.one_of(real_time, wall_time, templates), min_size=2, max_size=5)
hours_long = st.integers(60, 30 * 3600)


@settings(max_examples=350, suppress_health_check=QUIET)
@given(
    place=places,
    many=st.lists(unions, min_size=3, max_size=5),
    before=hours_long,
    after=hours_long,
    where=st.floats(0, 1),
)
def test_union_equals_oracle(place: Place, many: list[list[str]], before: int, after: int, where: float) -> None:
    zone = load_zone(place.zone)
    start, end = place.at - timedelta(seconds=before), place.at + timedelta(seconds=after)
    within = start + (end - start) * where
    minutes = walk(zone, start, end)
    for group in many:
        texts = [text for text in map(Near(place), group) if accepted(text)]
        if not texts:
            continue
        parsed = list(map(parse_cron, texts))
        near = [(pattern, hits(pattern, minutes)) for pattern in map(Pattern, texts)]
        for dst in POLICIES:
            every = [at for pattern, found in near for at in fired(pattern, dst, found)]
            wanted = sorted(set(every))
            try:
                compare(CronTimetable(parsed, zone, dst), start, end, within, wanted)
            except AssertionError as error:
                error.add_note(f"{texts} {place.zone} {dst} in ({start}, {end}], within {within}")
                raise
            tally["cases of a union: zone, stretch, policy"] += 1
            tally["cases of a union where two or more meet"] += len(wanted) < len(every)


sparse = st.builds(
    "{} {} {} {} {}".format,
    st.sampled_from(["0", "30", "7", "0,30", "59"]),
    st.one_of(hours, wall_hours, wall_hours),
    st.one_of(st.just("*"), days),
    st.sampled_from(["*", "*", "{m}", "3,10"]),
    st.one_of(st.just("*"), weekdays),
)


@settings(max_examples=60, suppress_health_check=QUIET)
@given(
    place=places,
    group=st.lists(sparse, min_size=2, max_size=5),
    length=st.integers(1, 3 * 366 * 86400),
    lead=st.integers(0, 400 * 86400),
    dst=policies,
)
def test_due_of_years_equals_enumeration(place: Place, group: list[str], length: int, lead: int, dst: Dst) -> None:
    texts = [text for text in map(Near(place), group) if accepted(text)]
    if not texts:
        return
    zone = load_zone(place.zone)
    start: datetime = place.at - timedelta(seconds=min(lead, length))
    end = start + timedelta(seconds=length)
    wanted = union(texts, zone, dst, start, end, long=True)
    timetable = CronTimetable(list(map(parse_cron, texts)), zone, dst)
    assert timetable.due(start, end) == due_of(wanted), f"{texts} {place.zone} {dst} in ({start}, {end}]"
    assert list(timetable.upcoming(start, min(len(wanted), 20))) == wanted[:20]
    tally["cases of a union over up to three years"] += 1
