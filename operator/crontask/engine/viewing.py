"""Views for decide, made of the objects that are known and of what is remembered of them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from crontask.api.names import LABEL_RUN, pod_name
from crontask.api.task_status import TaskBatch
from crontask.decide.composite.deadlock import deadlocked_by
from crontask.decide.composite.rerun import claimed_by, newest_of, refusal, taking_over
from crontask.decide.decisions import Turns
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.pod_state import PodState, Present
from crontask.decide.stage import OCCUPIES_SLOT, Stage, stage_of
from crontask.decide.task.batches import batches_so_far
from crontask.decide.views import Rerun, RunView, TaskView
from crontask.engine.memory import Memory
from crontask.engine.objects import Named, Objects

_NO_TURNS = Turns()


class Viewer:
    """By the indexes, never by looking through all."""

    def __init__(self, objects: Objects, memory: Memory) -> None:
        self._objects = objects
        self._memory = memory

    def task_view(self, task: CronTask, now: datetime) -> TaskView:
        """All that is known of a task at an instant."""
        namespace, name = task.meta.namespace, task.meta.name
        mine: list[RunView] = []
        pre_created: list[RunView] = []
        deferred: list[ScheduledRun] = []
        remembered = self._memory.runs
        for run in self._objects.open_runs(namespace, name):
            if not _belongs_to(run, task):
                continue
            until = run.deferred_until
            # Most of many: nothing is remembered of them.
            if until is not None and until > now and not ((own := remembered.get(run.meta.uid)) and own.touched):
                deferred.append(run)
                continue
            view = self.view_of(run, task)
            (pre_created if _is_pre_created(view) else mine).append(view)
        known = self._memory.of_task(task)
        return TaskView(
            task,
            tuple(mine),
            ForeignNames(self._objects.runs, task),
            not known.looked_at,
            tuple(self._others(task)),
            tuple(self._orphaned_pods(task)),
            self._memory.check_of(task),
            tuple(pre_created),
            known.not_pre_created,
            self._finished(task),
            tuple(deferred),
            known.refusal,
            known.previous,
            self._objects.predecessor_missing(task),
        )

    def run_view(self, run: ScheduledRun) -> RunView:
        """All that is known of a run."""
        asked, tasks, known = run.spec.on_complete, self._objects.tasks, self._memory.of_run(run)
        composite, part = run.status.composite is not None, run.spec.parent is not None
        return replace(
            self.view_of(run, self._objects.task_of(run)),
            dependents=self._objects.dependents(run.meta.namespace, run.task_name),
            on_complete=tasks.get((run.meta.namespace, asked.task_ref.name)) if asked is not None else None,
            follow_up_refusal=known.follow_up_refusal,
            parts=tuple(self._objects.parts_of(run)) if composite else (),
            orphaned_parts=tuple(self._objects.orphaned_parts(run)) if composite else (),
            refused_parts=tuple(known.refused_parts.items()),
            unmade_parts=known.unmade_parts,
            deadlocked_by=self._deadlocked_by(run) if part else (),
        )

    def _deadlocked_by(self, run: ScheduledRun) -> tuple[str, ...]:
        """Of a part that waits for a slot of its task, who holds them all, if none will be free before it has ended."""
        task = self._objects.task_of(run)
        if task is None or run.meta.name not in self._memory.of_task(task).turns.queued:
            return ()
        return deadlocked_by(run, task, _SlotHolders(self, self._objects, self._memory))

    def _others(self, task: CronTask) -> Iterator[RunView]:
        """The runs of the other tasks of its group that have not ended."""
        for other in self._objects.group_of(task):
            for run in self._objects.open_runs(other.meta.namespace, other.meta.name):
                view = self.view_of(run, other)
                if not _is_pre_created(view):
                    yield view

    def _orphaned_pods(self, task: CronTask) -> Iterator[str]:
        """The names of the runs of which only a pod is left."""
        return (pod.metadata.labels[LABEL_RUN] for pod in self._objects.orphaned_pods(task))

    def view_of(self, run: ScheduledRun, task: CronTask | None) -> RunView:
        """What the decisions about a task have to know of a run of it."""
        turns = self._memory.of_task(task).turns if task is not None else _NO_TURNS
        name, rerun = run.meta.name, self._rerun(run, task) if run.spec.rerun_of is not None else None
        if rerun is not None and rerun.source is not None and rerun.refused is None:
            run = taking_over(run, rerun.source)
        return RunView(
            run,
            task,
            self._pod_state(run),
            name in turns.queued,
            turns.dropped.get(name),
            same_key=self._objects.same_key(run),
            claimed=self._memory.of_run(run).claimed,
            parent=self._objects.parent_of(run) if run.spec.parent is not None else None,
            rerun=rerun,
        )

    def _rerun(self, run: ScheduledRun, task: CronTask | None) -> Rerun | None:
        """Of a run that is to run another again, and has not started: what there is to know of that."""
        asked = run.spec.rerun_of
        if asked is None or run.status.rerun is not None or run.ended:
            return None
        reruns_of = partial(self._objects.reruns_of, run.meta.namespace)
        source = self._objects.runs.get((run.meta.namespace, asked.name))
        parts = tuple(self._objects.parts_of(source)) if source is not None and source.status.composite else ()
        newest = newest_of(source, reruns_of) if source is not None else None
        others = tuple(other for other in reruns_of(asked.name) if other.meta.uid != run.meta.uid)
        last = self._last_batch(task) if source is not None and source.status.batch is not None else None
        refused = refusal(run, task, source, parts, newest, last)
        claimant = claimed_by(source, reruns_of) if source is not None else None
        if claimant is not None and claimant.meta.uid == run.meta.uid:
            # It has begun: whoever is older comes too late.
            return Rerun(source, parts, refused)
        return Rerun(source, parts, refused, others, claimant.meta.name if claimant is not None else None)

    def _last_batch(self, task: CronTask | None) -> TaskBatch | None:
        """How far the batches of a task have come, by the runs of it that have ended."""
        if task is None:
            return None
        return batches_so_far(TaskView(task, (), finished=self._finished(task)))

    def _finished(self, task: CronTask) -> tuple[ScheduledRun, ...]:
        """The runs of a task that have ended."""
        found = self._objects.finished_runs(task.meta.namespace, task.meta.name)
        return tuple(run for run in found if _belongs_to(run, task))

    def _pod_state(self, run: ScheduledRun) -> PodState:
        expected = pod_name(run.meta.name, run.status.expected_attempt)
        pod = self._objects.pods.get((run.meta.namespace, expected))
        if pod is not None and pod.owner_uid == run.meta.uid:
            return Present(pod)
        return self._memory.pod_state(run, expected)


def _belongs_to(run: ScheduledRun, task: CronTask) -> bool:
    """Whether a run that names the task is its own, or a part of another that is its run as well."""
    return run.spec.parent is not None or run.meta.owner_uid in (None, task.meta.uid)


class _SlotHolders:
    """Who holds and who waits for the slots of tasks."""

    def __init__(self, viewer: Viewer, objects: Objects, memory: Memory) -> None:
        self._viewer = viewer
        self._objects = objects
        self._memory = memory

    def holders(self, task: CronTask) -> list[ScheduledRun]:
        """The runs that occupy the slots of a task, and its group."""
        found = []
        for each in (task, *self._objects.group_of(task)):
            for run in self._objects.open_runs(each.meta.namespace, each.meta.name):
                if _belongs_to(run, each) and stage_of(self._viewer.view_of(run, each)) in OCCUPIES_SLOT:
                    found.append(run)
        return found

    def parts(self, run: ScheduledRun) -> Iterator[ScheduledRun]:
        """The parts of a run that have not ended."""
        return self._objects.open_parts_of(run)

    def waits_for(self, part: ScheduledRun) -> CronTask | None:
        """The task for whose slot a part waits; None if it does not."""
        task = self._objects.task_of(part)
        return task if task is not None and part.meta.name in self._memory.of_task(task).turns.queued else None

    def parent(self, run: ScheduledRun) -> ScheduledRun | None:
        """What a run is a part of."""
        return self._objects.parent_of(run)


def _is_pre_created(view: RunView) -> bool:
    return view.run.pre_created and stage_of(view) is Stage.PRE_CREATED


class ForeignNames:
    """The names of runs in the task's namespace that the operator has not made for a time of the task."""

    __slots__ = ("_runs", "_task")

    def __init__(self, runs: Mapping[Named, ScheduledRun], task: CronTask) -> None:
        self._runs = runs
        self._task = task

    def __contains__(self, name: object) -> bool:
        run = self._runs.get((self._task.meta.namespace, str(name)))
        return run is not None and (run.meta.owner_uid != self._task.meta.uid or run.nominal is None)
