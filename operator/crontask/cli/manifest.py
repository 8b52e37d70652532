"""The CronTask that a command is about: from a manifest, or from the cluster by its name."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click
import orjson

from crontask.api.base import API_VERSION, format_time
from crontask.api.crontask import CronTaskSpec
from crontask.api.validate import validate_name, validate_task
from crontask.api.validate_object import patch_problems
from crontask.cli.document import Document as TextDocument
from crontask.cli.objects import ManifestObject, Report, read_manifest
from crontask.cli.parameters import refuse
from crontask.cli.reading import read_documents
from crontask.decide.model import CronTask
from crontask.engine.parse import parse_task
from crontask.ports import ApiError, Document, Kind, ObjectKey

F = TypeVar("F", bound=Callable[..., Any])


def about_a_task(command: F) -> F:
    """The arguments that say which task: `(-f FILE | NAME)`, and its namespace."""
    file = click.option("-f", "--file", "path", metavar="FILE", help="A manifest; -: stdin.")
    name = click.argument("name", required=False)
    namespace = click.option("-n", "--namespace", help="Of the task; in the cluster, by default the context's.")
    return file(name(namespace(command)))


def find_task(path: str | None, name: str | None, namespace: str | None) -> Document:
    """The CronTask of the file (the one of that name, if it has several), or of the cluster.

    One of a file that has a problem is refused.
    """
    if path is None and name is None:
        refuse(["no task is given; write -f FILE, or the name of a task in the cluster"])
    if path is None:
        import asyncio

        return asyncio.run(_from_cluster(str(name), namespace))
    manifest = read_manifest(path)
    tasks = manifest.of("CronTask")
    if not tasks:
        refuse(manifest.reports or [manifest.nothing_of("CronTask")])
    named = [task for task in tasks if name in (None, task.name) and _may_be_in(task, namespace)]
    if len(named) != 1:
        refuse([*manifest.reports, f"{manifest.file}: {_which(tasks, named, name, namespace)}"])
    problems = [report for report in manifest.reports_of(named[0]) if not report.warning]
    if problems or manifest.reports:
        refuse([*manifest.reports, *problems])
    if named[0].name is None:
        refuse([f"{manifest.file}: generateName alone names no task; write metadata.name: my-task"])
    value = named[0].value
    return {**value, "metadata": {**value["metadata"], "namespace": named[0].namespace or namespace or "default"}}


def _may_be_in(task: ManifestObject, namespace: str | None) -> bool:
    """Whether kubectl would put it into the namespace: one without a namespace of its own goes into any."""
    return namespace is None or task.namespace in (None, namespace)


def _which(tasks: list[ManifestObject], named: list[ManifestObject], name: str | None, namespace: str | None) -> str:
    """Why it is not clear which of the tasks is meant, and what to write."""
    if not named:
        where = f" in namespace {namespace}" if namespace is not None else ""
        there = f"there is no CronTask {name}{where}" if name is not None else f"there is no CronTask{where}"
        return f"{there}; name one of: {', '.join(map(_as_arguments, tasks))}"
    chosen = [_as_arguments(task) for task in named]
    if len(set(chosen)) < len(chosen):
        lines = " and ".join(str(task.line) for task in named if _as_arguments(task) == max(chosen, key=chosen.count))
        return f"one CronTask is in it several times, at lines {lines}; rename all but one"
    return f"there are several CronTasks; name one of: {', '.join(chosen)}"


def _as_arguments(task: ManifestObject) -> str:
    """How to name the task on the command line."""
    return f"-n {task.namespace} {task.name}" if task.namespace is not None else str(task.name)


def complete(document: Document, created: datetime) -> Document:
    """The manifest as the API server would have it, created at that time. Refuses a bad one with its problems."""
    # Not its unknown fields: a cluster may be newer.
    metadata = document["metadata"]
    named = {"name": metadata.get("name"), "namespace": metadata.get("namespace") or "default"}
    _, problems = validate_task(document.get("spec"), f"{named['namespace']}/{named['name']}")
    problems = (*validate_name(named["name"]), *problems)
    if problems:
        refuse(problems)
    kept = {"labels": metadata.get("labels") or {}, "annotations": metadata.get("annotations") or {}}
    return {
        "apiVersion": API_VERSION,
        "kind": Kind.CRON_TASK.kind,
        "metadata": {**kept, **named, "creationTimestamp": format_time(created)},
        "spec": document["spec"],
    }


def parsed(document: Document) -> tuple[CronTask, CronTaskSpec]:
    """The task and its spec, of a complete manifest."""
    task = parse_task(orjson.dumps(document), lambda meta: None)
    assert task.valid, "a complete manifest is a valid one"
    return task, task.spec


def read_patch(path: str) -> Document:
    """The merge patch of a CronTask in a file. Refuses one that cannot be read, and fields that there are not."""
    documents, unreadable = read_documents(path)
    if unreadable:
        refuse(Report(f"--edit {path}", located.line, "", located.problem) for located in unreadable)
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        refuse([f"--edit {path}: this is not one patch; write an object, like spec: {{suspend: true}}"])
    found = [*(located.problem for located in documents[0].problems), *patch_problems(documents[0].value, "CronTask")]
    if found:
        refuse(_report_of_patch(path, documents[0], problem) for problem in found)
    return dict(documents[0].value)


def _report_of_patch(path: str, document: TextDocument, problem: Any) -> Report:
    _, line = document.locate(problem.path)
    return Report(f"--edit {path}", line, "", problem)


async def _from_cluster(name: str, namespace: str | None) -> Document:
    from crontask.kube.client import HttpApi
    from crontask.kube.connection import ConnectionFailedError, connect, current_namespace

    try:
        key = ObjectKey(Kind.CRON_TASK, namespace or current_namespace(), name)
        async with HttpApi(connect()) as api:
            return dict(orjson.loads(await api.get(key)))
    except (ApiError, ConnectionFailedError) as error:
        refuse([f"CronTask {name}: {error}"])
