"""What is recorded of times that did not start: entries, their counts, their order, and what is said of them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from task_views import at, ended, make_run, make_task, manual_run

from crontask.api.metadata import Metadata
from crontask.api.phases import RunPhase
from crontask.api.task_status import Counts, CronTaskStatus, Decision
from crontask.decide.decisions import DecisionKind
from crontask.decide.model import STALE, ScheduledRun
from crontask.decide.task.due import Undecided
from crontask.decide.task.missed import Missed, Times
from crontask.decide.task.overlap import QUEUE_FULL, RUN_ALREADY_ACTIVE, Skip
from crontask.decide.task.record import (
    RECENT,
    Settled,
    add_decisions,
    decisions_on_runs,
    decisions_on_times,
    entry,
    merge_decisions,
    transitions_of,
)
from crontask.decide.views import TaskView
from crontask.engine.parse import observed_task

SINCE = datetime(1990, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1, "missed a time: no operator could start a run in time"),
        (999, "missed 999 times: no operator could start a run in time"),
        (15_779_517, "missed 15,779,517 times: no operator could start a run in time"),
    ],
)
def test_large_counts_are_read_in_groups(count: int, message: str) -> None:
    meta = Metadata(name="a", namespace="n", uid="u", creation_timestamp=SINCE)
    task = observed_task(meta, None, (), CronTaskStatus())
    missed = Decision(type="Missed", nominal_time=SINCE, reason="NotStartedInTime", count=count)
    (transition,) = transitions_of(TaskView(task, ()), [missed])
    assert (transition.message, transition.count) == (message, count)


def skipped(minute: int, **fields: Any) -> Decision:
    return Decision(
        **{"type": "Skipped", "nominal_time": at(minute), "reason": RUN_ALREADY_ACTIVE, "run": "r", **fields}
    )


def missed(minute: int, **fields: Any) -> Decision:
    return Decision(**{"type": "Missed", "nominal_time": at(minute), "reason": "NotStartedInTime", **fields})


# --- entries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        pytest.param(Times(1, at(1), at(1)), missed(1), id="one"),
        pytest.param(Times(2, at(1), at(2)), missed(1, until=at(2), count=2), id="two"),
        pytest.param(Times(9, at(1), at(30)), missed(1, until=at(30), count=9), id="several"),
    ],
)
def test_an_entry_about_times(times: Times, wanted: Decision) -> None:
    assert entry("Missed", "NotStartedInTime", times) == wanted


ALL = Settled(
    Undecided(at(0), at(9), missed=Missed(Times(2, at(1), at(2)), "NotStartedInTime"), foreign=(at(3), at(4))),
    (Skip(at(5), "r"), Skip(at(6), "q", QUEUE_FULL)),
)


@pytest.mark.parametrize(
    ("settled", "wanted"),
    [
        pytest.param(None, (), id="nothing is decided"),
        pytest.param(Settled(Undecided(at(0), at(9)), ()), (), id="all of them started"),
        pytest.param(
            ALL,
            (
                skipped(6, reason=QUEUE_FULL, run="q"),
                skipped(5),
                missed(4, reason="NameTaken"),
                missed(3, reason="NameTaken"),
                missed(1, until=at(2), count=2),
            ),
            id="newest first",
        ),
    ],
)
def test_entries_about_times_without_a_run(settled: Settled | None, wanted: tuple[Decision, ...]) -> None:
    assert decisions_on_times(settled) == wanted


def in_vain(minute: int, phase: RunPhase, reason: str | None = None) -> ScheduledRun:
    return ended(make_run(at(minute)), phase, at(minute), reason=reason)


def of_run(minute: int, type_: str, reason: str) -> Decision:
    run = make_run(at(minute)).run.meta.name
    return Decision(**{"type": type_, "nominal_time": at(minute), "reason": reason, "run": run})


UNSAID = ended(make_run(at(1)), RunPhase.MISSED, at(1), conditions=())


@pytest.mark.parametrize(
    ("fresh", "wanted"),
    [
        pytest.param((in_vain(1, RunPhase.SKIPPED, "Suspended"),), (of_run(1, "Skipped", "Suspended"),), id="skipped"),
        pytest.param(
            (in_vain(1, RunPhase.MISSED, "DeadlineExceeded"),), (of_run(1, "Missed", "DeadlineExceeded"),), id="missed"
        ),
        pytest.param((UNSAID,), (of_run(1, "Missed", "Missed"),), id="it does not say why"),
        pytest.param(
            (in_vain(1, RunPhase.SKIPPED), in_vain(2, RunPhase.MISSED)),
            (of_run(2, "Missed", "Missed"), of_run(1, "Skipped", "Skipped")),
            id="newest first",
        ),
        pytest.param((in_vain(1, RunPhase.SKIPPED, STALE),), (), id="its time was decided otherwise"),
        pytest.param((ended(manual_run("m", at(1)), RunPhase.SKIPPED, at(1)),), (), id="a manual run"),
        *(
            pytest.param((in_vain(1, phase),), (), id=f"{phase.value} has run")
            for phase in RunPhase
            if phase.terminal and phase not in (RunPhase.SKIPPED, RunPhase.MISSED)
        ),
    ],
)
def test_entries_about_runs_that_waited_in_vain(fresh: tuple[ScheduledRun, ...], wanted: tuple[Decision, ...]) -> None:
    assert decisions_on_runs(fresh) == wanted


# --- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decisions", "skips", "misses"),
    [
        pytest.param((), 0, 0, id="none"),
        pytest.param((skipped(1),), 1, 0, id="skipped"),
        pytest.param((missed(1, count=3),), 0, 3, id="each missed time"),
        pytest.param((skipped(1, count=2), missed(3), skipped(4)), 3, 1, id="several"),
        pytest.param((missed(1, reason="TimingChangedUnseen", count=5),), 0, 0, id="an edit that nobody watched"),
        pytest.param((missed(1, reason="PausedUnseen", count=5),), 0, 0, id="a pause that nobody watched"),
    ],
)
def test_what_entries_add_to_the_counts(decisions: tuple[Decision, ...], skips: int, misses: int) -> None:
    before = Counts(succeeded=1, skipped=10, missed=20)
    assert add_decisions(before, decisions) == Counts(succeeded=1, skipped=10 + skips, missed=20 + misses)


# --- the list --------------------------------------------------------------------------------------------------------


def rows(count: int) -> tuple[Decision, ...]:
    """So many entries about runs that differ, newest first."""
    return tuple(skipped(minute, run=f"r{minute}") for minute in range(count, 0, -1))


@pytest.mark.parametrize(
    ("new", "old", "wanted"),
    [
        pytest.param((), (skipped(1),), (skipped(1),), id="nothing is new"),
        pytest.param((skipped(1),), (), (skipped(1),), id="the first"),
        pytest.param((skipped(2),), (skipped(1),), (skipped(1, until=at(2), count=2),), id="equal ones are one"),
        pytest.param(
            (skipped(3, until=at(5), count=3),),
            (skipped(1, until=at(2), count=2),),
            (skipped(1, until=at(5), count=5),),
            id="of several times each",
        ),
        pytest.param((missed(2),), (skipped(1),), (missed(2), skipped(1)), id="of another type"),
        pytest.param(
            (skipped(2, type="Missed"),), (skipped(1),), (skipped(2, type="Missed"), skipped(1)), id="of that alone"
        ),
        pytest.param(
            (skipped(2, reason=QUEUE_FULL),),
            (skipped(1),),
            (skipped(2, reason=QUEUE_FULL), skipped(1)),
            id="of another reason",
        ),
        pytest.param((skipped(2, run="q"),), (skipped(1),), (skipped(2, run="q"), skipped(1)), id="behind another run"),
        pytest.param(
            (skipped(3),), (missed(2), skipped(1)), (skipped(3), missed(2), skipped(1)), id="equal, but not in a row"
        ),
        pytest.param(
            (missed(4), skipped(3), skipped(2)),
            (skipped(1),),
            (missed(4), skipped(1, until=at(3), count=3)),
            id="several, newest first",
        ),
        pytest.param(rows(RECENT)[:1], rows(RECENT - 1), rows(RECENT), id="ten are kept"),
        pytest.param(rows(RECENT + 1)[:1], rows(RECENT), rows(RECENT + 1)[:RECENT], id="not eleven"),
    ],
)
def test_the_list_of_the_status(
    new: tuple[Decision, ...], old: tuple[Decision, ...], wanted: tuple[Decision, ...]
) -> None:
    assert merge_decisions(new, old) == wanted


# --- transitions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "reason", "message"),
    [
        (skipped(1), "RunAlreadyActive", "skipped a time: run r is still under way"),
        (skipped(1, reason=QUEUE_FULL), "QueueFull", "skipped a time: the queue is full, behind run r"),
        (missed(1, reason="NameTaken"), "NameTaken", "missed a time: another object has the name of the run"),
        (missed(1, reason="DeadlineExceeded"), "MissSchedule", "missed a time: past the startingDeadline"),
        (missed(1, count=2), "MissSchedule", "missed 2 times: no operator could start a run in time"),
        (missed(1, reason="RunRejected"), "MissSchedule", "missed a time: the API server refused the run"),
        (
            skipped(1, reason="TimingChanged"),
            "TimingChanged",
            "skipped a time: the schedule was edited between the scheduled time and its start",
        ),
        (
            missed(1, reason="TimingChangedUnseen"),
            "TimingChanged",
            "missed a time: the schedule was edited while no operator watched; what it left out is not known",
        ),
        (
            missed(1, reason="PausedUnseen"),
            "MissSchedule",
            "missed a time: due while no operator watched, and the task has been paused since",
        ),
        (skipped(1, reason="Suspended"), "MissSchedule", "skipped a time: the task is paused (Suspended)"),
    ],
    ids=lambda value: value.reason if isinstance(value, Decision) else "",
)
def test_what_is_said_of_each_reason(decision: Decision, reason: str, message: str) -> None:
    (transition,) = transitions_of(TaskView(make_task(), ()), [decision])
    assert (transition.reason, transition.message, transition.why) == (reason, message, decision.reason)
    assert (transition.warning, transition.task, transition.run) == (True, "t", decision.run)
    kind = DecisionKind.SKIP if decision.type == "Skipped" else DecisionKind.MISS
    unknown = decision.reason in ("TimingChangedUnseen", "PausedUnseen")
    assert transition.kind is kind
    assert (transition.nominal, transition.count) == ((None, 0) if unknown else (at(1), decision.count))


def test_transitions_have_the_order_of_the_entries() -> None:
    found = transitions_of(TaskView(make_task(), ()), (skipped(2), missed(1)))
    assert [transition.nominal for transition in found] == [at(2), at(1)]
