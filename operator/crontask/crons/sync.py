"""Bring a cluster to what a registry says: apply all, then remove what is not registered any more.

Written once, as coroutines: see sdk.port. Each step may be the last that a process does: whoever syncs again goes on.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from crontask.api.names import ANNOTATION_SUSPENDED_BY, LABEL_OWNER
from crontask.api.resources import CONFIG_MAP, CRON_TASK, SERVICE_ACCOUNT, Resource
from crontask.client import actions, operations, requests
from crontask.client.deadline import Deadline
from crontask.client.requests import Document
from crontask.crons.drain import drained
from crontask.crons.manifests import REVISION, manifests
from crontask.crons.registry import Crons
from crontask.sdk import errors
from crontask.sdk.aio import AsyncClient, port_of
from crontask.sdk.asking import Asking, Timeout, seconds_of
from crontask.sdk.port import blocking
from crontask.sdk.sync import driven_by

What = Literal["created", "configured", "unchanged", "pruned", "still running"]
# So often somebody else may write an object between our reading and our writing it.
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one object. `document`: as it is now, or was last; `before`: as it was, None of one that is new.

    `taken`: the fields that were taken over, and from whom.
    """

    kind: str
    name: str
    what: What
    document: Document = field(repr=False)
    before: Document | None = field(default=None, repr=False)
    taken: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync has done. `warnings`: what keeps tasks from running.

    `newer`: the revision because of which it has changed nothing (more), None without one.
    """

    changes: tuple[Change, ...]
    newer: int | None = None
    warnings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether the cluster is as the registry says."""
        return self.newer is None and not self.names("still running")

    def names(self, *what: What) -> tuple[str, ...]:
        """The names of the tasks of which that is so."""
        return tuple(each.name for each in self.changes if each.what in what and each.kind == CRON_TASK.kind)


def sync(crons: Crons, client: Any, **how: Any) -> Any:
    """See Crons.sync: of an AsyncClient, its coroutine. `say`: is given what is waited for, a line each."""
    if isinstance(client, AsyncClient):
        return _synced(crons, client, **how)
    return blocking(_synced(crons, driven_by(client), **how))


def _synced(
    crons: Crons,
    client: AsyncClient,
    *,
    prune: bool = False,
    revision: int | None = None,
    allow_empty: bool = False,
    take_over: bool = False,
    drain_timeout: Timeout = timedelta(minutes=10),
    dry_run: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Coroutine[Any, Any, Synced]:
    if not crons and not allow_empty:
        problem = "has no task" + (", so that pruning would delete all that there are" * prune)
        fix = "import the modules that register them, or say allow_empty=True"
        raise errors.BadInput(f"Crons({crons.owner!r})", problem, fix)
    if revision is not None and (not isinstance(revision, int) or isinstance(revision, bool) or revision < 0):
        problem = f"is {revision!r:.60}, which is not a number that grows with each deployment"
        raise errors.BadInput("revision", problem, "write one, like a build number or git rev-list --count HEAD")
    namespace = crons.namespace or client.namespace
    asking = Asking(port_of(client), manager_of(crons.owner))
    return _Sync(crons, asking, namespace, revision, take_over, dry_run, say).run(prune, seconds_of(drain_timeout))


def manager_of(owner: str) -> str:
    """As whom a registry owns fields: another than a Client of that name, which would replace what it says."""
    return f"crontask-crons/{owner}"


class NewerError(Exception):
    """A newer revision has been applied."""

    def __init__(self, revision: int) -> None:
        super().__init__(revision)
        self.revision = revision


@dataclass
class _Sync:
    crons: Crons
    asking: Asking
    namespace: str
    revision: int | None
    take_over: bool
    dry_run: bool
    say: Callable[[str], None]
    changes: list[Change] = field(default_factory=list)

    async def run(self, prune: bool, drain_seconds: float | None) -> Synced:
        wanted = manifests(self.crons, namespace=self.namespace, revision=self.revision)
        shipped = any(body["kind"] == CONFIG_MAP.kind for body in wanted)
        tasks = await self._owned(CRON_TASK)
        maps = await self._config_maps(shipped) if shipped or prune else []
        highest = max((_revision(each) for each in (*tasks, *maps)), default=-1)
        if self.revision is not None and highest > self.revision:
            return Synced((), highest)
        if self.revision is None and highest >= 0:
            # Whoever does not say one does not open the door to older ones.
            wanted = manifests(self.crons, namespace=self.namespace, revision=highest)
        there = {(each["kind"], each["metadata"]["name"]): each for each in (*tasks, *maps)}
        try:
            for dry_run in (True,) if self.dry_run else (True, False):
                self.changes.clear()
                for body in wanted:
                    key = (body["kind"], body["metadata"]["name"])
                    if key not in there and (found := await self._known(body)) is not None:
                        there[key] = found
                    await self._apply(body, there.get(key), dry_run)
            if prune:
                names = {body["metadata"]["name"] for body in wanted}
                gone = [task for task in tasks if task["metadata"]["name"] not in names]
                await self._prune(gone, drain_seconds)
                await self._prune_maps([each for each in maps if each["metadata"]["name"] not in names])
        except NewerError as newer:
            return Synced(tuple(self.changes), newer.revision)
        return Synced(tuple(self.changes), warnings=await self._warnings(wanted))

    async def _warnings(self, wanted: list[Document]) -> tuple[str, ...]:
        """Service accounts that are not there, as far as we may look: no pod of their tasks starts without."""
        tasks: dict[str, list[str]] = {}
        for body in wanted:
            if (name := _service_account(body)) is not None:
                tasks.setdefault(name, []).append(body["metadata"]["name"])
        found = []
        for name, of in tasks.items():
            try:
                if await self.asking.known(SERVICE_ACCOUNT, name, self.namespace) is not None:
                    continue
            except errors.Forbidden:
                continue
            found.append(
                f"there is no service account {name} in namespace {self.namespace}, without which {', '.join(of)} "
                f"cannot run; an administrator writes kubectl create serviceaccount {name} -n {self.namespace}, and "
                f"kubectl create rolebinding {name} -n {self.namespace} --clusterrole=crontask-trigger "
                f"--serviceaccount={self.namespace}:{name}"
            )
            self.say(f"warning: {found[-1]}")
        return tuple(found)

    async def _owned(self, kind: Resource) -> list[Document]:
        return await self.asking.list(kind, self.namespace, selector=requests.labels({LABEL_OWNER: self.crons.owner}))

    async def _config_maps(self, needed: bool) -> list[Document]:
        """Who ships no module needs no right to ConfigMaps."""
        try:
            return await self._owned(CONFIG_MAP)
        except errors.Forbidden:
            if needed:
                raise
            return []

    async def _known(self, body: Document) -> Document | None:
        return await self.asking.known(_kind(body), body["metadata"]["name"], self.namespace)

    async def _apply(self, body: Document, before: Document | None, dry_run: bool) -> None:
        begun = self.revision is not None and before is None and not dry_run
        for left in reversed(range(_TRIES)):
            if self.revision is not None and before is not None:
                if _revision(before) > self.revision:
                    raise NewerError(_revision(before))
                version = before["metadata"]["resourceVersion"]
                body = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
            try:
                if begun and before is None:
                    body = await self._begun(body)
                found, taken = await self.asking.have(body, take_over=self.take_over, kind=_kind(body), dry_run=dry_run)
                break
            except errors.Conflict:
                # Somebody has written it since: a newer revision, or the operator its status.
                before = await self._known(body) if left else None
                if before is None:
                    raise
        if begun:
            found = await self.asking.give_up(body, kind=_kind(body))
        if before is None:
            what: What = "created"
        else:
            what = "unchanged" if _content(before) == _content(found) else "configured"
        if before is not None and self._is_ours_to_resume(before):
            what = "configured"
            if not dry_run:
                found = await self._patch(found, actions.resume(found, datetime.now(UTC)))
        self.changes.append(Change(found["kind"], found["metadata"]["name"], what, found, before, taken))

    async def _begun(self, body: Document) -> Document:
        """Create it by a manager that gives it up again, to be applied in the version that has then.

        What one manager applies twice never is a conflict. By two, a newer deployment that has created it meanwhile
        is one: the revision is another. Raises Conflict.
        """
        made = await self.asking.apply(body, self.asking.beginner, kind=_kind(body))
        version = made["metadata"]["resourceVersion"]
        return {**body, "metadata": {**body["metadata"], "resourceVersion": version}}

    @property
    def _pruner(self) -> str:
        return f"{self.asking.manager}/prune"

    def _is_ours_to_resume(self, task: Document) -> bool:
        """Whether an earlier sync suspended it, to remove it."""
        return (
            bool(task.get("spec", {}).get("suspend"))
            and (task["metadata"].get("annotations") or {}).get(ANNOTATION_SUSPENDED_BY) == self._pruner
        )

    async def _patch(self, task: Document, change: Document) -> Document:
        return await self.asking.patch(CRON_TASK, task["metadata"]["name"], self.namespace, change, actions.MANAGER)

    async def _prune(self, gone: list[Document], seconds: float | None) -> None:
        """Suspend all first, so that they end side by side."""
        if self.dry_run:
            self.changes += [Change(CRON_TASK.kind, task["metadata"]["name"], "pruned", task) for task in gone]
            return
        reason = f"not registered by {self.crons.owner} any more"
        for index, task in enumerate(gone):
            if not task["spec"].get("suspend"):
                gone[index] = await self._patch(task, actions.pause(by=self._pruner, reason=reason))
        deadline = Deadline(seconds)
        for task in gone:
            what: What = "still running"
            if await drained(self.asking, task, deadline, self.say):
                if not await self._delete_suspended(task):
                    continue
                what = "pruned"
            self.changes.append(Change(CRON_TASK.kind, task["metadata"]["name"], what, task))

    async def _prune_maps(self, gone: list[Document]) -> None:
        """But for those that a task still needs, as one that still runs."""
        needed: set[str | None] = set()
        if gone and not self.dry_run:
            # Also one that another owner has taken over since.
            needed = {_shipped_in(task) for task in await self.asking.list(CRON_TASK, self.namespace)}
        for found in gone:
            name = found["metadata"]["name"]
            if name in needed:
                continue
            if not self.dry_run:
                await self._delete(CONFIG_MAP, found)
            self.changes.append(Change(CONFIG_MAP.kind, name, "pruned", found))

    async def _delete_suspended(self, task: Document) -> bool:
        """Whether it is deleted. One that was resumed while its runs were waited for is somebody's again."""
        for left in reversed(range(_TRIES)):
            found = await self._known(task)
            if found is None or found["metadata"]["uid"] != task["metadata"]["uid"]:
                return True
            owner = (found["metadata"].get("labels") or {}).get(LABEL_OWNER)
            if not found["spec"].get("suspend") or owner != self.crons.owner:
                return False
            try:
                await self._delete(CRON_TASK, found, found["metadata"]["resourceVersion"])
                return True
            except errors.Conflict:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _delete(self, kind: Resource, found: Document, version: str = "") -> None:
        metadata = found["metadata"]
        request = requests.delete(kind, metadata["name"], self.namespace, uid=metadata["uid"], version=version)
        try:
            await self.asking.port.run(operations.deleting(request))
        except errors.NotFound:
            # Somebody else was quicker.
            return


def _kind(body: Document) -> Resource:
    return CONFIG_MAP if body["kind"] == CONFIG_MAP.kind else CRON_TASK


def _revision(found: Document) -> int:
    text = (found["metadata"].get("annotations") or {}).get(REVISION) or ""
    return int(text) if text.isascii() and text.isdecimal() else -1


def _service_account(body: Document) -> str | None:
    """That by which the pods of a task may trigger others."""
    pod = ((body.get("spec") or {}).get("handler") or {}).get("pod") or {}
    spec = pod.get("spec") or {}
    name: str | None = spec.get("serviceAccountName") if spec.get("automountServiceAccountToken") else None
    return name


def _shipped_in(task: Document) -> str | None:
    python = (task["spec"].get("handler") or {}).get("python") or {}
    name: str | None = (python.get("configMapKeyRef") or {}).get("name")
    return name


def _content(found: Document) -> Any:
    """What is looked at to know whether something has changed; the operator writes its status meanwhile."""
    metadata = {key: found["metadata"].get(key) or {} for key in ("labels", "annotations")}
    return metadata, found.get("spec"), found.get("data")
