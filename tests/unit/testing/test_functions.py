"""Functions in a sandbox: called as a pod would call them, alone and as parts of workflows, fan-outs and batches."""

import asyncio
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from crontask import errors
from crontask.client.errors import BadInput
from crontask.runner.context import Context
from crontask.testing import Outcome, Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(now="2027-01-01T00:00:00Z") as box:
        yield box


def test_a_function_is_given_what_a_pod_gives_it(box: Sandbox) -> None:
    seen: list[Context] = []

    def clean_up(ctx: Context, max_age_days: int, dry: bool = False) -> dict[str, Any]:
        seen.append(ctx)
        return {"removed": max_age_days, "dry": dry}

    box.register(clean_up, schedule="0 3 * * *", args={"max_age_days": 30})
    box.advance(days=2)
    first, second = box.runs("clean-up")
    assert [run.result() for run in (first, second)] == [{"removed": 30, "dry": False}] * 2
    ctx = seen[0]
    assert (ctx.task, ctx.namespace, ctx.run, ctx.run_uid, ctx.attempt) == (
        "clean-up",
        "default",
        first.name,
        first.uid,
        1,
    )
    assert ctx.scheduled_time == first.scheduled_time
    assert ctx.next_scheduled_time == second.scheduled_time == seen[1].scheduled_time
    assert box.trigger("clean-up", args={"dry": True}).result() == {"removed": 30, "dry": True}
    assert ctx.args == {"max_age_days": 30}


def raises(ctx: Context) -> None:
    raise ValueError("no table")


def exits(ctx: Context) -> None:
    raise SystemExit(3)


def counts(ctx: Context) -> None:
    ctx.progress(processed=5, errors=1)


def returns_no_json(ctx: Context) -> Any:
    return {"at": object()}


async def awaits(ctx: Context) -> str:
    await asyncio.sleep(0.001)
    return "awaited"


def runs_a_loop(ctx: Context) -> str:
    return asyncio.run(awaits(ctx))


async def awaits_and_raises(ctx: Context) -> None:
    await asyncio.sleep(0)
    raise ValueError("awaited, and no table")


ENDS: list[tuple[Any, dict[str, Any]]] = [
    (raises, {"phase": "Failed", "message": "ValueError: no table\n  at tests/unit/testing/test_functions.py:"}),
    (exits, {"phase": "Failed", "message": "the handler ended with exit code 3"}),
    (counts, {"phase": "Partial", "processedCount": 5, "errorCount": 1}),
    (
        returns_no_json,
        {"phase": "Failed", "message": "result.at: object is not valid JSON; return text, numbers, lists"},
    ),
    (awaits, {"phase": "Succeeded", "result": "awaited"}),
    (runs_a_loop, {"phase": "Succeeded", "result": "awaited"}),
    (awaits_and_raises, {"phase": "Failed", "message": "ValueError: awaited, and no table"}),
    (lambda ctx: ctx.attempt, {"phase": "Succeeded", "result": 1}),
]


@pytest.mark.parametrize(("function", "wanted"), ENDS)
def test_how_functions_end(box: Sandbox, function: Any, wanted: dict[str, Any]) -> None:
    box.register("t", on_demand=True, handler=function)
    status = box.trigger("t").wait().status
    assert status["phase"] == wanted.pop("phase")
    assert status.get("message", "").startswith(wanted.pop("message", ""))
    assert {field: status.get(field) for field in wanted} == wanted


async def test_functions_that_await_within_an_event_loop(box: Sandbox) -> None:
    loop = asyncio.get_running_loop()
    box.register(awaits, interval="1h")
    box.register(runs_a_loop, interval="1h")
    box.advance(hours=1, seconds=10)
    assert [run.result() for run in box.runs()] == ["awaited", "awaited"]
    assert asyncio.get_running_loop() is loop
    await asyncio.sleep(0)


def test_args_that_do_not_fit(box: Sandbox) -> None:
    def ship(ctx: Context, order: int) -> None: ...

    box.register(ship, on_demand=True)
    with pytest.raises(errors.RunFailed, match=r"the arguments do not fit: .* and the run's args are: ordr"):
        box.trigger("ship", args={"ordr": 1}).result()


def test_retries_call_it_again_with_the_same_key(box: Sandbox) -> None:
    seen: list[tuple[int, str]] = []

    def flaky(ctx: Context) -> str:
        seen.append((ctx.attempt, ctx.idempotency_key))
        if ctx.attempt < 3:
            raise ConnectionError("try again")
        return "done"

    box.register(flaky, on_demand=True, retry={"limit": 3})
    run = box.trigger("flaky")
    assert run.result() == "done"
    assert seen == [(number, run.uid) for number in (1, 2, 3)]


def test_what_ends_a_test_is_no_failure_of_a_run(box: Sandbox) -> None:
    def interrupted(ctx: Context) -> None:
        raise KeyboardInterrupt

    def fails_the_test(ctx: Context) -> None:
        pytest.fail("never to be called")

    box.register(interrupted, interval="1h")
    with pytest.raises(KeyboardInterrupt):
        box.advance(days=1)
    box.register(fails_the_test, on_demand=True)
    with pytest.raises(pytest.fail.Exception, match="never to be called"):
        box.trigger("fails-the-test")


def test_it_is_called_in_the_thread_of_the_test(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE runs (name TEXT)")

    def store(ctx: Context) -> None:
        with database:
            database.execute("INSERT INTO runs VALUES (?)", [ctx.run])
        ctx.logger.warning("stored %s", ctx.run)

    box.register(store, interval="1h")
    box.advance(hours=2)
    assert database.execute("SELECT name FROM runs").fetchall() == [(run.name,) for run in box.runs()]
    assert [f"stored {run.name}" for run in box.runs()] == caplog.messages


def test_how_long_it_takes_and_what_it_would_give(box: Sandbox) -> None:
    called: list[int] = []

    def work(ctx: Context) -> int:
        called.append(ctx.attempt)
        return len(called)

    box.register(work, on_demand=True, timeout="1h", retry={"limit": 1})
    box.outcome("work", duration="30m")
    run = box.trigger("work").wait()
    assert (run.result(), run.status["duration"]) == (1, "30m")
    box.outcome("work", duration="2h", attempt=1)
    run = box.trigger("work").wait()
    assert [attempt.reason for attempt in run.attempts] == ["TimedOut", "Completed"]
    assert called == [1, 1, 2], "it is called when its pod starts, also where that is stopped later"
    box.outcome("work", result="said")
    assert box.trigger("work").result() == "said"
    assert called == [1, 1, 2]


def test_the_handler_of_a_manifest_as_a_function(box: Sandbox) -> None:
    python = {"image": "registry/jobs:1", "entrypoint": "jobs.report:run"}
    box.register("report", on_demand=True, handler={"python": python})
    box.call("report", lambda ctx, **args: ["called", args])
    assert box.trigger("report", args={"day": "monday"}).result() == ["called", {"day": "monday"}]


def test_time_stands_still_within_a_function(box: Sandbox) -> None:
    runs = []

    def ask(ctx: Context, how: str) -> Any:
        if how == "advance":
            return box.advance(days=1)
        run = box.trigger("other", args={"by": ctx.run})
        runs.append(run.name)
        return run.result() if how == "wait" else run.name

    box.register(ask, on_demand=True)
    box.register("other", on_demand=True, image="i")
    assert box.trigger("ask", args={"how": "ask"}).result() == runs[0]
    assert [run.name for run in box.runs("other") if run.succeeded] == runs
    for how, what in (("advance", "advance()"), ("wait", "waiting for a run")):
        failed = box.trigger("ask", args={"how": how}).wait()
        assert failed.message.startswith(f"BadInput: {what}: cannot be done within a handler: time stands still while")


# --- composite runs ---------------------------------------------------------------------------------------------------


def test_steps_and_what_is_undone(box: Sandbox) -> None:
    called: list[Any] = []

    def reserve(ctx: Context, order: int) -> dict[str, int]:
        called.append(("reserve", order))
        return {"seat": 7}

    def charge(ctx: Context, seat: int) -> None:
        called.append(("charge", seat))
        raise RuntimeError("card declined")

    def release(ctx: Context, seat: int) -> None:
        called.append(("release", seat))

    seat = {"seat": "${steps.reserve.result.seat}"}
    steps = [
        {"name": "reserve", "python": reserve, "compensate": {"python": release, "args": seat}},
        {"name": "charge", "python": charge, "args": seat},
        {"name": "mail", "container": {"image": "registry/mail:1"}},
    ]
    box.register("order", on_demand=True, handler={"steps": steps})
    run = box.trigger("order", args={"order": 42}).wait()
    assert run.message.startswith("step charge is Failed: RuntimeError: card declined")
    assert called == [("reserve", 42), ("charge", 7), ("release", 7)]
    assert [(step.name, step.phase) for step in run.steps][:2] == [("reserve", "Succeeded"), ("charge", "Failed")]
    assert [each.name for each in box.runs("order")] == [run.name]
    parts = box.runs("order", parts=True)
    assert [part.spec["parent"].get("step") or part.spec["parent"]["undo"] for part in parts[1:]] == [
        "reserve",
        "charge",
        "reserve",
    ]

    box.call("order", lambda ctx, **args: None, step="charge")
    box.outcome("order", step="mail", result="sent", duration="1m")
    run = box.trigger("order", args={"order": 43}).wait()
    assert (run.phase, run.steps[2].result) == ("Succeeded", "sent")
    box.outcome("order", step="charge", phase="Failed", message="declined")
    box.outcome("order", step="reserve/undo", phase="Failed", message="gone")
    run = box.trigger("order", args={"order": 44}).wait()
    assert [each["step"] for each in run.status["notCompensated"]] == ["reserve"]


def test_a_step_that_waits_for_approval(box: Sandbox) -> None:
    steps = [{"name": "manager", "approval": {}}, {"name": "refund", "python": lambda ctx, **args: "refunded"}]
    box.register("refund", on_demand=True, handler={"steps": steps})
    run, other = box.trigger("refund"), box.trigger("refund")
    box.advance(days=1)
    assert run.refresh().message == "waits for approval: manager"
    box.approve(run.name, "manager")
    assert run.wait().steps[1].result == "refunded"
    box.reject(other.name, "manager")
    assert other.wait().phase == "Failed"


def test_a_fan_out(box: Sandbox) -> None:
    def visit(ctx: Context, city: str) -> str:
        if city == "narnia":
            raise LookupError(city)
        return f"{ctx.item_index}: {city}"

    def collect(ctx: Context, results: list[Any], **more: Any) -> list[Any]:
        return [each for each in results if each]

    each = {
        "items": ["oslo", "narnia", "athens"],
        "args": {"city": "${item}"},
        "maxFailed": 1,
        "handler": {"python": visit},
        "collect": {"python": collect},
    }
    box.register("tour", on_demand=True, handler={"forEach": each})
    run = box.trigger("tour").wait()
    assert run.phase == "Partial"
    assert run.result() == ["0: oslo", "2: athens"]


@pytest.mark.parametrize("more", [{}, {"reusePodFor": "5m"}])
def test_batches(box: Sandbox, more: dict[str, Any]) -> None:
    begun: list[Any] = []

    def migrate(ctx: Context) -> dict[str, Any]:
        begun.append(ctx.cursor)
        assert ctx.batch_size == 10
        done = (ctx.cursor or 0) + 10
        return {"cursor": done, "isDone": done >= 30, "processedCount": 10, "errorCount": int(done == 20)}

    box.register("migrate", on_demand=True, handler={"batch": {"size": 10, **more, "handler": {"python": migrate}}})
    run = box.trigger("migrate").wait()
    assert (run.phase, run.status["processedCount"], run.status["errorCount"]) == ("Partial", 30, 1)
    assert begun == [None, 10, 20]
    box.outcome("migrate", processed=1)
    assert box.trigger("migrate").wait().status["batch"]["batches"] == 1


def test_an_outcome_of_batches(box: Sandbox) -> None:
    box.register("b", on_demand=True, handler={"batch": {"size": 1, "handler": {"container": {"image": "i"}}}})
    box.outcome("b", lambda ctx: Outcome(cursor=(ctx.cursor or 0) + 1, is_done=ctx.cursor == 2))
    assert box.trigger("b").wait().status["batch"]["cursor"] == 3


def test_a_function_without_a_name_of_a_task(box: Sandbox) -> None:
    with pytest.raises(BadInput, match="nothing would ever start it"):
        box.register(raises)
    box.register(raises, interval="1h")
    assert [task.name for task in box.client.tasks()] == ["raises"]
    with pytest.raises(errors.InvalidName):
        box.register(lambda ctx: None, interval="1h")
