"""One process that does one batch after the other: when it ends, what it has written then, and what a signal leaves."""

import json
import signal
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

import pytest
from runner_process import Ended, Process, environment

from crontask.runner.message import LEAST_BYTES, Report, encode, write_whole

MANY = 1_000_000
# Each does the page after its cursor; BODY may say more.
_PAGES = """
import os, time
def handler(ctx, **args):
    page = (ctx.cursor or 0) + 1
    with open("done", "a") as file:
        file.write(f"{ctx.batch} ")
    BODY
    return {"cursor": page, "isDone": page == LAST, "processedCount": 2}
"""


def pages(body: str = "pass", last: int = 5) -> str:
    return _PAGES.replace("BODY", body).replace("LAST", str(last))


def begun(
    directory: Path,
    source: str,
    args: dict[str, Any] | None = None,
    /,
    *,
    more: dict[str, str] | None = None,
    **reuse: Any,
) -> Process:
    """A process whose pod is reused for five minutes, unless `reuse` says otherwise."""
    variables = {
        **{"CRONTASK_BATCH": "1", "CRONTASK_BATCH_SIZE": "5", "CRONTASK_IDEMPOTENCY_KEY": "uid/1"},
        **{"CRONTASK_REUSE": json.dumps({"for": 300, "most": MANY, **reuse}), **(more or {})},
    }
    return Process(directory, "python", environment({"entrypoint": "handler", "source": source}, args, **variables))


def ended(directory: Path, source: str, args: dict[str, Any] | None = None, /, **more: Any) -> Ended:
    return begun(directory, source, args, **more).ended()


def started(directory: Path) -> list[int]:
    """The batches that have begun, in order."""
    return [int(number) for number in (directory / "done").read_text().split()]


# (what each batch does beside, how the pod is reused, exit code, what the message has)
TABLE: list[tuple[str, str, dict[str, Any], int, dict[str, Any]]] = [
    ("until it is done", "pass", {}, 0, {"status": "success", "batches": 5, "cursor": 5, "isDone": True}),
    ("so many at most", "pass", {"most": 3}, 0, {"batches": 3, "cursor": 3, "isDone": False}),
    ("one that takes too long for another", "time.sleep(0.3)", {"for": 0.5}, 0, {"batches": 1, "isDone": False}),
    ("the delay counts as well", "pass", {"for": 1, "delay": 2}, 0, {"batches": 1, "isDone": False}),
    ("always one", "pass", {"for": 0}, 0, {"batches": 1}),
    ("one that raises", "if page == 3: raise OSError('no')", {}, 1, {"status": "failed", "batches": 2, "cursor": 2}),
    ("one that ends it", "if page == 3: raise SystemExit(9)", {}, 9, {"status": "failed", "batches": 2, "cursor": 2}),
    ("without isDone", "if page == 3: return {'cursor': 3}", {}, 0, {"batches": 3, "cursor": 3, "stuck": "NoIsDone"}),
    ("ended in silence", "if page == 3: raise SystemExit", {}, 0, {"batches": 3, "cursor": 2, "stuck": "NoIsDone"}),
    ("no cursor", "if page == 3: return {'isDone': False}", {}, 0, {"batches": 3, "cursor": 2, "stuck": "NoCursor"}),
    (
        "the same cursor",
        "if page == 3: return {'isDone': False, 'cursor': 2}",
        *({}, 0, {"batches": 3, "cursor": 2, "stuck": "SameCursor"}),
    ),
    ("nothing of a batch", "if page == 3: return 7", {}, 1, {"status": "failed", "batches": 2, "cursor": 2}),
    (
        "one that takes too long",
        "if page == 3: time.sleep(60)",
        *({"timeout": 0.3}, 124, {"status": "failed", "batches": 2, "cursor": 2, "timedOut": True}),
    ),
    ("each has its time", "time.sleep(0.15)", {"timeout": 0.6}, 0, {"batches": 5, "isDone": True}),
    (
        "partial ones",
        "if page in (2, 4): return {'cursor': page, 'isDone': False, 'errorCount': 1}",
        *({}, 0, {"status": "partial", "batches": 5, "partialBatches": 2, "errorCount": 2, "processedCount": 6}),
    ),
    (
        "the last one's result",
        "if page == 5: return {'isDone': True, 'result': 'r'}",
        {},
        0,
        {"result": "r", "batches": 5},
    ),
    (
        "no result of one before",
        "if page == 2: return {'isDone': False, 'cursor': 2, 'result': 1}",
        {},
        0,
        {"batches": 5},
    ),
]


@pytest.mark.parametrize(("body", "reuse", "code", "wanted"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_table(tmp_path: Path, body: str, reuse: dict[str, Any], code: int, wanted: dict[str, Any]) -> None:
    found = ended(tmp_path, pages(body), **reuse)
    assert (found.code, len(found.written)) == (code, 4095), found.err
    assert {key: found.message.get(key) for key in wanted} == wanted
    assert wanted.get("result") == found.message.get("result")


def test_the_message_of_a_failure_says_why_and_where(tmp_path: Path) -> None:
    found = ended(tmp_path, pages("if page == 3: {}['k']"))
    assert found.message["message"].startswith("KeyError: 'k'\n  at handler.py:")
    found = ended(tmp_path, pages("if page == 3: time.sleep(60)"), timeout=0.3)
    assert found.message["message"].startswith("took longer than its timeout of 0.3 s\n  at handler.py:")


@pytest.mark.parametrize(("length", "fits"), [(100 * 1024, True), (100 * 1024 + 1, False)])
def test_its_args_may_be_as_long_as_those_of_any_run(tmp_path: Path, length: int, fits: bool) -> None:
    """By the operator's limit: it refuses them of the next pod."""
    late = [{"at": ["n"], "value": ["batch"]}]
    rest = len(b'{"n":1,"text":""}')
    found = ended(tmp_path, pages(), {"n": 1, "text": "x" * (length - rest)}, args=late)
    assert (found.code, "args are too long" in found.err) == ((0, False) if fits else (2, True))


def test_each_has_its_own_number_key_cursor_and_args(tmp_path: Path) -> None:
    source = """
import json, os
seen = []
def handler(ctx, of, page, all):
    env = [os.environ.get("CRONTASK_BATCH"), os.environ["CRONTASK_IDEMPOTENCY_KEY"], os.environ.get("CRONTASK_CURSOR")]
    seen.append([ctx.batch, ctx.batch_size, ctx.idempotency_key, ctx.cursor, page, all, sorted(of), env])
    of["more"] = "is for itself alone"
    page = (ctx.cursor or {"page": 0})["page"] + 1
    return {"cursor": {"page": page}, "isDone": page == 9, "result": seen}
"""
    late = [
        {"at": ["page"], "value": ["cursor", "page"], "default": 0},
        {"at": ["all", 1], "value": ["batch"]},
    ]
    given = {"CRONTASK_BATCH": "7", "CRONTASK_CURSOR": '{"page": 6}', "CRONTASK_IDEMPOTENCY_KEY": "uid/7/7"}
    found = ended(tmp_path, source, {"of": {"a": 1}, "page": 6, "all": ["x", 7]}, more=given, args=late)
    assert found.message["result"] == [
        [n, 5, f"uid/7/{n}", {"page": n - 1}, n - 1, ["x", n], ["a"], [str(n), f"uid/7/{n}", f'{{"page": {n - 1}}}']]
        for n in (7, 8, 9)
    ]
    assert found.message["batches"] == 3


def test_where_a_value_is_missing_the_operator_says_so_of_the_next(tmp_path: Path) -> None:
    late = [{"at": ["x"], "value": ["cursor", "page"]}]
    source = "def handler(ctx, x):\n    return {'isDone': False, 'cursor': {'other': 1}}"
    found = ended(tmp_path, source, {"x": 1}, args=late, more={"CRONTASK_CURSOR": '{"page": 1}'})
    assert (found.code, found.message["batches"], found.message["isDone"]) == (0, 1, False)
    found = ended(tmp_path, source, {"x": 1}, args=late)
    assert (found.code, found.message["message"]) == (2, "batch 1: cursor.page is missing")


@pytest.mark.parametrize("reuse", ["{}", "[]", '{"for": "x", "most": 1}', '{"for": 1, "most": 1, "args": [{"at": 1}]}'])
def test_what_does_not_say_how_is_refused(tmp_path: Path, reuse: str) -> None:
    found = ended(tmp_path, pages(), more={"CRONTASK_REUSE": reuse})
    assert (found.code, found.message["status"]) == (2, "failed")
    assert "CRONTASK_REUSE" in found.message["message"]


def test_an_asynchronous_one_that_takes_too_long_is_cancelled(tmp_path: Path) -> None:
    source = """
import asyncio
async def handler(ctx):
    if ctx.batch == 3:
        try:
            await asyncio.sleep(60)
        finally:
            print("unwound")
    return {"cursor": ctx.batch, "isDone": False}
"""
    found = ended(tmp_path, source, timeout=0.4)
    assert (found.code, found.message["batches"], found.message["cursor"]) == (124, 2, 2)
    assert "unwound\n" in found.out


def test_one_that_swallows_that_it_took_too_long_has_ended(tmp_path: Path) -> None:
    body = "\n    ".join(("try:", "    if page == 2: time.sleep(60)", "except BaseException: pass"))
    assert ended(tmp_path, pages(body), timeout=0.3).message["batches"] == 5


# --- SIGTERM: a pause, a cancel, an eviction -------------------------------------------------------------------------


def stopped(process: Process, text: str) -> Ended:
    """Ask it to end once it has printed that."""
    process.wait_for(text)
    process.process.send_signal(signal.SIGTERM)
    return process.ended()


def test_sigterm_during_a_batch_ends_it_after_that(tmp_path: Path) -> None:
    body = "if page == 2: print('ready'); time.sleep(0.5)"
    found = stopped(begun(tmp_path, pages(body)), "ready")
    assert (found.code, found.message["batches"], found.message["isDone"]) == (0, 2, False)
    assert (started(tmp_path), found.message["cursor"], found.message["processedCount"]) == ([1, 2], 2, 4)


def test_sigterm_during_an_asynchronous_batch_does_not_cancel_it(tmp_path: Path) -> None:
    source = """
import asyncio
async def handler(ctx):
    print("ready" if ctx.batch == 2 else "-")
    await asyncio.sleep(0.3)
    return {"cursor": ctx.batch, "isDone": False}
"""
    found = stopped(begun(tmp_path, source), "ready")
    assert (found.code, found.message["batches"], found.message["cursor"]) == (0, 2, 2)


def test_sigterm_between_two_ends_it_at_once(tmp_path: Path) -> None:
    found = stopped(begun(tmp_path, pages(), delay=200), "batch done")
    assert (found.code, found.message["batches"], started(tmp_path)) == (0, 1, [1])
    assert found.lines[-1]["duration"] < 100


def test_sigterm_before_the_first_begins_none(tmp_path: Path) -> None:
    source = "import time\nprint('ready')\ntime.sleep(0.5)\n" + pages()
    found = stopped(begun(tmp_path, source), "ready")
    assert (found.code, found.message) == (0, {"status": "success", "batches": 0, "isDone": False})
    assert not (tmp_path / "done").exists()


def test_sigterm_while_it_writes_breaks_nothing(tmp_path: Path) -> None:
    """Before and after the write itself, in the middle of what does it."""
    for when in ("before", "after"):
        source = _hooked("os.kill(os.getpid(), signal.SIGTERM)", when, at=2)
        found = ended(tmp_path, source)
        assert (found.code, found.message["batches"], found.message["cursor"]) == (0, 2, 2), when


def test_a_batch_that_fails_after_sigterm_has_failed(tmp_path: Path) -> None:
    body = "\n    ".join(("if page == 2:", "    print('ready')", "    time.sleep(0.5)", "    raise OSError('no')"))
    found = stopped(begun(tmp_path, pages(body)), "ready")
    assert (found.code, found.message["batches"]) == (1, 1)
    assert found.message["message"].startswith("OSError: no\n")


# --- SIGKILL: out of memory, a node that goes ------------------------------------------------------------------------


def _hooked(act: str, when: str, at: int) -> str:
    """Something is done just before, or just after, the write of that number."""
    calls = (act, "done = write(file, raw)") if when == "before" else ("done = write(file, raw)", act)
    lines = "\n        ".join(calls)
    return f"""
import os, signal
write, count = os.write, [0]
def planted(file, raw):
    if len(raw) < 100:
        return write(file, raw)
    count[0] += 1
    if count[0] == {at}:
        {lines}
        return done
    return write(file, raw)
os.write = planted
{pages()}"""


def killed(process: Process, text: str) -> Ended:
    process.wait_for(text)
    process.process.kill()
    return process.ended()


def test_sigkill_before_the_first_write_leaves_none(tmp_path: Path) -> None:
    found = killed(begun(tmp_path, pages("print('ready'); time.sleep(60)")), "ready")
    assert (found.code, found.written, started(tmp_path)) == (-signal.SIGKILL, b"", [1])


def test_sigkill_during_a_batch_leaves_those_before(tmp_path: Path) -> None:
    found = killed(begun(tmp_path, pages("if page == 3: print('ready'); time.sleep(60)")), "ready")
    assert (found.message["batches"], found.message["cursor"], started(tmp_path)) == (2, 2, [1, 2, 3])


def test_sigkill_between_two_leaves_all(tmp_path: Path) -> None:
    """Once it is written: the next would begin in minutes."""
    source = _hooked("print('ready', flush=True)", "after", at=1)
    found = killed(begun(tmp_path, source, delay=200), "ready")
    assert (found.message["batches"], found.message["cursor"], started(tmp_path)) == (1, 1, [1])


@pytest.mark.parametrize(("when", "batches"), [("before", 1), ("after", 2)])
def test_sigkill_at_the_write_leaves_one_message_or_the_other(tmp_path: Path, when: str, batches: int) -> None:
    found = ended(tmp_path, _hooked("os.kill(os.getpid(), signal.SIGKILL)", when, at=2))
    assert (found.code, len(found.written)) == (-signal.SIGKILL, 4095)
    assert (found.message["batches"], found.message["cursor"], started(tmp_path)) == (batches, batches, [1, 2])


def test_sigkill_at_any_time_leaves_a_whole_message_and_at_most_one_batch_undone(tmp_path: Path) -> None:
    random = Random(7)
    for number in range(8):
        directory = tmp_path / str(number)
        directory.mkdir()
        source = pages(last=MANY)
        process = begun(directory, source)
        process.wait_for("batch done")
        sleep(random.uniform(0, 0.05))
        process.process.kill()
        found = process.ended()
        done = found.message["batches"] if found.written else 0
        assert not found.written or (len(found.written), found.message["cursor"]) == (4095, done)
        assert not found.written or found.message["processedCount"] == 2 * done
        begun_batches = started(directory)
        assert begun_batches == list(range(1, len(begun_batches) + 1))
        assert done <= len(begun_batches) <= done + 1


# --- the message -----------------------------------------------------------------------------------------------------


def test_the_next_message_shows_nothing_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "message"
    for text in ("x" * 900, "y"):
        write_whole(str(path), Report("success", 0, result=text), 1000)
        assert len(path.read_bytes()) == 999
    assert json.loads(path.read_bytes()) == {"status": "success", "result": "y"}


def test_all_but_the_text_and_the_cursor_fits_into_the_least() -> None:
    most = 2**31 - 1
    batch = {"batches": most, "partialBatches": most, "isDone": False, "total": most, "stuck": "SameCursor"}
    report = Report("failed", 1, "why", processed=most, errors=most, batch={**batch, "timedOut": True})
    assert len(encode(report, LEAST_BYTES - 1)) < LEAST_BYTES
