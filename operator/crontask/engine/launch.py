"""Launching: runs and their pods are made, before their time, at it, or again.

A name that is taken is looked at: an object of the same owner is ours, and we carry on from it.
"""

import logging
from datetime import datetime, timedelta

import orjson

from crontask.api.base import cut
from crontask.api.names import (
    ANNOTATION_CATCH_UP,
    ANNOTATION_RESERVED,
    pod_name,
    run_name,
)
from crontask.api.task_status import TaskBatch
from crontask.decide.decisions import CreateRun, Launch, Reserve
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.pod_state import Present, Vanished
from crontask.decide.readiness import hindrance
from crontask.decide.refusal import POD_REJECTED, Refusal, pause_after, with_advice
from crontask.decide.run.composite import taken_over, with_plan
from crontask.decide.run.status import attempt_recorded
from crontask.decide.settings import settings, settings_of
from crontask.decide.task.batches import batches_so_far
from crontask.decide.transitions import follow_up_refused, of_part, pod_refused, started
from crontask.decide.views import PodCheck, RunRefusal, RunView
from crontask.engine.claim_rerun import claim
from crontask.engine.events import EventRecorder, Subject, about
from crontask.engine.keys import key_of, run_key
from crontask.engine.pod_body import pod_of_attempt
from crontask.engine.queue import Priority, WriteQueue
from crontask.engine.run_of_time import is_of_time, run_of_time
from crontask.engine.store import Store
from crontask.engine.write import Writer
from crontask.ports import Api, ApiError, Clock, Document, Kind, ObjectKey
from crontask.workload.environment import Identity, Interval
from crontask.workload.part import pod_handlers
from crontask.workload.pod import build_pod, owner_reference
from crontask.workload.run import build_run

_SECOND = timedelta(seconds=1)
_LONGEST_CHECK_PAUSE = timedelta(minutes=5)
_LONGEST_TEXT = 3000
_log = logging.getLogger(__name__)


class RunRefusedError(Exception):
    """The API server does not take the run of that name; that is noted."""


class NotYetError(Exception):
    """A start has to keep to the start rate: it may be tried again in so many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not for {seconds} s")
        self.seconds = seconds


class Launcher:
    """Methods raise ApiError (the key is decided again later) and LeaseLostError."""

    def __init__(
        self,
        api: Api,
        queue: WriteQueue,
        store: Store,
        recorder: EventRecorder,
        clock: Clock,
        writer: Writer,
        runner_image: str = "",
    ) -> None:
        self._api = api
        self._queue = queue
        self._store = store
        self._memory = store.memory
        self._recorder = recorder
        self._clock = clock
        self._writer = writer
        # Of handlers that name none.
        self._runner_image = runner_image

    async def launch(self, task: CronTask, launch: Launch) -> None:
        """The run first, then its pod: what a crash leaves between them is carried on from."""
        key = run_key(task.meta.namespace, launch.name)
        if not launch.wait:
            self._take_start_slot(launch.name, 1, key.namespace)
        run = self._store.run(key)
        if run is None or not is_of_time(run, task) or launch.catching_up:
            try:
                await self._make_launched(task, launch, run)
            except ApiError as error:
                if not error.refuses:
                    raise
                self._memory.set_run_refusal(
                    task, self._refusal(self._memory.of_task(task).refusal, launch.name, error)
                )
                raise RunRefusedError(launch.name) from error
            self._memory.set_run_refusal(task, None)
            run = self._store.run(key)
        else:
            self._memory.claim(run)
        if run is None or not is_of_time(run, task) or run.ended or launch.wait:
            return
        await self._start(run, 1)

    async def _make_launched(self, task: CronTask, launch: Launch, known: ScheduledRun | None) -> None:
        # One that was pre-created does not say that it catches up.
        if launch.catching_up and known is not None and known.pre_created:
            await self.discard(known)
        annotations = {ANNOTATION_CATCH_UP: "true"} if launch.catching_up else None
        await self.make_run(run_of_time(task, launch.name, launch.nominal, annotations))

    async def reserve(self, task: CronTask, reserve: Reserve) -> None:
        """Make the run of a time to come. If that fails it is made at its time."""
        namespace = task.meta.namespace
        body = run_of_time(task, reserve.name, reserve.nominal, {ANNOTATION_RESERVED: "true"})
        try:
            raw = await self._queue.send(Priority.STATUS, lambda: self._api.create(Kind.SCHEDULED_RUN, namespace, body))
        except ApiError as error:
            _log.info("run %s/%s is not made before its time: %s", namespace, reserve.name, error)
            self._memory.set_not_pre_created(task, reserve.name)
            return
        self._store.fold(Kind.SCHEDULED_RUN, raw)
        self._memory.set_run_refusal(task, None)

    def _refusal(self, before: RunRefusal | None, name: str, error: ApiError) -> RunRefusal:
        """Runs are tried again after growing pauses; what comes due meanwhile is recorded."""
        tries = before.tries + 1 if before is not None else 1
        retry_at = self._clock.now() + pause_after(tries)
        return RunRefusal(name, cut(error.message, _LONGEST_TEXT), retry_at, tries)

    async def discard(self, run: ScheduledRun) -> None:
        """Remove a pre-created run, as it was known: nobody has done anything with it."""
        key, version = key_of(run), run.meta.resource_version
        if await self._writer.delete(key, run.meta.uid, Priority.STATUS, version):
            self._store.forget(key, run.meta.uid)

    async def create_run(self, create: CreateRun) -> None:
        """Make sure that a run exists which the end of another causes. Raises RunRefusedError."""
        cause, task = create.cause, create.task
        owner = owner_reference("CronTask", task.meta.name, task.meta.uid) if task is not None else None
        try:
            await self.make_run(build_run(cause.meta.namespace, create.name, create.spec, owner, create.annotations))
        except ApiError as error:
            if not error.refuses:
                raise
            refusal = self._refusal(self._memory.of_run(cause).follow_up_refusal, create.name, error)
            if refusal.tries == 1:
                self._recorder.record(follow_up_refused(cause, create.name, error.message), about(cause))
            self._memory.set_follow_up_refusal(cause, refusal)
            if task is not None:
                self._memory.set_run_refusal(task, refusal)
            raise RunRefusedError(create.name) from error
        self._memory.set_follow_up_refusal(cause, None)
        if task is not None:
            self._memory.set_run_refusal(task, None)

    async def make_run(self, body: Document, priority: Priority = Priority.LAUNCH) -> None:
        """Create the run, or get the one that has its name."""
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        try:
            raw = await self._queue.send(priority, lambda: self._api.create(Kind.SCHEDULED_RUN, namespace, body))
        except ApiError as error:
            if error.status != 409:
                raise
            raw = await self._api.get(run_key(namespace, name))
        self._store.fold(Kind.SCHEDULED_RUN, raw)

    async def check_pod(self, task: CronTask) -> None:
        """Show a pod of the task to the API server: what would be refused at 3 a.m. is said at once."""
        now = self._clock.now()
        name = run_name(task.meta.name, now)
        identity = Identity(task.meta.name, task.meta.namespace, name, task.meta.uid, 1)
        for path, handler in pod_handlers(task.spec.handler):
            body = build_pod(handler, identity, now, Interval(), task.spec.args, runner_image=self._runner_image)
            try:
                await self._api.create(Kind.POD, task.meta.namespace, body, dry_run=True)
            except ApiError as error:
                # A webhook with side effects is not asked in a dry run: that says nothing about the pod.
                about_it = error.refuses and "does not support dry run" not in error.message
                if not about_it:
                    _log.warning("no pod of %s/%s could be tried: %s", task.meta.namespace, task.meta.name, error)
                message = f"{path}: {error.message}" if path else with_advice(error.message)
                self._note_check(task, message if about_it else None, about_it and error.final)
                return
        self._memory.set_check(task, PodCheck(task.meta.generation, None))

    def _note_check(self, task: CronTask, refusal: str | None, final: bool) -> None:
        """Show the pod again after growing pauses: the account or the quota that it lacks may be made after it."""
        before = self._memory.check_of(task)
        tries = before.tries + 1 if before is not None else 1
        retry_at = None if final else self._clock.now() + pause_after(tries, _LONGEST_CHECK_PAUSE)
        message = cut(refusal, _LONGEST_TEXT) if refusal is not None else None
        self._memory.set_check(task, PodCheck(task.meta.generation, message, final, retry_at, tries))

    async def start_attempt(self, run: ScheduledRun, number: int) -> None:
        """Create the pod of an attempt. What the API server says against it is remembered. Raises NotYetError."""
        self._take_start_slot(run.meta.name, number, run.meta.namespace)
        await self._start(run, number)

    def _take_start_slot(self, run: str, number: int, namespace: str) -> None:
        wait = self._queue.start_slot((namespace, pod_name(run, number)))
        if wait:
            raise NotYetError(wait)

    async def _start(self, run: ScheduledRun, number: int) -> None:
        view = self._store.run_view(key_of(run))
        if view is None or view.run.meta.uid != run.meta.uid or view.run.ended or view.run.cancel_requested:
            return
        if hindrance(view, self._clock.now()) is not None:
            # Since that was decided. Its own decision says what becomes of it, and may be on its way.
            return
        task, found = view.task, settings(view)
        await claim(self._writer, view)
        if found.handler is not None and found.handler.composite:
            await self._begin(view)
            return
        if view.rerun is not None:
            # It is decided anew, with what it has taken over.
            await self._writer.write_run_status(view.run, taken_over(view), _priority(run))
            return
        body = pod_of_attempt(run, task, number, self._store, self._runner_image)
        if body is None:
            return
        # Meanwhile nobody else decides about the run: a cancel stops the pod once it is there.
        self._memory.set_creating(run, True)
        try:
            if found.at_most_once:
                await self._record_attempt(view)
            await self._create_pod(run, task, body)
        finally:
            self._memory.set_creating(run, False)

    async def _begin(self, view: RunView) -> None:
        """A composite run starts with its plan."""
        now = self._clock.now()
        status = with_plan(view, now, self._batches_so_far(view, now))
        await self._writer.write_run_status(view.run, status, Priority.PART)
        transition = started(view.run, view.task, None, now)
        self._recorder.record(transition, about(view.task if view.task is not None else view.run))

    def _batches_so_far(self, view: RunView, now: datetime) -> TaskBatch | None:
        """How far those of its task have come, where its run goes on there."""
        found = settings(view).handler
        if view.task is None or found is None or found.batch is None or found.batch.continue_from == "Start":
            return None
        of_task = self._store.task_view(key_of(view.task), now)
        return batches_so_far(of_task) if of_task is not None else None

    async def _record_attempt(self, view: RunView) -> None:
        """The attempt first, then its pod: if it comes to nothing, nobody knows, and it is not repeated."""
        status = attempt_recorded(view)
        await self._writer.write_run_status(view.run, status, _priority(view.run))

    async def _create_pod(self, run: ScheduledRun, task: CronTask | None, body: Document) -> None:
        namespace = run.meta.namespace

        async def create() -> bytes | None:
            # While it waited for its turn, or for what is recorded before it, somebody may have removed the run.
            known = self._store.run(key_of(run))
            gone = known is None or known.meta.uid != run.meta.uid
            return None if gone else await self._api.create(Kind.POD, namespace, body)

        try:
            raw = await self._queue.send(_priority(run), create)
        except ApiError as error:
            if error.status == 409 and error.reason == "AlreadyExists":
                await self._look_at_pod(run, ObjectKey(Kind.POD, namespace, body["metadata"]["name"]))
            elif self._has_seen_pod(run):
                # It was made, and its watch has delivered it before the answer came.
                return
            elif error.refuses:
                # Of a 500 nobody knows whether it came before the pod was made, or after: that is looked at.
                self._memory.set_creation_unknown(run, error.status == 500)
                self._note_refusal(run, task, error)
            else:
                # All but 429 may come after it took effect.
                self._memory.set_creation_unknown(run, error.status != 429)
                raise
            return
        if raw is None:
            return
        self._memory.set_creating(run, False)
        self._store.fold(Kind.POD, raw)
        self._memory.set_creation_unknown(run, False)
        self._memory.set_refusal(run, None)
        if task is not None:
            self._memory.note_taken(task)
        transition = started(run, task, body["metadata"]["name"], self._clock.now())
        parent = self._store.parent_of(run)
        self._recorder.record(of_part(run, transition, "Started"), about(parent or task or run))

    def _has_seen_pod(self, run: ScheduledRun) -> bool:
        """Whether the pod of the expected attempt is known, or was."""
        view = self._store.run_view(key_of(run))
        return view is None or isinstance(view.pod_state, Present | Vanished)

    async def look_for_pod(self, run: ScheduledRun) -> None:
        """See whether the pod of the expected attempt is there."""
        key = ObjectKey(Kind.POD, run.meta.namespace, pod_name(run.meta.name, run.status.expected_attempt))
        try:
            await self._look_at_pod(run, key)
        except ApiError as error:
            if error.status != 404:
                raise
        self._memory.set_creation_unknown(run, False)

    async def _look_at_pod(self, run: ScheduledRun, key: ObjectKey) -> None:
        """The pod's name is taken: by our own pod of an earlier try, or by somebody else's."""
        raw = await self._api.get(key)
        self._memory.set_creation_unknown(run, False)
        owners = orjson.loads(raw)["metadata"].get("ownerReferences") or []
        if any(owner.get("uid") == run.meta.uid and owner.get("controller") for owner in owners):
            self._store.fold(Kind.POD, raw)
            # It was taken all the same.
            self._memory.set_refusal(run, None)
            return
        message = f"pod {key.name} exists and belongs to somebody else; delete it, or create the run under another name"
        now = self._clock.now()
        self._memory.set_refusal(run, Refusal("NameTaken", message, True, now, now))

    def _note_refusal(self, run: ScheduledRun, task: CronTask | None, error: ApiError) -> None:
        """What will not get better is final; a quota, a policy, a webhook may be mended."""
        before = self._memory.refusal_of(run)
        now = self._clock.now()
        tries = before.tries + 1 if before is not None else 1
        # What may have been made all the same is not made again where it must not run twice.
        final = error.final or (error.status == 500 and settings_of(run, task).at_most_once)
        retry_at = now + pause_after(tries)
        since = before.since if before is not None else now
        self._memory.set_refusal(run, Refusal(POD_REJECTED, with_advice(error.message), final, retry_at, since, tries))
        if tries == 1 and not final:
            self._recorder.record(pod_refused(run, error.message), *_about_both(run, task))


def _about_both(run: ScheduledRun, task: CronTask | None) -> tuple[Subject, ...]:
    return (about(run), about(task)) if task is not None else (about(run),)


def _priority(run: ScheduledRun) -> Priority:
    return Priority.LAUNCH if run.spec.parent is None else Priority.PART
