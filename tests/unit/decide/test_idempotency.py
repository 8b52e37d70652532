"""Of runs with one idempotencyKey: which has started, and which comes first."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from run_life import Life, at, attempt, invalid_run, known_of, pod, recorded, scheduled_run

from crontask.api.phases import NEVER_RAN, RunPhase
from crontask.decide.idempotency import comes_before, started_before
from crontask.decide.model import ScheduledRun
from crontask.decide.run.decide import decide_run
from crontask.decide.views import RunView

KEY: dict[str, Any] = {"idempotencyKey": "k"}


def keyed(name: str, created: float = 0, **spec: Any) -> ScheduledRun:
    return scheduled_run(name, created, **KEY, **spec)


# --- which has started -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [None, *RunPhase])
def test_a_run_has_started_that_has_or_had_an_attempt(phase: RunPhase | None) -> None:
    for attempts, wanted in (
        ((), False),
        ((attempt(1, 0),), phase not in NEVER_RAN),
        ((attempt(1),), phase not in NEVER_RAN),
    ):
        other = replace(keyed("a"), status=recorded(phase, *attempts))
        assert started_before(known_of(keyed("b"), same_key=(other,))) == ("a" if wanted else None)


def test_the_first_of_those_that_have_started_is_named() -> None:
    waiting = keyed("a")
    first, second = (replace(keyed(name), status=recorded(None, attempt(1, 0))) for name in "cb")
    assert started_before(known_of(keyed("d"), same_key=(waiting, first, second))) == "c"
    assert started_before(known_of(keyed("d"))) is None


# --- which comes first -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A name, the other runs with the key of run m, which was created at 10, and the one that comes before it at 20."""

    name: str
    others: tuple[ScheduledRun, ...]
    wanted: str | None


def ended(phase: RunPhase) -> ScheduledRun:
    return replace(keyed("a"), status=recorded(phase))


ROWS = (
    Row("no other", (), None),
    Row("an older one", (keyed("z", 9),), "z"),
    Row("a younger one", (keyed("a", 11),), None),
    Row("of one second, the name before", (keyed("l", 10),), "l"),
    Row("of one second, the name after", (keyed("n", 10),), None),
    Row("the oldest of several, not the first in the list", (keyed("c", 9), keyed("b", 7), keyed("a", 8)), "b"),
    Row("of several of one age, the first by name", (keyed("c", 9), keyed("a", 9), keyed("b", 9)), "a"),
    Row("only those that compete", (keyed("b", 7, suspend=True), keyed("c", 8)), "c"),
    Row("it is to be canceled", (keyed("a", cancel=True),), None),
    Row("it is held back", (keyed("a", suspend=True),), None),
    Row("it is not held back any more", (keyed("a", suspend=False),), "a"),
    Row("its spec cannot be used", (invalid_run(keyed("a")),), None),
    Row("it is queued", (ended(RunPhase.QUEUED),), "a"),
    *(Row(f"it has ended as {phase}", (ended(phase),), None) for phase in RunPhase if phase.terminal),
    Row("it is due a moment later", (keyed("a", at=at(20.000001).isoformat()),), None),
    Row("it is due now", (keyed("a", at=at(20).isoformat()),), "a"),
    Row("it was due a moment ago", (keyed("a", at=at(19.999999).isoformat()),), "a"),
    Row("its delay is not over", (keyed("a", delay="21s"),), None),
    Row("its delay is over", (keyed("a", delay="20s"),), "a"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_run_comes_first(row: Row) -> None:
    assert comes_before(known_of(keyed("m", 10), same_key=row.others), at(20)) == row.wanted


# --- in a run's life -------------------------------------------------------------------------------------------------


def test_of_runs_with_one_key_the_first_to_start_counts() -> None:
    first = scheduled_run("a", 0, idempotencyKey="k")
    second = Life(scheduled_run("b", 1, idempotencyKey="k"))
    second.decide(2, same_key=(first,))
    assert (second.phase, second.status.message) == (RunPhase.PENDING, "waits for run a with the same idempotencyKey")
    view = RunView(first, second.task, same_key=(second.run,))
    assert decide_run(view, at(2)).status.phase is None
    started = replace(first, status=Life(first).decide(3, pod(1, 3)).status)
    second.decide(4, same_key=(started,))
    assert (second.phase, second.status.conditions[0].reason) == (RunPhase.SKIPPED, "Duplicate")
    assert second.status.message == "run a with the same idempotencyKey started before"


@pytest.mark.parametrize("change", [{"at": at(99)}, {"suspend": True}, {"cancel": True}])
def test_a_run_that_does_not_start_yet_is_not_waited_for(change: dict[str, Any]) -> None:
    first = scheduled_run("a", 0, idempotencyKey="k", **change)
    second = Life(scheduled_run("b", 1, idempotencyKey="k"))
    assert second.decide(2, same_key=(first,)).status.phase is None
