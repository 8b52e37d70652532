"""When a decision asks to be woken: what it says does not change before, and changes then."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from histories import History, at, scenario, tally
from history_strategies import histories
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from task_views import Decided, decided_about

from crontask.api.base import format_time
from crontask.decide.model import Config
from crontask.decide.views import RunView, TaskView
from crontask.engine.write import changed_status
from crontask.ports import ApiError, Document, Kind, ObjectKey
from crontask.simulation.simulate import Happening, Simulation, simulate

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
Looked = tuple[TaskView, datetime]


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def look(looked: list[Looked], world: Simulation) -> None:
    """What the operator knows now."""
    if world.operator is None:
        return
    view = world.operator.store.task_view(world.key, world.operator_clock.now())
    assert view is not None
    looked.append((view, world.operator_clock.now()))


def make_run(second: int, delay: int, world: Simulation) -> None:
    """Somebody makes a run for a time to come."""
    spec = {"taskRef": {"name": "a"}, "at": format_time(at(second + delay))}
    world.api.apply({"kind": "ScheduledRun", "metadata": {"name": f"by-hand-{second}"}, "spec": spec})


def refuse(refused: bool, world: Simulation) -> None:
    """A quota is full, or is not any more."""

    def fault(verb: str, key: ObjectKey) -> ApiError | None:
        return ApiError(403, "Forbidden", "full") if refused and (verb, key.kind) == ("create", Kind.POD) else None

    world.api.fault = fault


def looks(
    history: History, seconds: set[int], by_hand: dict[int, int], refused: tuple[tuple[int, int], ...]
) -> list[Looked]:
    """What is known at those seconds of a history, half a second after everything was decided."""
    looked: list[Looked] = []
    played = scenario(history, by_stretches=False)
    half = timedelta(seconds=0.5)
    happenings = [Happening(at(second) + half, partial(look, looked)) for second in sorted(seconds)]
    happenings += [Happening(at(second), partial(make_run, second, delay)) for second, delay in by_hand.items()]
    for first, last in refused:
        happenings += [Happening(at(first), partial(refuse, True)), Happening(at(last), partial(refuse, False))]
    for _ in simulate(replace(played, happenings=(*played.happenings, *happenings))):
        pass
    return looked


def awake(view: TaskView, now: datetime) -> TaskView:
    """The view as it is at a later instant, if nothing happens until then."""
    due = tuple(RunView(run, view.task) for run in view.deferred if run.due_at <= now)
    deferred = tuple(run for run in view.deferred if run.due_at > now)
    return replace(view, runs=(*view.runs, *due), deferred=deferred)


def said(decided: Decided) -> Document:
    """All that a decision says, but for when to look again."""
    return {
        "actions": decided.actions,
        "prune": tuple(run.meta.name for run in decided.prune),
        "turns": decided.turns,
        "transitions": decided.transitions,
        "status": decided.status.model_dump(by_alias=True, exclude_none=True),
    }


@settings(max_examples=15, suppress_health_check=QUIET)
@given(
    history=histories(rich=True),
    seconds=st.sets(st.integers(0, 3599), min_size=5, max_size=10),
    by_hand=st.dictionaries(st.integers(0, 3000), st.integers(0, 900), max_size=2),
    refused=st.sampled_from(((), (), ((300, 700),), ((10, 3000),))),
    where=st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_a_decision_changes_when_it_says_and_not_before(
    history: History,
    seconds: set[int],
    by_hand: dict[int, int],
    refused: tuple[tuple[int, int], ...],
    where: list[float],
) -> None:
    # A clock that is put back is no change of what is known: the next times in the status stay as they were.
    forward, config = replace(history, backs=()), Config()
    for view, now in looks(forward, {second % history.length for second in seconds}, by_hand, refused):
        decided = decided_about(view, config, now)
        assert decided.actions == (), "there is nothing left to do"
        wake_at = decided.wake_at
        until = wake_at - MOMENT if wake_at is not None else now + DAY
        assert until >= now
        assert changed_status(view.task.status, decided.status) is None, "there is nothing left to say"
        tally["decisions that stay until they wake"] += 1
        for instant in (*(now + (until - now) * part for part in where), until):
            again = decided_about(awake(view, instant), config, instant)
            assert said(again) == said(decided)
            assert again.wake_at == wake_at
        if wake_at is not None:
            # The end of a task that is paused then, or completed already, is the one wake-up that may be for nothing.
            ends = view.task.spec.end_time == wake_at
            assert ends or said(decided_about(awake(view, wake_at), config, wake_at)) != said(decided), (
                "a wake-up for nothing"
            )
            tally["wake-ups at which a decision changes"] += not ends
