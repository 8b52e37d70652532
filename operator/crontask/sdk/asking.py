"""The requests of the SDK: one object or list at a time, in the namespace and by the manager of a client."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from crontask.api.names import LABEL_OWNER
from crontask.api.phases import RunPhase
from crontask.api.resources import CRON_TASK, SCHEDULED_RUN, Resource
from crontask.api.times import parse_duration
from crontask.client import actions, operations, requests, values
from crontask.client.deadline import Deadline
from crontask.client.operations import JsonPatch
from crontask.client.requests import Document, checked_name
from crontask.runner.fitting import nearest
from crontask.sdk import errors
from crontask.sdk.fields import unknown_in
from crontask.sdk.port import Port
from crontask.sdk.rivals import replacing, rivals, without_manager

Timeout = float | timedelta | str | None
TASK_STATES = ("Active", "Suspended", "Completed", "Invalid", "Rejected")
RUN_PHASES = tuple(map(str, RunPhase))
# So often somebody else may be quicker.
_TRIES = 10
UNBOUNDED = Deadline(None)
_OWNER = 'conflict with "'
_STRANGE = "unknown field"
_UNKNOWN = "field not declared in schema"


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


class Asking:
    """Asks a port. `manager`: of all fields that it writes, but for those of a pause.

    `now`: what time it is; `drawn`: the name of a run, by what it begins with, that nobody else draws.
    """

    def __init__(
        self,
        port: Port,
        manager: str,
        now: Callable[[], datetime] = utc_now,
        drawn: Callable[[str], str] = actions.drawn,
    ) -> None:
        self.port = port
        self.manager = manager
        self.now = now
        self.drawn = drawn

    async def start(self, body: Document, namespace: str | None) -> Document:
        """A new run, of a name that was drawn."""
        actions.refuse_past(body, self.now())
        return await self.create(body, namespace)

    async def create(self, body: Document, namespace: str | None) -> Document:
        """Each run has a name of its own before it is sent, so that a request that is repeated makes one run."""
        request = requests.create(SCHEDULED_RUN, body, self.inside(namespace), manager=self.manager, drawn=True)
        try:
            return await self.port.run(operations.creating(request))
        except errors.Invalid as invalid:
            if _STRANGE not in invalid.message:
                raise
            raise _with_what_is_meant(invalid, body) from None

    async def known(self, kind: Resource, name: str, namespace: str | None) -> Document | None:
        """The object of that name, None without one."""
        return await self.port.run(operations.known(requests.get(kind, name, self.inside(namespace))))

    async def begin_paused(self, body: Document) -> bool:
        """A task that is paused by the manager of pauses, and without a timing, which starts nothing if we end here.

        If our manager created it with `suspend`, the next register, without it, would resume the task; if it were
        paused after its creation, it could start between. False if somebody else was quicker.
        """
        try:
            await self.apply({**body, "spec": {"suspend": True, "handler": body["spec"]["handler"]}}, actions.MANAGER)
        except errors.Conflict:
            return False
        return True

    async def leave_all_but_pause(self, body: Document) -> Document:
        """The manager of pauses owns nothing else, once we do."""
        metadata = {key: body["metadata"][key] for key in ("name", "namespace")}
        return await self.apply({**body, "metadata": metadata, "spec": {"suspend": True}}, actions.MANAGER)

    @property
    def beginner(self) -> str:
        """The manager that creates what nobody else may have created, and gives it up to our manager then."""
        return f"{self.manager}/create"

    async def give_up(self, body: Document, *, kind: Resource) -> Document:
        """The manager that has created it owns nothing of it any more, once ours does."""
        metadata = {key: body["metadata"][key] for key in ("name", "namespace")}
        named = {**{key: body[key] for key in ("apiVersion", "kind")}, "metadata": metadata}
        return await self.apply(named, self.beginner, kind=kind)

    async def have(
        self, body: Document, *, take_over: bool = False, kind: Resource = CRON_TASK, dry_run: bool = False
    ) -> tuple[Document, dict[str, str]]:
        """The object as our manager wants it, and which fields were taken over, from whom. Raises FieldConflict."""
        try:
            return await self._applied(body, take_over, kind, dry_run)
        except errors.Invalid as invalid:
            if kind is not CRON_TASK:
                raise
            metadata = body["metadata"]
            found = await self.known(kind, metadata["name"], metadata["namespace"])
            others = rivals(body, found, self.manager) if found is not None else {}
            if found is None or not others:
                raise
            owners = {".".join(path): owner for path, owner in others.items()}
            if not take_over:
                raise errors.FieldConflict(metadata["name"], owners) from invalid
        patch = replacing(body, found, others)
        found = await self.patch(kind, metadata["name"], metadata["namespace"], patch, self.beginner, dry_run=dry_run)
        if dry_run:
            return found, owners
        if "resourceVersion" in metadata:
            body = {**body, "metadata": {**metadata, "resourceVersion": found["metadata"]["resourceVersion"]}}
        applied, taken = await self._applied(body, take_over, kind, dry_run)
        return await self._without_beginner(applied), {**owners, **taken}

    async def _without_beginner(self, task: Document) -> Document:
        """The task, of which the manager that replaced others' fields owns none any more."""
        name, namespace = task["metadata"]["name"], task["metadata"]["namespace"]
        for left in reversed(range(_TRIES)):
            change = without_manager(task, self.beginner)
            if change is None:
                break
            try:
                task = await self.patch(CRON_TASK, name, namespace, change, self.manager)
            except errors.Conflict:
                # The operator has written its status meanwhile.
                if not left:
                    raise
                task = await self.get(CRON_TASK, name, namespace)
        return task

    async def _applied(
        self, body: Document, take_over: bool, kind: Resource, dry_run: bool
    ) -> tuple[Document, dict[str, str]]:
        try:
            return await self.apply(body, self.manager, kind=kind, dry_run=dry_run), {}
        except errors.Conflict as conflict:
            taken = owners_in(conflict, self.manager)
            if not taken:
                raise
            if set(taken.values()) == {self.beginner}:
                # Who created it for us ended before it gave it up.
                return await self.apply(body, self.manager, kind=kind, force=True, dry_run=dry_run), {}
            if not take_over:
                raise errors.FieldConflict(body["metadata"]["name"], taken, kind.kind) from conflict
        return await self.apply(body, self.manager, kind=kind, force=True, dry_run=dry_run), taken

    async def apply(
        self, body: Document, manager: str, *, force: bool = False, kind: Resource = CRON_TASK, dry_run: bool = False
    ) -> Document:
        """Server-side apply of a task, or of another object."""
        where = body["metadata"]["namespace"]
        request = requests.apply(kind, body, where, manager=manager, force=force, dry_run=dry_run)
        try:
            return await self.port.run(operations.once(request))
        except errors.ServerError as error:
            # So an API server answers where it does not know a field. What is known here may be older than it is.
            ours = kind is CRON_TASK and _UNKNOWN in error.message
            problems = unknown_in(body) if ours else ()
            if not problems:
                raise
            raise errors.InvalidTask(body["metadata"]["name"], problems) from error

    async def get(self, kind: Resource, name: str, namespace: str | None, deadline: Deadline = UNBOUNDED) -> Document:
        """One object. Raises Timeout at the deadline."""
        steps = operations.once(requests.get(kind, name, self.inside(namespace)))
        return await self.port.run(operations.in_time(steps, deadline))

    async def patch(
        self,
        kind: Resource,
        name: str,
        namespace: str | None,
        change: Document | JsonPatch,
        manager: str,
        *,
        dry_run: bool = False,
    ) -> Document:
        """A merge patch, or a JSON patch."""
        request = requests.patch(kind, name, change, self.inside(namespace), manager=manager, dry_run=dry_run)
        return await self.port.run(operations.once(request))

    async def list(
        self,
        kind: Resource,
        namespace: str | None,
        fields: str = "",
        selector: str = "",
        deadline: Deadline = UNBOUNDED,
    ) -> list[Document]:
        """All objects of a kind that have these fields, and these labels. Raises Timeout at the deadline."""
        steps = operations.listing(kind, self.inside(namespace), fields=fields, selector=selector)
        listed = await self.port.run(operations.in_time(steps, deadline))
        items: list[Document] = listed["items"]
        return items

    def inside(self, namespace: str | None) -> str:
        """The namespace that is meant."""
        return self.port.namespace if namespace is None else namespace


def _with_what_is_meant(invalid: errors.Invalid, body: Document) -> errors.Invalid:
    """The refusal of a run that has fields that there are not, with what may be meant by each."""
    from crontask.sdk.in_python import in_python

    said = [str(in_python(problem, body["spec"])) for problem in unknown_in(body)]
    told = errors.Invalid(invalid.asked, invalid.status, invalid.reason, "; ".join((invalid.message, *said)))
    told.causes = invalid.causes
    return told


def seconds_of(timeout: Timeout) -> float | None:
    """As the client takes it: seconds, a timedelta, or text like 60s. Raises BadInput."""
    if isinstance(timeout, timedelta):
        timeout = timeout.total_seconds()
    if isinstance(timeout, str):
        return parse_duration(values.duration(timeout, "timeout")).total_seconds()
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout >= 0:
        problem = f"is {timeout!r:.60}, which is no time to wait"
        raise errors.BadInput("timeout", problem, 'write seconds, timedelta(minutes=1), or "60s"')
    return float(timeout)


def fields_of_runs(task: str | None) -> str:
    """A selector of the runs of a task, or of all."""
    return f"spec.taskRef.name={checked_name(task, CRON_TASK)}" if task is not None else ""


def checked_phase(value: object) -> str:
    """The phase of a run, if there is one of that name. Raises BadInput."""
    return _one_of("phase", value, RUN_PHASES)


def checked_state(value: object) -> str:
    """The state of a task, if there is one of that name. Raises BadInput."""
    return _one_of("state", value, TASK_STATES)


def _one_of(what: str, value: object, known: tuple[str, ...]) -> str:
    if isinstance(value, str) and value in known:
        return value
    near = nearest(str(value).capitalize(), known)
    fix = f"did you mean {near}? There are {', '.join(known)}" if near else f"write one of {', '.join(known)}"
    raise errors.BadInput(what, f"is {value!r:.60}, which is none", fix)


def refuse_owned(body: Document, found: Document) -> None:
    """Raise FieldConflict for a task of a registry (crontask.Crons), which a part of what it says would make another.

    An API server would see no conflict in a timing or a handler of another kind, and find the whole invalid.
    """
    owner = (found["metadata"].get("labels") or {}).get(LABEL_OWNER)
    if owner is not None and (body["metadata"].get("labels") or {}).get(LABEL_OWNER) != owner:
        owners = {f"metadata.labels.{LABEL_OWNER}": f"the registry Crons({owner!r})"}
        raise errors.FieldConflict(body["metadata"]["name"], owners)


def owners_in(conflict: errors.Conflict, manager: str) -> dict[str, str]:
    """Whose the fields are; the API server says it in a text alone. What `manager` owns itself it has by update()."""
    owners = {}
    for cause in conflict.causes:
        if cause.reason == "FieldManagerConflict":
            _, _, rest = cause.message.partition(_OWNER)
            owner = rest.partition('"')[0] or cause.message
            owners[cause.field.lstrip(".")] = f"{owner}, by update()" if owner == manager else owner
    return owners
