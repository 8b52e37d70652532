"""What is known: every CronTask, ScheduledRun and Pod of ours, and what the process remembers of them.

Fed by the informers and, before their echo, by the answers to our own writes. A change names the keys that have to
be decided anew.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
import orjson

from crontask.api.metadata import Metadata
from crontask.api.names import LABEL_PARENT, LABEL_TASK, pod_name
from crontask.api.pod import Pod, PodMetadata, decode_pod
from crontask.api.task_status import Timing
from crontask.decide.attempt.outcome import pod_has_ended
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.settings import settings_of
from crontask.decide.views import RunView, TaskView
from crontask.engine.keys import key_of, keys_of
from crontask.engine.memory import Memory
from crontask.engine.objects import Objects, group_of_pod
from crontask.engine.parse import parse_run, parse_task
from crontask.engine.viewing import Viewer
from crontask.ports import Kind, ObjectKey


class _HeadMetadata(msgspec.Struct, rename="camel"):
    name: str
    uid: str
    resource_version: str
    namespace: str = ""


class _Head(msgspec.Struct):
    metadata: _HeadMetadata


_decode_head = msgspec.json.Decoder(_Head).decode
_REMEMBERED_GONE = 10_000
_log = logging.getLogger(__name__)


class Store:
    """`changed` is called with each key to decide."""

    def __init__(self, changed: Callable[[ObjectKey], None] = lambda key: None) -> None:
        self.changed = changed
        self.memory = Memory(lambda key: self.changed(key))
        self._objects = Objects()
        self._viewer = Viewer(self._objects, self.memory)
        # By UID: pods that the watch has not delivered.
        self._parts_unseen: set[str] = set()
        self._launched_unseen: set[str] = set()
        # Answers to our writes may come after the news that the object is gone: these UIDs do not come back.
        self._gone: dict[str, None] = {}
        # Namespaces that others decide about.
        self._left: set[str] = set()

    # --- what comes in -----------------------------------------------------------------------------------------------

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """An object as it is now. What is older than what is known is ignored."""
        self._take(kind, raw, echo=True)

    def fold(self, kind: Kind, raw: bytes) -> None:
        """The same, as an answer to a request of ours; a watch will deliver it, too."""
        self._take(kind, raw, echo=False)

    @property
    def pods_unseen(self) -> bool:
        """Whether there are pods known only from the answer to a request."""
        return bool(self._launched_unseen or self._parts_unseen)

    @property
    def launched_unseen(self) -> int:
        """How many of these are of tasks, or of runs on their own, and of no part."""
        return len(self._launched_unseen)

    def _take(self, kind: Kind, raw: bytes, *, echo: bool) -> None:
        try:
            head = _decode_head(raw).metadata
            if head.namespace in self._left:
                return
            known = self._is_known(kind, head)
            if echo:
                self._pod_is_seen(head.uid)
            if known:
                # Most news are the echo of our own writes.
                return
            if kind is Kind.CRON_TASK:
                self._put_task(raw)
            elif kind is Kind.SCHEDULED_RUN:
                self._put_run(raw)
            elif kind is Kind.POD:
                pod = self._put_pod(raw)
                if not echo:
                    of_part = LABEL_PARENT in pod.metadata.labels
                    (self._parts_unseen if of_part else self._launched_unseen).add(head.uid)
        except Exception:  # noqa: BLE001 - whatever is wrong with it ends no informer, and so no operator
            # One object of a shape that nobody foresaw harms no other.
            _log.exception("%s cannot be read: %.300r", kind.kind, raw)

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """An object that is gone."""
        meta = orjson.loads(raw)["metadata"]
        self.forget(ObjectKey(kind, meta.get("namespace", ""), meta["name"]), meta["uid"])

    def on_listed(self, kind: Kind, alive: set[str], version: str, namespace: str) -> None:
        """A whole list, of one namespace or of all, has been read: what is not in it is gone."""
        for named, meta in list(self._objects.metas(kind)):
            if namespace not in ("", named[0]):
                continue
            # What is newer than the list was made while it was on its way.
            if meta.uid not in alive and int(meta.resource_version) <= int(version):
                self.forget(ObjectKey(kind, *named), meta.uid)

    def forget(self, key: ObjectKey, uid: str) -> None:
        """That object is gone. Another one of the same name is left alone."""
        self._gone[uid] = None
        if len(self._gone) > _REMEMBERED_GONE:
            del self._gone[next(iter(self._gone))]
        named, objects = (key.namespace, key.name), self._objects
        if key.kind is Kind.CRON_TASK and (task := objects.tasks.get(named)) and task.meta.uid == uid:
            self._forget_task(task)
        elif key.kind is Kind.SCHEDULED_RUN and (run := objects.runs.get(named)) and run.meta.uid == uid:
            self._forget_run(run)
        elif key.kind is Kind.POD and (pod := objects.pods.get(named)) and pod.metadata.uid == uid:
            self._forget_pod(pod)

    def leave(self, namespace: str) -> None:
        """Know nothing of a namespace, whatever comes, until it is entered again."""
        self._left.add(namespace)
        for kind in (Kind.CRON_TASK, Kind.SCHEDULED_RUN, Kind.POD):
            for named, meta in list(self._objects.metas(kind)):
                if named[0] == namespace:
                    self.forget(ObjectKey(kind, *named), meta.uid)
                    # It is there, and may come back.
                    self._gone.pop(meta.uid, None)

    def enter(self, namespace: str) -> None:
        """Take what comes of a namespace, as of any that was not left."""
        self._left.discard(namespace)

    def _is_known(self, kind: Kind, head: _HeadMetadata) -> bool:
        """Whether it is no news: not newer than what is known, or of an object that is gone."""
        known = self._objects.meta(kind, (head.namespace, head.name))
        return head.uid in self._gone or (known is not None and _is_old(head, known))

    def _put_task(self, raw: bytes) -> None:
        task = parse_task(raw, lambda meta: self._objects.tasks.get((meta.namespace, meta.name)))
        known = self._objects.put_task(task)
        if known is not None:
            self.memory.note_edit(known, task)
        self.changed(key_of(task))
        if known is None:
            self._dependents_changed(task)
        if known is None or _says_to_runs(known) != _says_to_runs(task):
            self._runs_changed(task)
            return
        if known.status.last_scheduled_time != task.status.last_scheduled_time:
            self._passed_over(task)
        if known.status.decided != task.status.decided and self.memory.of_task(task).turns.queued:
            self._made_up(task)

    def _put_run(self, raw: bytes) -> None:
        run = parse_run(raw, lambda meta: self._objects.runs.get((meta.namespace, meta.name)))
        self._objects.put_run(run)
        if (run.meta.namespace, pod_name(run.meta.name, run.status.expected_attempt)) in self._objects.pods:
            self.memory.note_touched(run)
        if run.ended:
            self.memory.note_ended(run)
        self.changed(key_of(run))
        self._family_changed(run)
        self._task_of_run_changed(run)

    def _pod_is_seen(self, uid: str) -> None:
        self._launched_unseen.discard(uid)
        self._parts_unseen.discard(uid)

    def _put_pod(self, raw: bytes) -> Pod:
        pod = decode_pod(raw)
        known = self._objects.put_pod(pod)
        run = self._objects.run_of(pod)
        if run is not None:
            expected = pod_name(run.meta.name, run.status.expected_attempt)
            self.memory.note_pod(run, pod.metadata.name == expected)
        slot_changed = known is None or _slot(known) != _slot(pod)
        self._run_of_pod_changed(pod, slot_changed=slot_changed)
        return pod

    def _forget_task(self, task: CronTask) -> None:
        self._objects.remove_task(task)
        self.memory.forget_task(task)
        self.changed(key_of(task))
        self._dependents_changed(task)
        self._runs_changed(task)

    def _forget_run(self, run: ScheduledRun) -> None:
        self._objects.remove_run(run)
        self.memory.forget_run(run)
        self.changed(key_of(run))
        self._family_changed(run)
        self._task_of_run_changed(run)

    def _forget_pod(self, pod: Pod) -> None:
        self._objects.remove_pod(pod)
        self._pod_is_seen(pod.metadata.uid)
        run = self._objects.run_of(pod)
        if run is not None and not run.ended:
            self.memory.note_vanished(run, pod.metadata.name)
        self._run_of_pod_changed(pod, slot_changed=True)

    # --- what is to be decided anew ----------------------------------------------------------------------------------

    def mark_all(self) -> None:
        """Have everything decided: somebody begins to lead."""
        for task in self._objects.tasks.values():
            self.changed(key_of(task))
        for run in self._objects.runs.values():
            self.changed(key_of(run))

    def _family_changed(self, run: ScheduledRun) -> None:
        """What it is a part of goes on, and so do parts of it that wait."""
        parent = self._objects.parent_of(run)
        if parent is not None:
            # It is there, or was, whatever its creation was answered.
            self.memory.set_part_made(parent, run.meta.name, True)
            self.changed(key_of(parent))
        if run.status.composite is not None:
            parts = self._objects.parts_of(run) if run.ended else self._objects.open_parts_of(run)
            for part in parts:
                # Whether it waits for a turn in its task, while the whole is paused, is for that to say.
                for key in (key_of(part),) if part.has_started else keys_of(part):
                    self.changed(key)

    def _runs_changed(self, task: CronTask) -> None:
        for run in self._objects.open_runs(task.meta.namespace, task.meta.name):
            self.changed(key_of(run))

    def _passed_over(self, task: CronTask) -> None:
        """A run that was made though the answer was an error, and whose time was decided otherwise, is let go."""
        watermark = task.status.last_scheduled_time
        for run in self._objects.open_runs(task.meta.namespace, task.meta.name):
            nominal = run.nominal if run.status.phase is None else None
            if nominal is not None and watermark is not None and nominal <= watermark:
                self.changed(key_of(run))

    def _made_up(self, task: CronTask) -> None:
        """A part of a backfill that waits for its turn is not needed any more once its time is done."""
        for run in self._objects.open_runs(task.meta.namespace, task.meta.name):
            if run.makes_up and not run.has_started:
                self.changed(key_of(run))

    def _dependents_changed(self, task: CronTask) -> None:
        """Those that come after it say so while it is not there."""
        for other in self._objects.dependents(task.meta.namespace, task.meta.name):
            self.changed(key_of(other))

    def _task_of_run_changed(self, run: ScheduledRun) -> None:
        asked, namespace = run.spec.rerun_of, run.meta.namespace
        again = self._objects.reruns_of(namespace, run.meta.name)
        beside = self._objects.reruns_of(namespace, asked.name) if asked is not None else ()
        for other in (*self._objects.same_key(run), *again, *beside):
            if not other.ended:
                for key in keys_of(other):
                    self.changed(key)
        task = self._objects.task_of(run)
        if task is not None:
            self._task_or_group_changed(task)

    def _task_or_group_changed(self, task: CronTask) -> None:
        """Who waits for a slot in the group may have it now."""
        self.changed(key_of(task))
        self._waiting_changed(self._objects.group_of(task))

    def _waiting_changed(self, tasks: Iterable[CronTask]) -> None:
        for task in tasks:
            if self.memory.of_task(task).turns.queued:
                self.changed(key_of(task))

    def _run_of_pod_changed(self, pod: Pod, *, slot_changed: bool) -> None:
        run, namespace = self._objects.run_of(pod), pod.metadata.namespace
        if run is not None:
            self.changed(key_of(run))
        if not slot_changed:
            return
        if run is not None and self._objects.task_of(run) is not None:
            self._task_of_run_changed(run)
            return
        # An orphaned pod is in the way of others, and of what it was a part of.
        parent = self._objects.runs.get((namespace, pod.metadata.labels.get(LABEL_PARENT, "")))
        if parent is not None:
            self.changed(key_of(parent))
        task = self._objects.tasks.get((namespace, pod.metadata.labels.get(LABEL_TASK, "")))
        if task is not None:
            self.changed(key_of(task))
        self._waiting_changed(self._objects.members(namespace, group_of_pod(pod)))

    # --- what goes out -----------------------------------------------------------------------------------------------

    def tasks(self) -> Iterable[CronTask]:
        """All tasks."""
        return self._objects.tasks.values()

    def count(self, kind: Kind) -> int:
        """How many objects of a kind are known."""
        return self._objects.count(kind)

    def open_runs(self, task: CronTask) -> Iterable[ScheduledRun]:
        """The runs of a task that have not ended."""
        return self._objects.open_runs(task.meta.namespace, task.meta.name)

    def task(self, key: ObjectKey) -> CronTask | None:
        """The task of that key."""
        return self._objects.tasks.get((key.namespace, key.name))

    def run(self, key: ObjectKey) -> ScheduledRun | None:
        """The run of that key."""
        return self._objects.runs.get((key.namespace, key.name))

    def is_of_composite(self, key: ObjectKey) -> bool:
        """Whether it is the key of a composite run, or of a part of one."""
        run = self._objects.runs.get((key.namespace, key.name)) if key.kind is Kind.SCHEDULED_RUN else None
        if run is None:
            return False
        if run.spec.parent is not None or run.status.composite is not None:
            return True
        handler = settings_of(run, self._objects.task_of(run)).handler
        return handler is not None and handler.composite

    def task_of(self, run: ScheduledRun) -> CronTask | None:
        """The task that the run names."""
        return self._objects.task_of(run)

    def parent_of(self, run: ScheduledRun) -> ScheduledRun | None:
        """The composite run that a part belongs to, if that is there."""
        return self._objects.parent_of(run)

    def task_view(self, key: ObjectKey, now: datetime) -> TaskView | None:
        """All that is known of a task at an instant."""
        task = self.task(key)
        return self._viewer.task_view(task, now) if task is not None else None

    def run_view(self, key: ObjectKey) -> RunView | None:
        """All that is known of a run."""
        run = self.run(key)
        return self._viewer.run_view(run) if run is not None else None


def _is_old(new: _HeadMetadata, known: Metadata | PodMetadata) -> bool:
    """Whether the news is not newer. Resource versions of one kind are ordered numbers (by contract since 1.35)."""
    return new.uid == known.uid and int(new.resource_version) <= int(known.resource_version)


def _says_to_runs(task: CronTask) -> tuple[str, int, Timing | None]:
    """By what all of its runs are decided."""
    return task.meta.uid, task.meta.generation, task.status.timing


def _slot(pod: Pod) -> tuple[bool, bool, bool]:
    return pod_has_ended(pod), pod.deleting, pod.finished
