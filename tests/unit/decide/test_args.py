"""Whether the args of a run can be handed over: the task's and its own, and what is wrong with them."""

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from run_life import NO_JITTER, Life, at, invalid_task, known_of, make_task, own_run, scheduled_run

from crontask.api.json_schema import violations
from crontask.api.phases import RunPhase
from crontask.api.validate import LONGEST_ARGS
from crontask.decide.args import args_violation
from crontask.decide.views import RunView

EMPTY = len(orjson.dumps({"a": "", "b": ""}))
STRICT: dict[str, Any] = {"maxProperties": 1}


def filled(size: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Args of a task and of a run that have that size together, as JSON."""
    half = (size - EMPTY) // 2
    return {"a": "x" * half}, {"b": "x" * (size - EMPTY - half)}


def merged(of_task: dict[str, Any], own: dict[str, Any], **spec: Any) -> RunView:
    return known_of(scheduled_run(args=own), make_task(args=of_task, **spec))


@dataclass(frozen=True)
class Row:
    """A name, what is known of a run, and how what is wrong with its args begins; None if nothing is."""

    name: str
    known: RunView
    wanted: str | None


ROWS = (
    Row("no args, no schema", merged({}, {}), None),
    Row("the task's args alone", merged({"a": 1, "b": 2}, {}), None),
    Row("its own args alone", merged({}, {"a": 1}), None),
    Row("a run on its own", known_of(own_run(args={"a": 1}), alone=True), None),
    Row("as many bytes as there may be", merged(*filled(LONGEST_ARGS)), None),
    Row("one byte fewer", merged(*filled(LONGEST_ARGS - 1)), None),
    Row(
        "one byte more",
        merged(*filled(LONGEST_ARGS + 1)),
        f"args have {LONGEST_ARGS + 1} bytes as JSON together with the task's, over {LONGEST_ARGS}",
    ),
    Row(
        "too many bytes, which is said before what the schema says",
        merged(*filled(LONGEST_ARGS + 1), argsSchema=STRICT),
        "args have",
    ),
    Row("no args, and a schema that takes none", merged({}, {}, argsSchema=STRICT), None),
    Row("the task's args fit", merged({"a": 1}, {}, argsSchema=STRICT), None),
    Row("its own args fit in their stead", merged({"a": 1}, {"a": 2}, argsSchema=STRICT), None),
    Row("both together do not", merged({"a": 1}, {"b": 2}, argsSchema=STRICT), "args: "),
    Row("no args, and one is asked for", merged({}, {}, argsSchema={"required": ["a"]}), "args.a: is missing"),
    Row("a schema that takes anything", merged({}, {"a": 1}, argsSchema={}), None),
    Row(
        "a task that cannot be used asks for nothing",
        known_of(scheduled_run(), invalid_task(make_task(argsSchema={"required": ["a"]}))),
        None,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_what_is_wrong_with_args(row: Row) -> None:
    found = args_violation(row.known)
    assert found is None if row.wanted is None else found is not None and found.startswith(row.wanted)


def test_args_are_judged_once_an_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[dict[str, Any]] = []

    def judge(schema: dict[str, Any], args: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        judged.append(args)
        return violations(schema, args)

    monkeypatch.setattr("crontask.decide.args.violations", judge)
    run, task, edited = (
        scheduled_run(args={"a": 1}),
        make_task(argsSchema=STRICT),
        make_task(argsSchema={"maxProperties": 0}),
    )
    assert [args_violation(known_of(run, task)) for _ in range(3)] == [None] * 3
    assert len(judged) == 1
    assert args_violation(known_of(run, edited)) is not None
    assert args_violation(known_of(run, edited)) is not None
    assert len(judged) == 2


# --- in a run's life -------------------------------------------------------------------------------------------------

REGION: dict[str, Any] = {"properties": {"region": {"enum": ["eu", "us"]}}, "required": ["region"]}


@pytest.mark.parametrize(
    ("of_task", "own", "words"),
    [
        ({}, {"region": "eu"}, None),
        ({"region": "eu"}, {}, None),
        ({"region": "moon"}, {"region": "us"}, None),
        ({}, {}, "args.region: is missing"),
        ({"region": "eu"}, {"region": "moon"}, "args.region: must be eu or us, not 'moon'"),
        ({"region": "eu", "a": "x" * 60_000}, {"b": "y" * 60_000}, "args have 120029 bytes as JSON together"),
    ],
)
def test_args_that_do_not_fit_never_start_a_pod(
    of_task: dict[str, Any], own: dict[str, Any], words: str | None
) -> None:
    task = make_task(args=of_task, argsSchema=REGION)
    life = Life(scheduled_run(args=own), task)
    decided = life.decide(0)
    if words is None:
        assert life.phase is None
        return
    assert (life.phase, decided.actions) == (RunPhase.FAILED, ())
    assert life.status.conditions[0].reason == "ArgsInvalid"
    assert (life.status.message or "").startswith(words)


def test_args_are_judged_when_the_run_starts_and_what_is_wrong_is_said_before() -> None:
    task = make_task(argsSchema=REGION)
    life = Life(scheduled_run(at=at(100).isoformat(), args={"region": "moon"}), task)
    life.decide(0)
    assert (life.phase, life.status.message) == (RunPhase.PENDING, "args.region: must be eu or us, not 'moon'")
    life.task = make_task(argsSchema={})
    life.decide(1)
    assert (life.phase, life.status.message) == (RunPhase.PENDING, None)


def test_a_task_that_does_not_fit_any_more_ends_the_retries() -> None:
    life = Life(scheduled_run(retry={"limit": 3, **NO_JITTER}, args={"region": "moon"}))
    life.fails(1, 0, 5)
    assert life.phase is RunPhase.RETRYING
    life.task = make_task(argsSchema=REGION)
    decided = life.decide(20)
    assert (life.phase, decided.actions) == (RunPhase.FAILED, ())
    assert life.status.conditions[0].reason == "ArgsInvalid"
