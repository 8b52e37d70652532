"""SIGTERM, while each kind of handler is at work."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest
from runner_process import Asked, Ended, Process, Reply, environment, serve


def _stopped(directory: Path, source: str) -> Ended:
    """Send SIGTERM when it prints `ready`."""
    process = Process(directory, "python", environment({"entrypoint": "handler", "source": source}))
    process.wait_for("ready")
    process.process.send_signal(signal.SIGTERM)
    return process.ended()


_SYNC = """
import time

def handler(ctx):
    ctx.progress(7)
    try:
        print("ready")
        time.sleep(3600)
    except Exception:
        return "swallowed"
    finally:
        print("unwound")
"""
_ASYNC = """
import asyncio

async def handler(ctx):
    ctx.progress(7)
    try:
        print("ready")
        await asyncio.sleep(3600)
    except Exception:
        return "swallowed"
    finally:
        await asyncio.sleep(0)
        print("unwound")
"""


@pytest.mark.parametrize("source", [_SYNC, _ASYNC])
def test_the_handler_unwinds(tmp_path: Path, source: str) -> None:
    ended = _stopped(tmp_path, source)
    assert ended.code == 143
    assert (ended.message["status"], ended.message["processedCount"]) == ("failed", 7)
    assert ended.message["message"].startswith("stopped by SIGTERM after ")
    # Where it was: at the print still, or at the sleep already.
    assert "\n  at handler.py:" in ended.message["message"]
    assert " in handler: " in ended.message["message"]
    assert "unwound\n" in ended.out
    assert ended.lines[-1]["exitCode"] == 143


def test_a_second_one_breaks_nothing(tmp_path: Path) -> None:
    source = """
import os, time

def handler(ctx):
    try:
        print("ready")
        time.sleep(3600)
    finally:
        print("ready again")
        while not os.path.exists("go"):
            time.sleep(0.01)
        print("unwound")
"""
    process = Process(tmp_path, "python", environment({"entrypoint": "handler", "source": source}))
    for _ in range(2):
        process.wait_for("ready")
        process.process.send_signal(signal.SIGTERM)
    for _ in range(20):
        process.process.send_signal(signal.SIGTERM)
    (tmp_path / "go").touch()
    ended = process.ended()
    assert (ended.code, ended.message["status"]) == (143, "failed")
    assert "unwound\n" in ended.out


def test_one_while_the_message_is_written_breaks_nothing(tmp_path: Path) -> None:
    """The message is a pipe that nobody reads until the main thread waits for that, and SIGTERM has come."""
    source = """
import signal, sys, threading, traceback

def work(path):
    main = threading.main_thread().ident
    while not any(frame.f_code.co_name == "_write" for frame, _ in traceback.walk_stack(sys._current_frames()[main])):
        pass
    signal.pthread_kill(main, signal.SIGTERM)
    with open(path) as pipe:
        print("READ", pipe.read())

def handler(ctx, path):
    threading.Thread(target=work, args=(path,)).start()
    return "done"
"""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    handler = {"entrypoint": "handler", "source": source}
    variables = environment(handler, {"path": str(path)}, CRONTASK_MESSAGE_PATH=str(path))
    process = Process(tmp_path, "python", variables)
    ended = process.ended()
    assert ended.code == 0
    assert ended.lines[-1]["message"] == "finished"


def test_one_after_the_other_up_to_the_end(tmp_path: Path) -> None:
    """Whenever it comes: at the end the message is there, and whole."""
    process = Process(tmp_path, "python", environment({"entrypoint": "handler", "source": _SYNC}))
    process.wait_for("ready")
    while process.process.poll() is None:
        process.process.send_signal(signal.SIGTERM)
    ended = process.ended()
    assert (ended.code, ended.message["status"]) == (143, "failed")


@pytest.mark.parametrize(
    "source",
    [
        _SYNC.replace("except Exception", "except BaseException"),
        _ASYNC.replace("except Exception", "except BaseException"),
    ],
)
def test_who_swallows_it_and_ends_has_ended(tmp_path: Path, source: str) -> None:
    ended = _stopped(tmp_path, source)
    assert ended.code == 0
    assert ended.message == {"status": "success", "processedCount": 7, "result": "swallowed"}


def test_another_error_on_the_way_is_told_too(tmp_path: Path) -> None:
    ended = _stopped(tmp_path, _SYNC.replace('print("unwound")', '{}["k"]'))
    assert ended.code == 143
    assert ", and ended with KeyError: 'k'\n" in ended.message["message"]


def test_an_exit_code_on_the_way_counts(tmp_path: Path) -> None:
    assert _stopped(tmp_path, _SYNC.replace('print("unwound")', "raise SystemExit(9)")).code == 9


def test_a_loop_of_the_handlers_own(tmp_path: Path) -> None:
    source = _ASYNC.replace("async def handler", "async def work") + "\ndef handler(ctx): asyncio.run(work(ctx))\n"
    ended = _stopped(tmp_path, source)
    assert (ended.code, ended.message["status"]) == (143, "failed")


def test_a_thread_of_an_asynchronous_handler_does_not_hold_it(tmp_path: Path) -> None:
    source = """
import asyncio, time

async def handler(ctx):
    print("ready")
    await asyncio.to_thread(time.sleep, 3600)
"""
    assert _stopped(tmp_path, source).code == 143


def test_a_process_that_the_handler_forks_ends_by_it_as_usual(tmp_path: Path) -> None:
    source = """
import multiprocessing, time

def work(ready):
    ready.set()
    time.sleep(3600)

def handler(ctx):
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    child = fork.Process(target=work, args=(ready,))
    child.start()
    ready.wait()
    child.terminate()
    child.join()
    return child.exitcode
"""
    process = Process(tmp_path, "python", environment({"entrypoint": "handler", "source": source}))
    assert process.ended().message == {"status": "success", "result": -signal.SIGTERM}


@pytest.mark.parametrize("within_answer", [False, True])
def test_a_request_is_given_up(tmp_path: Path, within_answer: bool) -> None:
    release = threading.Event()

    def slow(asked: Asked) -> Reply:
        if not within_answer:
            release.wait()
        return Reply(headers={"Content-Length": "99"})

    def slow_body(asked: Asked) -> Reply:
        # All but the end of the answer is there at once; the connection stays open for as long as this waits.
        return Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{") if release.wait() else Reply()

    with serve(slow_body if within_answer else slow) as server:
        process = Process(tmp_path, "http", environment({"url": server.url, "method": "GET"}))
        assert server.came.wait(60)
        process.process.send_signal(signal.SIGTERM)
        ended = process.ended()
        release.set()
    assert ended.code == 143
    assert ended.message["status"] == "failed"
    assert ended.message["message"].startswith("stopped by SIGTERM after ")
    assert json.loads(ended.out.splitlines()[-1])["exitCode"] == 143
