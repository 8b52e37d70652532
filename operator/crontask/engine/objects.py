"""The objects that are known, by kind and (namespace, name), with the indexes over them."""

from collections.abc import Iterable, Iterator
from functools import partial

from crontask.api.metadata import Metadata
from crontask.api.names import ANNOTATION_GROUP, LABEL_PARENT, LABEL_RUN, LABEL_TASK, part_name, part_of_batch
from crontask.api.pod import Pod, PodMetadata
from crontask.decide.attempt.outcome import pod_has_ended
from crontask.decide.composite.batch_run import parts_to_look_at
from crontask.decide.model import CronTask, ScheduledRun
from crontask.engine.index import Index
from crontask.ports import Kind

Named = tuple[str, str]


class Objects:
    """Put and remove keep the indexes; the dictionaries are for looking."""

    def __init__(self) -> None:
        self.tasks: dict[Named, CronTask] = {}
        self.runs: dict[Named, ScheduledRun] = {}
        self.pods: dict[Named, Pod] = {}
        # By their task: the runs that have not ended, and those that have.
        self._open = Index()
        self._finished = Index()
        self._members = Index()
        self._dependents = Index()
        self._keyed = Index()
        # By the name of the run that they run again.
        self._reruns = Index()
        # By the UID of the composite run that they are parts of.
        self._parts = Index()
        # The same, of those that have not ended.
        self._open_parts = Index()
        # Pods that have not ended, by the task of their run, and by the group that this was in.
        self._alive = Index()
        self._alive_in_group = Index()
        # The same of parts, by what they are parts of.
        self._alive_parts = Index()

    # --- what comes and goes -----------------------------------------------------------------------------------------

    def put_task(self, task: CronTask) -> CronTask | None:
        """A task as it is now; as it was, if it was known."""
        known = self.tasks.get(_named(task))
        if known is not None:
            self._unindex_task(known)
        self.tasks[_named(task)] = task
        self._members.add(task.meta.namespace, _group_of(task), task.meta.name)
        self._dependents.add(task.meta.namespace, _predecessor_of(task), task.meta.name)
        return known

    def remove_task(self, task: CronTask) -> None:
        """It is gone."""
        del self.tasks[_named(task)]
        self._unindex_task(task)

    def put_run(self, run: ScheduledRun) -> None:
        """A run as it is now."""
        known = self.runs.get(_named(run))
        if known is not None:
            self._unindex_run(known)
        self.runs[_named(run)] = run
        (self._finished if run.ended else self._open).add(run.meta.namespace, run.task_name, run.meta.name)
        self._keyed.add(run.meta.namespace, _key_of(run), run.meta.name)
        self._reruns.add(run.meta.namespace, _source_of(run), run.meta.name)
        if run.spec.parent is not None:
            self._parts.add(run.meta.namespace, run.spec.parent.uid, run.meta.name)
            if not run.ended:
                self._open_parts.add(run.meta.namespace, run.spec.parent.uid, run.meta.name)

    def remove_run(self, run: ScheduledRun) -> None:
        """It is gone."""
        del self.runs[_named(run)]
        self._unindex_run(run)

    def put_pod(self, pod: Pod) -> Pod | None:
        """A pod as it is now; as it was, if it was known."""
        namespace, name = pod.metadata.namespace, pod.metadata.name
        known = self.pods.get((namespace, name))
        self.pods[namespace, name] = pod
        if known is not None:
            self._unindex_pod(known)
        if pod.is_of_a_run and not pod_has_ended(pod):
            self._alive.add(namespace, pod.metadata.labels.get(LABEL_TASK), name)
            self._alive_in_group.add(namespace, group_of_pod(pod), name)
            self._alive_parts.add(namespace, pod.metadata.labels.get(LABEL_PARENT), name)
        return known

    def remove_pod(self, pod: Pod) -> None:
        """It is gone."""
        del self.pods[pod.metadata.namespace, pod.metadata.name]
        self._unindex_pod(pod)

    def _unindex_pod(self, pod: Pod) -> None:
        namespace, name = pod.metadata.namespace, pod.metadata.name
        self._alive.discard(namespace, pod.metadata.labels.get(LABEL_TASK), name)
        self._alive_in_group.discard(namespace, group_of_pod(pod), name)
        self._alive_parts.discard(namespace, pod.metadata.labels.get(LABEL_PARENT), name)

    def _unindex_task(self, task: CronTask) -> None:
        self._members.discard(task.meta.namespace, _group_of(task), task.meta.name)
        self._dependents.discard(task.meta.namespace, _predecessor_of(task), task.meta.name)

    def _unindex_run(self, run: ScheduledRun) -> None:
        (self._finished if run.ended else self._open).discard(run.meta.namespace, run.task_name, run.meta.name)
        self._keyed.discard(run.meta.namespace, _key_of(run), run.meta.name)
        self._reruns.discard(run.meta.namespace, _source_of(run), run.meta.name)
        if run.spec.parent is not None:
            self._parts.discard(run.meta.namespace, run.spec.parent.uid, run.meta.name)
            self._open_parts.discard(run.meta.namespace, run.spec.parent.uid, run.meta.name)

    # --- what belongs to what ----------------------------------------------------------------------------------------

    def task_of(self, run: ScheduledRun) -> CronTask | None:
        """The task that the run names."""
        return self.tasks.get((run.meta.namespace, run.task_name)) if run.task_name is not None else None

    def run_of(self, pod: Pod) -> ScheduledRun | None:
        """The run that owns the pod, if that is there."""
        name = pod.metadata.labels.get(LABEL_RUN)
        run = self.runs.get((pod.metadata.namespace, name)) if name is not None else None
        return run if run is not None and run.meta.uid == pod.owner_uid else None

    def open_runs(self, namespace: str, task: str) -> Iterator[ScheduledRun]:
        """The runs of a task that have not ended."""
        return (self.runs[namespace, name] for name in self._open.names(namespace, task))

    def finished_runs(self, namespace: str, task: str) -> Iterator[ScheduledRun]:
        """The runs of a task that have ended."""
        return (self.runs[namespace, name] for name in self._finished.names(namespace, task))

    def same_key(self, run: ScheduledRun) -> tuple[ScheduledRun, ...]:
        """The other runs with its idempotencyKey."""
        names = self._keyed.names(run.meta.namespace, _key_of(run))
        return tuple(self.runs[run.meta.namespace, name] for name in names if name != run.meta.name)

    def reruns_of(self, namespace: str, name: str | None) -> tuple[ScheduledRun, ...]:
        """The runs that run the one of that name again, or are to."""
        return tuple(self.runs[namespace, again] for again in self._reruns.names(namespace, name))

    def parts_of(self, run: ScheduledRun) -> Iterator[ScheduledRun]:
        """The runs that say that they are parts of a composite run; of many batches, those that count."""
        recorded, namespace = run.status.batch, run.meta.namespace
        if recorded is None:
            return (self.runs[namespace, name] for name in self._parts.names(namespace, run.meta.uid))
        known = {part.meta.name: part for part in self.open_parts_of(run)}
        known |= {part.meta.name: part for part in parts_to_look_at(recorded, partial(self._batch, run))}
        return iter(known.values())

    def open_parts_of(self, run: ScheduledRun) -> Iterator[ScheduledRun]:
        """Those of them that have not ended."""
        names = self._open_parts.names(run.meta.namespace, run.meta.uid)
        return (self.runs[run.meta.namespace, name] for name in names)

    def _batch(self, run: ScheduledRun, number: int) -> ScheduledRun | None:
        """The run of that number that does batches of a composite run."""
        name = part_name(run.meta.name, run.meta.uid, part_of_batch(number))
        return self.runs.get((run.meta.namespace, name))

    def orphaned_parts(self, run: ScheduledRun) -> Iterator[str]:
        """The names of the parts of a composite run that are gone, and whose pod is not."""
        for name in self._alive_parts.names(run.meta.namespace, run.meta.name):
            pod = self.pods[run.meta.namespace, name]
            if self.run_of(pod) is None:
                yield pod.metadata.labels[LABEL_RUN]

    def parent_of(self, run: ScheduledRun) -> ScheduledRun | None:
        """The composite run that a part belongs to, if that is there."""
        asked = run.spec.parent
        parent = self.runs.get((run.meta.namespace, asked.name)) if asked is not None else None
        return parent if parent is not None and asked is not None and parent.meta.uid == asked.uid else None

    def dependents(self, namespace: str, task: str | None) -> tuple[CronTask, ...]:
        """The tasks that come after that one, by name."""
        return tuple(self.tasks[namespace, name] for name in sorted(self._dependents.names(namespace, task)))

    def predecessor_missing(self, task: CronTask) -> bool:
        """Whether the task that it comes after is not there."""
        name = _predecessor_of(task)
        return name is not None and (task.meta.namespace, name) not in self.tasks

    def group_of(self, task: CronTask) -> Iterator[CronTask]:
        """The other tasks of its concurrency group."""
        return (other for other in self.members(task.meta.namespace, _group_of(task)) if other is not task)

    def members(self, namespace: str, group: str | None) -> Iterator[CronTask]:
        """The tasks of a concurrency group."""
        return (self.tasks[namespace, name] for name in self._members.names(namespace, group))

    def orphaned_pods(self, task: CronTask) -> Iterator[Pod]:
        """The pods of the task, and of its group, that have not ended though their run, or its task, is gone."""
        namespace = task.meta.namespace
        mine = self._alive.names(namespace, task.meta.name)
        for name in dict.fromkeys((*mine, *self._alive_in_group.names(namespace, _group_of(task)))):
            pod = self.pods[namespace, name]
            run = self.run_of(pod)
            if run is None or (self.task_of(run) is None and self.parent_of(run) is None):
                yield pod

    def metas(self, kind: Kind) -> Iterable[tuple[Named, Metadata | PodMetadata]]:
        """The metadata of each object of a kind."""
        if kind is Kind.CRON_TASK:
            yield from ((named, task.meta) for named, task in self.tasks.items())
        elif kind is Kind.SCHEDULED_RUN:
            yield from ((named, run.meta) for named, run in self.runs.items())
        elif kind is Kind.POD:
            yield from ((named, pod.metadata) for named, pod in self.pods.items())

    def count(self, kind: Kind) -> int:
        """How many there are of a kind."""
        if kind is Kind.CRON_TASK:
            return len(self.tasks)
        return len(self.runs if kind is Kind.SCHEDULED_RUN else self.pods)

    def meta(self, kind: Kind, named: Named) -> Metadata | PodMetadata | None:
        """The metadata of an object."""
        if kind is Kind.POD:
            return pod.metadata if (pod := self.pods.get(named)) is not None else None
        if kind is Kind.SCHEDULED_RUN:
            return run.meta if (run := self.runs.get(named)) is not None else None
        return task.meta if (task := self.tasks.get(named)) is not None else None


def _named(item: CronTask | ScheduledRun) -> Named:
    return item.meta.namespace, item.meta.name


def group_of_pod(pod: Pod) -> str | None:
    """The concurrency group that its task was in when it was created, None without one."""
    return pod.metadata.annotations.get(ANNOTATION_GROUP)


def _group_of(task: CronTask) -> str | None:
    return task.spec.concurrency.group


def _predecessor_of(task: CronTask) -> str | None:
    return task.spec.after.task if task.spec.after is not None else None


def _source_of(run: ScheduledRun) -> str | None:
    return run.spec.rerun_of.name if run.spec.rerun_of is not None else None


def _key_of(run: ScheduledRun) -> str | None:
    """A name that the runs with its idempotencyKey share; no task's name has a slash."""
    key = run.spec.idempotency_key
    return f"{run.task_name or ''}/{key}" if key is not None else None
