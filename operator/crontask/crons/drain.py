"""Wait until a task that is suspended has no run any more that has begun, or is about to."""

from collections.abc import Callable
from contextlib import aclosing

from crontask.api.phases import TERMINAL, RunPhase
from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.client.deadline import Deadline
from crontask.client.requests import Document
from crontask.sdk import errors
from crontask.sdk.aio_run import AsyncRun
from crontask.sdk.asking import Asking, fields_of_runs
from crontask.sdk.objects import Cell


async def drained(asking: Asking, task: Document, deadline: Deadline, say: Callable[[str], None]) -> bool:
    """Whether it came so far in time. A run that somebody has put off is not waited for: it goes with its task.

    `say`: is given a line for people where there is something to wait for.
    """
    name, namespace = task["metadata"]["name"], task["metadata"]["namespace"]
    if not await _pause_is_seen(asking, task, deadline):
        return False
    while True:
        found = await asking.list(SCHEDULED_RUN, namespace, fields_of_runs(name))
        open_runs = [run for run in found if _is_open(run)]
        if not open_runs:
            return True
        for run in open_runs:
            say(f"waiting for run {run['metadata']['name']} of {name}, which is not registered any more")
            try:
                await AsyncRun(asking, Cell(run)).wait(deadline.left)
            except errors.WaitTimeout:
                return False
            except errors.RunGone:
                continue


async def _pause_is_seen(asking: Asking, task: Document, deadline: Deadline) -> bool:
    """Until the operator has seen the pause it may start one more. One that it never saw has started nothing."""
    if not task.get("status") or _is_seen(task):
        return True
    metadata = task["metadata"]
    events = asking.port.watch(
        CRON_TASK, namespace=metadata["namespace"], name=metadata["name"], after=task, timeout=deadline.left
    )
    async with aclosing(events):
        async for event in events:
            if event.type == "DELETED" or _is_seen(event.object):
                return True
    return False


def _is_seen(task: Document) -> bool:
    observed = (task.get("status") or {}).get("observedGeneration", -1)
    return isinstance(observed, int) and observed >= task["metadata"].get("generation", 0)


def _is_open(run: Document) -> bool:
    spec, phase = run["spec"], (run.get("status") or {}).get("phase") or RunPhase.PENDING
    if phase in TERMINAL:
        return False
    waits = any(spec.get(key) for key in ("at", "delay", "suspend"))
    return phase != RunPhase.PENDING or not waits
