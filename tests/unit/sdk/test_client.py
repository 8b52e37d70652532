"""What the clients do without an API server: ends of runs, logs, names, how a coroutine is driven."""

import asyncio
import inspect
import subprocess
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import pytest
from memory_port import MemoryPort, task

from crontask import AsyncClient, AsyncRun, Client, Run, errors
from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.client.answers import Event
from crontask.client.errors import Asked
from crontask.client.operations import Steps
from crontask.sdk.app_name import checked_app
from crontask.sdk.asking import seconds_of
from crontask.sdk.port import blocking, blocking_items

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[3]


class Total(TypedDict):
    rows: int


def run(name: str = "r", phase: str | None = None, spec: Any = None, uid: str = "u", **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": uid, "creationTimestamp": "2026-06-01T00:00:00Z"}
    said = {"status": {"phase": phase, **status}} if phase is not None else {}
    return {"kind": "ScheduledRun", "metadata": metadata, "spec": spec or {"taskRef": {"name": "sync"}}, **said}


def pod(name: str, run: str, created: str = "2026-06-01T00:00:00Z", running: bool = True) -> dict[str, Any]:
    state = {"containerStatuses": [{"name": "main", "state": {"running": {}}}], "phase": "Running"}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "creationTimestamp": created,
            "labels": {"crontask.dev/run": run},
        },
        "spec": {"containers": [{"name": "proxy"}, {"name": "main"}]},
        "status": state if running else {"phase": "Pending"},
    }


def got(port: MemoryPort, name: str = "r") -> AsyncRun:
    return blocking(AsyncClient.over(port, "shop").get(name))


ATTEMPTS = [{"number": 1, "pod": "r-1", "exitCode": 3}, {"number": 2, "pod": "r-2", "reason": "Error"}]
ENDS: list[tuple[dict[str, Any], type[errors.RunError], str]] = [
    (
        run(phase="Failed", message="no table", attempts=ATTEMPTS),
        errors.RunFailed,
        "run r failed (attempt 2): no table",
    ),
    (run(phase="TimedOut"), errors.RunTimedOut, "run r took too long"),
    (run(phase="Canceled", message="enough"), errors.RunCanceled, "run r was canceled: enough"),
    (run(phase="Skipped", message="x"), errors.RunSkipped, "run r was skipped: x"),
    (run(phase="Missed"), errors.RunSkipped, "run r was missed"),
]


@pytest.mark.parametrize(("document", "kind", "message"), ENDS, ids=[row[0]["status"]["phase"] for row in ENDS])
def test_ends_without_a_result(document: dict[str, Any], kind: type[errors.RunError], message: str) -> None:
    with pytest.raises(errors.RunError) as caught:
        blocking(got(MemoryPort(document)).result())
    assert (type(caught.value), str(caught.value)) == (kind, message)
    assert (caught.value.run, caught.value.phase) == ("r", document["status"]["phase"])
    assert len(caught.value.attempts) == len(document["status"].get("attempts", ()))


def object_that_pydantic_cannot_read() -> Any:
    class Socket:
        pass

    return Socket


def test_a_result_as_a_type() -> None:
    found = got(MemoryPort(run(phase="Partial", result={"rows": 3})))
    assert blocking(found.result()) == {"rows": 3}
    assert blocking(found.result(Total)) == {"rows": 3}
    with pytest.raises(errors.ResultMismatch, match=r"run r succeeded, but its result is not a int: the result: Input"):
        blocking(found.result(int))
    with pytest.raises(errors.BadInput, match=r"type_: cannot be read from JSON: "):
        blocking(found.result(object_that_pydantic_cannot_read()))
    none = got(MemoryPort(run(phase="Succeeded")))
    assert blocking(none.result()) is None
    cut = got(MemoryPort(run(phase="Succeeded", resultTruncated=True)))
    with pytest.raises(errors.ResultMismatch, match="did not fit"):
        blocking(cut.result())


def test_waiting_follows_what_becomes_of_the_run() -> None:
    seen = [Event("MODIFIED", run(phase="Running")), Event("MODIFIED", run(phase="Succeeded", result=1))]
    assert blocking(got(MemoryPort(run(), events=[seen])).result(int)) == 1
    # Ended, and pruned before the event was read: its last state is what counts.
    assert blocking(got(MemoryPort(run(), events=[[Event("DELETED", run(phase="Succeeded", result=2))]])).result()) == 2


@pytest.mark.parametrize(
    "event",
    [
        Event("DELETED", {"metadata": {"name": "r", "uid": "u"}}),
        Event("DELETED", run(phase="Running")),
        Event("ADDED", run(uid="another")),
    ],
)
def test_a_run_that_goes(event: Event) -> None:
    with pytest.raises(errors.RunGone, match="run r was deleted before its end was seen"):
        blocking(got(MemoryPort(run(), events=[[event]])).wait())


def test_a_run_that_takes_longer_than_one_waits() -> None:
    with pytest.raises(errors.WaitTimeout) as caught:
        blocking(got(MemoryPort(run(phase="Queued", message="2nd"))).wait(timeout=0.5))
    assert str(caught.value) == "run r has not ended within 0.5 s; it is Queued and goes on: 2nd"
    # What was missed by the watch is read at its end.
    port = MemoryPort(run())
    late = got(port)
    port.put(run(phase="Succeeded"))
    assert blocking(late.wait(timeout=0)).phase == "Succeeded"
    # Nobody is asked for longer than is left, but for a second to look once.
    assert port.asked[-1].within == 1.0


class Away(MemoryPort):
    """Has answered once."""

    error: errors.RequestError

    async def run(self, steps: Steps[T]) -> T:
        if self.asked:
            raise self.error
        return await super().run(steps)


LOST = Asked("get", name="r")


@pytest.mark.parametrize(
    "error", [errors.Timeout(LOST, "silent", sent=True), errors.Unreachable(LOST, "refused", sent=False)]
)
@pytest.mark.parametrize("wait", [AsyncRun.wait, AsyncRun.result])
def test_a_server_that_is_away_when_the_time_to_wait_is_over(error: errors.RequestError, wait: Any) -> None:
    port = Away(run(phase="Running"))
    port.error, found = error, got(port)
    with pytest.raises(errors.WaitTimeout, match="run r has not ended within 3 s; it is Running and goes on") as caught:
        blocking(wait(found, timeout=3))
    assert caught.value.__cause__ is error
    port.error = errors.Forbidden(LOST, 403, "Forbidden", "no")
    with pytest.raises(errors.Forbidden):
        blocking(wait(found, timeout=3))


def test_of_runs_with_one_key_the_first_that_started_counted() -> None:
    keyed = {"taskRef": {"name": "sync"}, "idempotencyKey": "k"}
    other = {"taskRef": {"name": "sync"}, "idempotencyKey": "l"}
    port = MemoryPort(
        run("r", "Skipped", keyed),
        run("second", "Running", keyed, "2", startTime="2026-06-01T00:00:02Z"),
        run("first", "Succeeded", keyed, "1", startTime="2026-06-01T00:00:01Z"),
        run("waits", "Queued", keyed, "3"),
        run("other", "Succeeded", other, "4", startTime="2026-06-01T00:00:00Z"),
    )
    with pytest.raises(errors.RunSkipped) as caught:
        blocking(got(port).result())
    assert caught.value.counted == "first"


def test_a_run_of_a_newer_operator_is_read() -> None:
    found = got(MemoryPort(run(phase="Hibernating", attempts=[{"novelty": 1}], startTime="soon")))
    assert (found.phase, found.ended, found.start_time) == ("Hibernating", False, None)
    assert found.attempts[0].raw == {"novelty": 1}
    assert repr(found) == "<AsyncRun shop/r Hibernating>"


def lines(port: MemoryPort, *, follow: bool = False) -> list[str]:
    return list(blocking_items(got(port).logs(follow=follow)))


def test_the_log_of_all_attempts() -> None:
    second, first = pod("r-2", "r", "2026-06-01T00:00:05Z"), pod("r-1", "r")
    port = MemoryPort(run(phase="Succeeded"), second, first, pod("x", "x"), texts={"r-1": ["a", "b"], "r-2": ["c"]})
    assert lines(port) == ["main: a", "main: b", "main: c"]
    assert lines(MemoryPort(run(phase="Succeeded"), first)) == []


def test_a_log_is_followed_to_the_end_of_the_run() -> None:
    waiting, begun = pod("r-1", "r", running=False), pod("r-1", "r")
    port = MemoryPort(
        run(phase="Running"),
        waiting,
        events=[
            [Event("MODIFIED", begun)],
            [Event("MODIFIED", run(phase="Retrying"))],
            [Event("MODIFIED", run(phase="Succeeded"))],
        ],
        texts={"r-1": ["a"], "r-2": ["b"]},
    )
    found = got(port).logs(follow=True)
    followed = blocking_items(found)
    assert next(followed) == "main: a"
    port.put(pod("r-2", "r", "2026-06-01T00:00:05Z"))
    assert list(followed) == ["main: b"]


def test_the_log_of_a_workflow_is_that_of_its_parts() -> None:
    of_r, of_inner = {"parent": {"name": "r"}}, {"parent": {"name": "inner"}}
    port = MemoryPort(
        run(phase="Succeeded", plan={}),
        run("inner", "Succeeded", of_r, "2", plan={}),
        run("a", "Succeeded", of_r, "3"),
        run("b", "Succeeded", of_inner, "4"),
        pod("a-1", "a"),
        pod("b-1", "b", "2026-06-01T00:00:05Z"),
        texts={"a-1": ["a"], "b-1": ["b"]},
    )
    assert lines(port) == ["main: a", "main: b"]


def test_a_key_whose_run_came_meanwhile() -> None:
    port = MemoryPort(task("sync"))
    client = AsyncClient.over(port, "shop")
    first = blocking(client.trigger("sync", key="k"))
    assert blocking(client.trigger("sync", key="k")).uid == first.uid
    asked = [(request.method, request.asked.resource) for request in port.asked]
    sent = ("POST", SCHEDULED_RUN)
    assert asked == [("GET", CRON_TASK), sent, ("GET", CRON_TASK), sent, ("GET", SCHEDULED_RUN)]
    # Not sent again without end: the transport knows that the same name is the same run.
    assert all(request.repeatable for request in port.asked)


SCHEMA = {"properties": {"index": {"type": "string"}, "day": {}}, "required": ["index"], "additionalProperties": False}
UNFIT: list[tuple[str, dict[str, Any], type[errors.ClientError], str]] = [
    ("rebild", {}, errors.UnknownTask, r"there is no task rebild in .* shop; did you mean rebuild\? Register it"),
    ("zz", {}, errors.UnknownTask, "there is no task zz in namespace shop; register it first, or write missing_ok="),
    ("rebuild", {}, errors.BadInput, r'args\.index: is missing; write args={"index": …}: rebuild takes index, day'),
    ("rebuild", {"indx": "a"}, errors.BadInput, r"args\.indx: is not one of the args of rebuild; did you mean index\?"),
    ("rebuild", {"q": "a"}, errors.BadInput, r"args\.q: is not one of .*; rebuild takes index, day"),
    (
        "rebuild",
        {"index": 1},
        errors.BadInput,
        r"args\.index: must be a string, not 1; write what the argsSchema of reb",
    ),
]


@pytest.mark.parametrize(("name", "args", "kind", "words"), UNFIT)
def test_what_does_not_fit_is_not_sent(
    name: str, args: dict[str, Any], kind: type[errors.ClientError], words: str
) -> None:
    port = MemoryPort(task("rebuild", argsSchema=SCHEMA))
    with pytest.raises(kind, match=words):
        blocking(AsyncClient.over(port, "shop").trigger(name, args=args))
    assert {request.method for request in port.asked} == {"GET"}
    # Who catches what client.task() raises catches this as well.
    assert kind is errors.BadInput or issubclass(kind, errors.NotFound)


FIT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"argsSchema": SCHEMA}, {"index": "a"}),
    ({"argsSchema": SCHEMA, "args": {"index": "a"}}, {}),
    ({"argsSchema": {**SCHEMA, "patternProperties": {"^x": {}}}}, {"index": "a", "x1": 1}),
    ({"argsSchema": {"properties": {"a": {}}}}, {"b": 1}),
    # What is wrong with the task its status says.
    ({"argsSchema": {"type": "nothing"}}, {"b": 1}),
    ({}, {"b": 1}),
]


@pytest.mark.parametrize(("spec", "args"), FIT)
def test_what_fits(spec: dict[str, Any], args: dict[str, Any]) -> None:
    assert blocking(AsyncClient.over(MemoryPort(task("t", **spec)), "shop").trigger("t", args=args)).task == "t"


def test_a_run_may_wait_for_its_task() -> None:
    assert blocking(AsyncClient.over(MemoryPort(), "shop").trigger("later", missing_ok=True)).task == "later"


def test_what_was_asked_for_by_a_key_stays_so_whatever_the_task_becomes() -> None:
    port = MemoryPort(task("t"))
    client = AsyncClient.over(port, "shop")
    first = blocking(client.trigger("t", key="k"))
    port.put(task("t", argsSchema=SCHEMA))
    assert blocking(client.trigger("t", key="k")).uid == first.uid
    del port.objects["crontasks", "t"]
    assert blocking(client.trigger("t", key="k")).uid == first.uid
    with pytest.raises(errors.UnknownTask):
        blocking(client.trigger("t", key="other"))


def test_a_pause_that_is_over_before_it_begins() -> None:
    client = AsyncClient.over(MemoryPort(), "shop")
    with pytest.raises(errors.BadInput, match=r"until: 2026-01-01 00:00:00\+00:00 has passed: it is "):
        blocking(client.pause("sync", until=datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(errors.BadInput, match="has no time zone"):
        blocking(client.pause("sync", until=datetime(2100, 1, 1)))


@pytest.mark.parametrize(("of_async", "plain"), [(AsyncClient, Client), (AsyncRun, Run)])
def test_both_clients_have_the_same_methods(of_async: type, plain: type) -> None:
    apart = {"over", "__aenter__", "__aexit__", "__enter__", "__exit__"}
    names = {name for name in vars(of_async) if not name.startswith("_")} - apart
    assert names - set(dir(plain)) == set()
    assert {name for name in vars(plain) if not name.startswith("_")} - set(dir(of_async)) - {"app", "manager"} == set()
    for name in sorted({*names, "__init__"} if of_async is AsyncClient else names):
        one, other = getattr(of_async, name), getattr(plain, name)
        if not callable(one):
            continue
        assert inspect.signature(one).parameters == inspect.signature(other).parameters, name
        if name != "__init__":
            assert one.__doc__ == other.__doc__, name


def test_another_object_of_that_name_is_no_run_of_the_key() -> None:
    port = MemoryPort(task("sync"))
    client = AsyncClient.over(port, "shop")
    name = blocking(client.trigger("sync", key="k")).name
    port.put(run(name))
    with pytest.raises(errors.KeyConflict, match="different idempotencyKey"):
        blocking(client.trigger("sync", key="k"))


def test_a_coroutine_that_waits_for_something_else_cannot_be_driven() -> None:
    with pytest.raises(RuntimeError, match="waits for something else"):
        blocking(asyncio.sleep(0))


def test_a_generator_that_is_left_is_closed() -> None:
    closed = []

    async def items() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    found = blocking_items(items())
    assert next(found) == 1
    found.close()
    assert closed == [True]


@pytest.mark.parametrize(
    ("argv", "name"),
    [("/srv/shop/crons.py", "crons"), ("/x/shop/__main__.py", "shop"), ("-c", "python"), ("", "python")],
)
def test_the_name_of_the_program(argv: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [argv])
    assert checked_app(None) == name
    assert checked_app("shop") == "shop"


@pytest.mark.parametrize("app", ["a\nb", "ä", "a" * 101])
def test_a_name_that_no_manager_can_have(app: str) -> None:
    with pytest.raises(errors.BadInput, match="app: is"):
        checked_app(app)


TYPED = """
from datetime import timedelta
from crontask import AsyncClient, Client, Retry, Run, errors

client = Client(app="shop")
task = client.register("sync", interval=timedelta(minutes=5), image="a", retry=Retry(limit=3), timeout=None)
run: Run = client.trigger("sync", args={"full": True}, key="k", delay="5m")
rows: int = run.result(int, timeout=60)
listed: list[str] = run.result(list[str])
names = [each.name for each in client.runs(task="sync")]

async def main() -> None:
    async with AsyncClient() as aclient:
        total: float = await (await aclient.run(source="print(1)")).result(float)
        async for event in aclient.watch_runs():
            print(event.run.phase, total)
"""
WRONG = """
from crontask import Client
client = Client(app=1)
client.trigger("sync", att="5m")
client.trigger("sync", delay=5.0)
text: str = client.trigger("sync").result(int)
"""


def test_programs_are_typed(tmp_path: Path) -> None:
    """By mypy --strict, as a user's program is: its errors are those of the program alone."""
    (tmp_path / "typed.py").write_text(TYPED)
    (tmp_path / "wrong.py").write_text(WRONG)
    environment = {"MYPYPATH": str(ROOT / "operator"), "PATH": "/usr/bin"}
    arguments = ["--strict", "--explicit-package-bases", "--follow-imports=silent", "--cache-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments, "typed.py", "wrong.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [line.partition(": error:")[0] for line in found] == [f"wrong.py:{number}" for number in (3, 4, 5, 6)], done
    assert (ROOT / "operator" / "crontask" / "py.typed").exists()


TIMES: list[tuple[Any, float | None]] = [
    (None, None),
    (1, 1.0),
    (0.5, 0.5),
    ("90s", 90.0),
    (timedelta(minutes=1), 60.0),
]


@pytest.mark.parametrize(("timeout", "seconds"), TIMES)
def test_a_time_to_wait(timeout: Any, seconds: float | None) -> None:
    assert seconds_of(timeout) == seconds


@pytest.mark.parametrize("timeout", [-1, True, "soon", [1], float("nan")])
def test_what_is_no_time_to_wait(timeout: Any) -> None:
    with pytest.raises(errors.BadInput, match=r"timeout: "):
        seconds_of(timeout)


def test_what_is_read_says_what_it_is() -> None:
    port = MemoryPort(task("sync"), run("a"), run("b", "Failed"))
    client = AsyncClient.over(port, "shop")
    assert repr(blocking(client.task("sync"))) == "<Task shop/sync new>"
    assert [repr(each) for each in blocking(client.runs(phase="Pending"))] == ["<AsyncRun shop/a Pending>"]
    assert [each.name for each in blocking(client.runs(phase="Failed"))] == ["b"]


WORDS: list[tuple[Any, str]] = [
    (lambda client: client.runs(phase="Done"), r"phase: is 'Done', which is none; write one of Pending, Queued, "),
    (lambda client: client.runs(phase="failed"), r"phase: is 'failed', which is none; did you mean Failed\? There are"),
    (lambda client: client.tasks(state="Paused"), r"state: is 'Paused', which is none; .*Active, Suspended"),
    (lambda client: client.upcoming("soon"), "window: 'soon' is not a duration"),
    (lambda client: client.upcoming("0s"), "window: is nothing; write timedelta"),
    (lambda client: client.upcoming(limit=0), "limit: is 0; write 1 or more"),
]


@pytest.mark.parametrize(("call", "words"), WORDS)
def test_words_that_are_none(call: Any, words: str) -> None:
    with pytest.raises(errors.BadInput, match=words):
        blocking(call(AsyncClient.over(MemoryPort(), "shop")))
