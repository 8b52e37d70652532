"""What is known: every CronTask, ScheduledRun and Pod of ours, with the indexes from which views are made.

Fed by the informers and, before their echo, by the answers to our own writes. A change names the keys that have to
be decided anew.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import msgspec
import orjson

from crontask.api.metadata import Metadata
from crontask.api.names import LABEL_RUN, LABEL_TASK, pod_name
from crontask.api.pod import Pod, PodMetadata, decode_pod
from crontask.decide.attempt.outcome import pod_has_ended
from crontask.decide.decisions import Turns
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.pod_state import PodState, Present
from crontask.decide.stage import Stage, stage_of
from crontask.decide.views import RunView, TaskView
from crontask.engine.index import Index
from crontask.engine.keys import key_of, run_key, task_key
from crontask.engine.memory import Memory
from crontask.engine.parse import parse_run, parse_task
from crontask.ports import Kind, ObjectKey

Named = tuple[str, str]


class _HeadMetadata(msgspec.Struct, rename="camel"):
    name: str
    uid: str
    resource_version: str
    namespace: str = ""


class _Head(msgspec.Struct):
    metadata: _HeadMetadata


_decode_head = msgspec.json.Decoder(_Head).decode
_REMEMBERED_GONE = 10_000
_NO_TURNS = Turns()
_log = logging.getLogger(__name__)


class Store:
    """The objects by kind, (namespace, name), and indexes. `changed` is told each key to decide."""

    def __init__(self, changed: Callable[[ObjectKey], None] = lambda key: None) -> None:
        self.changed = changed
        self.memory = Memory(lambda key: self.changed(key))
        self._tasks: dict[Named, CronTask] = {}
        self._runs: dict[Named, ScheduledRun] = {}
        self._pods: dict[Named, Pod] = {}
        # By their task: the runs that have not ended, and those that have.
        self._open = Index()
        self._finished = Index()
        self._members = Index()
        self._dependents = Index()
        self._keyed = Index()
        # Pods that have not ended, by the task of their run.
        self._alive = Index()
        # By UID: pods that the watch has not told of.
        self._pods_unseen: set[str] = set()
        # Answers to our writes may come after the news that the object is gone: these UIDs do not come back.
        self._gone: dict[str, None] = {}

    # --- what comes in -----------------------------------------------------------------------------------------------

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """An object as it is now. What is older than what is known is ignored."""
        self._take(kind, raw, echo=True)

    def fold(self, kind: Kind, raw: bytes) -> None:
        """The same, as an answer to a request of ours; a watch will tell it, too."""
        self._take(kind, raw, echo=False)

    @property
    def pods_unseen(self) -> bool:
        """Whether there are pods of which only the answer to a request has told."""
        return bool(self._pods_unseen)

    def _take(self, kind: Kind, raw: bytes, *, echo: bool) -> None:
        try:
            head = _decode_head(raw).metadata
            known = self._is_known(kind, head)
            if echo:
                self._pods_unseen.discard(head.uid)
            elif kind is Kind.POD and not known:
                self._pods_unseen.add(head.uid)
            if known:
                # Most news are the echo of our own writes.
                return
            if kind is Kind.CRON_TASK:
                self._put_task(raw)
            elif kind is Kind.SCHEDULED_RUN:
                self._put_run(raw)
            elif kind is Kind.POD:
                self._put_pod(raw)
        except Exception:  # noqa: BLE001 - whatever is wrong with it ends no informer, and so no operator
            # One object of a shape that nobody foresaw harms no other.
            _log.exception("%s cannot be read: %.300r", kind.kind, raw)

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """An object that is gone."""
        meta = orjson.loads(raw)["metadata"]
        self.forget(ObjectKey(kind, meta.get("namespace", ""), meta["name"]), meta["uid"])

    def on_listed(self, kind: Kind, alive: set[str], version: str) -> None:
        """A whole list has been told: what is not in it is gone."""
        for named, meta in list(self._metas(kind)):
            # What is newer than the list was made while it was on its way.
            if meta.uid not in alive and int(meta.resource_version) <= int(version):
                self.forget(ObjectKey(kind, *named), meta.uid)

    def forget(self, key: ObjectKey, uid: str) -> None:
        """That object is gone. Another one of the same name is left alone."""
        self._gone[uid] = None
        if len(self._gone) > _REMEMBERED_GONE:
            del self._gone[next(iter(self._gone))]
        named = (key.namespace, key.name)
        if key.kind is Kind.CRON_TASK and (task := self._tasks.get(named)) and task.meta.uid == uid:
            del self._tasks[named]
            self._unindex_task(task)
            self.memory.forget_task(task)
            self.changed(key)
            self._runs_changed(named)
        elif key.kind is Kind.SCHEDULED_RUN and (run := self._runs.get(named)) and run.meta.uid == uid:
            del self._runs[named]
            self.memory.forget_run(run)
            self._unindex_run(run)
            self.changed(key)
            self._task_of_run_changed(run)
        elif key.kind is Kind.POD and (pod := self._pods.get(named)) and pod.metadata.uid == uid:
            del self._pods[named]
            self._pods_unseen.discard(uid)
            self._alive.discard(key.namespace, pod.metadata.labels.get(LABEL_TASK), key.name)
            run_of_it = self._run_of(pod)
            if run_of_it is not None and not run_of_it.ended:
                self.memory.note_vanished(run_of_it, pod.metadata.name)
            self._run_of_pod_changed(pod, slot_changed=True)

    def _is_known(self, kind: Kind, head: _HeadMetadata) -> bool:
        """Whether it is no news: not newer than what is known, or of an object that is gone."""
        named = (head.namespace, head.name)
        known: Metadata | PodMetadata | None = None
        if kind is Kind.POD:
            known = pod.metadata if (pod := self._pods.get(named)) is not None else None
        elif kind is Kind.SCHEDULED_RUN:
            known = run.meta if (run := self._runs.get(named)) is not None else None
        elif kind is Kind.CRON_TASK:
            known = task.meta if (task := self._tasks.get(named)) is not None else None
        return head.uid in self._gone or (known is not None and _is_old(head, known))

    def _put_task(self, raw: bytes) -> None:
        task = parse_task(raw, self._known_task)
        known = self._known_task(task.meta)
        named = (task.meta.namespace, task.meta.name)
        if known is not None:
            self._unindex_task(known)
            self.memory.note_edit(known, task)
        self._tasks[named] = task
        self._index_task(task)
        self.changed(task_key(*named))
        if known is None or (known.meta.uid, known.meta.generation) != (task.meta.uid, task.meta.generation):
            self._runs_changed(named)

    def _put_run(self, raw: bytes) -> None:
        run = parse_run(raw, self._known_run)
        known = self._known_run(run.meta)
        if known is not None:
            self._unindex_run(known)
        self._runs[run.meta.namespace, run.meta.name] = run
        if (run.meta.namespace, pod_name(run.meta.name, run.status.expected_attempt)) in self._pods:
            self.memory.note_touched(run)
        (self._finished if run.ended else self._open).add(run.meta.namespace, run.task_name, run.meta.name)
        self._keyed.add(run.meta.namespace, _key_of(run), run.meta.name)
        if run.ended:
            self.memory.note_ended(run)
        self.changed(run_key(run.meta.namespace, run.meta.name))
        self._task_of_run_changed(run)

    def _put_pod(self, raw: bytes) -> None:
        pod = decode_pod(raw)
        named = (pod.metadata.namespace, pod.metadata.name)
        known = self._pods.get(named)
        self._pods[named] = pod
        run_of_it = self._run_of(pod)
        if run_of_it is not None:
            expected = pod_name(run_of_it.meta.name, run_of_it.status.expected_attempt)
            self.memory.note_pod(run_of_it, pod.metadata.name == expected)
        if pod_has_ended(pod) or not pod.is_of_a_run:
            self._alive.discard(pod.metadata.namespace, pod.metadata.labels.get(LABEL_TASK), pod.metadata.name)
        else:
            self._alive.add(pod.metadata.namespace, pod.metadata.labels.get(LABEL_TASK), pod.metadata.name)
        slot_changed = known is None or _slot(known) != _slot(pod)
        self._run_of_pod_changed(pod, slot_changed=slot_changed)

    def _known_task(self, meta: Metadata) -> CronTask | None:
        return self._tasks.get((meta.namespace, meta.name))

    def _known_run(self, meta: Metadata) -> ScheduledRun | None:
        return self._runs.get((meta.namespace, meta.name))

    def mark_all(self) -> None:
        """Have everything decided: somebody begins to lead."""
        for named in self._tasks:
            self.changed(task_key(*named))
        for named in self._runs:
            self.changed(run_key(*named))

    # --- what goes out -----------------------------------------------------------------------------------------------

    def tasks(self) -> Iterable[CronTask]:
        """All tasks."""
        return self._tasks.values()

    def task(self, key: ObjectKey) -> CronTask | None:
        """The task of that key."""
        return self._tasks.get((key.namespace, key.name))

    def run(self, key: ObjectKey) -> ScheduledRun | None:
        """The run of that key."""
        return self._runs.get((key.namespace, key.name))

    def task_of(self, run: ScheduledRun) -> CronTask | None:
        """The task that the run names."""
        return self._tasks.get((run.meta.namespace, run.task_name)) if run.task_name is not None else None

    def task_view(self, key: ObjectKey, now: datetime) -> TaskView | None:
        """All that is known of a task at an instant."""
        task = self.task(key)
        if task is None:
            return None
        owners = (None, task.meta.uid)
        mine: list[RunView] = []
        pre_created: list[RunView] = []
        deferred: list[ScheduledRun] = []
        remembered = self.memory.runs
        for run in self._open_runs(key.namespace, key.name):
            if run.meta.owner_uid not in owners:
                continue
            until = run.deferred_until
            # Most of many: nothing is remembered of them.
            if until is not None and until > now and not ((own := remembered.get(run.meta.uid)) and own.touched):
                deferred.append(run)
                continue
            run_view = self._view_of(run, task)
            (pre_created if _is_pre_created(run_view) else mine).append(run_view)
        finished = (self._runs[key.namespace, name] for name in self._finished.names(key.namespace, key.name))
        known = self.memory.of_task(task)
        return TaskView(
            task,
            tuple(mine),
            _ForeignNames(self._runs, task),
            not known.looked_at,
            tuple(self._others(task)),
            tuple(self._orphaned_pods(task)),
            self.memory.check_of(task),
            tuple(pre_created),
            known.not_pre_created,
            tuple(run for run in finished if run.meta.owner_uid in owners),
            tuple(deferred),
            known.refusal,
            known.previous,
        )

    def _orphaned_pods(self, task: CronTask) -> Iterator[str]:
        group = self._members.names(task.meta.namespace, _group_of(task))
        for name in (task.meta.name, *(other for other in group if other != task.meta.name)):
            for pod_name_ in self._alive.names(task.meta.namespace, name):
                pod = self._pods[task.meta.namespace, pod_name_]
                if self._run_of(pod) is None:
                    yield pod.metadata.labels[LABEL_RUN]

    def run_view(self, key: ObjectKey) -> RunView | None:
        """All that is known of a run."""
        run = self.run(key)
        if run is None:
            return None
        names = self._dependents.names(key.namespace, run.task_name)
        dependents = tuple(self._tasks[key.namespace, name] for name in sorted(names))
        asked = run.spec.on_complete
        on_complete = self._tasks.get((key.namespace, asked.task_ref.name)) if asked is not None else None
        view = self._view_of(run, self.task_of(run))
        refusal = self.memory.of_run(run).follow_up_refusal
        return replace(view, dependents=dependents, on_complete=on_complete, follow_up_refusal=refusal)

    def _open_runs(self, namespace: str, name: str) -> Iterator[ScheduledRun]:
        return (self._runs[namespace, run] for run in self._open.names(namespace, name))

    def _others(self, task: CronTask) -> Iterator[RunView]:
        """The runs of the other tasks of its group that have not ended."""
        for name in self._members.names(task.meta.namespace, _group_of(task)):
            if name != task.meta.name:
                other = self._tasks[task.meta.namespace, name]
                views = (self._view_of(run, other) for run in self._open_runs(task.meta.namespace, name))
                yield from (view for view in views if not _is_pre_created(view))

    def _view_of(self, run: ScheduledRun, task: CronTask | None) -> RunView:
        turns = self.memory.of_task(task).turns if task is not None else _NO_TURNS
        name = run.meta.name
        return RunView(
            run,
            task,
            self._pod_state(run),
            name in turns.queued,
            turns.dropped.get(name),
            same_key=self._same_key(run),
            claimed=self.memory.of_run(run).claimed,
        )

    def _pod_state(self, run: ScheduledRun) -> PodState:
        expected = pod_name(run.meta.name, run.status.expected_attempt)
        pod = self._pods.get((run.meta.namespace, expected))
        if pod is not None and pod.owner_uid == run.meta.uid:
            return Present(pod)
        return self.memory.pod_state(run, expected)

    def _same_key(self, run: ScheduledRun) -> tuple[ScheduledRun, ...]:
        names = self._keyed.names(run.meta.namespace, _key_of(run))
        return tuple(self._runs[run.meta.namespace, name] for name in names if name != run.meta.name)

    # --- indexes and what depends on what ----------------------------------------------------------------------------

    def _unindex_run(self, run: ScheduledRun) -> None:
        (self._finished if run.ended else self._open).discard(run.meta.namespace, run.task_name, run.meta.name)
        self._keyed.discard(run.meta.namespace, _key_of(run), run.meta.name)

    def _index_task(self, task: CronTask) -> None:
        self._members.add(task.meta.namespace, _group_of(task), task.meta.name)
        self._dependents.add(task.meta.namespace, _predecessor_of(task), task.meta.name)

    def _unindex_task(self, task: CronTask) -> None:
        self._members.discard(task.meta.namespace, _group_of(task), task.meta.name)
        self._dependents.discard(task.meta.namespace, _predecessor_of(task), task.meta.name)

    def _runs_changed(self, task: Named) -> None:
        for run in self._open_runs(*task):
            self.changed(run_key(run.meta.namespace, run.meta.name))

    def _task_of_run_changed(self, run: ScheduledRun) -> None:
        for other in self._same_key(run):
            if not other.ended:
                self._run_changed(other)
        if run.task_name is None:
            return
        task = self.task_of(run)
        if task is not None:
            self._task_or_group_changed(task)

    def _run_changed(self, run: ScheduledRun) -> None:
        self.changed(key_of(run))
        if run.task_name is not None:
            self.changed(task_key(run.meta.namespace, run.task_name))

    def _task_or_group_changed(self, task: CronTask) -> None:
        """Who waits for a slot in the group may have it now."""
        self.changed(task_key(task.meta.namespace, task.meta.name))
        for name in self._members.names(task.meta.namespace, _group_of(task)):
            if self.memory.of_task(self._tasks[task.meta.namespace, name]).turns.queued:
                self.changed(task_key(task.meta.namespace, name))

    def _run_of(self, pod: Pod) -> ScheduledRun | None:
        name = pod.metadata.labels.get(LABEL_RUN)
        run = self._runs.get((pod.metadata.namespace, name)) if name is not None else None
        return run if run is not None and run.meta.uid == pod.owner_uid else None

    def _run_of_pod_changed(self, pod: Pod, *, slot_changed: bool) -> None:
        run = self._run_of(pod)
        if run is None:
            # A pod that outlives its run is in the way of others.
            task = self._tasks.get((pod.metadata.namespace, pod.metadata.labels.get(LABEL_TASK, "")))
            if task is not None and slot_changed:
                self._task_or_group_changed(task)
            return
        self.changed(run_key(run.meta.namespace, run.meta.name))
        if slot_changed:
            self._task_of_run_changed(run)

    def _metas(self, kind: Kind) -> Iterator[tuple[Named, Metadata | PodMetadata]]:
        if kind is Kind.CRON_TASK:
            yield from ((named, task.meta) for named, task in self._tasks.items())
        elif kind is Kind.SCHEDULED_RUN:
            yield from ((named, run.meta) for named, run in self._runs.items())
        elif kind is Kind.POD:
            yield from ((named, pod.metadata) for named, pod in self._pods.items())


def _group_of(task: CronTask) -> str | None:
    return task.spec.concurrency.group


def _predecessor_of(task: CronTask) -> str | None:
    return task.spec.after.task if task.spec.after is not None else None


def _key_of(run: ScheduledRun) -> str | None:
    """A name that the runs with its idempotencyKey share; no task's name has a slash."""
    key = run.spec.idempotency_key
    return f"{run.task_name or ''}/{key}" if key is not None else None


def _is_pre_created(view: RunView) -> bool:
    return view.run.pre_created and stage_of(view) is Stage.PRE_CREATED


class _ForeignNames:
    """The names of runs in the task's namespace that are not the task's own."""

    __slots__ = ("_runs", "_task")

    def __init__(self, runs: dict[Named, ScheduledRun], task: CronTask) -> None:
        self._runs = runs
        self._task = task

    def __contains__(self, name: object) -> bool:
        run = self._runs.get((self._task.meta.namespace, str(name)))
        return run is not None and run.meta.owner_uid != self._task.meta.uid


def _is_old(new: _HeadMetadata, known: Metadata | PodMetadata) -> bool:
    """Whether the news is not newer. Resource versions of one kind are ordered numbers (by contract since 1.35)."""
    return new.uid == known.uid and int(new.resource_version) <= int(known.resource_version)


def _slot(pod: Pod) -> tuple[bool, bool, bool]:
    return pod_has_ended(pod), pod.deleting, pod.finished
