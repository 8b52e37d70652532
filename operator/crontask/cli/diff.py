"""`crontask diff`: what an edit changes of tasks, before it is applied: fields, and the times that come, go or move."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
import orjson

from crontask.api.base import format_duration, format_time
from crontask.cli.applying import applied
from crontask.cli.changed import value_shown
from crontask.cli.columns import aligned
from crontask.cli.connection import cluster_options, connected, namespace_given
from crontask.cli.edit import MOST_TIMES, Edit, examine
from crontask.cli.edited_times import KINDS, Change, Due, Group
from crontask.cli.manifest import as_document, complete
from crontask.cli.objects import Manifest, ManifestObject, Report, read_manifest
from crontask.cli.parameters import TimeParam, refuse
from crontask.cli.reading import manifest_files
from crontask.decide.model import CronTask
from crontask.decide.task.local_times import LocalTimes
from crontask.ports import Document

_CALLED = {"moves": "moves", "startMoves": "starts", "goes": "goes", "comes": "comes"}


Found = tuple[Manifest, ManifestObject]


@dataclass(frozen=True, slots=True)
class _Edited:
    """A CronTask of the files, and what is to be said of it."""

    file: str
    line: int | None
    edit: Edit


@click.command("diff")
@click.option(
    "-f",
    "--file",
    "paths",
    required=True,
    multiple=True,
    metavar="NEW",
    help="The edited manifest, or a folder of them; -: stdin. May be repeated.",
)
@click.option("--from", "old_paths", multiple=True, metavar="OLD", help="Compare with these files, not the cluster.")
@click.option("--at", type=TimeParam(), help="When the edit is applied; by default now.")
@click.option(
    "--days",
    default=30,
    show_default=True,
    type=click.IntRange(1, 3660),
    help="For how many days to compare the times.",
)
@click.option(
    "--count", default=5, show_default=True, type=click.IntRange(0, 10_000), help="How many times of each kind to list."
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@cluster_options
def diff_command(
    paths: tuple[str, ...], old_paths: tuple[str, ...], at: datetime | None, days: int, count: int, output: str
) -> None:
    """Show what an edit changes: fields, and which of the coming times come, go or move.

    The CronTasks of the files are compared with those of the cluster, as kubectl apply would change them, or with other
    files. Nothing is written. An edit never starts a time that had passed when it was made.

    Exit code 0, with differences as well; 2: a manifest has a problem.

    Example: crontask diff -f tasks/nightly.yaml
    """
    found = _checked(paths)
    seen = at or datetime.now(UTC).replace(microsecond=0)
    until = seen + timedelta(days=days)
    compared = _with_files(found, old_paths) if old_paths else _with_cluster(found)
    edits = [
        _Edited(manifest.file, task.line, examine(*_before_and_after(old, new, seen), seen, until))
        for (manifest, task), old, new in compared
    ]
    if output == "json":
        click.echo(orjson.dumps([_row(each, count) for each in edits], option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo("\n\n".join("\n".join(line.rstrip() for line in _lines(each.edit, count)) for each in edits))


def _checked(paths: Iterable[str]) -> list[Found]:
    """All CronTasks of the files. Refuses where any of them has a problem."""
    manifests = [read_manifest(file) for path in paths for file in manifest_files(path)]
    problems = [problem for manifest in manifests for problem in _problems(manifest)]
    if problems:
        refuse(problems)
    found = [(manifest, task) for manifest in manifests for task in manifest.of("CronTask")]
    if not found:
        refuse(manifest.nothing_of("CronTask") for manifest in manifests)
    return found


def _problems(manifest: Manifest) -> Iterator[Report]:
    yield from manifest.reports
    for found in manifest.of("CronTask"):
        yield from (report for report in manifest.reports_of(found) if not report.warning)
    yield from manifest.misplaced(namespace_given())


def _with_files(found: list[Found], old_paths: tuple[str, ...]) -> Iterator[tuple[Found, Document | None, Document]]:
    """Each with what it is in the other files: None where it is not in them."""
    namespace = namespace_given()
    there = {_key(document): document for document in _old_of_files(old_paths, namespace)}
    for each in found:
        document = as_document(each[1], namespace)
        yield each, there.get(_key(document)), document


def _old_of_files(paths: Iterable[str], namespace: str | None) -> Iterator[Document]:
    """What an edit mends may have a problem: it needs a name."""
    for manifest in (read_manifest(file) for path in paths for file in manifest_files(path)):
        tasks = manifest.of("CronTask")
        if manifest.reports or not tasks:
            refuse(manifest.reports or [manifest.nothing_of("CronTask")])
        for task in tasks:
            if not isinstance(task.name, str) or not isinstance(task.value.get("spec"), dict):
                refuse(report for report in manifest.reports_of(task) if not report.warning)
            yield as_document(task, namespace)


def _with_cluster(found: list[Found]) -> Iterator[tuple[Found, Document | None, Document]]:
    """Each with what it is in the cluster, and what it becomes there."""
    from crontask.api.resources import CRON_TASK
    from crontask.client import operations, requests

    with connected() as cluster:
        for each in found:
            document = as_document(each[1], cluster.namespace)
            namespace, name = _key(document)
            # One with a generateName is always another one.
            drawn = each[1].name is None
            old = None if drawn else cluster.run(operations.known(requests.get(CRON_TASK, name, namespace)))
            yield each, old, document if old is None else applied(old, document)


def _key(document: Document) -> tuple[str, str]:
    return document["metadata"]["namespace"], document["metadata"]["name"]


def _before_and_after(old: Document | None, new: Document, at: datetime) -> tuple[Document | None, Document]:
    """Both as the API server has them: the new one is the old one, edited."""
    if old is None:
        return None, complete(new, at)
    created = old["metadata"].get("creationTimestamp") or format_time(at)
    kept = {"creationTimestamp": created, "uid": old["metadata"].get("uid") or ""}
    status = old.get("status") or {}
    return (
        {**old, "metadata": {**old["metadata"], **kept}, "status": status},
        {**new, "metadata": {**_plain(new["metadata"]), **kept}, "status": status},
    )


def _plain(metadata: Document) -> Document:
    kept = ("name", "namespace", "generation", "labels", "annotations")
    return {key: metadata[key] for key in kept if metadata.get(key)}


def _lines(edit: Edit, count: int) -> Iterator[str]:
    name = f"{edit.new.meta.namespace}/{edit.new.meta.name}"
    now = LocalTimes(edit.new).described()
    before = _timing(edit.old)
    if edit.old is None:
        yield f"{name}: new: {now}"
    elif edit.state == "unchanged":
        yield f"{name}: nothing changes: {now}"
    else:
        yield f"{name}: {now}" + (f", before: {before}" if before != now else "")
    if edit.fields:
        fields = [(each.path, value_shown(each.old), value_shown(each.new)) for each in edit.fields]
        yield from aligned([("FIELD", "OLD", "NEW"), *fields])
    yield _summary(edit)
    rows = [row for group in edit.comparison.groups for row in _rows(edit, group, count)]
    if rows:
        yield from aligned([("CHANGE", "OLD (UTC)", "NEW (UTC)", "NOTE"), *rows])
    yield from (f"note: {note}" for note in edit.notes)


def _timing(task: CronTask | None) -> str | None:
    return LocalTimes(task).described() if task is not None and task.valid else None


def _summary(edit: Edit) -> str:
    known = edit.comparison
    parts = [
        (known.count("moves"), "move"),
        (known.count("startMoves"), "start at another time"),
        (known.count("goes"), "go"),
        (known.count("comes"), "come"),
        (known.stay, "stay"),
    ]
    told = ", ".join(f"{count} {what}" for count, what in parts if count) or "none"
    end = f"{format_time(edit.at)} to {format_time(edit.until)}"
    more = f" (more than {MOST_TIMES} times by then)" if edit.until != edit.wanted_until else ""
    return f"times from {end}{more}: {edit.times[0]} before, {edit.times[1]} after: {told}"


def _rows(edit: Edit, group: Group, count: int) -> Iterator[tuple[str, str, str, str]]:
    for change in group.changes[:count]:
        yield _called(change), _moment(change.old), _moment(change.new), _note(edit, change)
    more = len(group.changes) - count
    if more > 0:
        last = group.changes[-1]
        called = _called(last) if group.shift is not None or last.shift is None else _CALLED[group.kind]
        yield called, f"... {more} more, until", _moment(last.new or last.old), ""


def _called(change: Change) -> str:
    return _CALLED[change.kind] + (f" {_signed(change.shift)}" if change.shift is not None else "")


def _signed(shift: timedelta) -> str:
    return f"{'-' if shift < timedelta(0) else '+'}{format_duration(abs(shift))}"


def _moment(due: Due | None) -> str:
    """Its nominal time, and its start where that is another."""
    if due is None:
        return "-"
    return format_time(due.nominal) + (f" {_signed(due.start - due.nominal)}" if due.start != due.nominal else "")


def _note(edit: Edit, change: Change) -> str:
    """What is worth saying of the time that is to be, else of the one that was."""
    for due, task in ((change.new, edit.new), (change.old, edit.old)):
        if due is not None and task is not None:
            return LocalTimes(task).notes(due.nominal)
    return ""


def _row(each: _Edited, count: int) -> Document:
    edit = each.edit
    return {
        "task": f"{edit.new.meta.namespace}/{edit.new.meta.name}",
        "file": each.file,
        "line": each.line,
        "state": edit.state,
        "timing": {"old": _timing(edit.old), "new": _timing(edit.new)},
        "fields": [{"path": field.path, "old": field.old, "new": field.new} for field in edit.fields],
        "from": format_time(edit.at),
        "until": format_time(edit.until),
        "complete": edit.until == edit.wanted_until,
        "times": {
            "old": edit.times[0],
            "new": edit.times[1],
            "stay": edit.comparison.stay,
            **{kind: edit.comparison.count(kind) for kind in KINDS},
        },
        "changes": [_group_row(group, count) for group in edit.comparison.groups],
        "notes": list(edit.notes),
    }


def _group_row(group: Group, count: int) -> Document:
    return {
        "change": group.kind,
        "count": len(group.changes),
        "shift": int(group.shift.total_seconds()) if group.shift is not None else None,
        "times": [{"old": _due_row(change.old), "new": _due_row(change.new)} for change in group.changes[:count]],
        "last": {"old": _due_row(group.changes[-1].old), "new": _due_row(group.changes[-1].new)},
    }


def _due_row(due: Due | None) -> Document | None:
    return {"nominal": format_time(due.nominal), "start": format_time(due.start)} if due is not None else None
