"""`Client` and `Run`: tasks and runs, without an event loop and without threads.

Each method is that of `aio`, driven to its end: the cluster below waits, the coroutine never does.
"""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

from crontask.client.access import Access, Flags, load
from crontask.client.actions import OneOff, RunSettings
from crontask.client.cluster import Cluster
from crontask.client.values import Duration, Instant
from crontask.sdk.aio import DAY, AsyncClient, Change
from crontask.sdk.aio_run import AsyncRun
from crontask.sdk.asking import Timeout
from crontask.sdk.fields import TaskFields
from crontask.sdk.objects import EventType, RunView, Task, Upcoming
from crontask.sdk.port import Blocking, blocking, blocking_items

T = TypeVar("T")


class Run(RunView):
    """A run: what was read of it last, and what can be done with it."""

    def __init__(self, run: AsyncRun) -> None:
        super().__init__(run.cell)
        self._run = run

    def refresh(self) -> Self:
        """Read it again. Raises RunGone."""
        blocking(self._run.refresh())
        return self

    def wait(self, timeout: Timeout = None) -> Self:
        """Wait until it has ended, well or not. Raises WaitTimeout, RunGone. The run goes on if nobody waits."""
        blocking(self._run.wait(timeout))
        return self

    @overload
    def result(self, *, timeout: Timeout = None) -> Any: ...

    @overload
    def result(self, type_: type[T], *, timeout: Timeout = None) -> T: ...

    def result(self, type_: Any = Any, *, timeout: Timeout = None) -> Any:
        """Wait for its result, as JSON has it, or as a type: a dataclass, a TypedDict, a pydantic model, `list[int]`.

        Raises RunFailed, RunTimedOut, RunCanceled, RunSkipped, RunGone, WaitTimeout, and ResultMismatch.
        """
        return blocking(self._run.result(type_, timeout=timeout))

    def cancel(self, reason: str | None = None, *, immediate: bool = False) -> Self:
        """Ask for its end. `immediate`: of a workflow, nothing that was done is undone."""
        blocking(self._run.cancel(reason, immediate=immediate))
        return self

    def rerun(self, *, from_: str | None = None, latest: bool = False, **settings: Unpack[RunSettings]) -> "Run":
        """Run it again, once it has ended; what had succeeded is not done again.

        `from_`: Failed, Start, or the name of a step; `latest`: as its task says now.
        """
        return Run(blocking(self._run.rerun(from_=from_, latest=latest, **settings)))

    def logs(self, *, follow: bool = False) -> Generator[str, None, None]:
        """The lines of all its attempts, and of its parts; with `follow` until it has ended.

        Of a pod that is gone there is no log.
        """
        return blocking_items(self._run.logs(follow=follow))


@dataclass(frozen=True, slots=True)
class RunEvent:
    """What became of a run."""

    type: EventType
    run: Run


class Client:
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
        flags = Flags(kubeconfig, context, namespace, as_, request_timeout=request_timeout)
        self._client = AsyncClient.over(Blocking(Cluster(access or load(flags))), app)

    @classmethod
    def over(cls, client: AsyncClient) -> Self:
        """That client without an event loop: what it stands upon never waits."""
        made = cls.__new__(cls)
        made._client = client
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        blocking(self._client.close())

    @property
    def app(self) -> str:
        """Whose tasks are registered."""
        return self._client.app

    @property
    def manager(self) -> str:
        """As whom fields are owned."""
        return self._client.manager

    @property
    def namespace(self) -> str:
        """Where names are looked for if nothing else is said."""
        return self._client.namespace

    # --- tasks -------------------------------------------------------------------------------------------------------

    def register(
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
        return blocking(
            self._client.register(
                task,
                spec,
                on_demand=on_demand,
                paused=paused,
                take_over=take_over,
                namespace=namespace,
                labels=labels,
                annotations=annotations,
                **fields,
            )
        )

    def update(self, task: str, change: Change, *, namespace: str | None = None) -> Task:
        """Change a task: `change` is given the raw spec, and edits it or returns another.

        What it changed is sent, and nothing else; if somebody was quicker, it is called again with what is there then.
        """
        return blocking(self._client.update(task, change, namespace=namespace))

    def pause(
        self, task: str, *, reason: str | None = None, until: Instant | None = None, namespace: str | None = None
    ) -> Task:
        """Nothing starts on schedule until resume(), or `until`. What runs goes on; manual runs work."""
        return blocking(self._client.pause(task, reason=reason, until=until, namespace=namespace))

    def resume(self, task: str, *, namespace: str | None = None) -> Task:
        """End a pause, whoever began it, and one by failures in a row. Times that have passed do not start."""
        return blocking(self._client.resume(task, namespace=namespace))

    def delete(self, task: str, *, namespace: str | None = None) -> None:
        """Delete a task, with its runs and their pods. Raises NotFound."""
        blocking(self._client.delete(task, namespace=namespace))

    def task(self, name: str, *, namespace: str | None = None) -> Task:
        """A task as it is now. Raises NotFound."""
        return blocking(self._client.task(name, namespace=namespace))

    def tasks(self, *, state: str | None = None, namespace: str | None = None) -> list[Task]:
        """All tasks, by name; or those that are Active, Suspended, Completed, Invalid or Rejected."""
        return blocking(self._client.tasks(state=state, namespace=namespace))

    def upcoming(
        self, window: Duration = DAY, *, task: str | None = None, limit: int = 1000, namespace: str | None = None
    ) -> list[Upcoming]:
        """The scheduled starts from now on, in order: those of tasks that are not paused. `limit` at the most."""
        return blocking(self._client.upcoming(window, task=task, limit=limit, namespace=namespace))

    # --- runs --------------------------------------------------------------------------------------------------------

    def trigger(
        self,
        task: str,
        *,
        key: str | None = None,
        missing_ok: bool = False,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **settings: Unpack[RunSettings],
    ) -> Run:
        """Run a task: now, `at` a time, or after a `delay`.

        With a `key`, who asks again is given the same run, as long as it is kept (its ttlAfterFinished, a week unless
        set); KeyConflict if it was asked for with other args or settings. Raises UnknownTask where there is no such
        task, unless `missing_ok`: the run then waits for it; and BadInput for args that do not fit its argsSchema.
        """
        asked = self._client.trigger(
            task,
            key=key,
            missing_ok=missing_ok,
            namespace=namespace,
            labels=labels,
            annotations=annotations,
            **settings,
        )
        return Run(blocking(asked))

    def run(
        self,
        *,
        name: str = "run",
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **how: Unpack[OneOff],
    ) -> Run:
        """A one-off run. `name`: with what its name begins."""
        return Run(
            blocking(self._client.run(name=name, namespace=namespace, labels=labels, annotations=annotations, **how))
        )

    def get(self, run: str, *, namespace: str | None = None) -> Run:
        """A run by its name. Raises NotFound."""
        return Run(blocking(self._client.get(run, namespace=namespace)))

    def runs(
        self,
        *,
        task: str | None = None,
        phase: str | None = None,
        since: Instant | None = None,
        namespace: str | None = None,
    ) -> list[Run]:
        """Runs, the newest first: of a task, in a phase, created since then."""
        found = blocking(self._client.runs(task=task, phase=phase, since=since, namespace=namespace))
        return [Run(run) for run in found]

    def watch_runs(
        self,
        *,
        task: str | None = None,
        phase: str | None = None,
        existing: bool = False,
        timeout: Timeout = None,
        namespace: str | None = None,
    ) -> Generator[RunEvent, None, None]:
        """Runs as they come, change and go; with `existing`, first those that there are.

        `phase`: only what is in that phase then. It goes on through restarts of the API server, until the timeout.
        """
        events = self._client.watch_runs(
            task=task, phase=phase, existing=existing, timeout=timeout, namespace=namespace
        )
        with closing(blocking_items(events)) as found:
            for event in found:
                yield RunEvent(event.type, Run(event.run))


def driven_by(client: Client) -> AsyncClient:
    """The client that this one drives: its coroutines are for `blocking`, which runs them from start to end."""
    return client._client
