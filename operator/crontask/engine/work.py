"""Working on one key: decide about a task or a run as it is known now, and have that done.

Which key, and when, is chosen elsewhere: loop, which calls it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from crontask.decide.decisions import Act, CreatePart, RunDecisions, Settle, earliest
from crontask.decide.model import Config, CronTask, ScheduledRun
from crontask.decide.run.decide import decide_run, end_seen_before
from crontask.decide.task.decide import decide_task
from crontask.decide.transitions import change_refused, first_of_many, of_part
from crontask.decide.views import RunView
from crontask.engine.events import EventRecorder, about
from crontask.engine.execute import Executor
from crontask.engine.gate import LeaseLostError
from crontask.engine.launch import Launcher, RunRefusedError
from crontask.engine.parts import PartMaker
from crontask.engine.queue import Priority
from crontask.engine.store import Store
from crontask.engine.write import Writer
from crontask.ports import ApiError, Clock, Kind, ObjectKey

# A task whose actions never settle would spin: after so many rounds it waits like after an error.
_ROUNDS = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Next:
    """When the key is to be decided again if nothing changes: at an instant, or at once."""

    wake_at: datetime | None = None
    at_once: bool = False


class UnsettledError(Exception):
    """The actions of a task were decided again and again. It waits like after an error."""


class Worker:
    """Methods raise ApiError, LeaseLostError, NotYetError and UnsettledError: the key is to be decided again later.

    `retry` is called with the key of a task, or of a composite run, of which a run could not be removed; `decided` with
    what was decided about, and how many seconds that took.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        launcher: Launcher,
        parts: PartMaker,
        writer: Writer,
        recorder: EventRecorder,
        clock: Clock,
        config: Config,
    ) -> None:
        self._store = store
        self._memory = store.memory
        self._executor = executor
        self._launcher = launcher
        self._parts = parts
        self._writer = writer
        self._recorder = recorder
        self._clock = clock
        self._config = config
        self._pruning: dict[str, asyncio.Task[None]] = {}
        self._groups: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        # What is to be read before it is decided again.
        self._outdated: set[ObjectKey] = set()
        # How often in a row the decision about a task was to act.
        self._rounds: Counter[ObjectKey] = Counter()
        # Of the composite runs of which the last decision made parts.
        self._making: set[ObjectKey] = set()
        self._stopping = False
        self.retry: Callable[[ObjectKey], None] = lambda key: None
        self.decided: Callable[[Kind, float], None] = lambda kind, seconds: None

    def set_clock_skewed(self, skewed: bool) -> bool:
        """Whether our clock and the API server's disagree; True if that is news."""
        if skewed == self._config.clock_skewed:
            return False
        self._config = replace(self._config, clock_skewed=skewed)
        return True

    def distrust(self, key: ObjectKey) -> None:
        """Before it is decided again, read what became of it: its watch may be behind."""
        self._outdated.add(key)

    def begin_to_stop(self) -> None:
        """Nothing new is begun from now on; what is known is still recorded."""
        self._stopping = True

    async def stop(self) -> None:
        """Wait for what is in flight beside the keys that are worked on."""
        await asyncio.gather(*self._pruning.values(), return_exceptions=True)

    async def work_on(self, key: ObjectKey) -> Next:
        """Decide about a key, and do it."""
        try:
            if key in self._outdated:
                await self._refresh(key)
            if key.kind is Kind.CRON_TASK:
                return await self._work_on_task(key)
            return await self._work_on_run(key)
        except ApiError as error:
            if error.refuses:
                self._report_refusal(key, error)
            raise

    def _report_refusal(self, key: ObjectKey, error: ApiError) -> None:
        """A refusal of a status cannot be reported by a status."""
        item = self._store.task(key) if key.kind is Kind.CRON_TASK else self._store.run(key)
        if item is not None:
            self._recorder.record(change_refused(item, error.message), about(item))

    async def _refresh(self, key: ObjectKey) -> None:
        known = self._store.task(key) if key.kind is Kind.CRON_TASK else self._store.run(key)
        if known is not None:
            await self._writer.refresh(key, known.meta.uid)
        self._outdated.discard(key)

    # --- tasks -------------------------------------------------------------------------------------------------------

    async def _work_on_task(self, key: ObjectKey) -> Next:
        """One task of a group at a time: a slot that one has taken is seen by the next."""
        task = self._store.task(key)
        group = task.spec.concurrency.group if task is not None else None
        if group is None:
            return await self._decide_task(key)
        lock = self._groups.setdefault((key.namespace, group), asyncio.Lock())
        async with lock:
            return await self._decide_task(key)

    async def _decide_task(self, key: ObjectKey) -> Next:
        """Actions first; then, decided anew from what they made of the world, the status."""
        await self._check_pod(key)
        now = self._clock.now()
        view = self._store.task_view(key, now)
        if view is None:
            self._rounds.pop(key, None)
            return Next()
        began = self._clock.monotonic()
        decided = decide_task(view, self._config, now)
        self.decided(Kind.CRON_TASK, self._clock.monotonic() - began)
        if isinstance(decided, Act):
            return await self._act(key, view.task, decided)
        self._rounds.pop(key, None)
        return await self._settle(key, view.task, decided)

    async def _check_pod(self, key: ObjectKey) -> None:
        """Show a pod of the task to the API server, if it is not known what that says of it."""
        task = self._store.task(key)
        if task is None or not task.valid or self._stopping or self._memory.is_checked(task, self._clock.now()):
            return
        await self._launcher.check_pod(task)

    async def _act(self, key: ObjectKey, task: CronTask, decided: Act) -> Next:
        if self._stopping:
            # The next operator does it.
            return Next()
        if self._rounds[key] >= _ROUNDS:
            self._rounds.pop(key)
            raise UnsettledError(str(decided))
        try:
            await self._executor.act_all(decided.actions, task)
        except RunRefusedError as refused:
            _log.debug("run %s/%s is not made: %s", key.namespace, refused, refused.__cause__)
        self._rounds[key] += 1
        if self._stopping:
            return await self._decide_task(key)
        # What has come of it is recorded when nothing waits to be launched any more.
        return Next(at_once=True)

    async def _settle(self, key: ObjectKey, task: CronTask, decided: Settle) -> Next:
        now = self._clock.now()
        self._memory.set_turns(task, decided.turns)
        wait = await self._writer.write_task_status(task, decided.status)
        if wait:
            return Next(earliest(now + timedelta(seconds=wait), decided.wake_at))
        self._memory.note_decided(task)
        for transition in decided.transitions:
            self._recorder.record(transition, about(task))
        for run in decided.prune:
            self._prune(key, run)
        return Next(decided.wake_at)

    def _prune(self, key: ObjectKey, run: ScheduledRun) -> None:
        if run.meta.uid in self._pruning or self._stopping:
            return
        pruning = asyncio.get_running_loop().create_task(self._prune_later(key, run))
        self._pruning[run.meta.uid] = pruning

    async def _prune_later(self, key: ObjectKey, run: ScheduledRun) -> None:
        try:
            await self._executor.prune(run)
        except (ApiError, LeaseLostError) as error:
            _log.warning("run %s/%s is not removed yet: %s", run.meta.namespace, run.meta.name, error)
            self.retry(key)
        finally:
            del self._pruning[run.meta.uid]

    # --- runs --------------------------------------------------------------------------------------------------------

    def _decide_run(self, view: RunView, now: datetime) -> RunDecisions:
        """An end that was seen is decided, though its pod is gone before it could be recorded."""
        kept = self._memory.of_run(view.run).unrecorded_end
        if kept is not None and view.pod is None and not view.run.ended:
            return end_seen_before(view, kept, now)
        return decide_run(view, now, self._config.logs_url)

    def _record(self, view: RunView, decided: RunDecisions) -> None:
        """Who looks at the task sees what goes wrong with its runs; that all is well, its status says. So of parts."""
        for transition in decided.transitions:
            if view.run.spec.parent is not None:
                phase = decided.status.phase
                over = phase is not None and phase.terminal
                why = phase.value if phase is not None and over else transition.reason
                whole = view.parent if view.parent is not None else view.run
                first = first_of_many(view.run, transition, decided.status, view.parent)
                if first is not None:
                    first = self._memory.first_to_go_wrong(whole, "" if over else why, first)
                self._recorder.record(of_part(view.run, transition, why, first), about(whole))
                continue
            also = (about(view.task),) if view.task is not None and transition.warning else ()
            self._recorder.record(transition, about(view.run), *also)

    async def _work_on_run(self, key: ObjectKey) -> Next:
        """What its end causes, then its status (an intent is recorded before it is done), then actions."""
        view = self._store.run_view(key)
        if view is None:
            self._making.discard(key)
            return Next()
        began = self._clock.monotonic()
        decided = self._decide_run(view, self._clock.now())
        self.decided(Kind.SCHEDULED_RUN, self._clock.monotonic() - began)
        following = Next(decided.wake_at)
        for part in decided.prune:
            self._prune(key, part)
        for preparation in decided.before:
            if not isinstance(preparation, CreatePart):
                await self._executor.act_for_run(preparation)
        creations = [preparation for preparation in decided.before if isinstance(preparation, CreatePart)]
        if creations:
            await self._parts.create_all(creations)
        for follow_up in decided.follow_ups:
            try:
                await self._launcher.create_run(follow_up)
            except RunRefusedError:
                self._memory.keep_end(view.run, decided)
                # Decided anew: the status is to say why the end is not recorded.
                return following
        if creations:
            # What the status says of them, or why they are not there, is decided when that is known. Where there are
            # more to make each time, it says what was so before them.
            if decided.summary and key in self._making:
                await self._writer.write_run_summary(view.run, decided.status)
            self._making.add(key)
            return Next(at_once=True)
        self._making.discard(key)
        if decided.summary:
            wait = await self._writer.write_run_summary(view.run, decided.status)
            return Next(earliest(decided.wake_at, self._clock.now() + timedelta(seconds=wait) if wait else None))
        if await self._writer.write_run_status(view.run, decided.status, _priority(view, decided)):
            self._record(view, decided)
        if self._stopping:
            return following
        creations = [action for action in decided.actions if isinstance(action, CreatePart)]
        for create in creations:
            # The status may name it: one whose turn did not come, since another was refused, is not gone.
            self._memory.set_part_made(view.run, create.name, False)
        if creations:
            await self._parts.create_all(creations)
        for action in decided.actions:
            if not isinstance(action, CreatePart):
                await self._executor.act_for_run(action)
        return following


def _priority(view: RunView, decided: RunDecisions) -> Priority:
    """Of a status: what comes after a part waits for its end to be recorded."""
    phase = decided.status.phase
    return (
        Priority.PART if view.run.spec.parent is not None and phase is not None and phase.terminal else Priority.STATUS
    )
