"""Functions called as a pod would call them: with the context, the args, and the reports of the runner itself."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from crontask.ports import Document
from crontask.runner.context import Context, Counts, make_context
from crontask.runner.execute import report_of
from crontask.runner.given import BrokenInputError, Given, message_bytes, read_given
from crontask.runner.message import BROKEN_INPUT, Report
from crontask.runner.stop import Stop
from crontask.runner.trigger import Runs
from crontask.simulation.virtual_time import outside_of_loops

Function = Callable[..., Any]
_NO_HANDLER = {"CRONTASK_HANDLER": "{}"}


def environment_of(pod: Document) -> dict[str, str]:
    """The variables of the handler's container, as its kubelet would set them; but for those of secrets and such."""
    container = pod["spec"]["containers"][0]
    return {each["name"]: each.get("value", "").replace("$$", "$") for each in container.get("env", ())}


def limit_of(environ: Mapping[str, str]) -> int:
    """Bytes of the termination message."""
    return message_bytes(environ)


def context_of(environ: Mapping[str, str]) -> Context:
    """What a function would be given in that pod."""
    return make_context(read_given(_NO_HANDLER | dict(environ)), Counts())


def call(function: Function, environ: Mapping[str, str], runs: Runs) -> Report:
    """The report of a function, called in this process. `runs`: where it triggers others.

    What ends a process, as Ctrl-C, or a test, as pytest.fail(), is raised; all else is a failure of the run.
    """
    counts = Counts()
    given = read_given(_NO_HANDLER | dict(environ))
    try:
        with outside_of_loops():
            report = _reported(function, given, environ, counts, runs)
    except BrokenInputError as error:
        report = Report("failed", BROKEN_INPUT, str(error))
    if report.error is not None and not isinstance(report.error, Exception | SystemExit | asyncio.CancelledError):
        raise report.error
    report.count(counts.processed, counts.errors)
    return report


def _reported(function: Function, given: Given, environ: Mapping[str, str], counts: Counts, runs: Runs) -> Report:
    try:
        return report_of(lambda: function, given, environ, counts, Stop(), lambda: runs)
    finally:
        if inspect.iscoroutinefunction(function):
            # The loop in which it was awaited is closed.
            asyncio.set_event_loop(None)
