"""The CronTask that a command is about: from a manifest, or from the cluster by its name.

Callers: next, simulate, validate.
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
import yaml

from crontask.api.base import API_VERSION, format_time
from crontask.api.crontask import CronTaskSpec
from crontask.api.problem import Problem
from crontask.api.validate import validate_name, validate_task
from crontask.cli.parameters import refuse
from crontask.decide.views import CronTask
from crontask.engine.parse import parse_task
from crontask.engine.ports import ApiError, Document, Kind, ObjectKey

F = TypeVar("F", bound=Callable[..., Any])


def about_a_task(command: F) -> F:
    """The arguments that say which task: `(-f FILE | NAME)`, and its namespace."""
    file = click.option(
        "-f",
        "--file",
        "path",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        help="A manifest; -: stdin.",
    )
    name = click.argument("name", required=False)
    namespace = click.option("-n", "--namespace", help="Of the task in the cluster; by default the context's.")
    return file(name(namespace(command)))


def read_text(path: str) -> str:
    """A file's text, or stdin's for `-`."""
    return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")


def read_documents(text: str) -> list[Document]:
    """The objects of a manifest, as JSON has them. Refuses what is not YAML, or not an object."""
    try:
        documents = [as_json(document) for document in yaml.safe_load_all(text) if document is not None]
    except (yaml.YAMLError, TypeError) as error:
        refuse([Problem("(file)", f"this is not YAML of plain values: {error}", "correct the line named")])
    for document in documents:
        if not isinstance(document, dict):
            refuse([Problem("(file)", "a document is not an object", "write apiVersion, kind, metadata and spec")])
    return documents


def as_json(document: object) -> Any:
    """YAML's values as kubectl has them: dates are strings again, and so are keys that are read as something else."""
    return orjson.loads(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))


def find_task(path: str | None, name: str | None, namespace: str | None) -> Document:
    """The CronTask of the file (the one of that name, if it has several), or of the cluster."""
    if path is None and name is None:
        refuse(["no task is given; write -f FILE, or the name of a task in the cluster"])
    if path is None:
        return asyncio.run(_from_cluster(str(name), namespace))
    tasks = [document for document in read_documents(read_text(path)) if document.get("kind") == "CronTask"]
    named = [task for task in tasks if name in (None, (task.get("metadata") or {}).get("name"))]
    if not tasks:
        refuse([f"{path}: there is no CronTask in it"])
    if len(named) != 1:
        names = ", ".join(str((task.get("metadata") or {}).get("name")) for task in tasks)
        there = f"is no CronTask {name}" if name is not None else "are several CronTasks"
        refuse([f"{path}: there {there}; name one of: {names}"])
    return named[0]


def complete(document: Document, created: datetime) -> Document:
    """The manifest as the API server would have it, created at that time. Refuses a bad one in words."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        refuse([Problem("metadata", "there is none", "write metadata: {name: …}")])
    namespace = metadata.get("namespace") or "default"
    name = metadata.get("name")
    _, problems = validate_task(document.get("spec"), f"{namespace}/{name}")
    problems = (*validate_name(name), *problems)
    if problems:
        refuse(problems)
    kept = {"labels": metadata.get("labels") or {}, "annotations": metadata.get("annotations") or {}}
    return {
        "apiVersion": API_VERSION,
        "kind": Kind.CRON_TASK.kind,
        "metadata": {**kept, "name": name, "namespace": namespace, "creationTimestamp": format_time(created)},
        "spec": document["spec"],
    }


def parsed(document: Document) -> tuple[CronTask, CronTaskSpec]:
    """The task and its spec, of a complete manifest."""
    task = parse_task(orjson.dumps(document), lambda meta: None)
    assert task.spec is not None, "a complete manifest is a valid one"
    return task, task.spec


async def _from_cluster(name: str, namespace: str | None) -> Document:
    from crontask.kube.client import HttpApi
    from crontask.kube.connection import ConnectionFailedError, connect, current_namespace

    try:
        key = ObjectKey(Kind.CRON_TASK, namespace or current_namespace(), name)
        async with HttpApi(connect()) as api:
            return dict(orjson.loads(await api.get(key)))
    except (ApiError, ConnectionFailedError) as error:
        refuse([f"CronTask {name}: {error}"])
