"""Waiting for the ends of runs, as `wait` and `--wait` do: what is said meanwhile, and the exit code."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crontask.api.phases import TERMINAL
from crontask.cli.connection import written_again
from crontask.cli.exits import GONE, INTERRUPTED, STILL_WAITING, of_phase, stop
from crontask.cli.output import show_each, tabled_one
from crontask.cli.parameters import DurationParam
from crontask.cli.streams import ends_with
from crontask.client.tree import note_of, phase_of

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document

F = TypeVar("F", bound=Callable[..., Any])

# The operator answers within milliseconds; where it is away nobody waits for it.
FIRST_WORD = 2.0


def timeout_option(command: F) -> F:
    """Adds --timeout and --strict."""
    timeout = click.option("--timeout", type=DurationParam(), help="How long to wait at most, like 10m.")
    strict = click.option("--strict", is_flag=True, help="Exit with code 6 if a run is Partial.")
    return timeout(strict(command))


def deadline_of(timeout: timedelta | None) -> float | None:
    """The monotonic second at which waiting ends."""
    return None if timeout is None else time.monotonic() + timeout.total_seconds()


def _left(deadline: float, most: float = math.inf) -> float:
    return max(0.001, min(most, deadline - time.monotonic()))


@contextmanager
def interruptible(names: list[str]) -> Iterator[None]:
    """Within it, Ctrl-C ends the program and says that the runs go on, and how to wait for them again."""
    try:
        yield
    except KeyboardInterrupt:
        goes = "goes" if len(names) == 1 else "go"
        stop(INTERRUPTED, f"{', '.join(names)} {goes} on; to wait again: {written_again('wait', *names)}")


def ended(run: "Document") -> bool:
    """Whether it has."""
    return (run.get("status") or {}).get("phase") in TERMINAL


def seen(cluster: "Cluster", run: "Document", most: float = FIRST_WORD) -> "Document":
    """The run once the operator has decided about it; as it is after so many seconds where that is away."""
    from crontask.api.resources import SCHEDULED_RUN

    name, namespace = run["metadata"]["name"], run["metadata"]["namespace"]
    if (run.get("status") or {}).get("phase"):
        return run
    for event in cluster.watch(SCHEDULED_RUN, namespace=namespace, name=name, after=run, timeout=most):
        if event.type == "DELETED":
            return run
        run = event.object
        if (run.get("status") or {}).get("phase"):
            break
    return run


def until_ended(cluster: "Cluster", run: "Document", deadline: float | None) -> "Document":
    """The run when it has ended. What it does until then, and how it has ended, is said on stderr.

    Ends the program when the time is over, or the run is deleted. Restarts of the API server are waited for.
    """
    from crontask.api.resources import SCHEDULED_RUN

    name, uid, said = run["metadata"]["name"], run["metadata"]["uid"], ""
    # What is said of a run that is a moment old would only alarm.
    run = seen(cluster, run, FIRST_WORD if deadline is None else _left(deadline, FIRST_WORD))
    said = _say(name, run, said)
    left = None if deadline is None else _left(deadline)
    if not ended(run):
        events = cluster.watch(
            SCHEDULED_RUN, namespace=run["metadata"]["namespace"], name=name, after=run, timeout=left
        )
        for event in events:
            if event.object["metadata"]["uid"] != uid or event.type == "DELETED":
                stop(GONE, f"{name} was deleted")
            run = event.object
            said = _say(name, run, said)
            if ended(run):
                break
        else:
            again = written_again("wait", name)
            stop(STILL_WAITING, f"{name} has not ended in time: it is {phase_of(run)}; to wait again: {again}")
    return run


def show_ended(cluster: "Cluster", runs: "list[Document]", output: str, *, strict: bool = False) -> int:
    """Print runs that have ended; the exit code: that of the first that did not end well."""
    from crontask.api.resources import SCHEDULED_RUN

    tables = [tabled_one(cluster, SCHEDULED_RUN, run["metadata"]["name"], run["metadata"]["namespace"]) for run in runs]
    codes = [of_phase(str((run.get("status") or {}).get("phase")), strict=strict) for run in runs]
    code = next((code for code in codes if code), 0)
    ends_with(code)
    show_each(tables, output, SCHEDULED_RUN)
    return code


def _say(name: str, run: "Document", said: str) -> str:
    """Say where the run is, if that was not said already."""
    note = note_of(run)
    line = f"{name}: {phase_of(run)}{f': {note}' if note else ''}"
    if line != said:
        click.echo(line, err=True)
    return line
