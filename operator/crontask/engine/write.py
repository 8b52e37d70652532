"""Writing what is known already: statuses, patches, deletions; and reading what may have changed.

The answers are folded into the store.
"""

import orjson

from crontask.api.metadata import Metadata
from crontask.api.scheduledrun import CompositeRunStatus, ScheduledRunStatus
from crontask.api.task_status import CronTaskStatus
from crontask.decide.model import CronTask, ScheduledRun
from crontask.engine.keys import key_of
from crontask.engine.queue import Priority, WriteQueue
from crontask.engine.rate import Rate
from crontask.engine.store import Store
from crontask.ports import Api, ApiError, Clock, Document, Kind, ObjectKey

# A task whose runs begin and end each second would have two statuses a second.
_STATUSES_OF_A_TASK = (10, 1.0)
# The status of a composite run sums up its parts.
_SUMMARIES_OF_A_RUN = (2, 1.0)


class Writer:
    """Methods raise ApiError (the key is decided again later) and LeaseLostError."""

    def __init__(self, api: Api, queue: WriteQueue, store: Store, clock: Clock) -> None:
        self._api = api
        self._queue = queue
        self._store = store
        self._clock = clock
        self._rate = Rate(*_STATUSES_OF_A_TASK)
        self._summaries = Rate(*_SUMMARIES_OF_A_RUN)

    async def write_task_status(self, task: CronTask, status: CronTaskStatus) -> float:
        """Write a task's status if it is another one, and if nobody else changed the task meanwhile (409).

        If not 0.0, the seconds until it may be: too many were written of late.
        """
        changed = changed_status(task.status, status)
        if changed is None:
            return 0.0
        wait = self._rate.wait(task.meta.uid, self._clock.monotonic())
        if not wait:
            key = key_of(task)
            await self._write_status(key, task.meta, changed, Priority.STATUS)
        return wait

    async def write_run_status(
        self, run: ScheduledRun, status: ScheduledRunStatus, priority: Priority = Priority.STATUS
    ) -> bool:
        """Write a run's status if it is another one, and if nobody else changed the run meanwhile (409).

        Whether it was another one.
        """
        changed = changed_status(run.status, status)
        if changed is not None:
            await self._write_status(key_of(run), run.meta, changed, priority)
        return changed is not None

    async def write_run_summary(self, run: ScheduledRun, status: ScheduledRunStatus) -> float:
        """Write a run's status that sums up what its parts say, if it is another one; as of tasks, not too often."""
        changed = changed_status(run.status, status)
        if changed is None:
            return 0.0
        wait = self._summaries.wait(run.meta.uid, self._clock.monotonic())
        if not wait:
            await self._write_status(key_of(run), run.meta, changed, Priority.STATUS)
        return wait

    async def _write_status(self, key: ObjectKey, meta: Metadata, whole: Document, priority: Priority) -> None:
        raw = await self._queue.send(
            priority,
            lambda: self._api.update_status(key, uid=meta.uid, version=meta.resource_version, status=whole),
        )
        self._store.fold(key.kind, raw)

    async def refresh(self, key: ObjectKey, uid: str) -> None:
        """Read an object that is not, or may not be, as it was known."""
        try:
            raw = await self._api.get(key)
        except ApiError as error:
            if error.status != 404:
                raise
            self._store.forget(key, uid)
            return
        if orjson.loads(raw)["metadata"]["uid"] != uid:
            self._store.forget(key, uid)
        self._store.fold(key.kind, raw)

    async def patch_run(self, run: ScheduledRun, patch: Document) -> None:
        """Patch a run, if nobody else changed it meanwhile (409)."""
        key = key_of(run)
        patch["metadata"] = {**patch.get("metadata", {}), "resourceVersion": run.meta.resource_version}
        raw = await self._queue.send(Priority.LAUNCH, lambda: self._api.patch(key, patch))
        self._store.fold(Kind.SCHEDULED_RUN, raw)

    async def delete(self, key: ObjectKey, uid: str, priority: Priority, version: str = "") -> bool:
        """Delete an object, if it is still that one, and of that version if one is given. If not, see what it is."""
        try:
            await self._queue.send(priority, lambda: self._api.delete(key, uid=uid, version=version))
            return True
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            await self.refresh(key, uid)
            return False


def changed_status(
    before: CronTaskStatus | ScheduledRunStatus, after: CronTaskStatus | ScheduledRunStatus
) -> Document | None:
    """The status as it is to be written; None if that would change nothing (times are written to the second)."""
    if before is after or before == after:
        return None
    whole = _dump(after)
    return whole if whole != _dump(before) else None


def _dump(status: CronTaskStatus | ScheduledRunStatus) -> Document:
    document = status.model_dump(by_alias=True, exclude_none=True)
    if isinstance(status, ScheduledRunStatus) and status.result is not None:
        # As the handler gave it: what is null in it is not left out.
        document["result"] = status.result
    if isinstance(status, ScheduledRunStatus) and status.rerun is not None:
        document["rerun"] = status.rerun
    if status.batch is not None and status.batch.cursor is not None:
        document["batch"]["cursor"] = status.batch.cursor
    if isinstance(status, CompositeRunStatus):
        if status.plan is not None:
            document["plan"] = status.plan
        for written, step in zip(document["steps"], status.steps, strict=True):
            if step.result is not None:
                written["result"] = step.result
        _keep_results_of_items(document, status)
    return document


def _keep_results_of_items(document: Document, status: CompositeRunStatus) -> None:
    items = status.items
    if items is None:
        return
    if items.results is not None:
        document["items"]["results"] = items.results
    if items.collect is not None and items.collect.result is not None:
        document["items"]["collect"]["result"] = items.collect.result
