"""The object that a command is about: from a manifest, or, a CronTask, from the cluster by its name."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast

import click
import orjson

from crontask.api.base import API_VERSION, format_time
from crontask.api.crontask import CronTaskSpec
from crontask.api.validate import LONGEST_RUN_NAME, validate_name, validate_run, validate_task
from crontask.api.validate_object import patch_problems
from crontask.cli import named
from crontask.cli import names as completed
from crontask.cli.connection import cluster_options, connected, namespace_given
from crontask.cli.document import Document as TextDocument
from crontask.cli.objects import Manifest, ManifestObject, Report, read_manifest
from crontask.cli.parameters import refuse
from crontask.cli.reading import read_documents
from crontask.decide.model import CronTask
from crontask.engine.parse import parse_task
from crontask.ports import Document, Kind

# What stands for the letters that the API server adds to a generateName.
_GENERATED = "xxxxx"
F = TypeVar("F", bound=Callable[..., Any])


def about_a_task(command: F) -> F:
    """The arguments that say which task: `(-f FILE | NAME)`, and its namespace."""
    file = click.option("-f", "--file", "path", metavar="FILE", help="A manifest; -: stdin.")
    name = click.argument("name", required=False, shell_complete=completed.tasks)

    @wraps(command)
    def with_namespace(*arguments: Any, **options: Any) -> Any:
        return command(*arguments, namespace=namespace_given(), **options)

    return cast(F, file(name(cluster_options(with_namespace))))


def find_task(path: str | None, name: str | None, namespace: str | None) -> Document:
    """The CronTask of the file (the one of that name, if it has several), or of the cluster.

    One of a file that has a problem is refused.
    """
    if path is None and name is None:
        refuse(["no task is given; write -f FILE, or the name of a task in the cluster"])
    if path is None and str(name).endswith((".py", ".yaml", ".yml", ".json")):
        from crontask.cli.habits import of_file

        ctx = click.get_current_context()
        program = ctx.find_root().info_name or "crontask"
        fix = of_file(str(ctx.info_name), str(name), program)
        refuse([f"{str(name)!r} is a file, where the name of a task is meant; {fix}"])
    if path is None:
        with connected() as cluster:
            return named.find_task(cluster, str(name))
    manifest = read_manifest(path)
    return as_document(chosen(manifest, manifest.of("CronTask"), name, namespace, "CronTask"), namespace)


def chosen(
    manifest: Manifest, objects: list[ManifestObject], name: str | None, namespace: str | None, *kinds: str
) -> ManifestObject:
    """The one of the objects that is meant. Refuses where there is none of the kinds, or several, or it is bad."""
    if not objects:
        refuse(manifest.reports or [manifest.nothing_of(*kinds)])
    named = [found for found in objects if name in (None, found.asked_name) and _may_be_in(found, namespace)]
    if len(named) != 1:
        refuse([*manifest.reports, f"{manifest.file}: {_which(objects, named, name, namespace)}"])
    problems = [report for report in manifest.reports_of(named[0]) if not report.warning]
    if problems or manifest.reports:
        refuse([*manifest.reports, *problems])
    if named[0].name is None and named[0].kind == "CronTask":
        refuse([f"{manifest.file}: generateName alone names no task; write metadata.name: my-task"])
    return named[0]


def as_document(found: ManifestObject, namespace: str | None) -> Document:
    """The object, in the namespace that it says, else in the one that is asked for. A run has a name in the end."""
    metadata = found.value["metadata"]
    name = found.name if found.name is not None else f"{metadata['generateName']}{_GENERATED}"
    return {
        **found.value,
        "metadata": {**metadata, "name": name, "namespace": found.namespace or namespace or "default"},
    }


def _may_be_in(found: ManifestObject, namespace: str | None) -> bool:
    """Whether kubectl would put it into the namespace: one without a namespace of its own goes into any."""
    return namespace is None or found.namespace in (None, namespace)


def _which(objects: list[ManifestObject], named: list[ManifestObject], name: str | None, namespace: str | None) -> str:
    """Why it is not clear which of the objects is meant, and what to write."""
    kinds = sorted({found.kind for found in named or objects})
    if not named:
        where = f" in namespace {namespace}" if namespace is not None else ""
        there = f"there is no {' or '.join(kinds)}{f' {name}' if name is not None else ''}{where}"
        return f"{there}; name one of: {', '.join(_as_arguments(found, objects) for found in objects)}"
    choice = [_as_arguments(found, objects) for found in named]
    if len(set(choice)) < len(choice):
        twice = max(choice, key=choice.count)
        same = [found for found, written in zip(named, choice, strict=True) if written == twice]
        lines = " and ".join(str(found.line) for found in same)
        return f"one {same[0].kind} is in it several times, at lines {lines}; rename all but one"
    several = f"{kinds[0]}s" if len(kinds) == 1 else f"objects, {' and '.join(kinds)}"
    return f"there are several {several}; name one of: {', '.join(choice)}"


def _as_arguments(found: ManifestObject, objects: list[ManifestObject]) -> str:
    """How to name the object on the command line: with its kind, if one of another kind is called so too."""
    name = str(found.asked_name)
    if any(other.asked_name == found.asked_name and other.kind != found.kind for other in objects):
        name = f"{found.kind.lower()}/{name}"
    return f"-n {found.namespace} {name}" if found.namespace is not None else name


def complete(document: Document, created: datetime, kind: Kind = Kind.CRON_TASK) -> Document:
    """The manifest as the API server would have it, created at that time. Refuses a bad one with its problems."""
    # Not its unknown fields: a cluster may be newer.
    metadata = document["metadata"]
    named = {"name": metadata.get("name"), "namespace": metadata.get("namespace") or "default"}
    if kind is Kind.CRON_TASK:
        _, problems = validate_task(document.get("spec"), f"{named['namespace']}/{named['name']}")
        problems = (*validate_name(named["name"]), *problems)
    else:
        problems = (*validate_name(named["name"], LONGEST_RUN_NAME), *validate_run(document.get("spec"))[1])
    if problems:
        refuse(problems)
    kept = {"labels": metadata.get("labels") or {}, "annotations": metadata.get("annotations") or {}}
    return {
        "apiVersion": API_VERSION,
        "kind": kind.kind,
        "metadata": {**kept, **named, "creationTimestamp": format_time(created)},
        "spec": document["spec"],
    }


def parsed(document: Document) -> tuple[CronTask, CronTaskSpec]:
    """The task and its spec, of a complete manifest."""
    task = parsed_or_unusable(document)
    assert task.valid, "a complete manifest is a valid one"
    return task, task.spec


def parsed_or_unusable(document: Document) -> CronTask:
    """The task of an object as the API server has it; `problems` say why one cannot be used."""
    return parse_task(orjson.dumps(document), lambda meta: None)


def read_patch(path: str, kind: str = "CronTask") -> Document:
    """The merge patch of an object in a file. Refuses one that cannot be read, and fields that there are not."""
    documents, unreadable = read_documents(path)
    if unreadable:
        refuse(Report(f"--edit {path}", located.line, "", located.problem) for located in unreadable)
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        refuse([f"--edit {path}: this is not one patch; write an object, like spec: {{suspend: true}}"])
    found = [*(located.problem for located in documents[0].problems), *patch_problems(documents[0].value, kind)]
    if found:
        refuse(_report_of_patch(path, documents[0], problem) for problem in found)
    return dict(documents[0].value)


def _report_of_patch(path: str, document: TextDocument, problem: Any) -> Report:
    _, line = document.locate(problem.path)
    return Report(f"--edit {path}", line, "", problem)
