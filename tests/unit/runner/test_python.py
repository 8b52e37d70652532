"""A function, found, called, and what it gives or raises."""

import sys
from pathlib import Path
from typing import Any

import pytest
from runner_process import environment, run, run_source

from crontask.runner.result import DEEPEST, NotJsonError, plain

_ALL = """
import dataclasses

def handler(ctx, day, limit=3):
    print("printed")
    ctx.logger.info("told %s", day, extra={"rows": 5, "odd": {1, }, "run": "not this"})
    return {
        "names": [ctx.task, ctx.namespace, ctx.run, ctx.run_uid, ctx.idempotency_key],
        "attempt": ctx.attempt,
        "times": [ctx.scheduled_time.isoformat(), ctx.previous_scheduled_time.isoformat(), ctx.next_scheduled_time],
        "given": [ctx.args, ctx.cursor, ctx.cause, day, limit],
        "item": [ctx.item, ctx.item_index],
    }
"""


def test_the_whole_way(tmp_path: Path) -> None:
    ended = run_source(tmp_path, _ALL, {"day": "today"}, CRONTASK_CURSOR='"c7"', CRONTASK_TRIGGER='{"type": "Manual"}')
    assert (ended.code, ended.err) == (0, "")
    assert ended.message == {
        "status": "success",
        "result": {
            "names": ["nightly", "shop", "nightly-1", "uid-1", "key-1"],
            "attempt": 2,
            "times": ["2026-03-01T12:00:00+00:00", "2026-02-28T12:00:00+00:00", None],
            "given": [{"day": "today"}, "c7", {"type": "Manual"}, "today", 3],
            "item": [None, None],
        },
    }
    # What is printed stands where it was printed, as it was.
    assert ended.out.splitlines()[1] == "printed"
    assert [line["message"] for line in ended.lines] == ["started", "told today", "finished"]
    told = ended.lines[1]
    assert {"logger": "handler", "level": "info", "rows": 5, "odd": "{1}", "run": "nightly-1"}.items() <= told.items()


def test_an_item_of_a_fan_out(tmp_path: Path) -> None:
    source = "def handler(ctx): return [ctx.item, ctx.item_index]"
    ended = run_source(tmp_path, source, {}, CRONTASK_ITEM='{"id": null}', CRONTASK_ITEM_INDEX="3")
    assert (ended.code, ended.message["result"]) == (0, [{"id": None}, 3])


def test_an_asynchronous_function(tmp_path: Path) -> None:
    source = """
import asyncio

async def left():
    try:
        await asyncio.sleep(3600)
    finally:
        print("ended too")

async def handler(ctx):
    task = asyncio.create_task(left())
    await asyncio.sleep(0)
    return [1]
"""
    ended = run_source(tmp_path, source)
    assert (ended.code, ended.message) == (0, {"status": "success", "result": [1]})
    assert "ended too\n" in ended.out


def test_a_function_that_gives_something_to_await(tmp_path: Path) -> None:
    source = "async def work():\n    return 5\n\ndef handler(ctx):\n    return work()"
    assert run_source(tmp_path, source).message == {"status": "success", "result": 5}


def test_no_result(tmp_path: Path) -> None:
    assert run_source(tmp_path, "def handler(ctx): pass").message == {"status": "success"}


def test_a_source_in_a_variable_of_its_own(tmp_path: Path) -> None:
    handler = {"entrypoint": "f", "sourceEnv": "SOURCE"}
    assert run(tmp_path, "python", handler, SOURCE="f = lambda ctx: 'x'").message["result"] == "x"
    assert run(tmp_path, "python", handler).message["message"].startswith("the variable SOURCE")


def test_a_source_of_a_file_is_called_as_that(tmp_path: Path) -> None:
    handler = {"entrypoint": "f", "sourceEnv": "SOURCE", "sourceFile": "crons.py"}
    failed = run(tmp_path, "python", handler, SOURCE="def f(ctx):\n    1 / 0\n")
    assert failed.message["message"] == "ZeroDivisionError: division by zero\n  at crons.py:2 in f: 1 / 0"
    bad = run(tmp_path, "python", handler, SOURCE="def f(ctx)\n    1 / 0\n")
    assert "at crons.py:1: def f(ctx)" in bad.message["message"]
    assert "there is no function f in crons.py" in run(tmp_path, "python", handler, SOURCE="").message["message"]


def test_a_source_in_several_pieces(tmp_path: Path) -> None:
    whole = environment({"entrypoint": "handler", "source": "def handler(ctx): return 'ü' * 3"})["CRONTASK_HANDLER"]
    ended = run(tmp_path, "python", whole[:9], CRONTASK_HANDLER_2=whole[9:30], CRONTASK_HANDLER_3=whole[30:])
    assert ended.message["result"] == "üüü"


def test_the_source_is_a_module_like_any_other(tmp_path: Path) -> None:
    source = """
from __future__ import annotations
import dataclasses, inspect, pickle, typing

@dataclasses.dataclass
class Point:
    x: typing.ClassVar[int] = 1
    y: int = 2

def handler(ctx):
    return [__name__, pickle.loads(pickle.dumps(Point(5))).y, inspect.getsource(Point).splitlines()[1]]
"""
    assert run_source(tmp_path, source).message["result"] == ["handler", 5, "class Point:"]


def test_a_module_in_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "clean.py").write_text(
        "def run(ctx, n):\n    return helper(n)\n\ndef helper(n):\n    return 1 / n\n"
    )
    (tmp_path / "jobs" / "__init__.py").touch()
    tmp_path.chmod(0o555)
    handler = {"entrypoint": "jobs.clean:run"}
    # Where one may write, the message may lie elsewhere.
    elsewhere = {"CRONTASK_MESSAGE_PATH": "/dev/stderr"}
    good = run(tmp_path, "python", handler, {"n": 2}, **elsewhere)
    bad = run(tmp_path, "python", handler, {"n": 0}, **elsewhere)
    tmp_path.chmod(0o755)
    assert (good.code, good.err) == (0, '{"status":"success","result":0.5}')
    assert bad.code == 1
    assert "  at jobs/clean.py:2 in run: return helper(n)\\n  at jobs/clean.py:5 in helper: return 1 / n" in bad.err


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        ({"source": "def other(ctx): ..."}, "there is no function handler in handler.py"),
        ({"source": "handler = 5"}, "handler in handler.py is not a function but int"),
        ({"source": "x = 1\ndef handler(ctx)\n  pass"}, "SyntaxError: expected ':', at handler.py:2: def handler(ctx)"),
        ({"source": "def handler(ctx):\nreturn 1"}, "at handler.py:2: return 1"),
        ({"source": "x = '\u0000'"}, "null bytes"),
        ({"source": "", "entrypoint": "a:b"}, "has to be the name of a function in the source"),
        ({"source": 5}, "has to be text"),
        ({"entrypoint": None}, "no entrypoint"),
        ({}, "'handler' has to be like package.module:function, since there is no source"),
        ({"entrypoint": "no_such.module:run"}, "there is no module no_such in the image"),
        ({"entrypoint": "json:no_such"}, "there is no function no_such in the module json"),
        ({"entrypoint": "../x:run"}, "has to be like package.module:function"),
        ({"entrypoint": "broken:run"}, "SyntaxError: invalid syntax, at broken.py:1: 1 +"),
    ],
)
def test_no_function(tmp_path: Path, handler: dict[str, Any], words: str) -> None:
    (tmp_path / "broken.py").write_text("1 +\n")
    ended = run(tmp_path, "python", {"entrypoint": "handler", **handler})
    assert ended.code == 2
    assert words in ended.message["message"]
    assert ended.message["message"] in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("parameters", "args", "words"),
    [
        ("ctx, day", {}, "missing a required argument: 'day'; handler takes (ctx, day), and the run's args are: none"),
        ("ctx", {"day": 1}, "unexpected keyword argument 'day'; handler takes (ctx), and the run's args are: day"),
        ("ctx, **rest", {"ctx": 1}, "multiple values for argument 'ctx'"),
        ("", {}, "too many positional arguments; handler takes ()"),
    ],
)
def test_arguments_that_do_not_fit(tmp_path: Path, parameters: str, args: dict[str, Any], words: str) -> None:
    ended = run_source(tmp_path, f"def handler({parameters}): raise SystemExit('was called')", args)
    assert ended.code == 2
    assert words in ended.message["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero\n  at handler.py:2 in handler: 1 / 0"),
        ("raise KeyError", "KeyError\n  at handler.py:2 in handler: raise KeyError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt\n  at handler.py:2 in handler: raise KeyboardInterrupt"),
        (
            "import json; json.loads('[')",
            "JSONDecodeError: Expecting value: line 1 column 2 (char 1)\n  at handler.py:2 in",
        ),
        (
            "raise ValueError('x' * 5000)",
            "ValueError: " + "x" * 547 + "…\n  at handler.py:2 in handler: raise ValueErr",
        ),
        ("raise ExceptionGroup('two', [ValueError(1), TypeError(2)])", "ExceptionGroup: two (2 sub-exceptions)\n  "),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'\n  at handler.py:2"),
        (
            "\n  try: 1 / 0\n  except Exception as error: raise RuntimeError('after') from error",
            "RuntimeError: after\n  at handler.py:4 in handler: except",
        ),
        (
            "\n  class E(Exception):\n    def __str__(self): 1 / 0\n  raise E",
            "E: (its text cannot be shown: its __str__ fails)\n  at handler.py:5 in handler: raise E",
        ),
        ("raise ValueError('\\ud800')", "ValueError: ?\n  at handler.py:2"),
        (
            "\n  def f(n):\n    return f(n - 1) if n else 1 / 0\n  f(9)",
            "ZeroDivisionError: division by zero\n" + "  at handler.py:4 in f: return f(n - 1) if n else 1 / 0\n" * 2,
        ),
    ],
)
def test_exceptions(tmp_path: Path, body: str, message: str) -> None:
    ended = run_source(tmp_path, f"def handler(ctx):\n  {body}")
    assert ended.code == 1
    assert ended.message["status"] == "failed"
    assert ended.message["message"].startswith(message)
    assert "crontask/runner" not in ended.message["message"]
    failed = ended.lines[-1]
    assert (failed["message"], failed["level"], failed["exitCode"]) == ("failed", "error", 1)
    assert "Traceback (most recent call last)" in failed["exception"]
    assert ended.err == ""


def test_exceptions_of_asynchronous_functions_and_of_the_module_itself(tmp_path: Path) -> None:
    asynchronous = run_source(tmp_path, "async def handler(ctx):\n  raise OSError('no')")
    assert (asynchronous.code, asynchronous.message["message"]) == (
        1,
        "OSError: no\n  at handler.py:2 in handler: raise OSError('no')",
    )
    module = run_source(tmp_path, "x = 1\ny = {}['k']")
    assert (module.code, module.message["message"]) == (1, "KeyError: 'k'\n  at handler.py:2 in <module>: y = {}['k']")
    cancelled = run_source(tmp_path, "import asyncio\nasync def handler(ctx):\n  raise asyncio.CancelledError")
    assert (cancelled.code, cancelled.message["message"].split("\n")[0]) == (1, "CancelledError")


@pytest.mark.parametrize(
    ("end", "code", "message"),
    [
        ("sys.exit()", 0, None),
        ("sys.exit(0)", 0, None),
        ("sys.exit(3)", 3, "the handler ended with exit code 3\n  at handler.py:3 in handler: sys.exit(3)"),
        ("sys.exit(-1)", 255, "the handler ended with exit code -1\n  at handler.py:3 in handler: sys.exit(-1)"),
        ("sys.exit(256)", 1, "the handler ended with exit code 256\n  at handler.py:3 in handler: sys.exit(256)"),
        ("sys.exit('no input')", 1, "no input"),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_system_exit(tmp_path: Path, kind: str, end: str, code: int, message: str | None) -> None:
    ended = run_source(tmp_path, f"import sys\n{kind} handler(ctx):\n  {end}")
    assert ended.code == code
    assert ended.message.get("message") == message
    assert ended.message["status"] == ("success" if code == 0 else "failed")


def test_progress(tmp_path: Path) -> None:
    source = """
def handler(ctx):
    for number in range(1000):
        ctx.progress(number, errors=number // 500)
    ctx.progress(processed=1001)
    return "done"
"""
    ended = run_source(tmp_path, source)
    assert ended.code == 0
    assert ended.message == {"status": "partial", "processedCount": 1001, "errorCount": 1, "result": "done"}
    logged = [line for line in ended.lines if line["message"] == "progress"]
    assert 1 <= len(logged) < 100
    assert logged[0]["processed"] == 0
    assert (ended.lines[-1]["processed"], ended.lines[-1]["errors"]) == (1001, 1)


def test_progress_is_told_of_a_failure_too(tmp_path: Path) -> None:
    ended = run_source(tmp_path, "def handler(ctx):\n  ctx.progress(5, 0)\n  1 / 0")
    assert (ended.code, ended.message["processedCount"], ended.message["errorCount"]) == (1, 5, 0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("-1", "ValueError: processed has to be from 0 to 2147483647, not -1"),
        ("errors=2**31", "ValueError: errors has to be from 0"),
        ("True", "TypeError: processed has to be an int, not bool"),
        ("errors='1'", "TypeError: errors has to be an int, not str"),
        ("1.0", "TypeError: processed has to be an int, not float"),
    ],
)
def test_counts_that_are_none(tmp_path: Path, call: str, words: str) -> None:
    ended = run_source(tmp_path, f"def handler(ctx): ctx.progress({call})")
    assert ended.code == 1
    assert ended.message["message"].startswith(words)
    assert "processedCount" not in ended.message


def test_a_result_that_is_no_json(tmp_path: Path) -> None:
    source = "import datetime\ndef handler(ctx): return {'items': [1, 2, 3, datetime.datetime(2026, 1, 1)]}"
    ended = run_source(tmp_path, source)
    assert (ended.code, ended.message) == (
        1,
        {
            "status": "failed",
            "message": "result.items[3]: datetime is not valid JSON; return text, for instance by .isoformat()",
        },
    )


_CYCLE: list[Any] = []
_CYCLE.append(_CYCLE)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "result: nan is not valid JSON"),
        ([float("-inf")], "result[0]: -inf is not valid JSON"),
        ({"a": b""}, "result.a: bytes is not valid JSON; return text, for instance by .decode()"),
        ({"a b": {1}}, "result['a b']: set is not valid JSON; return a list, for instance by sorted()"),
        ({"a": {1: 2}}, "result.a: a key is int, and the keys of JSON are text"),
        ({None: 2}, "a key is NoneType"),
        (object(), "result: object is not valid JSON"),
        (2**63, "an integer over 9223372036854775807"),
        ([-(2**63)], "result[0]: an integer over 9223372036854775807, or as far below 0, is not kept; return text"),
        (_CYCLE, f"nested deeper than {DEEPEST} levels"),
    ],
)
def test_values_that_are_no_json(value: Any, words: str) -> None:
    with pytest.raises(NotJsonError) as caught:
        plain(value)
    assert words in str(caught.value)


def test_values_that_are_json() -> None:
    value = {"a": (1, 2.5, "x", None, True), "": [], "big": [2**63 - 1, 1 - 2**63]}
    assert plain(value) == {"a": [1, 2.5, "x", None, True], "": [], "big": [2**63 - 1, 1 - 2**63]}


@pytest.mark.parametrize(
    "left",
    [
        "import threading, time\ndef handler(ctx):\n  threading.Thread(target=time.sleep, args=(3600,)).start()",
        "import asyncio, time\nasync def handler(ctx):\n"
        "  loop = asyncio.get_running_loop()\n  loop.run_in_executor(None, time.sleep, 3600)",
    ],
)
def test_threads_that_are_left_do_not_hold_the_end(tmp_path: Path, left: str) -> None:
    ended = run_source(tmp_path, f"{left}\n  return 'done'")
    assert (ended.code, ended.message["result"]) == (0, "done")


def test_what_is_printed_without_a_line_end_is_not_lost(tmp_path: Path) -> None:
    source = "import sys\ndef handler(ctx):\n  sys.stderr.write('e')\n  print('ü\\ud800', end='')\n  return 1"
    ended = run_source(tmp_path, source)
    assert ended.code == 0
    assert "ü\\ud800" in ended.out
    assert ended.err == "e"


def test_what_is_closed_by_the_handler_changes_no_exit_code(tmp_path: Path) -> None:
    ended = run_source(tmp_path, "import sys\ndef handler(ctx):\n  sys.stdout.close()\n  return 1")
    assert (ended.code, ended.message["result"]) == (0, 1)


def test_it_is_the_interpreter_of_the_tests(tmp_path: Path) -> None:
    ended = run_source(tmp_path, "import sys\ndef handler(ctx): return sys.version")
    assert ended.message["result"] == sys.version
