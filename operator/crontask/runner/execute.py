"""Runs a Python handler."""

import inspect
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from crontask.runner.context import Context, Counts, make_context, runs_of_the_cluster
from crontask.runner.convert import convert_args, convert_result
from crontask.runner.failure import failure
from crontask.runner.given import BrokenInputError, Given, message_bytes
from crontask.runner.message import FAILED, OK, Report
from crontask.runner.result import NotJsonError, plain
from crontask.runner.source import load_function
from crontask.runner.stop import Interrupt, Stop

if TYPE_CHECKING:
    from crontask.runner.trigger import Runs


def execute(given: Given, environ: Mapping[str, str], counts: Counts, stop: Stop) -> Report:
    """The report of the handler's function. Raises BrokenInputError if there is none that can be called."""
    return report_of(lambda: load_function(given.handler, environ), given, environ, counts, stop)


def report_of(
    load: Callable[[], Callable[..., Any]],
    given: Given,
    environ: Mapping[str, str],
    counts: Counts,
    stop: Stop,
    runs: "Callable[[], Runs]" = runs_of_the_cluster,
) -> Report:
    """The report of the function that is loaded, however it ends. Raises BrokenInputError if it cannot be called."""
    began = time.monotonic()
    try:
        function = load()
        context = make_context(given, counts, runs)
        check_arguments(function, context)
        value = call_function(function, context, stop)
    except BrokenInputError:
        raise
    except BaseException as error:  # noqa: BLE001 - however the user's code ends, that has to be reported
        return failure(error, stop_asked=stop.asked, seconds=time.monotonic() - began)
    if given.batch is not None:
        from crontask.runner.batch import batch_report

        return batch_report(value, counts, message_bytes(environ))
    try:
        return Report("success", OK, result=plain(convert_result(function, value)))
    except NotJsonError as error:
        return Report("failed", FAILED, str(error))


def call_function(function: Callable[..., Any], context: Context, interrupt: Interrupt) -> Any:
    """What the handler's function returns, or what that leads to. Raises BrokenInputError for args of other types."""
    value = function(context, **convert_args(function, context.args))
    if not inspect.isawaitable(value):
        return value
    from crontask.runner.awaiting import run_awaitable

    return run_awaitable(value, interrupt)


def check_arguments(function: Callable[..., Any], context: Context) -> None:
    """Before the call, so that a mistake in the arguments is not taken for one in the handler.

    Raises BrokenInputError.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # Some that are written in C have none to look at.
        return
    try:
        signature.bind(context, **context.args)
    except TypeError as error:
        name = getattr(function, "__name__", "the handler")
        arguments = ", ".join(context.args) or "none"
        raise BrokenInputError(
            f"the arguments do not fit: {error}; {name} takes {signature}, and the run's args are: {arguments}"
        ) from error
