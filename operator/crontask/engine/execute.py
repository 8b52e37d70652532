"""Doing: each action of a decision as requests to the API server. Callers: loop."""

import asyncio
import logging
from collections.abc import Iterable
from itertools import groupby
from math import inf

from crontask.api.base import format_time
from crontask.api.names import (
    ANNOTATION_REPLACED_BY,
    ANNOTATION_STOP_REQUESTED_AT,
    ANNOTATION_STOPPED,
    LABEL_TASK,
)
from crontask.api.pod import STOP_NOW, Pod
from crontask.decide.attempt.outcome import LEFTOVERS_STOPPED
from crontask.decide.decisions import (
    Adopt,
    CancelRun,
    DecisionKind,
    DeletePod,
    Discard,
    Launch,
    LookForPod,
    RemoveRun,
    Reserve,
    RunAction,
    StartAttempt,
    StopLeftovers,
    StopPod,
    TaskAction,
    Transition,
)
from crontask.decide.model import CronTask, ScheduledRun
from crontask.engine.gate import LeaseLostError
from crontask.engine.keys import run_key
from crontask.engine.launch import Launcher, NotYetError
from crontask.engine.ports import Api, ApiError, Clock, Document, Kind, ObjectKey
from crontask.engine.queue import Priority, WriteQueue
from crontask.engine.store import Store
from crontask.engine.tell import Teller, about
from crontask.engine.warmth import Warmth
from crontask.engine.write import Writer
from crontask.workload.pod import owner_reference

# Each is about a run of its own; launches go oldest first, and what is in the way is canceled before.
_IN_ANY_ORDER = (StartAttempt, Adopt)
# Of a change that the API server, or a policy, does not take.
_REFUSALS = (400, 403, 422)
_log = logging.getLogger(__name__)


class Executor:
    """Carries out actions. Methods raise ApiError (the key is decided again later) and LeaseLostError."""

    def __init__(
        self, api: Api, queue: WriteQueue, store: Store, teller: Teller, clock: Clock, runner_image: str = ""
    ) -> None:
        self._api = api
        self._queue = queue
        self._store = store
        self._teller = teller
        self.writer = Writer(api, queue, store, clock)
        self.warmth = Warmth(api, clock, queue.most)
        self.launcher = Launcher(api, queue, store, teller, clock, self.writer, runner_image)

    async def act_on_task(self, actions: Iterable[TaskAction], task: CronTask) -> None:
        """Do these in their order; but of starts and adoptions in a row, none waits for another.

        Raises what went wrong when all have ended: of several, the one that has to wait longest; the others are logged.
        """
        for kind, row in groupby(actions, key=type):
            if kind in _IN_ANY_ORDER:
                await self._act_in_any_order(list(row), task)
            else:
                for action in row:
                    await self.act(action, task)

    async def _act_in_any_order(self, actions: list[TaskAction], task: CronTask) -> None:
        """By as many workers as there may be writes: one that fails goes no further, the others do."""
        waiting, not_yet = iter(actions), list[float]()

        async def work() -> None:
            for action in waiting:
                try:
                    await self.act(action, task)
                except NotYetError as error:
                    # Nor any of the others: all keep to one rate.
                    not_yet.append(error.seconds)
                if not_yet:
                    return

        workers = min(len(actions), self._queue.most)
        ended = await asyncio.gather(*(work() for _ in range(workers)), return_exceptions=True)
        errors = sorted((error for error in ended if error is not None), key=_patience)
        if not_yet:
            errors.insert(0, NotYetError(min(not_yet)))
        for error in errors[:-1]:
            expected = isinstance(error, NotYetError) or (isinstance(error, ApiError) and error.status in (404, 409))
            if not expected:
                _log.warning("%s/%s, one of many things to do: %r", task.meta.namespace, task.meta.name, error)
        if errors:
            raise errors[-1]

    async def act(self, action: TaskAction | RunAction, task: CronTask | None) -> None:
        """Do one thing."""
        if isinstance(action, Launch):
            assert task is not None, "only tasks launch"
            await self.launcher.launch(task, action)
        elif isinstance(action, StartAttempt):
            await self.launcher.start_attempt(action.run, action.number)
        elif isinstance(action, CancelRun):
            assert task is not None, "only tasks replace runs"
            await self._replace_run(task, action)
        elif isinstance(action, Adopt):
            assert task is not None, "only tasks adopt"
            await self._adopt(task, action.run)
        elif isinstance(action, Reserve):
            assert task is not None, "only tasks reserve"
            await self.launcher.reserve(task, action)
        elif isinstance(action, Discard):
            await self.launcher.discard(action.run)
        elif isinstance(action, StopPod):
            await self._stop_pod(action)
        elif isinstance(action, DeletePod):
            await self._delete_pod(action.pod)
        elif isinstance(action, StopLeftovers):
            await self._stop_leftovers(action.pod)
        elif isinstance(action, LookForPod):
            await self.launcher.look_for_pod(action.run)
        elif isinstance(action, RemoveRun):
            await self.prune(action.run)

    async def _adopt(self, task: CronTask, run: ScheduledRun) -> None:
        owner = owner_reference("CronTask", task.meta.name, task.meta.uid)
        await self.writer.patch_run(
            run, {"metadata": {"ownerReferences": [owner], "labels": {LABEL_TASK: task.meta.name}}}
        )

    async def _replace_run(self, task: CronTask, cancel: CancelRun) -> None:
        launch = cancel.replaced_by
        noted = {"annotations": {ANNOTATION_REPLACED_BY: launch.name}}
        asked = {"cancel": True, "cancelReason": cancel.reason}
        await self.writer.patch_run(cancel.run, {"metadata": noted, "spec": asked})
        words = f"run {launch.name} replaces run {cancel.run.meta.name}"
        told = Transition(
            "Replaced",
            words,
            task=task.meta.name,
            run=launch.name,
            nominal=launch.nominal,
            kind=DecisionKind.REPLACE,
            event=False,
        )
        self._teller.tell(told, about(task))

    async def _stop_pod(self, stop: StopPod) -> None:
        """Have its kubelet stop the pod, unless it is not any more as it was when that was decided."""
        asked = {ANNOTATION_STOPPED: stop.reason, ANNOTATION_STOP_REQUESTED_AT: format_time(stop.at)}
        known = {"resourceVersion": stop.pod.metadata.resource_version}
        if not await self._end_by_deadline(stop.pod, {**known, "annotations": asked}, Priority.LAUNCH):
            await self._delete_pod(stop.pod)

    async def _stop_leftovers(self, pod: Pod) -> None:
        """Have its kubelet stop what still runs of a pod: its main container has ended, whatever else changes."""
        metadata = {"uid": pod.metadata.uid, "annotations": {ANNOTATION_STOPPED: LEFTOVERS_STOPPED}}
        if not await self._end_by_deadline(pod, metadata, Priority.STATUS):
            await self.writer.delete(_pod_key(pod), pod.metadata.uid, Priority.STATUS)

    async def _end_by_deadline(self, pod: Pod, metadata: Document, priority: Priority) -> bool:
        """A deadline that has passed makes the kubelet stop what runs, and keep the logs.

        False where the change is refused, as by a policy: but it has to stop. `metadata` has a precondition.
        """
        key, before = _pod_key(pod), pod.spec.active_deadline_seconds
        # It only ever comes nearer.
        deadline = STOP_NOW if before is None else min(STOP_NOW, before)
        patch = {"metadata": metadata, "spec": {"activeDeadlineSeconds": deadline}}
        try:
            raw = await self._queue.send(priority, lambda: self._api.patch(key, patch))
        except ApiError as error:
            if error.status in (404, 409):
                await self.writer.refresh(key, pod.metadata.uid)
                return True
            if error.status not in _REFUSALS:
                raise
            _log.warning("pod %s/%s is deleted, and its log with it: %s", key.namespace, key.name, error)
            return False
        self._store.fold(Kind.POD, raw)
        return True

    async def _delete_pod(self, pod: Pod) -> None:
        """Stop the pod, unless it is not any more as it was when that was decided: it may have ended unseen."""
        await self.writer.delete(_pod_key(pod), pod.metadata.uid, Priority.LAUNCH, pod.metadata.resource_version)

    async def prune(self, run: ScheduledRun) -> None:
        """Remove a finished run; its pod goes with it."""
        await self.writer.delete(run_key(run.meta.namespace, run.meta.name), run.meta.uid, Priority.CLEANUP)


def _pod_key(pod: Pod) -> ObjectKey:
    return ObjectKey(Kind.POD, pod.metadata.namespace, pod.metadata.name)


def _patience(error: BaseException) -> float:
    """By which of several errors the next try waits: a fault of ours is never hidden behind another."""
    if isinstance(error, ApiError):
        return error.retry_after or 0.0
    return 0.0 if isinstance(error, LeaseLostError) else inf
