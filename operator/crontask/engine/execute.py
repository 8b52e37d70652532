"""Doing: each action of a decision as requests to the API server."""

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
    CancelPart,
    CancelRun,
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
)
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.transitions import replaced
from crontask.engine.events import EventRecorder, about
from crontask.engine.gate import LeaseLostError
from crontask.engine.keys import key_of
from crontask.engine.launch import Launcher, NotYetError
from crontask.engine.queue import Priority, WriteQueue
from crontask.engine.store import Store
from crontask.engine.write import Writer
from crontask.ports import Api, ApiError, Document, Kind, ObjectKey
from crontask.workload.pod import owner_reference

# Each is about a run of its own; launches go oldest first, and what is in the way is canceled before.
_IN_ANY_ORDER = (StartAttempt, Adopt)
# Of a change that the API server, or a policy, does not take.
_REFUSALS = (400, 403, 422)
_log = logging.getLogger(__name__)


class Executor:
    """Carries out actions. Methods raise ApiError (the key is decided again later) and LeaseLostError."""

    def __init__(
        self, api: Api, queue: WriteQueue, store: Store, recorder: EventRecorder, writer: Writer, launcher: Launcher
    ) -> None:
        self._api = api
        self._queue = queue
        self._store = store
        self._recorder = recorder
        self._writer = writer
        self._launcher = launcher

    async def act_all(self, actions: Iterable[TaskAction], task: CronTask) -> None:
        """Do these in their order; but of starts and adoptions in a row, none waits for another.

        Raises what went wrong when all have ended: of several, the one that has to wait longest; the others are logged.
        """
        for kind, row in groupby(actions, key=type):
            if kind in _IN_ANY_ORDER:
                await self._act_in_any_order(list(row), task)
            else:
                for action in row:
                    await self.act_for_task(action, task)

    async def _act_in_any_order(self, actions: list[TaskAction], task: CronTask) -> None:
        """By as many workers as there may be writes: one that fails goes no further, the others do."""
        waiting, not_yet = iter(actions), list[float]()

        async def work() -> None:
            for action in waiting:
                try:
                    await self.act_for_task(action, task)
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

    async def act_for_task(self, action: TaskAction, task: CronTask) -> None:
        """Do one thing for a task."""
        match action:
            case Launch():
                await self._launcher.launch(task, action)
            case StartAttempt(run, number):
                await self._launcher.start_attempt(run, number)
            case CancelRun():
                await self._replace_run(task, action)
            case Adopt(run):
                await self._adopt(task, run)
            case Reserve():
                await self._launcher.reserve(task, action)
            case Discard(run):
                await self._launcher.discard(run)

    async def act_for_run(self, action: RunAction) -> None:
        """Do one thing for a run."""
        match action:
            case StartAttempt(run, number):
                await self._launcher.start_attempt(run, number)
            case LookForPod(run):
                await self._launcher.look_for_pod(run)
            case StopPod():
                await self._stop_pod(action)
            case DeletePod(pod):
                await self._delete_pod(pod)
            case StopLeftovers(pod):
                await self._stop_leftovers(pod)
            case RemoveRun(run):
                await self.prune(run)
            case CancelPart():
                await self._cancel_part(action)

    async def _adopt(self, task: CronTask, run: ScheduledRun) -> None:
        owner = owner_reference("CronTask", task.meta.name, task.meta.uid)
        await self._writer.patch_run(
            run, {"metadata": {"ownerReferences": [owner], "labels": {LABEL_TASK: task.meta.name}}}
        )

    async def _replace_run(self, task: CronTask, cancel: CancelRun) -> None:
        launch = cancel.replaced_by
        noted = {"annotations": {ANNOTATION_REPLACED_BY: launch.name}}
        asked = {"cancel": True, "cancelReason": cancel.reason}
        await self._writer.patch_run(cancel.run, {"metadata": noted, "spec": asked})
        self._recorder.record(replaced(task, cancel), about(task))

    async def _cancel_part(self, cancel: CancelPart) -> None:
        asked: Document = {"cancel": True, "cancelReason": cancel.reason}
        if cancel.immediate:
            asked["cancelMode"] = "Immediate"
        await self._writer.patch_run(cancel.run, {"spec": asked})

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
            await self._writer.delete(_pod_key(pod), pod.metadata.uid, Priority.STATUS)

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
                await self._writer.refresh(key, pod.metadata.uid)
                return True
            if error.status not in _REFUSALS:
                raise
            _log.warning("pod %s/%s is deleted, and its log with it: %s", key.namespace, key.name, error)
            return False
        self._store.fold(Kind.POD, raw)
        return True

    async def _delete_pod(self, pod: Pod) -> None:
        """Stop the pod, unless it is not any more as it was when that was decided: it may have ended unseen."""
        await self._writer.delete(_pod_key(pod), pod.metadata.uid, Priority.LAUNCH, pod.metadata.resource_version)

    async def prune(self, run: ScheduledRun) -> None:
        """Remove a finished run; its pod goes with it."""
        await self._writer.delete(key_of(run), run.meta.uid, Priority.CLEANUP)


def _pod_key(pod: Pod) -> ObjectKey:
    return ObjectKey(Kind.POD, pod.metadata.namespace, pod.metadata.name)


def _patience(error: BaseException) -> float:
    """By which of several errors the next try waits: a fault of ours is never hidden behind another."""
    if isinstance(error, ApiError):
        return error.retry_after or 0.0
    return 0.0 if isinstance(error, LeaseLostError) else inf
