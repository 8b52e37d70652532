"""What `simulate` plays: a CronTask, or one ScheduledRun, with the CronTask of the same file whose run it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crontask.api.base import format_time, parse_duration
from crontask.api.problem import Problem
from crontask.api.times import parse_time
from crontask.api.validate import TIMINGS, validate_run
from crontask.cli.manifest import as_document, chosen, complete, find_task
from crontask.cli.objects import KINDS, Manifest, ManifestObject, Report, read_manifest
from crontask.cli.parameters import refuse
from crontask.ports import Document, Kind
from crontask.simulation.documents import merge_patch

# As kubectl calls them.
_CALLED = {
    **dict.fromkeys(("crontask", "crontasks", "ct"), "CronTask"),
    **dict.fromkeys(("scheduledrun", "scheduledruns", "sr"), "ScheduledRun"),
}
_NO_RERUN = (
    "is not played: a simulation begins without any run that has ended",
    "play the manifest of what it runs again instead",
)
# What may be changed of a run that is there.
_CHANGEABLE = ("at", "cancel", "cancelMode", "cancelReason", "suspend")


@dataclass(frozen=True, slots=True)
class Played:
    """A complete manifest. `task`: of a run that names one, so that nothing but people start a run of it."""

    document: Document
    task: Document | None = None

    @property
    def alone(self) -> bool:
        """Whether it is one run, and not all those of a task."""
        return bool(self.document["kind"] == Kind.SCHEDULED_RUN.kind)

    @property
    def handled(self) -> Document:
        """The object whose handler it is that runs."""
        return self.task if self.task is not None else self.document


def find_played(path: str | None, name: str | None, namespace: str | None, created: datetime) -> Played:
    """The object of the file (the one of that name, if it has several), or the CronTask of the cluster.

    One of a file that has a problem is refused. `name` may say its kind: `scheduledrun/NAME`.
    """
    kind, plain = _kind_and_name(name)
    if path is None:
        if kind == "ScheduledRun":
            refuse([f"{name}: a ScheduledRun is played from a manifest only; write -f FILE"])
        return Played(complete(find_task(None, plain, namespace), created))
    manifest = read_manifest(path)
    objects = [found for found in manifest.objects if kind in (None, found.kind)]
    if plain is None:
        objects = _without_tasks_of_runs(objects)
    found = chosen(manifest, objects, plain, namespace, *(KINDS if kind is None else (kind,)))
    if found.kind == "CronTask":
        return Played(complete(as_document(found, namespace), created))
    document = complete(as_document(found, namespace), created, Kind.SCHEDULED_RUN)
    if document["spec"].get("rerunOf") is not None:
        # Also of one without a problem: what it would run is not in the file.
        refuse([manifest.report(found, Problem("spec.rerunOf", *_NO_RERUN))])
    asked = document["spec"].get("taskRef")
    if asked is None:
        return Played(document)
    task = _task_of(manifest, found, asked["name"], document["metadata"]["namespace"])
    return Played(document, _never_due(complete(as_document(task, document["metadata"]["namespace"]), created)))


def _kind_and_name(name: str | None) -> tuple[str | None, str | None]:
    """The kind and the name that `KIND/NAME` says, or NAME."""
    called, slash, plain = (name or "").rpartition("/")
    if not slash:
        return None, name
    if called.lower() not in _CALLED:
        refuse([f"{name}: there is no kind {called}; write crontask/{plain} or scheduledrun/{plain}"])
    return _CALLED[called.lower()], plain


def _without_tasks_of_runs(objects: list[ManifestObject]) -> list[ManifestObject]:
    """Of a task that starts nothing by itself there is nothing to be seen but the runs of it that stand beside it."""
    refs = [_part(found.value, "spec", "taskRef") for found in objects if found.kind == "ScheduledRun"]
    asked = [ref.get("name") for ref in refs]
    return [
        found
        for found in objects
        if found.kind != "CronTask"
        or found.name not in asked
        or any(field in _part(found.value, "spec") for field in TIMINGS)
    ]


def _part(value: Any, *path: str) -> Document:
    """What stands there, if that is an object."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _task_of(manifest: Manifest, run: ManifestObject, name: str, namespace: str) -> ManifestObject:
    """The CronTask of the file that the run names. Refuses one that is not there, or has a problem."""
    tasks = [task for task in manifest.of("CronTask") if (task.name, task.namespace or namespace) == (name, namespace)]
    if not tasks:
        there = f"there is no CronTask {name} of namespace {namespace} in the file"
        refuse([manifest.report(run, Problem("spec.taskRef.name", there, "add it, or write its handler into the run"))])
    return chosen(manifest, tasks, name, namespace, "CronTask")


def _never_due(task: Document) -> Document:
    """The task as it is for a run that somebody makes: none of its own times comes beside it."""
    return {**task, "spec": {name: value for name, value in task["spec"].items() if name not in TIMINGS}}


def check_edits(played: Played, edits: list[tuple[str, Document]]) -> None:
    """Refuse patches of a run, in the order of their times, that the API server would refuse."""
    spec = played.document["spec"]
    for file, patch in edits:
        asked = _part(patch, "spec")
        fixed = [f"spec.{field}" for field in asked if field not in _CHANGEABLE and asked[field] != spec.get(field)]
        if fixed:
            refuse(f"--edit {file}: {field} cannot be changed; create another ScheduledRun" for field in fixed)
        spec = merge_patch(spec, patch.get("spec", {}))
        problems = validate_run(spec)[1]
        if problems:
            refuse(Report(f"--edit {file}", None, "", problem) for problem in problems)


def why_not_played(run: Document, end: datetime) -> str:
    """What there is to say where nothing was decided about a run."""
    spec = run["spec"]
    due = parse_time(run["metadata"]["creationTimestamp"]) + parse_duration(spec.get("delay") or "0s")
    due = parse_time(spec["at"]) if spec.get("at") else due
    if due >= end:
        return f"nothing is due before {format_time(end)}: the run is due at {format_time(due)}"
    if spec.get("suspend"):
        return "nothing starts: the run is held, as spec.suspend is true"
    return "nothing is decided about the run in that time"
