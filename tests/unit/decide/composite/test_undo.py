"""Undoing: what may have acted, and in which order it is undone."""

import pytest
from composite_views import C, decided, flow, part, step
from run_life import attempt, recorded

from crontask.api.composite_status import Halt, NotCompensated, StepPhase, StepStatus
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import Attempt
from crontask.decide.composite.model import CompositeDecision
from crontask.decide.composite.undo import may_have_acted
from crontask.decide.model import ScheduledRun

P = RunPhase
UNDO = {"compensate": C}


@pytest.mark.parametrize(
    ("phase", "attempts", "lost", "acted", "started"),
    [
        (P.SUCCEEDED, (attempt(1, 1, 5, exit_code=0),), 0, True, True),
        (P.PARTIAL, (attempt(1, 1, 5, exit_code=0),), 0, True, True),
        # It ended by itself, and says that it failed.
        (P.FAILED, (attempt(1, 1, 5, exit_code=1, reason="Error"),), 0, False, True),
        (P.FAILED, (attempt(1, 1, 5, exit_code=3), attempt(2, 6, 8, exit_code=127)), 0, False, True),
        # One of several was stopped, killed, or came to its end.
        (P.FAILED, (attempt(1, 1, 5, exit_code=137, reason="OOMKilled"), attempt(2, 6, 8, exit_code=1)), 0, True, True),
        (P.FAILED, (attempt(1, 1, 5, exit_code=1, reason="TimedOut"), attempt(2, 6, 8, exit_code=1)), 0, True, True),
        (P.CANCELED, (attempt(1, 1, 5, exit_code=143, reason="Canceled"),), 0, True, True),
        (P.FAILED, (attempt(1, 1, 5, exit_code=0, reason="ResultInvalid"),), 0, True, True),
        # Nobody saw how far it came.
        (P.FAILED, (attempt(1, 1, 5, reason="PodLost"),), 1, True, True),
        # Also if so many attempts followed that it is not among the last ten.
        (P.FAILED, (attempt(20, 1, 5, exit_code=1),), 1, True, True),
        (P.RUNNING, (attempt(1, 1),), 0, True, True),
        # It never began.
        (P.FAILED, (attempt(1, 1, 5, reason="StartTimeout"),), 0, False, False),
        (P.FAILED, (attempt(1, None, 5, reason="PodRejected"),), 0, False, False),
        (P.SKIPPED, (), 0, False, False),
        (P.PENDING, (), 0, False, False),
    ],
)
def test_what_may_have_acted(
    phase: RunPhase, attempts: tuple[Attempt, ...], lost: int, acted: bool, started: bool
) -> None:
    status = recorded(phase, *attempts, lost_attempts=lost)
    assert may_have_acted(status, if_started=False) is acted
    assert may_have_acted(status, if_started=True) is started


def test_the_last_to_end_is_undone_first_whatever_the_list_says() -> None:
    steps = [step(name, dependsOn=[], **UNDO) for name in "abc"]
    parts = (part("a", P.SUCCEEDED, 5), part("b", P.SUCCEEDED, 7), part("c", P.SUCCEEDED, 6), part("d", P.FAILED, 8))
    assert decided(flow(*steps, step("d", dependsOn=[]), parts=parts)).undo == ("b", "c", "a")


def test_of_those_that_ended_together_who_depends_on_another_is_undone_before_it() -> None:
    steps = [
        step("a", dependsOn=["b"], **UNDO),
        step("b", dependsOn=[], **UNDO),
        step("c", dependsOn=[], **UNDO),
        step("d", dependsOn=[]),
    ]
    parts = (*(part(name, P.SUCCEEDED, 5) for name in "abc"), part("d", P.FAILED, 5))
    order = decided(flow(*steps, parts=parts)).undo
    assert order is not None
    assert order.index("a") < order.index("b")


def test_what_failed_by_itself_is_undone_only_where_that_is_asked_for() -> None:
    for when, undo in (("Acted", ()), ("Started", ("a",))):
        found = decided(flow(step("a", compensateWhen=when, **UNDO), parts=(part("a", P.FAILED),)))
        assert found.undo == undo


def test_a_step_whose_result_could_not_be_read_is_undone() -> None:
    over = attempt(1, 1, 5, exit_code=0, reason="ResultUnreadable")
    assert decided(flow(step("a", **UNDO), parts=(part("a", P.FAILED, 5, over),))).undo == ("a",)


def test_an_undo_is_tried_again_and_bounded_unless_it_says_otherwise() -> None:
    def wanted(**fields: object) -> tuple[int | None, object]:
        undo = {"compensate": {**C, **fields}}
        parts = (part("a", P.SUCCEEDED), part("d", P.FAILED))
        (found,) = decided(flow(step("a", **undo), step("d"), parts=parts)).wanted
        return found.retry.limit if found.retry is not None else None, found.timeout

    limit, timeout = wanted()
    assert (limit, str(timeout)) == (3, "1:00:00")
    limit, timeout = wanted(retry={"limit": 0}, timeout="5s")
    assert (limit, str(timeout)) == (0, "0:00:05")


A_AND_B = (step("a", **UNDO), step("b", **UNDO), step("c"))
HALT = Halt(phase=P.CANCELED, reason="Canceled", message="Canceled")


def _turned_up(b: tuple[str, ScheduledRun], **status: object) -> CompositeDecision:
    """What is decided where `a` was to be undone, and was, when the run of `b` is there after all."""
    said = (
        StepStatus(name="a", phase=StepPhase.SUCCEEDED, run="a", compensated=True),
        *(StepStatus(name=name, phase=StepPhase.NOT_REACHED) for name in "bc"),
    )
    parts = (part("a", P.SUCCEEDED, 5), b)
    return decided(
        flow(*A_AND_B, undo=("a",), said=said, parts=parts, halt=HALT, status={"phase": P.COMPENSATING, **status})
    )


def test_what_is_undone_stays_so_while_a_part_that_is_there_after_all_is_awaited() -> None:
    left = (NotCompensated(step="x", reason="Error"),)
    found = _turned_up(part("b"), not_compensated=left)
    assert (found.phase, found.undo, found.not_compensated) == (P.COMPENSATING, ("a",), left)
    assert [step.compensated for step in found.steps] == [True, None, None]
    assert found.wanted == ()


@pytest.mark.parametrize(
    ("ends", "undo", "wanted"),
    [(P.SUCCEEDED, ("b", "a"), ["b/undo"]), (P.SKIPPED, ("a",), [])],
    ids=["it has acted", "it has not"],
)
def test_a_part_that_is_there_after_all_is_undone_if_it_has_acted(
    ends: RunPhase, undo: tuple[str, ...], wanted: list[str]
) -> None:
    attempts = () if ends is P.SUCCEEDED else (Attempt(number=1, pod="b-1", reason="PodRejected"),)
    found = _turned_up(part("b", ends, 8, *attempts))
    assert found.undo == undo
    assert [each.part for each in found.wanted] == wanted
    assert found.steps[0].compensated
