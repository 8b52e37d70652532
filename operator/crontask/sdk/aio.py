"""`AsyncClient`: tasks and runs, awaited. `sync` has the same without an event loop.

Everything raises what is in `errors`. `namespace=None` is that of the client. Seconds to wait may be fractions; all
that is sent is written as timedelta, aware datetime, or text.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from copy import deepcopy
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, Unpack

from crontask.api.phases import RunPhase
from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.api.times import format_time, parse_duration
from crontask.client import actions, operations, requests
from crontask.client.access import Access, Flags, load
from crontask.client.actions import OneOff, RunSettings
from crontask.client.requests import Document, checked_name
from crontask.client.values import Duration, Instant, duration, moment
from crontask.sdk import errors
from crontask.sdk.aio_run import AsyncRun, AsyncRunEvent
from crontask.sdk.app_name import checked_app
from crontask.sdk.asking import (
    Asking,
    Timeout,
    checked_phase,
    checked_state,
    fields_of_runs,
    refuse_owned,
    seconds_of,
    utc_now,
)
from crontask.sdk.fields import TaskFields, manifest
from crontask.sdk.fitting import check_fits
from crontask.sdk.objects import Cell, Task, Upcoming
from crontask.sdk.patching import spec_patch
from crontask.sdk.port import Port

DAY = timedelta(days=1)
"""How far upcoming() looks unless it is said."""
Change = Callable[[Document], Document | None]
# So often somebody else may be quicker.
_TRIES = 10


class AsyncClient:
    """Tasks and runs of a cluster. `app`: whose tasks are registered; by default the name of the program."""

    def __init__(
        self,
        app: str | None = None,
        *,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | None = None,
        as_: str | None = None,
        request_timeout: float | None = None,
        access: Access | None = None,
    ) -> None:
        from crontask.client.aio_cluster import AsyncCluster

        flags = Flags(kubeconfig, context, namespace, as_, request_timeout=request_timeout)
        self._begin(app, AsyncCluster(access or load(flags)))

    @classmethod
    def over(
        cls,
        port: Port,
        app: str | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        drawn: Callable[[str], str] = actions.drawn,
    ) -> Self:
        """A client that stands upon that. `now`: by what an `at` has passed; `drawn`: the name of a run."""
        made = cls.__new__(cls)
        made._begin(app, port, now, drawn)
        return made

    def _begin(
        self,
        app: str | None,
        port: Port,
        now: Callable[[], datetime] = utc_now,
        drawn: Callable[[str], str] = actions.drawn,
    ) -> None:
        self.app = checked_app(app)
        self.manager = f"crontask-sdk/{self.app}"
        self._asking = Asking(port, self.manager, now, drawn)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._asking.port.close()

    @property
    def namespace(self) -> str:
        """Where names are looked for if nothing else is said."""
        return self._asking.port.namespace

    # --- tasks -------------------------------------------------------------------------------------------------------

    async def register(
        self,
        task: str | Mapping[str, Any],
        spec: Any = None,
        *,
        on_demand: bool = False,
        paused: bool = False,
        take_over: bool = False,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **fields: Unpack[TaskFields],
    ) -> Task:
        """Have this task, as it is said here: created, changed, or as it was.

        `task`: its name, or its manifest; `spec`: a CronTaskSpec or a dict; `fields` stand above both. Whether it is
        paused stays as it is; `paused` counts only if this creates it. Fields that others own are theirs
        (FieldConflict), unless `take_over`; then `taken_over` of the task says which, and from whom.
        """
        where = (namespace, self.namespace)
        body = manifest(task, spec, fields, where, on_demand=on_demand, labels=labels, annotations=annotations)
        found = await self._asking.known(CRON_TASK, body["metadata"]["name"], body["metadata"]["namespace"])
        if found is not None and not take_over:
            refuse_owned(body, found)
        begins_paused = paused and found is None and await self._asking.begin_paused(body)
        applied, taken = await self._asking.have(body, take_over=take_over)
        return Task(await self._asking.leave_all_but_pause(body) if begins_paused else applied, taken)

    async def update(self, task: str, change: Change, *, namespace: str | None = None) -> Task:
        """Change a task: `change` is given the raw spec, and edits it or returns another.

        What it changed is sent, and nothing else; if somebody was quicker, it is called again with what is there then.
        """
        for left in reversed(range(_TRIES)):
            found = await self._asking.get(CRON_TASK, task, namespace)
            before: Document = found.get("spec") or {}
            after = deepcopy(before)
            after = change(after) or after
            patch = spec_patch(before, after, found["metadata"]["resourceVersion"])
            if patch is None:
                return Task(found)
            try:
                return Task(await self._asking.patch(CRON_TASK, task, namespace, patch, self.manager))
            except errors.Conflict:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def pause(
        self, task: str, *, reason: str | None = None, until: Instant | None = None, namespace: str | None = None
    ) -> Task:
        """Nothing starts on schedule until resume(), or `until`. What runs goes on; manual runs work."""
        now = self._asking.now()
        if until is not None and moment(until, "until") <= now:
            raise errors.BadInput("until", f"{until} has passed: it is {format_time(now)}", "write a time to come")
        change = actions.pause(by=self.manager, reason=reason, until=until)
        return Task(await self._asking.patch(CRON_TASK, task, namespace, change, actions.MANAGER))

    async def resume(self, task: str, *, namespace: str | None = None) -> Task:
        """End a pause, whoever began it, and one by failures in a row. Times that have passed do not start."""
        change = actions.resume(await self._asking.get(CRON_TASK, task, namespace), self._asking.now())
        return Task(await self._asking.patch(CRON_TASK, task, namespace, change, actions.MANAGER))

    async def delete(self, task: str, *, namespace: str | None = None) -> None:
        """Delete a task, with its runs and their pods. Raises NotFound."""
        found = await self._asking.get(CRON_TASK, task, namespace)
        request = requests.delete(CRON_TASK, task, self._asking.inside(namespace), uid=found["metadata"]["uid"])
        await self._asking.port.run(operations.deleting(request))

    async def task(self, name: str, *, namespace: str | None = None) -> Task:
        """A task as it is now. Raises NotFound."""
        return Task(await self._asking.get(CRON_TASK, name, namespace))

    async def tasks(self, *, state: str | None = None, namespace: str | None = None) -> list[Task]:
        """All tasks, by name; or those that are Active, Suspended, Completed, Invalid or Rejected."""
        fields = f"status.phase={checked_state(state)}" if state is not None else ""
        return [Task(item) for item in await self._asking.list(CRON_TASK, namespace, fields)]

    async def upcoming(
        self, window: Duration = DAY, *, task: str | None = None, limit: int = 1000, namespace: str | None = None
    ) -> list[Upcoming]:
        """The scheduled starts from now on, in order: those of tasks that are not paused. `limit` at the most."""
        from crontask.sdk.times import upcoming

        seconds = parse_duration(duration(window, "window"))
        if not seconds:
            raise errors.BadInput("window", "is nothing", "write timedelta(days=1), or 1d")
        if not isinstance(limit, int) or limit < 1:
            raise errors.BadInput("limit", f"is {limit!r:.60}", "write 1 or more")
        fields = f"metadata.name={checked_name(task, CRON_TASK)}" if task is not None else ""
        return upcoming(await self._asking.list(CRON_TASK, namespace, fields), self._asking.now(), seconds, limit)

    # --- runs --------------------------------------------------------------------------------------------------------

    async def trigger(
        self,
        task: str,
        *,
        key: str | None = None,
        missing_ok: bool = False,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **settings: Unpack[RunSettings],
    ) -> AsyncRun:
        """Run a task: now, `at` a time, or after a `delay`.

        With a `key`, who asks again is given the same run, as long as it is kept (its ttlAfterFinished, a week unless
        set); KeyConflict if it was asked for with other args or settings. Raises UnknownTask where there is no such
        task, unless `missing_ok`: the run then waits for it; and BadInput for args that do not fit its argsSchema.
        """
        checked_name(task, CRON_TASK)
        name = self._asking.drawn(task) if key is None else actions.name_by_key(task, key)
        body = actions.trigger(task, name=name, key=key, labels=labels, annotations=annotations, **settings)
        try:
            await check_fits(self._asking, task, body["spec"].get("args"), namespace, missing_ok=missing_ok)
        except (errors.UnknownTask, errors.BadInput):
            # What was asked for before stays so, whatever the task has become.
            found = await self._asking.known(SCHEDULED_RUN, name, namespace) if key is not None else None
            if found is None or key is None:
                raise
            return self._same(body, found, key)
        if key is None:
            return AsyncRun(self._asking, Cell(await self._asking.start(body, namespace)))
        try:
            actions.refuse_past(body, self._asking.now())
        except errors.BadInput:
            # Its time has passed: it may have been asked for before.
            found = await self._asking.known(SCHEDULED_RUN, name, namespace)
            if found is None:
                raise
            return self._same(body, found, key)
        try:
            return self._same(body, await self._asking.create(body, namespace), key)
        except errors.AlreadyExists:
            found = await self._asking.known(SCHEDULED_RUN, name, namespace)
        if found is None:
            # It is gone since: its time to be kept was over.
            found = await self._asking.create(body, namespace)
        return self._same(body, found, key)

    async def run(
        self,
        *,
        name: str = "run",
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **how: Unpack[OneOff],
    ) -> AsyncRun:
        """A one-off run. `name`: with what its name begins."""
        what, settings = actions.parted(how)
        handler = actions.handler(**what)
        body = actions.one_off(
            handler, name=self._asking.drawn(name), labels=labels, annotations=annotations, **settings
        )
        return AsyncRun(self._asking, Cell(await self._asking.start(body, namespace)))

    async def get(self, run: str, *, namespace: str | None = None) -> AsyncRun:
        """A run by its name. Raises NotFound."""
        return AsyncRun(self._asking, Cell(await self._asking.get(SCHEDULED_RUN, run, namespace)))

    async def runs(
        self,
        *,
        task: str | None = None,
        phase: str | None = None,
        since: Instant | None = None,
        namespace: str | None = None,
    ) -> list[AsyncRun]:
        """Runs, the newest first: of a task, in a phase, created since then."""
        fields = fields_of_runs(task)
        # Of one that the operator has not seen the API server has no phase.
        if phase is not None and checked_phase(phase) != RunPhase.PENDING:
            fields = ",".join(filter(None, (fields, f"status.phase={phase}")))
        earliest = moment(since, "since") if since is not None else None
        found = [
            AsyncRun(self._asking, Cell(item)) for item in await self._asking.list(SCHEDULED_RUN, namespace, fields)
        ]
        kept = [run for run in found if phase in (None, run.phase) and (earliest is None or run.created >= earliest)]
        return sorted(kept, key=lambda run: (run.created, run.name), reverse=True)

    async def watch_runs(
        self,
        *,
        task: str | None = None,
        phase: str | None = None,
        existing: bool = False,
        timeout: Timeout = None,
        namespace: str | None = None,
    ) -> AsyncGenerator[AsyncRunEvent, None]:
        """Runs as they come, change and go; with `existing`, first those that there are.

        `phase`: only what is in that phase then. It goes on through restarts of the API server, until the timeout.
        """
        fields = fields_of_runs(task)
        if phase is not None:
            checked_phase(phase)
        seconds = seconds_of(timeout)
        where = self._asking.inside(namespace)
        after = None
        if not existing:
            after = await self._asking.port.run(operations.listing(SCHEDULED_RUN, where, fields=fields))
        events = self._asking.port.watch(SCHEDULED_RUN, namespace=where, fields=fields, after=after, timeout=seconds)
        async with aclosing(events):
            async for event in events:
                run = AsyncRun(self._asking, Cell(event.object))
                if phase is None or run.phase == phase:
                    type_: Any = event.type
                    yield AsyncRunEvent(type_, run)

    def _same(self, body: Document, found: Document, key: str) -> AsyncRun:
        """The run that the key stands for, if it is the one that is asked for."""
        fields = actions.differences(body, found)
        if fields:
            raise errors.KeyConflict(key, found["metadata"]["name"], fields)
        return AsyncRun(self._asking, Cell(found))


def port_of(client: AsyncClient) -> Port:
    """What the client stands upon."""
    return client._asking.port
