"""Random histories, for hypothesis."""

from typing import Any

from histories import History, Refused, Stretches, at
from hypothesis import strategies as st

from crontask.api.base import format_time

POLICIES = ("Forbid", "Allow", "Replace", "Queue")
GAPS = (30, 45, 60, 90, 120, 300, 420, 600)
LENGTHS = (600, 1800, 3600)
# Seconds by which a clock is put back: some of them more than is believed, alone or in sum.
STATUSES = (403, 422, 500)
EXPECTED = ("1s", "40s", "100s", "9m")
BACKS = (1, 5, 20, 29, 30, 31, 60, 400)


@st.composite
def stretches(draw: st.DrawFn, length: int, most: int) -> Stretches:
    """Up to so many stretches of seconds that do not touch."""
    cuts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=2 * most)))
    return tuple(zip(cuts[::2], cuts[1::2], strict=False))


@st.composite
def backs(draw: st.DrawFn, length: int) -> tuple[tuple[int, int], ...]:
    """A clock that goes back up to twice, or goes wrong and is put right again."""
    seconds = sorted(draw(st.sets(st.integers(1, length - 1), max_size=2)))
    steps = [(when, draw(st.sampled_from(BACKS))) for when in seconds]
    if len(steps) == 2 and draw(st.booleans()):
        steps = [(steps[0][0], wrong := draw(st.sampled_from((31, 60, 400)))), (steps[1][0], -wrong)]
    return tuple(steps)


@st.composite
def specs(draw: st.DrawFn, length: int) -> dict[str, Any]:
    """Fields that an oracle knows nothing of."""
    instants = st.integers(0, length).map(lambda second: format_time(at(second)))
    bounds = {
        "suspendAfterFailures": st.integers(1, 3),
        "suspendUntil": instants,
        "maxRuns": st.integers(1, 10),
        "endTime": instants,
        "expect": st.fixed_dictionaries(
            {"finishWithin": st.sampled_from(EXPECTED)}, optional={"successWithin": st.sampled_from(EXPECTED)}
        ),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(bounds)), max_size=2))
    return {name: draw(bounds[name]) for name in sorted(chosen)}


@st.composite
def refused(draw: st.DrawFn, length: int) -> Refused:
    """Up to two stretches in which the API server refuses, for moments or for long; mostly none."""
    if draw(st.sampled_from((True, True, False))):
        return ()
    found = draw(stretches(length, 2))
    return tuple((first, last, draw(st.sampled_from(STATUSES))) for first, last in found)


@st.composite
def moments(draw: st.DrawFn, gap: int, jitter: int, length: int) -> int:
    """A second: any, or the very one of a nominal time, or one soon after it, before its start with jitter."""
    if draw(st.booleans()):
        return draw(st.integers(1, length - 1))
    nominal = gap * draw(st.integers(1, max(1, length // gap - 1)))
    return min(length - 1, nominal + draw(st.integers(0, max(1, min(jitter, gap // 2)))))


@st.composite
def pauses(draw: st.DrawFn, gap: int, jitter: int, length: int, downs: Stretches) -> Stretches:
    """Up to two pauses that do not touch: some begin while there is no operator, some between a time and its start."""
    begins = moments(gap, jitter, length)
    if downs:
        begins = st.one_of(begins, st.sampled_from(downs).flatmap(lambda down: st.integers(down[0], down[1])))
    cuts = sorted(draw(st.sets(begins, max_size=4)))
    return tuple(zip(cuts[::2], cuts[1::2], strict=False))


@st.composite
def histories(draw: st.DrawFn, rich: bool = False, plain: bool = False) -> History:
    """What an oracle models. `plain`: without jitter and refusals. `rich`: a plain one with further fields."""
    length, gap = draw(st.sampled_from(LENGTHS)), draw(st.sampled_from(GAPS))
    plain = plain or rich
    jitter, downs = 0 if plain else draw(st.sampled_from((0, 0, 10, 60, 600))), draw(stretches(length, 2))
    refused_runs = () if plain else draw(refused(length))
    edits = st.dictionaries(moments(gap, jitter, length), st.sampled_from(GAPS), max_size=2)
    return History(
        gap=gap,
        takes=draw(st.one_of(st.integers(1, 70), st.sampled_from((30, 60, 100, 200, 500)))),
        length=length,
        policy=draw(st.sampled_from(POLICIES)),
        max=draw(st.sampled_from((None, None, 1, 2, 3))),
        queue_limit=draw(st.sampled_from((1, 2, 10))),
        catch_up=draw(st.sampled_from(("Latest", "None", "All"))),
        limit=draw(st.sampled_from((1, 2, 3, 10))),
        deadline=draw(st.sampled_from((None, None, 5, 30, 61, 300))),
        downs=downs,
        pauses=draw(pauses(gap, jitter, length, downs)),
        edits=tuple(sorted(draw(edits).items())),
        backs=draw(backs(length)),
        jitter=jitter,
        refused_runs=refused_runs,
        refused_pods=() if plain else draw(refused(length)),
        reserves=not refused_runs,
        start_timeout=draw(st.sampled_from((20, 100, 900))),
        failing=draw(st.sampled_from((0.0, 30.0, 100.0))),
        seed=draw(st.integers(0, 9)),
        spec=draw(specs(length)) if rich else {},
    )
