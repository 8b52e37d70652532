"""Tasks and runs by the names that people write: `nightly`, `task/nightly`, `run/nightly-t2x4a0`."""

from typing import TYPE_CHECKING

from crontask.cli.connection import written_again
from crontask.cli.exits import BAD_INPUT, stop

if TYPE_CHECKING:
    from crontask.api.resources import Resource
    from crontask.client import Cluster
    from crontask.client.requests import Document

_TASK, _RUN = "task", "run"
_PREFIXES = {
    **dict.fromkeys(("task", "ct", "crontask", "crontasks", "crontask.crontask.dev", "crontasks.crontask.dev"), _TASK),
    **dict.fromkeys(("run", "sr", "scheduledrun", "scheduledruns"), _RUN),
    **dict.fromkeys(("scheduledrun.crontask.dev", "scheduledruns.crontask.dev"), _RUN),
}


def bare(written: str, wanted: str) -> str:
    """The name alone, of something that has to be a `task`, or a `run`; refuses one that says that it is another."""
    prefix, name = _split(written)
    if prefix not in ("", wanted):
        stop(BAD_INPUT, f"{written!r} is a {prefix}, where a {wanted} is meant")
    return name


def find_task(cluster: "Cluster", written: str) -> "Document":
    """The task of that name. Raises errors.NotFound, or ends the program where it is that of a run."""
    from crontask.api.resources import CRON_TASK, SCHEDULED_RUN

    name = bare(written, _TASK)
    found = _get(cluster, CRON_TASK, name)
    if found is None:
        run = _get(cluster, SCHEDULED_RUN, name)
        of = ((run or {}).get("spec") or {}).get("taskRef", {}).get("name")
        hint = f"; that is a run{f' of task {of}' if of else ''}" if run is not None else ""
        stop(BAD_INPUT, f"there is no CronTask {name} in namespace {cluster.namespace}{hint}")
    return found


def find_run(cluster: "Cluster", written: str) -> "Document":
    """The run of that name. Ends the program where there is none; the name of a task leads to its last run."""
    from crontask.api.resources import CRON_TASK, SCHEDULED_RUN

    name = bare(written, _RUN)
    found = _get(cluster, SCHEDULED_RUN, name)
    if found is None:
        hint = ""
        if (task := _get(cluster, CRON_TASK, name)) is not None:
            status = task.get("status") or {}
            last = [*(status.get("active") or ()), (status.get("lastRun") or {}).get("name")][0]
            hint = f"; that is a CronTask, whose last run is {last}" if last else "; that is a CronTask without a run"
        stop(BAD_INPUT, f"there is no ScheduledRun {name} in namespace {cluster.namespace}{hint}")
    return found


def find_either(cluster: "Cluster", written: str) -> "Document":
    """The task or the run of that name. Ends the program where there is neither, or both and it is not said which."""
    from crontask.api.resources import CRON_TASK, SCHEDULED_RUN

    prefix, name = _split(written)
    if prefix:
        return find_task(cluster, written) if prefix == _TASK else find_run(cluster, written)
    task, run = _get(cluster, CRON_TASK, name), _get(cluster, SCHEDULED_RUN, name)
    if task is not None and run is not None:
        either = f"{written_again('describe', f'task/{name}')}, or {written_again('describe', f'run/{name}')}"
        stop(BAD_INPUT, f"there are a CronTask and a ScheduledRun {name}; write {either}")
    found = task if task is not None else run
    if found is None:
        stop(BAD_INPUT, f"there is neither a CronTask nor a ScheduledRun {name} in namespace {cluster.namespace}")
    return found


def _split(written: str) -> tuple[str, str]:
    """The kind that is written before the name, if there is one."""
    prefix, slash, name = written.partition("/")
    if not slash:
        return "", written
    if prefix.lower() not in _PREFIXES:
        stop(BAD_INPUT, f"{written!r}: {prefix!r} is not a kind that is known here; write task/{name} or run/{name}")
    return _PREFIXES[prefix.lower()], name


def _get(cluster: "Cluster", kind: "Resource", name: str) -> "Document | None":
    """The object; None where there is none."""
    from crontask.client import operations, requests

    return cluster.run(operations.known(requests.get(kind, name, cluster.namespace)))
