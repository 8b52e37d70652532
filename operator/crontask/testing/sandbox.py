"""`Sandbox`: what a test calls."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack, overload

from crontask.api.names import ANNOTATION_APPROVE, ANNOTATION_REJECT, ANNOTATION_RESERVED, DRAWN, drawn_name
from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.api.times import parse_duration
from crontask.client import operations, requests, values
from crontask.client.actions import RunSettings
from crontask.client.values import Duration, Instant
from crontask.crons.registry import Crons
from crontask.crons.sync import manager_of
from crontask.ports import Document, Kind
from crontask.runner.fitting import nearest
from crontask.sdk import errors
from crontask.sdk.aio import AsyncClient
from crontask.sdk.aio_run import AsyncRun
from crontask.sdk.asking import Asking, checked_phase
from crontask.sdk.fields import TaskFields
from crontask.sdk.objects import Cell, Task
from crontask.sdk.port import blocking
from crontask.sdk.sync import Client, Run
from crontask.simulation.documents import copied
from crontask.simulation.kubelet import Plan
from crontask.testing.calling import Function
from crontask.testing.files import documents_in
from crontask.testing.handlers import Handlers, Part
from crontask.testing.outcome import Decide, Outcome
from crontask.testing.port import SandboxPort
from crontask.testing.server import Server
from crontask.testing.triggered import TriggeredRuns
from crontask.testing.world import World

_APPLIES = "kubectl"
_KINDS = {kind.kind: kind for kind in (CRON_TASK, SCHEDULED_RUN)}


class Sandbox:
    """A cluster of its own for a test, whose time passes when the test says so. Use it by `with`.

    `now`: when it begins. `duration`: how long each attempt takes for which nothing else is said. `app`: as Client's.
    All that goes wrong is an errors.ClientError; what the test's own functions raise comes as it is.
    """

    def __init__(
        self,
        now: Instant = "2026-01-01T00:00:00Z",
        *,
        duration: Duration = "10s",
        namespace: str = "default",
        app: str = "test",
    ) -> None:
        self._begins = values.moment(now, "now")
        self._namespace = requests.checked_namespace(namespace)
        self._app = app
        self._handlers = Handlers(parse_duration(values.duration(duration, "duration")))
        self._started: World | None = None
        # Every run there ever was, as it was last, by its UID.
        self._runs: dict[str, Document] = {}
        self._names = 0
        # Tasks that outcome() and call() are for, and that have not been seen.
        self._named: set[str] = set()

    def __enter__(self) -> Self:
        world = self._started = World(self._begins, self._plan, self._check_named)
        server = Server(world.api, lambda: world.now)
        self._triggered = TriggeredRuns(server)
        self._port = SandboxPort(world, server, self._namespace)
        world.api.observers.append(self._observe)
        self._asking = Asking(self._port, self.client.manager, lambda: world.now, self._drawn)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._world.close()

    @property
    def client(self) -> Client:
        """The ordinary client: what it writes is seen at once, and waiting lets the sandbox's time pass."""
        return Client.over(self.async_client)

    @property
    def async_client(self) -> AsyncClient:
        """The same for code that awaits it."""
        return self._client_of(self._app)

    def client_of(self, app: str) -> Client:
        """That of another program: what it registers is its own."""
        return Client.over(self._client_of(app))

    def _client_of(self, app: str) -> AsyncClient:
        world = self._world
        return AsyncClient.over(self._port, app, now=lambda: world.now, drawn=self._drawn)

    # --- time --------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """What time it is in the sandbox."""
        return self._world.now

    def advance(self, by: timedelta | None = None, *, until: Instant | None = None, **parts: float) -> datetime:
        """Let time pass: `days=365`, a timedelta, or `until` an instant. What is due by then has started.

        It returns what time it is then, and raises what the test's functions raise that is no failure of a run.
        """
        self._world.advance(self._target(by, until, parts))
        return self.now

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Within, no operator runs, as when its node is gone: afterwards one catches up."""
        self._world.operator_down()
        try:
            yield
        finally:
            self._world.operator_up()

    def _target(self, by: timedelta | None, until: Instant | None, parts: Mapping[str, float]) -> datetime:
        if sum((by is not None, until is not None, bool(parts))) != 1:
            raise errors.BadInput("advance", "is given no time, or two", "write one of days=1, a timedelta and until=")
        if until is not None:
            target = values.moment(until, "until")
        else:
            try:
                by = by if by is not None else timedelta(**parts)
            except TypeError as error:
                fix = "write weeks, days, hours, minutes or seconds"
                raise errors.BadInput("advance", str(error).rpartition(") ")[2] or str(error), fix) from None
            target = self.now + parse_duration(values.duration(by, "advance"))
        if target < self.now:
            raise errors.BadInput("until", f"{target} has passed: it is {self.now}", "write a time to come")
        return target

    # --- tasks -------------------------------------------------------------------------------------------------------

    @overload
    def register(self, task: Path | Crons) -> list[Task]: ...

    @overload
    def register(
        self,
        task: str | Mapping[str, Any] | Function,
        spec: Any = None,
        *,
        on_demand: bool = False,
        paused: bool = False,
        take_over: bool = False,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **fields: Unpack[TaskFields],
    ) -> Task: ...

    def register(self, task: Any, spec: Any = None, **fields: Any) -> Task | list[Task]:
        """As Client.register; and a registry, the Path of manifests, or a function with its timing.

        The functions of a `Crons` are called in this process. Tasks and runs of a file, or of those in a folder, are
        applied as kubectl does it. A function is named as it is, with hyphens; in a handler, `python` may be a function
        as well, and so may `handler` itself. Raises InvalidTask, BadInput and InvalidCrons.
        """
        if isinstance(task, Crons):
            return self._register_all(task)
        if isinstance(task, Path):
            return [Task(each) for each in self._apply(documents_in(task, self._namespace)) if _is_task(each)]
        if callable(task) and not isinstance(task, Mapping):
            if hasattr(task, "cron"):
                problem = f"{task.__name__} is registered in a Crons, with its timing"
                raise errors.BadInput("task", problem, "register that: box.register(crons)")
            fields["handler"] = task
            task = name_of(task)
        if callable(fields.get("handler")):
            fields["handler"] = {"python": fields["handler"]}
        if fields.get("handler") is not None:
            fields["handler"] = self._handlers.with_functions(_plain(fields["handler"]))
        if isinstance(task, Mapping) and isinstance(task.get("spec"), Mapping):
            task = {**task, "spec": self._handlers.with_functions(task["spec"])}
        return self.client.register(task, self._handlers.with_functions(spec), **fields)

    def task(self, name: str, *, namespace: str | None = None) -> Task:
        """A task as it is now. Raises NotFound."""
        return self.client.task(name, namespace=namespace)

    def _register_all(self, crons: Crons) -> list[Task]:
        """As Crons.sync applies them; their modules need not be shipped."""
        owner = Asking(self._port, manager_of(crons.owner), self._asking.now, self._drawn)
        bodies = [body for body in crons.manifests(namespace=self._namespace) if _is_task(body)]
        for cron in crons:
            self._handlers.call(Part(cron.name), cron.function)
        return [Task(*blocking(owner.have(body))) for body in bodies]

    def _apply(self, documents: list[Document]) -> list[Document]:
        sent = []
        for document in documents:
            kind, where = _KINDS[document["kind"]], document["metadata"]["namespace"]
            request = requests.apply(kind, document, where, manager=_APPLIES, force=True)
            sent.append(blocking(self._asking.port.run(operations.once(request))))
        return sent

    # --- how handlers end --------------------------------------------------------------------------------------------

    def outcome(
        self,
        task: str,
        decide: Decide | Outcome | None = None,
        *,
        step: str = "",
        attempt: int = 0,
        **how: Any,
    ) -> None:
        """Say how runs of a task end from now on: by the fields of Outcome, or by a function of what they are given.

        `attempt`: only that attempt of each run; `step`: of a workflow, NAME, or NAME/undo. What is said later counts;
        a step or an attempt more than all. A function of the process is not called where its outcome is said, unless
        that is a `duration` alone. By the time that passes next there has to be a task of that name.
        """
        part = self._part(task, step)
        if attempt < 0:
            raise errors.BadInput("attempt", f"is {attempt}", "write 1 for the first")
        if decide is not None and how:
            raise errors.BadInput("outcome", "is given twice", f"write {', '.join(how)} within Outcome(…)")
        if set(how) == {"duration"}:
            self._handlers.set_duration(part, attempt, parse_duration(values.duration(how["duration"], "duration")))
            return
        self._handlers.set_outcome(part, attempt, decide if decide is not None else _outcome(how))

    def call(self, task: str, function: Function, *, step: str = "") -> None:
        """Have the handler of a task, or of a step, be that function, called as in a pod: with the context and args."""
        self._handlers.call(self._part(task, step), function)

    def _part(self, task: str, step: str) -> Part:
        if not isinstance(task, str):
            fix = f"write its name, as {name_of(task)!r}" if callable(task) else "write a name like clean-up"
            raise errors.BadInput("task", f"is a {type(task).__name__}", fix)
        if task:
            self._named.add(task)
        return Part(task, step)

    def _check_named(self) -> None:
        """An outcome of a task that there is not would make a test green that tests nothing."""
        for name in sorted(self._named):
            self._check_task(name, "register it before time passes")
        self._named.clear()

    def _check_task(self, name: str, fix: str) -> None:
        names = {document["metadata"]["name"] for document in self._world.api.documents(Kind.CRON_TASK)}
        if name not in names:
            near = nearest(name, sorted(names))
            problem = f"there is no task {name}"
            raise errors.BadInput("task", problem, f"did you mean {near}?" if near else fix)

    def approve(self, run: str, step: str, *, namespace: str | None = None) -> None:
        """Approve a step that waits for it."""
        self._answer(run, step, ANNOTATION_APPROVE, namespace)

    def reject(self, run: str, step: str, *, namespace: str | None = None) -> None:
        """Reject a step that waits for approval."""
        self._answer(run, step, ANNOTATION_REJECT, namespace)

    def _answer(self, run: str, step: str, annotation: str, namespace: str | None) -> None:
        found = self.client.get(run, namespace=namespace)
        before = (found.document["metadata"].get("annotations") or {}).get(annotation)
        change = {"metadata": {"annotations": {annotation: f"{before},{step}" if before else step}}}
        blocking(self._asking.patch(SCHEDULED_RUN, run, namespace, change, self._asking.manager))

    def _plan(self, pod: Document) -> Plan:
        world = self._world
        return self._handlers.plan(pod, world.api, world.clock_now, self._triggered)

    # --- runs --------------------------------------------------------------------------------------------------------

    def trigger(
        self, task: str | Function, *, key: str | None = None, missing_ok: bool = False, **settings: Unpack[RunSettings]
    ) -> Run:
        """Run a task, as Client.trigger; of a function that is registered, by that itself."""
        if callable(task):
            task = task.cron.name if hasattr(task, "cron") else name_of(task)
        return self.client.trigger(task, key=key, missing_ok=missing_ok, **settings)

    def runs(self, task: str | None = None, *, phase: str | None = None, parts: bool = False) -> list[Run]:
        """All runs that there ever were, oldest first: also those that a cluster has removed by now.

        Of a task, or in a phase; with `parts`, the parts of composite runs as well. Raises BadInput for a task that
        there is not and that never had a run, and for what is no phase.
        """
        self._world  # noqa: B018 - it is there by now, or refused
        if phase is not None:
            checked_phase(phase)
        found = [Run(AsyncRun(self._asking, Cell(copied(document)))) for document in self._runs.values()]
        roots = {(run.namespace, run.name): run.task for run in found}
        wanted = [
            run
            for run in found
            if phase in (None, run.phase)
            and (task is None or task in (run.task, roots.get((run.namespace, _root_of(run)))))
            and (parts or not _root_of(run))
        ]
        if task is not None and not any(run.task == task for run in found):
            self._check_task(task, "write the name of one that is registered")
        # Of one instant, in the order in which they were made.
        return sorted(wanted, key=lambda run: (run.scheduled_time or run.created, run.created))

    def _drawn(self, begin: str) -> str:
        """The name of a run: a hash of how many there were, so that the same test sees the same names."""
        self._names += 1
        return drawn_name(begin, sha256(f"{begin}\0{self._names}".encode()).hexdigest()[:DRAWN])

    def _observe(self, kind: Kind, before: Document | None, after: Document | None) -> None:
        document = after or before
        if kind is not Kind.SCHEDULED_RUN or document is None:
            return
        metadata = document["metadata"]
        # One that is pre-created is none yet.
        if "status" in document or ANNOTATION_RESERVED not in (metadata.get("annotations") or {}):
            self._runs[metadata["uid"]] = document

    @property
    def _world(self) -> World:
        if self._started is None:
            raise errors.BadInput("Sandbox", "is not open", "write with Sandbox() as box:")
        return self._started


def name_of(function: Function) -> str:
    """The name of the task that a function is registered as."""
    return getattr(function, "__name__", "function").strip("_").replace("_", "-").lower()


def _root_of(run: Run) -> str:
    """The composite run that it is a part of, empty for a run of its own."""
    return str((run.spec.get("parent") or {}).get("root") or "")


def _is_task(document: Document) -> bool:
    return bool(document["kind"] == CRON_TASK.kind)


def _plain(handler: Any) -> Any:
    """A model as a mapping, in which there is no function."""
    return values.plain(handler, "handler") if hasattr(handler, "model_dump") else handler


def _outcome(how: Mapping[str, Any]) -> Outcome:
    fields = Outcome.__dataclass_fields__
    for name in how:
        if name not in fields:
            raise errors.BadInput("outcome", f"has no {name}", f"write one of {', '.join(fields)}")
    return Outcome(**how)
