"""Schedules in a sandbox: what has run when time has passed, and how runs end that a test has an outcome for."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crontask import errors
from crontask.client.errors import BadInput
from crontask.runner.context import Context
from crontask.testing import Outcome, Sandbox

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)  # a Friday
IMAGE = "busybox:1.36"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(now=NEW_YEAR) as box:
        yield box


def starts(box: Sandbox, task: str) -> list[str]:
    """When runs were scheduled, and how they ended."""
    return [f"{run.scheduled_time:%m-%d %H:%M:%S} {run.phase}" for run in box.runs(task)]


SCHEDULES: list[tuple[dict[str, Any], timedelta, list[str]]] = [
    ({"schedule": "0 9 * * 1-5"}, timedelta(days=4), ["01-01 09:00:00 Succeeded", "01-04 09:00:00 Succeeded"]),
    # At an instant itself, what is due then has started.
    ({"schedule": "0 9 * * *"}, timedelta(hours=9), ["01-01 09:00:00 Running"]),
    ({"schedule": "0 9 * * *"}, timedelta(hours=9, seconds=-1), []),
    ({"schedule": "0 9 * * *"}, timedelta(hours=9, seconds=10), ["01-01 09:00:00 Succeeded"]),
    ({"schedule": "0 9 * * *", "time_zone": "Europe/Berlin"}, timedelta(hours=9), ["01-01 08:00:00 Succeeded"]),
    ({"interval": "20m"}, timedelta(hours=1), [f"01-01 {at}" for at in ("00:20:00 Succeeded", "00:40:00 Succeeded")]),
    ({"interval": "20m", "max_runs": 1}, timedelta(hours=1), ["01-01 00:20:00 Succeeded"]),
    ({"delay": "50s"}, timedelta(minutes=2), ["01-01 00:00:01 Succeeded", "01-01 00:01:01 Succeeded"]),
]


@pytest.mark.parametrize(("timing", "passes", "wanted"), SCHEDULES)
def test_what_has_run(box: Sandbox, timing: dict[str, Any], passes: timedelta, wanted: list[str]) -> None:
    box.register("t", image=IMAGE, **timing)
    assert box.advance(passes) == box.now == NEW_YEAR + passes
    found = starts(box, "t")
    assert found[: len(wanted)] == wanted
    assert all("Running" in rest for rest in found[len(wanted) :])


def test_a_year_of_working_days(box: Sandbox) -> None:
    box.register("report", schedule="0 9 * * 1-5", image=IMAGE)
    box.advance(days=365)
    runs = box.runs("report")
    assert len(runs) == 261
    assert {run.phase for run in runs} == {"Succeeded"}
    assert all(run.start_time == run.scheduled_time and run.scheduled_time.weekday() < 5 for run in runs)  # type: ignore[union-attr]
    # As a cluster has it: three are kept.
    assert len(box.client.runs(task="report")) == 3
    assert box.task("report").status["counts"]["succeeded"] == 261


def test_the_same_test_sees_the_same() -> None:
    def played() -> list[Any]:
        with Sandbox() as box:
            box.register("t", interval="1h", jitter="10m", image=IMAGE, retry={"limit": 3})
            box.outcome("t", lambda ctx: Outcome(phase="Failed" if ctx.attempt < 3 else "Succeeded"))
            box.trigger("t")
            box.client.run(image=IMAGE).wait()
            box.advance(days=2)
            return [run.document for run in box.runs()]

    assert played() == played()


def test_time_passes_in_steps_as_in_one(box: Sandbox) -> None:
    box.register("t", interval="7s", image=IMAGE, concurrency={"policy": "Queue"})
    for _ in range(100):
        box.advance(seconds=1)
    in_steps = [(run.name, run.start_time, run.phase) for run in box.runs()]
    with Sandbox(now=NEW_YEAR) as other:
        other.register("t", interval="7s", image=IMAGE, concurrency={"policy": "Queue"})
        other.advance(seconds=100)
        assert [(run.name, run.start_time, run.phase) for run in other.runs()] == in_steps
        assert other.now == box.now


FAILS = [
    ({}, "advance: is given no time, or two"),
    ({"days": 1, "until": "2027-02-01T00:00:00Z"}, "advance: is given no time, or two"),
    ({"until": "2026-12-31T00:00:00Z"}, "has passed: it is 2027-01-01"),
    ({"until": datetime(2027, 2, 1)}, "has no time zone"),
    ({"days": -1}, "is not a duration of whole seconds"),
    ({"seconds": 0.5}, "is not a duration of whole seconds"),
    ({"month": 1}, "'month' is an invalid keyword argument"),
]


@pytest.mark.parametrize(("how", "words"), FAILS)
def test_time_that_cannot_pass(box: Sandbox, how: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        box.advance(**how)


# --- outcomes ---------------------------------------------------------------------------------------------------------


def test_runs_succeed_after_ten_seconds_unless_something_else_is_said(box: Sandbox) -> None:
    box.register("t", on_demand=True, image=IMAGE)
    run = box.trigger("t").wait()
    assert (run.phase, run.completion_time) == ("Succeeded", NEW_YEAR + timedelta(seconds=10))
    with Sandbox(duration="1h") as other:
        other.register("t", on_demand=True, image=IMAGE)
        run = other.trigger("t").wait()
        assert run.completion_time == run.created + timedelta(hours=1)


OUTCOMES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"result": {"rows": 3}}, {"phase": "Succeeded", "result": {"rows": 3}}),
    ({"phase": "Partial", "processed": 5, "errors": 1}, {"phase": "Partial", "processedCount": 5, "errorCount": 1}),
    ({"phase": "Failed", "message": "no table"}, {"phase": "Failed", "message": "no table"}),
    ({"phase": "Failed", "exit_code": 3}, {"phase": "Failed"}),
    ({"phase": "TimedOut"}, {"phase": "TimedOut", "message": "took longer than its timeout of 5m", "duration": "5m"}),
    ({"duration": "2m"}, {"phase": "Succeeded", "duration": "2m"}),
    ({"duration": timedelta(minutes=6)}, {"phase": "TimedOut", "duration": "5m"}),
    ({"result": "a text that is longer than a pod can give back" * 100}, {"resultTruncated": True}),
]


@pytest.mark.parametrize(("outcome", "wanted"), OUTCOMES)
def test_how_runs_end(box: Sandbox, outcome: dict[str, Any], wanted: dict[str, Any]) -> None:
    box.register("t", on_demand=True, image=IMAGE, timeout="5m")
    box.outcome("t", **outcome)
    status = box.trigger("t").wait().status
    assert {field: status.get(field) for field in wanted} == wanted


def test_outcomes_by_attempt_and_by_what_a_run_is_given(box: Sandbox) -> None:
    box.register("t", on_demand=True, image=IMAGE, retry={"limit": 2})
    box.outcome("t", phase="Failed", message="always")
    box.outcome("t", phase="Failed", exit_code=7, attempt=1)
    box.outcome("t", result="at last", attempt=3)
    run = box.trigger("t").wait()
    assert [(attempt.exit_code, attempt.message) for attempt in run.attempts] == [
        (7, "exit code 7"),
        (1, "always"),
        (0, None),
    ]
    assert run.result() == "at last"

    def decide(ctx: Context) -> Outcome:
        return Outcome(result=[ctx.args["table"], ctx.attempt, ctx.scheduled_time.isoformat()])

    box.outcome("t", decide, attempt=1)
    asked = box.now
    assert box.trigger("t", args={"table": "orders"}).result() == ["orders", 1, asked.isoformat()]


def test_a_result_is_checked_by_its_schema(box: Sandbox) -> None:
    box.register("t", on_demand=True, image=IMAGE, result_schema={"type": "integer"}, args_schema={"required": ["x"]})
    box.outcome("t", result="three")
    run = box.trigger("t", args={"x": 1}).wait()
    assert (run.phase, run.attempts[0].reason) == ("Failed", "ResultInvalid")
    with pytest.raises(errors.BadInput, match=r"args\.x: is missing"):
        box.trigger("t")


BAD = [
    ({"phase": "Canceled"}, r"phase: 'Canceled' is none that a handler ends in; write one of Succeeded, .*cancel\(\)"),
    ({"phase": "Failed", "exit_code": 0}, "exit_code: 0 does not go with phase Failed"),
    ({"exit_code": 3}, "exit_code: 3 does not go with phase Succeeded"),
    ({"phase": "TimedOut", "duration": "1h"}, "duration: does not go with phase TimedOut"),
    ({"duration": 5}, "duration: 5 \\(int\\) is not a duration"),
    ({"errors": -1}, "errors: has to be from 0"),
    ({"reslt": 1}, "outcome: has no reslt; write one of phase, result"),
    ({"attempt": -1}, "attempt: is -1; write 1 for the first"),
    ({"decide": Outcome(), "phase": "Failed"}, "outcome: is given twice"),
]


@pytest.mark.parametrize(("how", "words"), BAD)
def test_outcomes_that_there_are_not(box: Sandbox, how: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        box.outcome("t", **how)


WRONG: list[tuple[Any, type[Exception], str]] = [
    (Outcome(phase="TimedOut"), BadInput, "outcome: of t is TimedOut, and nothing ends the attempt; give the task a t"),
    (lambda ctx: {"result": 1}, BadInput, r"outcome: of t is a function that returned dict; return Outcome\(…\)"),
    (lambda ctx: Outcome(result=ctx.args["table"]), KeyError, "table"),
]


@pytest.mark.parametrize(("outcome", "kind", "words"), WRONG)
def test_what_a_test_does_wrong_is_said_when_time_passes(
    box: Sandbox, outcome: Any, kind: type[Exception], words: str
) -> None:
    box.register("t", schedule="0 9 * * *", image=IMAGE)
    box.outcome("t", outcome)
    with pytest.raises(kind, match=words):
        box.advance(days=1)


def test_while_no_operator_runs_nothing_starts_and_then_it_catches_up(box: Sandbox) -> None:
    box.register("t", schedule="0 * * * *", image=IMAGE)
    with box.outage():
        box.advance(hours=5, minutes=30)
        assert box.runs() == []
    box.advance(minutes=1)
    assert starts(box, "t") == ["01-01 05:00:00 Succeeded"]
    assert box.runs()[0].start_time == NEW_YEAR + timedelta(hours=5, minutes=30)
    assert box.task("t").status["counts"]["missed"] == 4


# --- manifests --------------------------------------------------------------------------------------------------------


def test_a_file_of_manifests(box: Sandbox) -> None:
    examples = Path(__file__).resolve().parents[3] / "examples"
    tasks = box.register(examples / "chain.yaml")
    assert tasks
    assert {task.name for task in tasks} == {task.name for task in box.client.tasks()}
    box.register(examples / "run-now.yaml")
    assert [run.name for run in box.runs() if run.task is None] == ["run-now"]


FILES = [
    ("a: [", "this is not valid YAML"),
    ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}", "has no CronTask and no ScheduledRun"),
    (
        "kind: CronTask\napiVersion: crontask.dev/v1alpha1\nmetadata: {name: a}\nspec:\n  schedule: '61 * * * *'\n"
        "  handler: {container: {image: i}}",
        r"tasks.yaml:5: CronTask a: spec.schedule: minute '61'",
    ),
]


@pytest.mark.parametrize(("text", "words"), FILES)
def test_a_file_that_is_refused(box: Sandbox, tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_text(text)
    with pytest.raises(BadInput, match=words):
        box.register(file)
    with pytest.raises(BadInput, match="cannot be read"):
        box.register(tmp_path / "other.yaml")
    assert box.client.tasks() == []


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"schedule": "61 * * * *", "image": "i"}, errors.InvalidTask, "spec.schedule: minute '61'"),
    ({"schedule": "* * * * *", "time_zone": "Mars/Olympus", "image": "i"}, errors.InvalidTask, "spec.timeZone"),
    ({"image": "i"}, BadInput, "nothing would ever start it"),
    (
        {"interval": "1h", "handler": {"contaner": {}}},
        errors.InvalidTask,
        r'handler\["contaner"\]: .* write "container"',
    ),
    (
        {"interval": "1h", "handler": {"container": {"image": "i"}, "on": 1}},
        errors.InvalidTask,
        r'handler\["on"\]: there',
    ),
    (
        {"interval": "1h", "image": "i", "suspended": True},
        errors.InvalidTask,
        "suspended=: there is no such argument",
    ),
]


@pytest.mark.parametrize(("fields", "kind", "words"), REFUSED)
def test_bad_manifests_are_refused(box: Sandbox, fields: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        box.register("t", **fields)
    assert box.client.tasks() == []


# --- within and without -----------------------------------------------------------------------------------------------


async def test_within_an_event_loop(box: Sandbox) -> None:
    """By pytest-asyncio: the calls are the same, and the loop and its task go on as before."""
    me = asyncio.current_task()
    box.register("t", interval="1h", image=IMAGE)
    box.advance(hours=3)
    assert len(box.runs("t")) == 3
    async with box.async_client as client:
        run = await client.trigger("t", args={"x": 1})
        assert (await run.wait()).phase == "Succeeded"
    assert asyncio.current_task() is me
    await asyncio.sleep(0)


def test_nothing_is_left_running() -> None:
    before = threading.enumerate()
    with Sandbox() as box:
        box.register("t", interval="1h", image=IMAGE)
        box.advance(hours=1)
        client = box.client
        assert threading.enumerate() == before
    for use in (lambda: client.trigger("t"), client.tasks, lambda: box.advance(days=1)):
        with pytest.raises(BadInput, match="Sandbox: is closed; use it within its `with`"):
            use()
    assert [run.phase for run in box.runs()] == ["Running"], "what was there can still be looked at"
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_a_sandbox_that_is_not_open() -> None:
    box = Sandbox()
    for use in (lambda: box.now, lambda: box.client, box.runs, lambda: box.advance(days=1)):
        with pytest.raises(BadInput, match="Sandbox: is not open; write with Sandbox"):
            use()
    with pytest.raises(BadInput, match="now: 2027-01-01 00:00:00 has no time zone"):
        Sandbox(now=datetime(2027, 1, 1))


def test_a_name_that_is_mistyped_does_not_pass(box: Sandbox) -> None:
    box.register("report", on_demand=True, image=IMAGE)
    box.outcome("report", result=1)
    with pytest.raises(errors.UnknownTask, match=r"no task reprot in namespace default; did you mean report\?"):
        box.trigger("reprot")
    with pytest.raises(errors.BadInput, match=r"task: there is no task reprot; did you mean report\?"):
        box.runs("reprot")
    with pytest.raises(errors.BadInput, match=r"phase: is 'Done', which is none; write one of Pending"):
        box.runs(phase="Done")
    assert box.runs("report") == []
    box.outcome("later", phase="Failed")
    for passes in (lambda: box.advance(days=1), box.trigger("report").wait):
        with pytest.raises(errors.BadInput, match="task: there is no task later; register it before time passes"):
            passes()
    later = box.trigger("later", missing_ok=True)
    box.register("later", on_demand=True, image=IMAGE)
    assert later.wait().phase == "Failed"
    box.client.delete("later")
    assert len(box.runs("later")) == 1


def test_a_function_is_triggered_by_itself(box: Sandbox) -> None:
    def clean_up(ctx: Context) -> int:
        return 3

    box.register(clean_up, on_demand=True)
    assert box.trigger(clean_up).result() == 3
    with pytest.raises(errors.BadInput, match="task: is a function; write its name, as 'clean-up'"):
        box.outcome(clean_up, result=1)  # type: ignore[arg-type]


def test_a_run_of_a_file_whose_time_has_passed_is_refused_as_the_policy_does(box: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    body = "apiVersion: crontask.dev/v1alpha1\nkind: ScheduledRun\nmetadata: {name: r}\n"
    spec = 'at: "2020-01-01T00:00:00Z", handler: {container: {image: i}}'
    file.write_text(f"{body}spec: {{{spec}}}\n")
    with pytest.raises(errors.Invalid, match=r"spec\.at: 2020-01-01T00:00:00Z is more than a minute before"):
        box.register(file)
    assert box.runs() == []
    file.write_text(f"{body}spec: {{{spec}, allowPast: true}}\n")
    box.register(file)
    box.advance(minutes=1)
    assert [run.phase for run in box.runs()] == ["Succeeded"]
