"""`crontask-runner`: does the work of one attempt of a run, and reports how it ended."""

import argparse
import contextlib
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

from crontask.runner.context import Counts
from crontask.runner.failure import describe_error
from crontask.runner.given import REUSE, BrokenInputError, message_bytes, message_path, read_given
from crontask.runner.log import JsonFormatter, complain, set_up_logging
from crontask.runner.message import BROKEN_INPUT, DEFAULT_BYTES, FAILED, STOPPED, Report, encode, write_whole
from crontask.runner.stop import Stop, Stopped

_HELP = """\
Do the work of one attempt of a run. This program is meant for a pod that crontask makes: the environment of the pod
says what is to be done, and the termination message of its container how it ended.

example:
  CRONTASK_NAMESPACE=default CRONTASK_RUN=try CRONTASK_RUN_UID=1 CRONTASK_ATTEMPT=1 CRONTASK_IDEMPOTENCY_KEY=1 \\
  CRONTASK_SCHEDULED_TIME=2026-03-01T12:00:00Z CRONTASK_ARGS='{"name": "you"}' CRONTASK_MESSAGE_PATH=/dev/stderr \\
  CRONTASK_HANDLER='{"entrypoint": "run", "source": "def run(ctx, name): return name"}' crontask-runner python
"""
_log = logging.getLogger("crontask.runner")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run, and end the process."""
    parser = argparse.ArgumentParser(
        "crontask-runner", description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("handler", choices=("http", "python"), help="which kind of handler the run has")
    _end(run(parser.parse_args(arguments).handler, os.environ))


def run(kind: str, environ: Mapping[str, str]) -> int:
    """Do the work, write the termination message, log how it ended. The exit code."""
    began = time.monotonic()
    formatter = set_up_logging(sys.stdout)
    counts = Counts()
    stop = Stop()
    if REUSE in environ:
        # A batch that has begun ends as it does.
        stop.shield()
    try:
        try:
            stop.install()
            report = _work(kind, environ, formatter, counts, stop)
        finally:
            # What follows has to be done, SIGTERM or not.
            stop.shield()
    except Stopped:
        report = Report("failed", STOPPED, f"stopped by SIGTERM after {time.monotonic() - began:.1f} s")
    report.count(counts.processed, counts.errors)
    _write(report, environ)
    _write_report(report, time.monotonic() - began)
    return report.exit_code


def _work(kind: str, environ: Mapping[str, str], formatter: JsonFormatter, counts: Counts, stop: Stop) -> Report:
    try:
        message_bytes(environ)
        given = read_given(environ)
        formatter.identity = {"task": given.task, "run": given.run, "attempt": given.attempt}
        _log.info("started", extra={"handler": kind})
        # Each only when it is asked for: half of the time to start is what they import.
        if kind == "http":
            from crontask.runner.call import call

            return call(given, environ, formatter)
        if given.reuse is not None and given.batch is not None:
            from crontask.runner.batches import run_batches

            return run_batches(given, given.reuse, environ, formatter, counts, stop)
        from crontask.runner.execute import execute

        return execute(given, environ, counts, stop)
    except BrokenInputError as error:
        complain(str(error))
        return Report("failed", BROKEN_INPUT, str(error))
    except Exception as error:  # noqa: BLE001 - a fault of the runner has to be reported like any other end
        return Report(
            "failed", FAILED, formatter.clean(f"the runner itself failed: {describe_error(error)}"), error=error
        )


def _write(report: Report, environ: Mapping[str, str]) -> None:
    """The termination message. Without one the exit code still says the most."""
    try:
        limit = message_bytes(environ)
    except BrokenInputError:
        limit = DEFAULT_BYTES
    path = message_path(environ)
    try:
        if REUSE in environ:
            write_whole(path, report, limit)
            return
        with open(path, "wb") as file:
            file.write(encode(report, limit))
    except OSError as error:
        _log.error("the termination message cannot be written to %s: %s", path, error.strerror)


def _write_report(report: Report, seconds: float) -> None:
    extra: dict[str, object] = {"duration": round(seconds, 3), "status": report.status, "exitCode": report.exit_code}
    if report.processed is not None or report.errors is not None:
        extra |= {"processed": report.processed, "errors": report.errors}
    if report.status == "failed":
        _log.error("failed", exc_info=report.error, extra={**extra, "reason": report.message})
    else:
        _log.info("finished", extra=extra)


def _end(code: int) -> NoReturn:
    """End at once. A thread that the handler left behind would keep the interpreter, and the pod, for ever."""
    for stream in (sys.stdout, sys.stderr):
        # Closed by the handler, or its reader gone: no reason for another exit code.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
