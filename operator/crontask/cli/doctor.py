"""`crontask doctor`: what is wrong with the installation, my rights, and tasks; each with what to do."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from crontask.api.resources import CRON_JOB, CRON_TASK, LEASE, POD, SCHEDULED_RUN, VALIDATING_WEBHOOK
from crontask.cli.ailments import (
    Diagnosis,
    of_answer,
    of_clock,
    of_leases,
    of_namesakes,
    of_namespaces,
    of_runs,
    of_tasks,
    of_webhooks,
    our_webhooks,
    watched_by,
)
from crontask.cli.connection import connected, options_of_all_namespaces, scope
from crontask.cli.exits import FAILED
from crontask.cli.output import as_json

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document

# The schema takes it: only code of ours knows that there is no such minute.
_TO_BE_REFUSED = {
    "apiVersion": CRON_TASK.api_version,
    "kind": "CronTask",
    "metadata": {"generateName": "doctor-"},
    "spec": {"schedule": "61 * * * *", "handler": {"container": {"image": "none"}}},
}
_RIGHTS = (
    ("create", "scheduledruns", "trigger runs"),
    ("patch", "scheduledruns", "cancel runs"),
    ("patch", "crontasks", "suspend and change tasks"),
    ("get", "log", "read logs"),
)


@click.command("doctor")
@click.option("--lease-name", default="crontask", show_default=True, help="The Lease by which one operator leads.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@options_of_all_namespaces
def doctor_command(lease_name: str, output: str) -> None:
    """Look for what is wrong with the installation, your rights and your tasks.

    Exit code 1 where there is a problem. JSON is a list of objects with check, state (ok, warning, problem, unknown),
    message and fix.

    Example: crontask doctor -A
    """
    with connected(all_namespaces=True) as cluster:
        found = list(_examined(cluster, scope(cluster), lease_name))
    if output == "json":
        keys = ("check", "state", "message", "fix")
        click.echo(as_json([{key: getattr(each, key) for key in keys} for each in found]))
    else:
        for each in found:
            click.echo(str(each))
    if any(each.state == "problem" for each in found):
        click.get_current_context().exit(FAILED)


def _examined(cluster: "Cluster", namespace: str, lease_name: str) -> Iterator[Diagnosis]:
    from crontask.client import errors

    now = datetime.now(UTC)
    yield of_clock(now, _time_of_server(cluster))
    try:
        tasks = cluster.list(CRON_TASK, namespace=namespace)["items"]
    except errors.NotFound:
        yield Diagnosis("CRDs", "problem", "the API server does not know CronTasks", "install the chart")
        return
    except errors.Forbidden as error:
        tasks = []
        yield Diagnosis("tasks", "unknown", f"you may not look: {error.message}")
    else:
        yield Diagnosis("CRDs", "ok", f"CronTasks are known; there are {len(tasks)} here")
    field = f"metadata.name={lease_name}"
    yield from _allowed("operator", lambda: [of_leases(cluster.list(LEASE, namespace="", fields=field)["items"], now)])
    yield from _allowed("webhook", lambda: _webhook(cluster, namespace, tasks, now))
    yield from _rights(cluster, namespace)
    yield from of_tasks(tasks, now)
    yield from _allowed("runs", lambda: list(of_runs(_waiting(cluster, namespace))))
    yield from _allowed(
        "CronJobs", lambda: list(of_namesakes(tasks, cluster.list(CRON_JOB, namespace=namespace)["items"]))
    )


def _webhook(cluster: "Cluster", namespace: str, tasks: "list[Document]", now: datetime) -> list[Diagnosis]:
    """How it is configured, and for which namespaces; and whether it answers, as a dry run of what it refuses shows."""
    from crontask.client import errors

    ours = our_webhooks(cluster.list(VALIDATING_WEBHOOK, namespace="")["items"])
    found = list(of_webhooks(ours, now))
    if not ours:
        return found
    watched, said = watched_by(ours), None
    found += of_namespaces(watched, namespace, tasks)
    # Where it is not asked, it would answer nothing.
    where = cluster.namespace if watched is None or cluster.namespace in watched else min(watched)
    try:
        cluster.create(CRON_TASK, _TO_BE_REFUSED, namespace=where, dry_run=True)
    except errors.RequestFailed as error:
        said = error.message
    return [*found, of_answer(said)]


def _allowed(check: str, look: Callable[[], list[Diagnosis]]) -> list[Diagnosis]:
    """What is found, if we may look."""
    from crontask.client import errors

    try:
        return look()
    except errors.Forbidden as error:
        return [Diagnosis(check, "unknown", f"you may not look: {error.message}")]


def _waiting(cluster: "Cluster", namespace: str) -> "Iterator[Document]":
    """Runs that wait to start: those whose pod does not start are Running."""
    for phase in ("Pending", "Running"):
        yield from cluster.list(SCHEDULED_RUN, namespace=namespace, fields=f"status.phase={phase}")["items"]


def _rights(cluster: "Cluster", namespace: str) -> Iterator[Diagnosis]:
    kinds = {"scheduledruns": SCHEDULED_RUN, "crontasks": CRON_TASK, "log": POD}
    missing = []
    for verb, what, words in _RIGHTS:
        below = what if what == "log" else ""
        if not cluster.can(verb, kinds[what], namespace=namespace, subresource=below):
            missing.append(words)
    if missing:
        yield Diagnosis("rights", "warning", f"you may not {', not '.join(missing)}", "ask for a role of the chart")
    else:
        yield Diagnosis("rights", "ok", "you may trigger, cancel, suspend, and read logs")


def _time_of_server(cluster: "Cluster") -> datetime | None:
    from email.utils import parsedate_to_datetime

    from crontask.client import requests

    said = cluster.transport.send(requests.version()).headers.get("date")
    try:
        return parsedate_to_datetime(said) if said else None
    except ValueError:
        return None
