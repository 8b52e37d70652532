"""What is said of past times, against what was drawn, and against what the pods of an operator's life have done."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from composite_world import environment
from engine_world import World, play
from hypothesis import given, settings
from hypothesis import strategies as st
from task_views import at, ended, make_run, make_task, manual_run

from crontask.api.outcomes import Became, Record, Row
from crontask.api.phases import Origin, RunPhase
from crontask.api.task_status import Timing
from crontask.decide.model import ScheduledRun
from crontask.decide.task.past import DONE, LEFT_OUT, WENT_WRONG, WITHOUT_REASON, Outcome, PastTime, past_times
from crontask.engine.parse import parse_run, parse_task
from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.kubelet import Plan

# --- against whatever a record may be --------------------------------------------------------------------------------

_ENDS = {
    "S": RunPhase.SUCCEEDED,
    "P": RunPhase.PARTIAL,
    "F": RunPhase.FAILED,
    "T": RunPhase.TIMED_OUT,
    "C": RunPhase.CANCELED,
}
_WENT_ELSE = {
    "P": Outcome.PARTIAL,
    "F": Outcome.FAILED,
    "T": Outcome.TIMED_OUT,
    "C": Outcome.CANCELED,
    "r": Outcome.REPLACED,
}


@dataclass(frozen=True)
class Minute:
    """What became of a time. `letter`: of the record, `-` of a time in a pause; `kept`: its run is still there.

    `again`: how a run ended that somebody made for it, where the record does not say so yet.
    """

    letter: str
    kept: bool
    again: RunPhase | None


_minutes = st.lists(
    st.builds(
        Minute,
        st.sampled_from("SSSPFTCsmr-"),
        st.booleans(),
        st.sampled_from([None, None, RunPhase.SUCCEEDED, RunPhase.FAILED]),
    ),
    min_size=1,
    max_size=40,
)


@given(_minutes, st.integers(0, 40), st.integers(0, 40))
def test_it_is_as_what_was_drawn(minutes: list[Minute], known_from: int, resumed: int) -> None:
    """`known_from`: the record has what is later; `resumed`: nothing is in a pause later."""
    total = len(minutes)
    record = Record(None, at(known_from))
    runs: list[ScheduledRun] = []
    for number, drawn in enumerate(minutes, 1):
        if drawn.letter != "-" and number > known_from:
            record.append(Row(Became(drawn.letter), at(number)))
        if drawn.kept and drawn.letter in _ENDS:
            runs.append(ended(make_run(at(number)), _ENDS[drawn.letter], at(number, 40)))
        if drawn.again is not None:
            made = manual_run(f"made-{number}", at(50), scheduledTime=at(number))
            runs.append(ended(made, drawn.again, at(50, 30), origin=Origin.MANUAL))
    status = {
        "decided": record.text() or None,
        "decided_since": record.since,
        "timing": Timing(hash=make_task().timing_hash, since=at(resumed)),
        "last_scheduled_time": at(total),
    }
    found = past_times(make_task(status), runs, at(1), at(100), at(total, 30), 100)
    assert [each.outcome for each in found] == list(_wanted(minutes, known_from, resumed))


def _wanted(minutes: list[Minute], known_from: int, resumed: int) -> Iterator[Outcome]:
    for number, drawn in enumerate(minutes, 1):
        said = drawn.letter if number > known_from or (drawn.kept and drawn.letter in _ENDS) else "?"
        if said == "S" or drawn.again is RunPhase.SUCCEEDED:
            yield Outcome.SUCCEEDED
        elif said in _WENT_ELSE:
            yield _WENT_ELSE[said]
        elif drawn.again is RunPhase.FAILED:
            yield Outcome.FAILED
        elif said in "sm":
            yield Outcome.SKIPPED if said == "s" else Outcome.MISSED
        elif said == "?":
            yield Outcome.UNKNOWN
        else:
            yield Outcome.NOT_DUE if number <= resumed else Outcome.UNEXPLAINED


# --- against what the pods of an operator's life have done -----------------------------------------------------------

_SCHEDULES = ("* * * * *", "*/2 * * * *")
_events = st.lists(
    st.tuples(
        st.sampled_from(["wait", "wait", "suspend", "resume", "down", "edit", "backfill"]),
        st.integers(1, 200),
    ),
    min_size=1,
    max_size=6,
)
_plans = st.lists(st.tuples(st.sampled_from([2, 20, 90]), st.sampled_from([0, 0, 1])), min_size=1, max_size=6)
_POLICIES = st.sampled_from(["Forbid", "Allow", "Replace", "Queue"])


@settings(max_examples=25)
@given(_events, _plans, _POLICIES)
def test_it_never_says_other_than_what_the_pods_did(
    events: list[tuple[str, int]], plans: list[tuple[int, int]], policy: str
) -> None:
    """Whatever happens to a task and its operator: no time is unexplained, and none that was done is done again."""
    pods: list[tuple[datetime, str]] = []
    found: list[PastTime] = []
    succeeded: set[datetime] = set()

    def plan(pod: Document) -> Plan:
        runs, code = plans[len(pods) % len(plans)]
        pods.append((datetime.fromisoformat(environment(pod)["CRONTASK_SCHEDULED_TIME"]), pod["metadata"]["name"]))
        return Plan(runs=runs, exit_code=code)

    async def story(world: World) -> None:
        _note_successes(world, succeeded)
        await world.task("t", schedule=_SCHEDULES[0], concurrency={"policy": policy})
        left = list(events)
        while left:
            async with world.operator():
                while left and (event := left.pop(0))[0] != "down":
                    await _happens(world, *event, f"past-{len(left)}")
                if not left:
                    # As long as the operator needs to see all, and to count the ends that there are.
                    await world.pass_time(15)
            if left:
                await world.pass_time(event[1])
        found.extend(_now(world))

    play(story, plan)
    for each in found:
        tried = [name for time, name in pods if time == each.nominal]
        assert each.outcome not in WITHOUT_REASON, each
        assert each.outcome not in LEFT_OUT or not tried, (each, tried)
        assert each.outcome not in WENT_WRONG or tried, each
        if each.nominal in succeeded:
            assert each.outcome in DONE | {Outcome.UNKNOWN, Outcome.RUNNING}, each
        else:
            assert each.outcome not in DONE, each
    # What is made up for may be of a schedule that is none any more, and has never been due by it.
    own = {time for time, name in pods if not name.startswith("past-")}
    assert own <= {each.nominal for each in found}


async def _happens(world: World, what: str, seconds: int, name: str) -> None:
    """Something, and then so much time."""
    if what in ("suspend", "resume"):
        await world.edit(Kind.CRON_TASK, "t", suspend=what == "suspend")
    elif what == "edit":
        await world.edit(Kind.CRON_TASK, "t", schedule=_SCHEDULES[seconds % 2])
    elif what == "backfill":
        items = [_text(each.nominal) for each in _now(world) if each.outcome in LEFT_OUT | WENT_WRONG]
        fan = {"items": items[:5], "handler": {"task": "t"}, "scheduledTime": "${item}"}
        await world.run(name, handler={"forEach": fan})
    await world.pass_time(seconds)


def _now(world: World) -> tuple[PastTime, ...]:
    documents = world.api.documents
    (known,) = (parse_task(orjson.dumps(found), lambda meta: None) for found in documents(Kind.CRON_TASK))
    runs = tuple(parse_run(orjson.dumps(run), lambda meta: None) for run in documents(Kind.SCHEDULED_RUN))
    now = world.clock.now()
    return past_times(known, runs, at(0), now + timedelta(seconds=1), now, 10_000)


def _note_successes(world: World, succeeded: set[datetime]) -> None:
    """From now on, the times for which a run is recorded as having ended well: runs are pruned."""
    update_status = world.api.update_status

    async def noting(key: ObjectKey, *, uid: str, version: str, status: Document) -> bytes:
        answer = await update_status(key, uid=uid, version=version, status=status)
        if key.kind is Kind.SCHEDULED_RUN and status.get("phase") == "Succeeded":
            time = world.api.document(key)["spec"].get("scheduledTime")
            succeeded.update({datetime.fromisoformat(time)} if time is not None else ())
        return answer

    world.api.update_status = noting  # type: ignore[method-assign]


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
