"""A run that is asked for: created, waited for, its logs shown. What `trigger`, `run` and `rerun` share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crontask.cli.exits import BAD_INPUT, of_phase, stop
from crontask.cli.output import FORMS, TABLE, show_each, tabled_one
from crontask.cli.parameters import DurationParam, UntilParam
from crontask.cli.queue import position
from crontask.cli.streams import ends_with
from crontask.cli.waiting import deadline_of, ended, interruptible, seen, show_ended, timeout_option, until_ended
from crontask.client.tree import note_of, phase_of

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Asked:
    """What the options say of a run to be started."""

    at: datetime | None = None
    delay: timedelta | None = None
    wait: bool = False
    logs: bool = False
    timeout: timedelta | None = None
    strict: bool = False
    output: str | None = None
    remove: bool = False

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Asked":
        """Takes its own out of the options of a command. Ends the program where they contradict each other."""
        asked = cls(**{name: options.pop(name) for name in cls.__dataclass_fields__ if name in options})
        if asked.at is not None and asked.delay is not None:
            stop(BAD_INPUT, "--at and --delay are both given; keep one of them")
        if not asked.waits and (asked.timeout is not None or asked.strict):
            stop(BAD_INPUT, "--timeout and --strict are about waiting; write --wait too")
        if asked.logs and asked.output is not None:
            stop(BAD_INPUT, "--logs and -o would both write to stdout; keep one of them")
        return asked

    @property
    def waits(self) -> bool:
        """Whether the end of the run is waited for."""
        return self.wait or self.logs or self.remove

    @property
    def when(self) -> dict[str, Any]:
        """As the bodies take it."""
        return {"at": self.at, "delay": self.delay}


def when_options(command: F) -> F:
    """Adds --at and --delay."""
    at = click.option(
        "--at", type=UntilParam(), help="Start then: 2026-03-29T01:00:00Z, tomorrow, 18:00Z, 2h (from now)."
    )
    delay = click.option("--delay", type=DurationParam(), help="Start after that long, like 5m.")
    return at(delay(command))


def start_options(command: F) -> F:
    """Adds what can be done with a run once it is there."""
    options = (
        click.option("--wait", is_flag=True, help="Wait until it has ended; the exit code says how, as that of wait."),
        click.option("--logs", is_flag=True, help="Show its logs, and wait until it has ended."),
        timeout_option,
        click.option("-o", "--output", type=click.Choice(FORMS), help="The run; with --wait, as it ended."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def start(cluster: "Cluster", body: "Document", asked: Asked) -> None:
    """Create the run, and do with it what is asked for. Ends the program with the exit code."""
    from datetime import UTC

    from crontask.api.resources import SCHEDULED_RUN
    from crontask.client import actions, errors

    try:
        actions.refuse_past(body, datetime.now(UTC))
    except errors.BadInput as error:
        stop(BAD_INPUT, f"--at: {error.problem}; write a time to come, or leave it out to start now")
    keyed = "idempotencyKey" in body["spec"]
    said = "created"
    try:
        run = cluster.create(SCHEDULED_RUN, body, manager=actions.MANAGER, drawn=not keyed)
    except errors.AlreadyExists:
        if not keyed:
            raise
        run = _by_key(cluster, body)
        said = "exists already, by its key"
    name = run["metadata"]["name"]
    if asked.waits or asked.output is None:
        click.echo(f"scheduledrun.crontask.dev/{name} {said}", err=asked.waits)
    click.get_current_context().exit(follow(cluster, run, asked))


def follow(cluster: "Cluster", run: "Document", asked: Asked) -> int:
    """What is asked for of a run that is there: wait for its end, or say how it begins. The exit code."""
    return _waited(cluster, run, asked) if asked.waits else _begun(cluster, run, asked)


def _by_key(cluster: "Cluster", body: "Document") -> "Document":
    """The run that was asked for by the same key before. Ends the program where something else is asked for now."""
    from crontask.api.resources import SCHEDULED_RUN
    from crontask.client import actions

    run = cluster.get(SCHEDULED_RUN, body["metadata"]["name"])
    if fields := actions.differences(body, run):
        name, key = run["metadata"]["name"], body["spec"]["idempotencyKey"]
        stop(BAD_INPUT, f"key {key!r} is that of run {name}, with other {', '.join(fields)}; write another key")
    return run


def _begun(cluster: "Cluster", run: "Document", asked: Asked) -> int:
    """Say what the operator makes of the run."""
    from crontask.api.resources import SCHEDULED_RUN

    name, namespace = run["metadata"]["name"], run["metadata"]["namespace"]
    run = seen(cluster, run)
    place, note = position(cluster, run), note_of(run)
    waits = f", {place} in the queue" if place else ""
    click.echo(f"{name}: {phase_of(run)}{waits}{f': {note}' if note else ''}", err=True)
    code = of_phase(phase_of(run), strict=asked.strict) if ended(run) else 0
    ends_with(code)
    if asked.output is not None:
        show_each([tabled_one(cluster, SCHEDULED_RUN, name, namespace)], asked.output, SCHEDULED_RUN)
    return code


def _waited(cluster: "Cluster", run: "Document", asked: Asked) -> int:
    """Wait for the end of the run, and show what is asked for."""
    from crontask.api.resources import SCHEDULED_RUN

    name = run["metadata"]["name"]
    deadline = deadline_of(asked.timeout)
    with interruptible([name]):
        if asked.logs:
            from crontask.cli.log_reader import Options, follow_all

            run = follow_all(cluster, run, Options(), deadline)
        run = until_ended(cluster, run, deadline)
        if asked.logs:
            note = note_of(run)
            click.echo(f"{name}: {phase_of(run)}{f': {note}' if note else ''}", err=True)
            code = of_phase(phase_of(run), strict=asked.strict)
        else:
            code = show_ended(cluster, [run], asked.output or TABLE, strict=asked.strict)
    if asked.remove:
        cluster.delete(SCHEDULED_RUN, name, uid=run["metadata"]["uid"])
        click.echo(f"{name} is removed", err=True)
    return code
