"""What is known: every CronTask, ScheduledRun and Pod of ours, with the indexes from which views are made.

Fed by the informers and, before their echo, by the answers to our own writes. A change marks the keys that have to
be decided anew. Callers: informers (Informed), executor (fold), loop (views).
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator

import orjson
from pydantic import ValidationError

from crontask.api.metadata import Metadata
from crontask.api.names import LABEL_RUN, pod_name
from crontask.api.pod import Pod, PodMetadata, decode_pod
from crontask.decide.conditions import said_of_pod
from crontask.decide.outcome import pod_has_ended
from crontask.decide.views import CronTask, Finding, PodCheck, RunView, ScheduledRun, TaskView, Turns
from crontask.engine.parse import parse_run, parse_task
from crontask.engine.ports import Kind, ObjectKey

Named = tuple[str, str]
_NO_TURNS = Turns()
_REMEMBERED_GONE = 10_000
_log = logging.getLogger(__name__)


def task_key(namespace: str, name: str) -> ObjectKey:
    """The key under which a task is decided."""
    return ObjectKey(Kind.CRON_TASK, namespace, name)


def run_key(namespace: str, name: str) -> ObjectKey:
    """The key under which a run is decided."""
    return ObjectKey(Kind.SCHEDULED_RUN, namespace, name)


class Store:
    """The objects by kind, (namespace, name), and indexes. `changed` is told each key to decide."""

    def __init__(self, changed: Callable[[ObjectKey], None] = lambda key: None) -> None:
        self.changed = changed
        self._tasks: dict[Named, CronTask] = {}
        self._runs: dict[Named, ScheduledRun] = {}
        self._pods: dict[Named, Pod] = {}
        self._runs_of: defaultdict[Named, set[str]] = defaultdict(set)
        self._findings: dict[str, Finding] = {}
        self._members: defaultdict[Named, set[str]] = defaultdict(set)
        self._dependents: defaultdict[Named, set[str]] = defaultdict(set)
        self._turns: dict[Named, Turns] = {}
        self._checks: dict[str, PodCheck] = {}
        self._looked_at: set[str] = set()
        # Answers to our writes may come after the news that the object is gone: these UIDs do not come back.
        self._gone: dict[str, None] = {}

    # --- what comes in -----------------------------------------------------------------------------------------------

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """An object as it is now. What is older than what is known is ignored."""
        try:
            if kind is Kind.CRON_TASK:
                self._put_task(raw)
            elif kind is Kind.SCHEDULED_RUN:
                self._put_run(raw)
            elif kind is Kind.POD:
                self._put_pod(raw)
        except (ValidationError, ValueError, KeyError, TypeError):
            # One object of a shape that nobody foresaw harms no other.
            _log.exception("%s cannot be read: %.300r", kind.kind, raw)

    fold = on_object

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """An object that is gone."""
        meta = orjson.loads(raw)["metadata"]
        self.forget(ObjectKey(kind, meta.get("namespace", ""), meta["name"]), meta["uid"])

    def on_listed(self, kind: Kind, alive: set[str]) -> None:
        """A whole list has been told: what is not in it is gone."""
        for named, uid in list(self._uids(kind)):
            if uid not in alive:
                self.forget(ObjectKey(kind, *named), uid)

    def forget(self, key: ObjectKey, uid: str) -> None:
        """That object is gone. Another one of the same name is left alone."""
        self._gone[uid] = None
        if len(self._gone) > _REMEMBERED_GONE:
            del self._gone[next(iter(self._gone))]
        named = (key.namespace, key.name)
        if key.kind is Kind.CRON_TASK and (task := self._tasks.get(named)) and task.meta.uid == uid:
            del self._tasks[named]
            self._unindex_task(task)
            self._turns.pop(named, None)
            self._checks.pop(uid, None)
            self._looked_at.discard(uid)
            self.changed(key)
            self._runs_changed(named)
        elif key.kind is Kind.SCHEDULED_RUN and (run := self._runs.get(named)) and run.meta.uid == uid:
            del self._runs[named]
            self._findings.pop(uid, None)
            self._unindex(run)
            self.changed(key)
            self._task_of_run_changed(run)
        elif key.kind is Kind.POD and (pod := self._pods.get(named)) and pod.metadata.uid == uid:
            del self._pods[named]
            self._run_of_pod_changed(pod, place_changed=True)

    def _put_task(self, raw: bytes) -> None:
        task = parse_task(raw, self._known_task)
        known = self._known_task(task.meta)
        if task.meta.uid in self._gone or (known is not None and _is_old(task.meta, known.meta)):
            return
        named = (task.meta.namespace, task.meta.name)
        if known is not None:
            self._unindex_task(known)
        self._tasks[named] = task
        self._index_task(task)
        self.changed(task_key(*named))
        if known is None or (known.meta.uid, known.meta.generation) != (task.meta.uid, task.meta.generation):
            self._runs_changed(named)

    def _put_run(self, raw: bytes) -> None:
        run = parse_run(raw, self._known_run)
        known = self._known_run(run.meta)
        if run.meta.uid in self._gone or (known is not None and _is_old(run.meta, known.meta)):
            return
        if known is not None:
            self._unindex(known)
        self._runs[run.meta.namespace, run.meta.name] = run
        if run.task_name is not None:
            self._runs_of[run.meta.namespace, run.task_name].add(run.meta.name)
        self.changed(run_key(run.meta.namespace, run.meta.name))
        self._task_of_run_changed(run)

    def _put_pod(self, raw: bytes) -> None:
        pod = decode_pod(raw)
        named = (pod.metadata.namespace, pod.metadata.name)
        known = self._pods.get(named)
        if pod.metadata.uid in self._gone or (known is not None and _is_old(pod.metadata, known.metadata)):
            return
        self._pods[named] = pod
        place_changed = known is None or _place(known) != _place(pod)
        self._run_of_pod_changed(pod, place_changed=place_changed)

    def _known_task(self, meta: Metadata) -> CronTask | None:
        return self._tasks.get((meta.namespace, meta.name))

    def _known_run(self, meta: Metadata) -> ScheduledRun | None:
        return self._runs.get((meta.namespace, meta.name))

    # --- what the operator itself remembers --------------------------------------------------------------------------

    def set_finding(self, run: ScheduledRun, finding: Finding | None) -> None:
        """What the API server said to the creation of the run's pod."""
        if self._findings.get(run.meta.uid) == finding:
            return
        if finding is None:
            self._findings.pop(run.meta.uid, None)
        else:
            self._findings[run.meta.uid] = finding
        self.changed(run_key(run.meta.namespace, run.meta.name))

    def finding(self, run: ScheduledRun) -> Finding | None:
        """The last refusal of the run's pod."""
        return self._findings.get(run.meta.uid)

    def set_turns(self, key: ObjectKey, turns: Turns) -> None:
        """Which runs of a task wait for their turn, and which wait in vain."""
        before = self._turns.get((key.namespace, key.name), _NO_TURNS)
        if turns.queued or turns.dropped:
            self._turns[key.namespace, key.name] = turns
        else:
            self._turns.pop((key.namespace, key.name), None)
        for name in (before.queued ^ turns.queued) | (before.dropped.keys() ^ turns.dropped.keys()):
            self.changed(run_key(key.namespace, name))

    def set_check(self, task: CronTask, refusal: str | None) -> None:
        """What the API server said of a pod of the task's generation, None if it would take it."""
        before = self._checks.get(task.meta.uid)
        self._checks[task.meta.uid] = check = PodCheck(task.meta.generation, refusal)
        if before is not None and before != check:
            self.changed(task_key(task.meta.namespace, task.meta.name))

    def note_taken(self, task: CronTask) -> None:
        """A pod of the task was taken: what was refused before is not any more."""
        check = self._checks.get(task.meta.uid)
        if check is not None and check.refusal is not None:
            self.set_check(task, None)

    def is_checked(self, task: CronTask) -> bool:
        """Whether a pod of the task's generation has been shown to the API server, by this operator or one before."""
        check = self._checks.get(task.meta.uid)
        if check is not None and check.generation == task.meta.generation:
            return True
        return said_of_pod(task) is False

    def looked_at(self, task: CronTask) -> None:
        """The status of the task says what this operator decided."""
        self._looked_at.add(task.meta.uid)

    def mark_all(self) -> None:
        """Have everything decided: somebody begins to lead."""
        for named in self._tasks:
            self.changed(task_key(*named))
        for named in self._runs:
            self.changed(run_key(*named))

    # --- what goes out -----------------------------------------------------------------------------------------------

    def task(self, key: ObjectKey) -> CronTask | None:
        """The task of that key."""
        return self._tasks.get((key.namespace, key.name))

    def run(self, key: ObjectKey) -> ScheduledRun | None:
        """The run of that key."""
        return self._runs.get((key.namespace, key.name))

    def task_of(self, run: ScheduledRun) -> CronTask | None:
        """The task that the run names."""
        return self._tasks.get((run.meta.namespace, run.task_name)) if run.task_name is not None else None

    def task_view(self, key: ObjectKey) -> TaskView | None:
        """All that is known of a task."""
        task = self.task(key)
        if task is None:
            return None
        mine = tuple(
            self._view_of(run, task)
            for run in self._runs_of_task(key.namespace, key.name)
            if run.meta.owner_uid in (None, task.meta.uid)
        )
        first_look = task.meta.uid not in self._looked_at
        check = self._checks.get(task.meta.uid)
        current = check is not None and check.generation == task.meta.generation
        return TaskView(
            task,
            mine,
            _ForeignNames(self._runs, task),
            first_look,
            tuple(self._others(task)),
            check if current else None,
        )

    def run_view(self, key: ObjectKey) -> RunView | None:
        """All that is known of a run."""
        run = self.run(key)
        if run is None:
            return None
        named = (run.meta.namespace, run.task_name or "")
        dependents = tuple(self._tasks[key.namespace, name] for name in sorted(self._dependents.get(named, ())))
        return self._view_of(run, self.task_of(run), dependents)

    def _runs_of_task(self, namespace: str, name: str) -> Iterator[ScheduledRun]:
        return (self._runs[namespace, run] for run in self._runs_of.get((namespace, name), ()))

    def _others(self, task: CronTask) -> Iterator[RunView]:
        """The runs of the other tasks of its group that have not ended."""
        group = _group_of(task)
        for name in self._members.get((task.meta.namespace, group), ()) if group is not None else ():
            if name != task.meta.name:
                other = self._tasks[task.meta.namespace, name]
                for run in self._runs_of_task(task.meta.namespace, name):
                    if not run.ended:
                        yield self._view_of(run, other)

    def _view_of(self, run: ScheduledRun, task: CronTask | None, dependents: tuple[CronTask, ...] = ()) -> RunView:
        number = run.status.attempts[-1].number if run.status.attempts else 1
        pod = self._pods.get((run.meta.namespace, pod_name(run.meta.name, number)))
        if pod is not None and pod.owner_uid != run.meta.uid:
            pod = None
        turns = self._turns.get((run.meta.namespace, run.task_name or ""), _NO_TURNS)
        name = run.meta.name
        finding = self._findings.get(run.meta.uid)
        return RunView(run, task, pod, name in turns.queued, finding, turns.dropped.get(name), dependents)

    # --- indexes and what depends on what ----------------------------------------------------------------------------

    def _unindex(self, run: ScheduledRun) -> None:
        if run.task_name is not None:
            names = self._runs_of[run.meta.namespace, run.task_name]
            names.discard(run.meta.name)
            if not names:
                del self._runs_of[run.meta.namespace, run.task_name]

    def _index_task(self, task: CronTask) -> None:
        group = _group_of(task)
        if group is not None:
            self._members[task.meta.namespace, group].add(task.meta.name)
        if task.spec is not None and task.spec.after is not None:
            self._dependents[task.meta.namespace, task.spec.after.task].add(task.meta.name)

    def _unindex_task(self, task: CronTask) -> None:
        for index, name in (
            (self._members, _group_of(task)),
            (self._dependents, task.spec.after.task if task.spec is not None and task.spec.after is not None else None),
        ):
            if name is not None:
                index[task.meta.namespace, name].discard(task.meta.name)
                if not index[task.meta.namespace, name]:
                    del index[task.meta.namespace, name]

    def _runs_changed(self, task: Named) -> None:
        for name in self._runs_of.get(task, ()):
            if not self._runs[task[0], name].ended:
                self.changed(run_key(task[0], name))

    def _task_of_run_changed(self, run: ScheduledRun) -> None:
        if run.task_name is None:
            return
        self.changed(task_key(run.meta.namespace, run.task_name))
        task = self.task_of(run)
        group = _group_of(task) if task is not None else None
        for name in self._members.get((run.meta.namespace, group), ()) if group is not None else ():
            # Who waits for a place in the group may have it now.
            if self._turns.get((run.meta.namespace, name), _NO_TURNS).queued:
                self.changed(task_key(run.meta.namespace, name))

    def _run_of_pod_changed(self, pod: Pod, *, place_changed: bool) -> None:
        name = pod.metadata.labels.get(LABEL_RUN)
        run = self._runs.get((pod.metadata.namespace, name)) if name is not None else None
        if run is None:
            return
        self.changed(run_key(run.meta.namespace, run.meta.name))
        if place_changed:
            self._task_of_run_changed(run)

    def _uids(self, kind: Kind) -> Iterator[tuple[Named, str]]:
        if kind is Kind.CRON_TASK:
            yield from ((named, task.meta.uid) for named, task in self._tasks.items())
        elif kind is Kind.SCHEDULED_RUN:
            yield from ((named, run.meta.uid) for named, run in self._runs.items())
        elif kind is Kind.POD:
            yield from ((named, pod.metadata.uid) for named, pod in self._pods.items())


def _group_of(task: CronTask) -> str | None:
    return task.spec.concurrency.group if task.spec is not None else None


class _ForeignNames:
    """The names of runs in the task's namespace that are not the task's own."""

    __slots__ = ("_runs", "_task")

    def __init__(self, runs: dict[Named, ScheduledRun], task: CronTask) -> None:
        self._runs = runs
        self._task = task

    def __contains__(self, name: object) -> bool:
        run = self._runs.get((self._task.meta.namespace, str(name)))
        return run is not None and run.meta.owner_uid != self._task.meta.uid


def _is_old(new: Metadata | PodMetadata, known: Metadata | PodMetadata) -> bool:
    """Whether the news is not newer. Resource versions of one kind are ordered numbers (by contract since 1.35)."""
    return new.uid == known.uid and int(new.resource_version) <= int(known.resource_version)


def _place(pod: Pod) -> tuple[bool, bool]:
    return pod_has_ended(pod), pod.deleting
