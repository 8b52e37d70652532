"""`AsyncRun`: a run, awaited. Its end is waited for by a watch, which survives restarts of the API server."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self, TypeVar, Unpack, overload

from crontask.api.resources import SCHEDULED_RUN
from crontask.client import actions
from crontask.client.actions import RunSettings
from crontask.client.deadline import Deadline
from crontask.client.requests import Document
from crontask.sdk import errors, outcome
from crontask.sdk.asking import UNBOUNDED, Asking, Timeout, fields_of_runs, seconds_of
from crontask.sdk.objects import Cell, EventType, RunView

T = TypeVar("T")


class AsyncRun(RunView):
    """A run: what was read of it last, and what can be done with it."""

    def __init__(self, asking: Asking, cell: Cell) -> None:
        super().__init__(cell)
        self._asking = asking

    async def refresh(self) -> Self:
        """Read it again. Raises RunGone."""
        return await self._read(UNBOUNDED)

    async def wait(self, timeout: Timeout = None) -> Self:
        """Wait until it has ended, well or not. Raises WaitTimeout, RunGone. The run goes on if nobody waits."""
        if self.ended:
            return self
        seconds = seconds_of(timeout)
        deadline = Deadline(seconds)
        events = self._asking.port.watch(
            SCHEDULED_RUN, namespace=self.namespace, name=self.name, after=self.document, timeout=seconds
        )
        async with aclosing(events):
            async for event in events:
                # Of one that vanished unseen there is only what identified it.
                if event.type != "DELETED" or event.object.get("status"):
                    self._take(event.object)
                if self.ended:
                    return self
                if event.type == "DELETED":
                    raise outcome.gone(self)
        try:
            await self._read(deadline)
        except errors.RequestError as error:
            # As through the watch: a server that is away for a while says nothing of the run.
            if not error.passing:
                raise
            raise outcome.too_long(self, seconds or 0.0) from error
        if not self.ended:
            raise outcome.too_long(self, seconds or 0.0)
        return self

    @overload
    async def result(self, *, timeout: Timeout = None) -> Any: ...

    @overload
    async def result(self, type_: type[T], *, timeout: Timeout = None) -> T: ...

    async def result(self, type_: Any = Any, *, timeout: Timeout = None) -> Any:
        """Wait for its result, as JSON has it, or as a type: a dataclass, a TypedDict, a pydantic model, `list[int]`.

        Raises RunFailed, RunTimedOut, RunCanceled, RunSkipped, RunGone, WaitTimeout, and ResultMismatch.
        """
        deadline = Deadline(seconds_of(timeout))
        await self.wait(timeout)
        if self.succeeded:
            return outcome.result_as(self, type_)
        raise outcome.failure_of(self, await self._counted(deadline) if self.phase == "Skipped" else None)

    async def cancel(self, reason: str | None = None, *, immediate: bool = False) -> Self:
        """Ask for its end. `immediate`: of a workflow, nothing that was done is undone."""
        change = actions.cancel(reason=reason, immediate=immediate)
        self._take(await self._asking.patch(SCHEDULED_RUN, self.name, self.namespace, change, self._asking.manager))
        return self

    async def rerun(
        self, *, from_: str | None = None, latest: bool = False, **settings: Unpack[RunSettings]
    ) -> "AsyncRun":
        """Run it again, once it has ended; what had succeeded is not done again.

        `from_`: Failed, Start, or the name of a step; `latest`: as its task says now.
        """
        begin = self.task or self.name
        body = actions.rerun(self.document, name=self._asking.drawn(begin), from_=from_, latest=latest, **settings)
        return AsyncRun(self._asking, Cell(await self._asking.start(body, self.namespace)))

    def logs(self, *, follow: bool = False) -> AsyncGenerator[str, None]:
        """The lines of all its attempts, and of its parts; with `follow` until it has ended.

        Of a pod that is gone there is no log.
        """
        from crontask.sdk.logs import lines_of

        return lines_of(self._asking.port, self, follow=follow)

    async def _read(self, deadline: Deadline) -> Self:
        try:
            found = await self._asking.get(SCHEDULED_RUN, self.name, self.namespace, deadline)
        except errors.NotFound:
            raise outcome.gone(self) from None
        self._take(found)
        return self

    async def _counted(self, deadline: Deadline) -> str | None:
        """The run with its key that counted, if it can be known in time."""
        if self.task is None or not self.spec.get("idempotencyKey"):
            return None
        try:
            others = await self._asking.list(
                SCHEDULED_RUN, self.namespace, fields_of_runs(self.task), deadline=deadline
            )
        except errors.Timeout:
            return None
        return outcome.counts_instead(self, [RunView(Cell(other)) for other in others])

    def _take(self, document: Document) -> None:
        if document["metadata"]["uid"] != self.uid:
            # Another of its name: ours is gone.
            raise outcome.gone(self)
        self.cell.document = document


@dataclass(frozen=True, slots=True)
class AsyncRunEvent:
    """What became of a run."""

    type: EventType
    run: AsyncRun
