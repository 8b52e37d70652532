"""What the operator would do, as tables: a spec and what happens, and each decision with its time."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from crontask.ports import Document
from crontask.simulation.simulate import Failing, Happening, Line, Scenario, Simulation, simulate

DAY = datetime(2026, 3, 1, tzinfo=UTC)
HANDLER = {"container": {"image": "i"}}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def at(text: str) -> datetime:
    """A time of the day, 10:00 or 10:00:30."""
    parts = [int(part) for part in text.split(":")]
    return DAY + timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2] if len(parts) > 2 else 0)


def down(first: str, last: str) -> tuple[Happening, ...]:
    return Happening(at(first), Simulation.operator_down, 1), Happening(at(last), Simulation.operator_up, 1)


def edit(time: str, **spec: Any) -> tuple[Happening, ...]:
    return (Happening(at(time), partial(_edit, {"spec": spec})),)


def annotate(time: str, value: str) -> tuple[Happening, ...]:
    return (Happening(at(time), partial(_edit, {"metadata": {"annotations": {"crontask.dev/resume": value}}})),)


def turn_back(time: str, by: timedelta) -> tuple[Happening, ...]:
    return (Happening(at(time), partial(_turn_back, by)),)


def _edit(patch: Document, world: Simulation) -> None:
    world.edit(patch)


def _turn_back(by: timedelta, world: Simulation) -> None:
    world.turn_back(by)


def scenario(*happenings: Happening, start: str = "10:00", end: str = "11:00", **spec: Any) -> Scenario:
    manifest = {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {"name": "t", "namespace": "n"},
        "spec": {"handler": HANDLER, **spec},
    }
    return Scenario(manifest, at(start), at(end), at(start), happenings=happenings)


def shown(lines: Iterator[Line]) -> list[str]:
    """Each decision in a few words; of one instant, in an order of their own."""
    return [text for _, text in sorted((line.time, _words(line)) for line in lines)]


def _words(line: Line) -> str:
    nominal = f" {_clock(line.nominal)}" if line.nominal is not None and line.nominal != line.time else ""
    count = f" x{line.count}" if line.count > 1 else ""
    why = f" {line.reason}" if line.reason not in ("Due", "NotStartedInTime", "RunAlreadyActive", "Queued") else ""
    return f"{_clock(line.time)} {line.decision}{nominal}{count}{why}"


def _clock(time: datetime) -> str:
    return time.strftime("%H:%M:%S" if time.second else "%H:%M")


QUARTERLY: Document = {"schedule": "*/15 * * * *"}
DOWN = down("10:10", "10:50")


@pytest.mark.parametrize(
    ("spec", "happenings", "wanted"),
    [
        (QUARTERLY, (), ["10:15 Start", "10:30 Start", "10:45 Start"]),
        # Catching up.
        (QUARTERLY, DOWN, ["10:50 Miss 10:15 x2", "10:50 Start 10:45"]),
        ({**QUARTERLY, "catchUp": {"policy": "None"}}, DOWN, ["10:50 Miss 10:15 x3"]),
        (
            {**QUARTERLY, "catchUp": {"policy": "None"}},
            down("10:10", "10:15:09"),
            ["10:15:09 Start 10:15", "10:30 Start", "10:45 Start"],
        ),
        (
            {**QUARTERLY, "catchUp": {"policy": "None"}},
            down("10:10", "10:15:10"),
            ["10:15:10 Miss 10:15", "10:30 Start", "10:45 Start"],
        ),
        (
            {**QUARTERLY, "catchUp": {"policy": "All"}},
            DOWN,
            [
                "10:50 Queue 10:30",
                "10:50 Queue 10:45",
                "10:50 Start 10:15",
                "10:50:10 Start 10:30",
                "10:50:20 Start 10:45",
            ],
        ),
        (
            {**QUARTERLY, "catchUp": {"policy": "All", "limit": 2}},
            DOWN,
            ["10:50 Miss 10:15", "10:50 Queue 10:45", "10:50 Start 10:30", "10:50:10 Start 10:45"],
        ),
        # A deadline.
        (
            {**QUARTERLY, "startingDeadline": "5m"},
            DOWN,
            ["10:50 Miss 10:15 x3 DeadlineExceeded"],
        ),
        (
            {**QUARTERLY, "startingDeadline": "301s"},
            DOWN,
            ["10:50 Miss 10:15 x2 DeadlineExceeded", "10:50 Start 10:45"],
        ),
        # Bounds.
        ({**QUARTERLY, "maxRuns": 2}, (), ["10:15 Start", "10:30 Complete Completed", "10:30 Start"]),
        (
            {**QUARTERLY, "startTime": "2026-03-01T10:20:00Z", "endTime": "2026-03-01T10:45:00Z"},
            (),
            ["10:30 Start", "10:45 Complete Completed"],
        ),
        ({"interval": "20m", "startTime": "2026-03-01T10:05:00Z"}, (), ["10:05 Start", "10:25 Start", "10:45 Start"]),
        ({"interval": "25m"}, (), ["10:25 Start", "10:50 Start"]),
        ({**QUARTERLY, "skip": [{"from": "2026-03-01"}]}, (), []),
        (
            {"schedules": ["*/20 * * * *", "*/30 * * * *", "0,40 * * * *"]},
            (),
            ["10:20 Start", "10:30 Start", "10:40 Start"],
        ),
        # Pauses.
        (
            {**QUARTERLY, "suspendUntil": "2026-03-01T10:30:00Z"},
            (),
            ["10:00 Suspend SuspendedUntil", "10:30 Resume Resumed", "10:30 Start", "10:45 Start"],
        ),
        (
            QUARTERLY,
            (*edit("10:20", suspend=True), *edit("10:40", suspend=False)),
            ["10:15 Start", "10:20 Suspend Suspended", "10:40 Resume Resumed", "10:45 Start"],
        ),
        (
            QUARTERLY,
            (*edit("10:20", suspend=True), *down("10:25", "10:50"), *edit("10:28", suspend=False)),
            ["10:15 Start", "10:20 Suspend Suspended", "10:50 Resume Resumed"],
        ),
        (
            QUARTERLY,
            (*edit("10:10", suspendUntil="2026-03-01T10:30:00Z"), *down("10:20", "10:50")),
            [
                "10:10 Suspend SuspendedUntil",
                "10:50 Miss 10:30",
                "10:50 Resume Resumed",
                "10:50 Start 10:45",
            ],
        ),
        # Edits.
        (
            QUARTERLY,
            edit("10:31", schedule="*/10 * * * *"),
            ["10:15 Start", "10:30 Start", "10:40 Start", "10:50 Start"],
        ),
        (
            QUARTERLY,
            (*down("10:20", "10:50"), *edit("10:35", schedule="55 * * * *")),
            ["10:15 Start", "10:50 Miss TimingChangedUnseen", "10:55 Start"],
        ),
        # Clocks.
        (
            QUARTERLY,
            turn_back("10:20", timedelta(seconds=20)),
            ["10:15 Start", "10:30:20 Start 10:30", "10:45:20 Start 10:45"],
        ),
        (QUARTERLY, turn_back("10:20", timedelta(hours=1)), ["10:15 Start", "10:20 Suspend ClockSkew"]),
        (
            QUARTERLY,
            (
                *turn_back("10:20", timedelta(hours=1)),
                *down("10:25", "10:35"),
                *turn_back("10:40", -timedelta(hours=1)),
            ),
            ["10:15 Start", "10:20 Suspend ClockSkew", "10:40 Resume ClocksAgree", "10:40 Start 10:30", "10:45 Start"],
        ),
        (
            QUARTERLY,
            (*down("10:16", "10:25"), *turn_back("10:20", timedelta(hours=1))),
            ["10:15 Start", "10:25 Suspend ClockSkew"],
        ),
        # A spec that cannot be used.
        (QUARTERLY, edit("10:20", schedule="bogus"), ["10:15 Start", "10:20 Invalid InvalidSpec"]),
        (
            QUARTERLY,
            (
                *edit("10:20", timeZone="Nowhere"),
                *edit("10:25", timeZone="Europe/Nowhere"),
                *edit("10:40", timeZone=None),
            ),
            [
                "10:15 Start",
                "10:20 Invalid InvalidSpec",
                "10:25 Invalid InvalidSpec",
                "10:40 Resume Resumed",
                "10:45 Start",
            ],
        ),
        (
            QUARTERLY,
            (*edit("10:20", handler=None), *edit("10:40", handler=HANDLER, suspend=True)),
            ["10:15 Start", "10:20 Invalid InvalidSpec", "10:40 Suspend Suspended"],
        ),
    ],
)
def test_what_happens_to_short_runs(spec: Document, happenings: tuple[Happening, ...], wanted: list[str]) -> None:
    assert shown(simulate(scenario(*happenings, **spec))) == wanted


@pytest.mark.parametrize(
    ("concurrency", "wanted"),
    [
        ({}, ["10:15 Start", "10:30 Skip", "10:45 Start"]),
        ({"policy": "Allow"}, ["10:15 Start", "10:30 Start", "10:45 Start"]),
        ({"policy": "Allow", "max": 1}, ["10:15 Start", "10:30 Skip", "10:45 Start"]),
        (
            {"policy": "Replace"},
            [
                "10:15 Start",
                "10:30 Replace Replaced",
                "10:30 Start",
                "10:45 Replace Replaced",
                "10:45 Start",
            ],
        ),
        ({"policy": "Queue"}, ["10:15 Start", "10:30 Queue", "10:35 Start 10:30", "10:45 Queue", "10:55 Start 10:45"]),
    ],
)
def test_runs_longer_than_the_gap(concurrency: Document, wanted: list[str]) -> None:
    long = replace(scenario(concurrency=concurrency, **QUARTERLY), run_takes=timedelta(minutes=20))
    assert shown(simulate(long)) == wanted


def test_missed_times_start_in_order_after_a_second_absence_too() -> None:
    spec: Document = {"schedule": "* * * * *", "concurrency": {"policy": "Allow", "max": 2}}
    catch_up = {"policy": "All", "limit": 3}
    away = (*down("10:00:30", "10:04:30"), *down("10:04:40", "10:09:30"))
    long = replace(scenario(*away, catchUp=catch_up, end="10:10", **spec), run_takes=timedelta(seconds=90))
    assert shown(simulate(long)) == [
        "10:04:30 Miss 10:01",
        "10:04:30 Queue 10:04",
        "10:04:30 Start 10:02",
        "10:04:30 Start 10:03",
        "10:09:30 Miss 10:05 x3",
        "10:09:30 Queue 10:09",
        "10:09:30 Start 10:04",
        "10:09:30 Start 10:08",
    ]


def test_a_resume_that_a_wrong_clock_sees_starts_no_past() -> None:
    wrong = (*turn_back("10:06", timedelta(minutes=10)), *turn_back("10:50", timedelta(minutes=-10)))
    paused = scenario(*wrong, *edit("10:10", suspend=True), *edit("10:40", suspend=False), schedule="*/5 * * * *")
    assert shown(simulate(paused)) == [
        "10:05 Start",
        "10:06 Suspend ClockSkew",
        "10:10 Suspend Suspended",
        "10:50 Resume ClocksAgree",
        "10:50 Resume Resumed",
        "10:55 Start",
    ]


def test_a_replacement_does_not_wait_for_a_clock_that_is_behind() -> None:
    spec: Document = {"schedule": "*/5 * * * *", "concurrency": {"policy": "Replace"}, "end": "10:12"}
    long = replace(scenario(*turn_back("10:01", timedelta(seconds=20)), **spec), run_takes=timedelta(minutes=20))
    assert shown(simulate(long)) == [
        "10:05:20 Start 10:05",
        "10:10:20 Replace 10:10 Replaced",
        "10:10:20 Start 10:10",
    ]


def test_a_queue_has_a_limit() -> None:
    spec: Document = {"schedule": "*/5 * * * *", "concurrency": {"policy": "Queue", "queueLimit": 1}}
    long = replace(scenario(end="10:30", **spec), run_takes=timedelta(minutes=12))
    assert shown(simulate(long)) == [
        "10:05 Start",
        "10:10 Queue",
        "10:15 Skip QueueFull",
        "10:17 Start 10:10",
        "10:20 Queue",
        "10:25 Skip QueueFull",
        "10:29 Start 10:20",
    ]


def test_what_waits_is_dropped_by_a_pause_and_by_its_deadline() -> None:
    spec: Document = {"schedule": "*/15 * * * *", "concurrency": {"policy": "Queue"}}
    paused = replace(scenario(*edit("10:32", suspend=True), **spec), run_takes=timedelta(minutes=20))
    assert shown(simulate(paused)) == [
        "10:15 Start",
        "10:30 Queue",
        "10:32 Skip 10:30 Suspended",
        "10:32 Suspend Suspended",
    ]
    late = replace(scenario(startingDeadline="2m", end="10:40", **spec), run_takes=timedelta(minutes=20))
    assert shown(simulate(late)) == ["10:15 Start", "10:30 Queue", "10:32 Miss 10:30 DeadlineExceeded"]


def test_failures_in_a_row_suspend_until_somebody_resumes() -> None:
    failing = replace(
        scenario(*annotate("10:50", "again"), schedule="*/10 * * * *", suspendAfterFailures=2, end="11:30"),
        failing=Failing(100),
    )
    assert shown(simulate(failing)) == [
        "10:10 Start",
        "10:20 Start",
        "10:20:10 Suspend TooManyFailures",
        "10:50 Resume Resumed",
        "11:00 Start",
        "11:10 Start",
        "11:10:10 Suspend TooManyFailures",
    ]


def test_a_delay_counts_from_the_end_of_the_last_run() -> None:
    spec = {"delay": "10m"}
    long = replace(scenario(**spec), run_takes=timedelta(minutes=5))
    assert shown(simulate(long)) == ["10:00:01 Start", "10:15:01 Start", "10:30:01 Start", "10:45:01 Start"]
    paused = replace(long, happenings=(*edit("10:02", suspend=True), *edit("10:30", suspend=False)))
    assert shown(simulate(paused)) == [
        "10:00:01 Start",
        "10:02 Suspend Suspended",
        "10:30 Resume Resumed",
        "10:40 Start",
        "10:55 Start",
    ]
    away = replace(long, happenings=down("10:02", "10:40"))
    assert shown(simulate(away)) == ["10:00:01 Start", "10:40 Start 10:15:01", "10:55 Start"]
    edited = replace(long, happenings=edit("10:12", delay="1m"))
    assert shown(simulate(edited))[:2] == ["10:00:01 Start", "10:12:01 Start"]


def test_jitter_moves_starts_but_no_nominal_time() -> None:
    lines = list(simulate(scenario(jitter="10m", end="14:00", **QUARTERLY)))
    moved = [line.time - line.nominal for line in lines if line.nominal is not None]
    assert all(timedelta(0) <= each < timedelta(minutes=7, seconds=30) for each in moved)
    assert len(set(moved)) > 5


def test_an_invalid_spec_is_told_with_its_problems() -> None:
    told = [line.message for line in simulate(scenario(*edit("10:20", schedule="bogus"), **QUARTERLY))]
    assert told[0] is None
    assert str(told[1]).startswith("spec.schedule: ")


@pytest.mark.parametrize(
    ("spec", "failing", "wanted"),
    [
        ({"suspend": True}, 0, ["10:00 Suspend Suspended"]),
        ({"suspendUntil": "2026-03-01T10:10:00Z"}, 0, ["10:00 Suspend SuspendedUntil", "10:10 Resume Resumed"]),
        ({"suspendUntil": "2026-03-01T09:30:00Z"}, 0, ["10:00 Start"]),
        ({"maxRuns": 2}, 0, ["10:00 Complete Completed"]),
        ({"endTime": "2026-03-01T09:30:00Z"}, 0, ["10:00 Complete Completed"]),
        ({"suspendAfterFailures": 2}, 100, ["10:00 Suspend TooManyFailures"]),
    ],
)
def test_what_keeps_it_from_starting_is_told_though_it_was_decided_before(
    spec: Document, failing: int, wanted: list[str]
) -> None:
    one = replace(scenario(end="10:14", **QUARTERLY, **spec), created=at("9:00"), failing=Failing(failing))
    assert shown(simulate(one)) == wanted


def test_time_passes_in_steps_of_what_happens() -> None:
    """Ten runs in ten years: as many steps as there is to decide, not one a minute or a day."""
    passed: list[datetime] = []
    yearly = scenario(schedule="0 9 1 1 *")
    ten_years = replace(yearly, end=yearly.start.replace(year=yearly.start.year + 10), passed=passed.append)
    assert len(list(simulate(ten_years))) == 10
    assert passed == sorted(passed)
    assert len(passed) < 300


def test_a_thousand_years_come_to_an_end() -> None:
    """Though so long after the beginning a float does not tell microseconds apart."""
    yearly = scenario(schedule="0 9 29 2 mon")
    late = replace(yearly, start=yearly.start.replace(year=9876), end=yearly.start.replace(year=9899))
    assert [line.time.year for line in simulate(late) if line.time.day == 29] == [9880, 9884, 9888, 9892, 9896]


@dataclass
class _Last:
    """What the status of the task says in the end."""

    status: Document = field(default_factory=dict)

    def look(self, world: Simulation) -> None:
        self.status = world.api.document(world.key)["status"]

    def of(self, one: Scenario) -> tuple[list[str], Document]:
        """The lines, and the parts of the status from which a next operator would go on."""
        looking = Happening(one.end - timedelta(seconds=1), self.look, 2)
        lines = shown(simulate(replace(one, happenings=(*one.happenings, looking))))
        kept = ("phase", "scheduledCount", "consecutiveFailures", "counts", "lastScheduledTime", "nextRunTime")
        return lines, {name: self.status.get(name) for name in kept}


STRETCHED: list[Document] = [
    QUARTERLY,
    {"interval": "47s"},
    {**QUARTERLY, "jitter": "5m"},
    {**QUARTERLY, "suspendAfterFailures": 3},
    {**QUARTERLY, "suspendUntil": "2026-03-01T09:00:00Z"},
    {**QUARTERLY, "maxRuns": 25},
    {"schedule": "*/3 * * * *", "retry": {"limit": 1, "initial": "20s"}},
    {"schedule": "*/3 * * * *", "timeout": "5s"},
    {"schedule": "*/3 * * * *", "totalTimeout": "5s", "suspendAfterFailures": 4},
    {"schedule": "*/3 * * * *", "resultSchema": {"type": "object"}},
    {"delay": "2m"},
    {"delay": "0s", "startTime": "2026-03-01T10:30:00Z", "endTime": "2026-03-01T11:00:00Z"},
    {"delay": "3m", "jitter": "1m", "skip": [{"from": "2026-03-02"}]},
]


@pytest.mark.parametrize("spec", STRETCHED, ids=str)
@pytest.mark.parametrize("behind", [0, 20])
def test_quiet_stretches_say_what_the_engine_says(spec: Document, behind: int) -> None:
    happenings = (*down("12:03", "13:11"), *turn_back("13:20", timedelta(seconds=behind)))
    if "schedule" in spec:
        happenings = (*happenings, *edit("15:00", schedule="*/7 * * * *"))
    one = replace(scenario(*happenings, end="18:00", **spec), failing=Failing(30, seed=7))
    assert _Last().of(one) == _Last().of(replace(one, by_stretches=False))
