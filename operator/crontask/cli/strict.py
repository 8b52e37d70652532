"""What `validate --strict` warns of: what is allowed, and has surprised many.

A manifest that un-pauses, many tasks that are due at one minute, args that a shell may run as code, and a CronJob and a
CronTask of one name that both start what they do. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from crontask.api.base import format_time
from crontask.api.problem import Problem
from crontask.cli.manifest import as_document, complete, parsed
from crontask.cli.objects import Manifest, ManifestObject, Report
from crontask.cli.shell_code import shell_code
from crontask.decide.model import CronTask

MANY = 20
"""So many tasks that are due at one minute are many."""
# Of so many minutes it is counted how many tasks are due.
_MOST_MINUTES = 50
_SECOND = timedelta(seconds=1)
Found = tuple[Manifest, ManifestObject]
Name = tuple[str, str]


def strict_reports(
    good: Sequence[Found], manifests: Sequence[Manifest], namespace: str | None, now: datetime
) -> list[Report]:
    """The warnings about all that is to be applied together.

    `good`: the objects without a problem, of these manifests; `namespace`: of those that do not say it.
    """
    tasks = [(manifest, found) for manifest, found in good if found.kind == "CronTask"]
    warnings = [
        *((each, problem) for each in tasks for problem in _un_pausing(each[1])),
        *((each, problem) for each in good for problem in shell_code(each[1].value)),
        *_crowded(tasks, namespace, now),
        *_of_cron_jobs(tasks, manifests, namespace or ""),
    ]
    return [_warning(manifest, found, problem) for (manifest, found), problem in warnings]


def namesakes(tasks: Iterable[Found], active_cron_jobs: Iterable[Name], namespace: str) -> list[Report]:
    """Warnings about active tasks of the name of an active CronJob of the cluster."""
    active = set(active_cron_jobs)
    problem = _both_start("of the cluster")
    return [
        _warning(manifest, found, problem)
        for manifest, found in tasks
        if _is_active(found) and _name(found, namespace) in active
    ]


def _warning(manifest: Manifest, found: ManifestObject, problem: Problem) -> Report:
    report = manifest.report(found, problem)
    return Report(report.file, report.line, report.label, report.problem, warning=True)


def _un_pausing(task: ManifestObject) -> Iterator[Problem]:
    if task.value["spec"].get("suspend") is False:
        message = "is false: whoever has suspended the task finds it resumed once this is applied again"
        yield Problem("spec.suspend", message, "remove it, or write true; crontask resume resumes")


def _crowded(tasks: list[Found], namespace: str | None, now: datetime) -> Iterator[tuple[Found, Problem]]:
    """Of minutes at which many tasks are due; a task that was counted is not counted again at another."""
    known = [(each, task) for each in tasks if (task := _spread_by_nothing(each[1], namespace, now)) is not None]
    nexts = [task.timetable.next_after(now) for _, task in known]
    minutes = sorted({at.replace(second=0) for at in nexts if at is not None})
    due = {minute: [i for i, (_, task) in enumerate(known) if _due_in(task, minute)] for minute in _spaced(minutes)}
    counted: set[int] = set()
    for minute in sorted(due, key=lambda minute: (-len(due[minute]), minute)):
        if len(due[minute]) < MANY or counted.issuperset(due[minute]):
            continue
        counted.update(due[minute])
        first = known[due[minute][0]][0]
        field = "schedules" if "schedules" in first[1].value["spec"] else "schedule"
        message = (
            f"is due at {format_time(minute)}, and {len(due[minute]) - 1} other tasks of these files without jitter"
        )
        fix = "write jitter: 5m into them, or H for the minute"
        yield first, Problem(f"spec.{field}", message, fix)


def _spaced(minutes: list[datetime]) -> list[datetime]:
    """As many as are looked at, from all over them."""
    step = -(-len(minutes) // _MOST_MINUTES) or 1
    return minutes[::step]


def _due_in(task: CronTask, minute: datetime) -> bool:
    return task.timetable.due(minute - _SECOND, minute + timedelta(seconds=59)) is not None


def _spread_by_nothing(found: ManifestObject, namespace: str | None, now: datetime) -> CronTask | None:
    """The task, if it has a schedule whose minute is fixed, and starts at it."""
    task, spec = parsed(complete(as_document(found, namespace), now))
    texts = [spec.schedule] if spec.schedule is not None else list(spec.schedules or ())
    spread = spec.jitter or spec.suspend or any("H" in text.split()[0] for text in texts)
    return task if texts and not spread else None


def _of_cron_jobs(tasks: list[Found], manifests: Sequence[Manifest], namespace: str) -> Iterator[tuple[Found, Problem]]:
    jobs = {
        _name(found, namespace): f"{manifest.file}:{found.line}"
        for manifest in manifests
        for found in manifest.others
        if found.kind == "CronJob" and isinstance(found.name, str) and _is_active(found)
    }
    for each in tasks:
        where = jobs.get(_name(each[1], namespace))
        if where is not None and _is_active(each[1]):
            yield each, _both_start(f"at {where}")


def _both_start(where: str) -> Problem:
    message = f"is that of a CronJob {where}, which is active as well: both start it"
    return Problem("metadata.name", message, "suspend one of them")


def _name(found: ManifestObject, namespace: str) -> Name:
    return found.namespace or namespace, str(found.asked_name)


def _is_active(found: ManifestObject) -> bool:
    spec = found.value.get("spec")
    return isinstance(spec, dict) and not spec.get("suspend")
