"""The program itself: what it imports, its help, and a termination message that cannot be written."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from runner_process import ROOT, Reply, environment, run, run_source, serve

from crontask.runner.log import JsonFormatter

_LIST = """
import atexit, json, os, sys
import crontask.runner.main as main
end = os._exit
os._exit = lambda code: (print("MODULES", json.dumps(sorted(sys.modules)), flush=True), end(code))
main.main(sys.argv[1:])
"""


def _imported(directory: Path, kind: str, handler: dict[str, object]) -> set[str]:
    """The modules that are there at the end."""
    done = subprocess.run(
        [sys.executable, "-c", _LIST, kind],
        env={
            **environment(handler),
            "PYTHONPATH": str(ROOT / "operator"),
            "CRONTASK_MESSAGE_PATH": str(directory / "message"),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    [line] = [line for line in done.stdout.splitlines() if line.startswith("MODULES ")]
    return set(json.loads(line.removeprefix("MODULES ")))


def _check(modules: set[str]) -> None:
    ours = {name for name in modules if name.partition(".")[0] == "crontask"}
    assert {name for name in ours if not f"{name}.".startswith("crontask.runner.")} == {"crontask"}
    assert not modules & {"pydantic", "aiohttp", "asyncio", "orjson", "msgspec", "kubernetes", "kopf", "jsonpath"}


def test_little_is_imported_for_python(tmp_path: Path) -> None:
    modules = _imported(tmp_path, "python", {"entrypoint": "f", "source": "def f(ctx): return 1"})
    _check(modules)
    assert not modules & {"urllib3", "ssl", "http"}


def test_little_is_imported_for_http(tmp_path: Path) -> None:
    with serve(lambda asked: Reply(200, b"{}")) as server:
        modules = _imported(tmp_path, "http", {"url": server.url, "method": "GET"})
    _check(modules)
    assert "urllib3" in modules
    assert "uritemplate" not in modules


def test_only_a_template_needs_who_expands_it(tmp_path: Path) -> None:
    with serve(lambda asked: Reply(200, b"{}")) as server:
        modules = _imported(tmp_path, "http", {"urlTemplate": server.url + "/x", "method": "GET"})
    _check(modules)
    assert "uritemplate" in modules


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [(["--help"], 0, "meant for a pod"), (["--help"], 0, "example:"), ([], 2, "usage:"), (["shell"], 2, "shell")],
)
def test_its_help(arguments: list[str], code: int, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crontask.runner", *arguments],
        env={"PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code
    assert words in done.stdout + done.stderr


@pytest.mark.parametrize(("source", "code"), [("def handler(ctx): return 1", 0), ("def handler(ctx): 1 / 0", 1)])
def test_a_message_that_cannot_be_written_changes_no_exit_code(tmp_path: Path, source: str, code: int) -> None:
    path = str(tmp_path / "no" / "such")
    ended = run_source(tmp_path, source, CRONTASK_MESSAGE_PATH=path)
    assert ended.code == code
    told = f"the termination message cannot be written to {path}: No such file or directory"
    assert told in [line["message"] for line in ended.lines]


def test_the_message_is_never_longer_than_asked(tmp_path: Path) -> None:
    ended = run_source(tmp_path, "def handler(ctx): raise ValueError('€' * 9000)", CRONTASK_MESSAGE_BYTES="300")
    assert 295 < len(ended.written) <= 300
    assert ended.message["message"].endswith("…")


def test_a_fault_of_the_runner_is_told(tmp_path: Path) -> None:
    ended = run(tmp_path, "http", {"url": "http://x/", "method": "GET", "body": "x", "expect": {"status": {"a": 1}}})
    assert ended.code == 2


@pytest.mark.parametrize("value", [float("nan"), object(), {(1, 2): 3}, b"x"])
def test_a_line_of_the_log_is_json_whatever_it_was_logged_with(value: object) -> None:
    record = logging.makeLogRecord({"msg": "m", "value": value, "levelname": "INFO", "name": "n"})
    line = json.loads(JsonFormatter().format(record), parse_constant=lambda word: pytest.fail(word))
    assert line["value"] == str(value)
