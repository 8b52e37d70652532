"""The log of a run: of each of its attempts, and of a composite run's parts, one after the other."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from crontask.api.names import LABEL_RUN
from crontask.api.resources import POD, SCHEDULED_RUN
from crontask.client import errors, operations, requests
from crontask.client.pods import handler_container
from crontask.client.requests import Document
from crontask.sdk.objects import Cell, RunView
from crontask.sdk.port import Port

_OVER = ("Succeeded", "Failed")


async def lines_of(port: Port, run: RunView, *, follow: bool) -> AsyncGenerator[str, None]:
    """The lines that are there; with `follow` those that come too, until the run has ended."""
    read: set[str] = set()
    while True:
        newest = await _refreshed(port, run)
        for pod in await _pods(port, newest):
            if pod["metadata"]["uid"] in read:
                continue
            if follow and not newest.ended:
                pod = await _started(port, pod)
            async with aclosing(_of_pod(port, pod, follow=follow)) as lines:
                async for line in lines:
                    yield line
            read.add(pod["metadata"]["uid"])
        # What came after this was read is looked for again; after the end nothing comes.
        if not follow or newest.ended:
            return
        if not await _changed(port, newest):
            return


async def _refreshed(port: Port, run: RunView) -> RunView:
    document = await port.run(operations.once(requests.get(SCHEDULED_RUN, run.name, run.namespace)))
    return RunView(Cell(document))


async def _changed(port: Port, run: RunView) -> bool:
    """Wait for the run's next change; false if it is gone."""
    events = port.watch(SCHEDULED_RUN, namespace=run.namespace, name=run.name, after=run.document)
    async with aclosing(events):
        async for event in events:
            return event.type != "DELETED"
    return False


async def _pods(port: Port, run: RunView) -> list[Document]:
    """Of the run, or of all of its parts: oldest first."""
    names = [run.name]
    if run.status.get("plan") is not None:
        names = await _parts(port, run)
    found: list[Document] = []
    for name in names:
        selector = requests.labels({LABEL_RUN: name})
        listed = await port.run(operations.listing(POD, run.namespace, selector=selector))
        found += listed["items"]
    return sorted(found, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))


async def _parts(port: Port, run: RunView) -> list[str]:
    """The names of the runs that have pods, below a composite run."""
    fields = f"spec.parent.name={run.name}"
    listed = await port.run(operations.listing(SCHEDULED_RUN, run.namespace, fields=fields))
    names = []
    for document in listed["items"]:
        part = RunView(Cell(document))
        names += await _parts(port, part) if part.status.get("plan") is not None else [part.name]
    return names


async def _started(port: Port, pod: Document) -> Document:
    """The pod, once a container of it has begun, or never will."""
    metadata = pod["metadata"]
    if not _waits(pod):
        return pod
    events = port.watch(POD, namespace=metadata["namespace"], name=metadata["name"], after=pod)
    async with aclosing(events):
        async for event in events:
            if event.type == "DELETED" or not _waits(event.object):
                return pod if event.type == "DELETED" else event.object
    return pod


def _waits(pod: Document) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") in _OVER:
        return False
    known = {each["name"]: each.get("state") or {} for each in status.get("containerStatuses") or ()}
    state = known.get(handler_container(pod), {})
    return "running" not in state and "terminated" not in state


async def _of_pod(port: Port, pod: Document, *, follow: bool) -> AsyncGenerator[str, None]:
    metadata = pod["metadata"]
    lines = port.logs(
        metadata["name"], namespace=metadata["namespace"], container=handler_container(pod), follow=follow
    )
    try:
        async with aclosing(lines):
            async for line in lines:
                yield line.decode(errors="replace")
    except (errors.NotFound, errors.Invalid):
        # It is gone, or its container never began: there is no log.
        return
