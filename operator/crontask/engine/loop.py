"""The engine: waits for changes and for times to come, and chooses which keys are worked on, and when.

A key is a task or a run, worked on by one worker at a time; what changes meanwhile makes it decide again. There is
no polling: the due-heap knows the next instant at which a decision changes.
"""

import asyncio
import logging
from collections import Counter
from datetime import datetime, timedelta
from zlib import crc32

from crontask.api.base import format_time
from crontask.engine.backlog import Backlog
from crontask.engine.dueheap import DueHeap
from crontask.engine.events import EventRecorder
from crontask.engine.gate import LeaseLostError
from crontask.engine.keys import key_of
from crontask.engine.launch import NotYetError
from crontask.engine.queue import Priority, WriteQueue
from crontask.engine.store import Store
from crontask.engine.warmth import Warmth
from crontask.engine.work import UnsettledError, Worker
from crontask.ports import ApiError, Clock, ObjectKey

_FIRST_RETRY = 0.2
_LONGEST_RETRY = 30.0
# Between so many decisions the watches get a chance to deliver what is new.
_BATCH = 8
# So many keys that are not due are worked on at a time: what changes before its turn comes is decided once.
_CHANGED_AT_A_TIME = 32
# Seconds after which a worker does not count among these, and the most that there may be of all.
_HANGS, _AT_A_TIME = 2.0, 2048
# With more launches than these on their way, of parts or of others, composite runs and their parts wait as well.
_FEW_OF_PARTS, _FEW_LAUNCHES = 64, 8
# Seconds for which launches hold back what is not launched, at most, and after which one looks whether they still do.
_LONGEST_HOLD, _LOOK_AGAIN = 5.0, 0.02
_log = logging.getLogger(__name__)


class Engine:
    """Runs until cancelled or stopped. `enqueue` is what the store calls for each key that changed."""

    def __init__(
        self, store: Store, worker: Worker, queue: WriteQueue, warmth: Warmth, recorder: EventRecorder, clock: Clock
    ) -> None:
        self._store = store
        self._worker = worker
        self._queue = queue
        self._warmth = warmth
        self._recorder = recorder
        self._clock = clock
        self._backlog = Backlog()
        self._workers: dict[ObjectKey, asyncio.Task[None]] = {}
        self._failures: Counter[ObjectKey] = Counter()
        # Since when, by the monotonic clock, keys that changed are worked on; the oldest first.
        self._begun: dict[ObjectKey, float] = {}
        self._due = DueHeap()
        self._held_since: float | None = None
        self._news = asyncio.Event()
        self._stopping = False
        recorder.has_more = self._news.set
        worker.retry = self._retry

    def enqueue(self, key: ObjectKey) -> None:
        """Decide about the key, soon."""
        if self._backlog.add_changed(key, of_composite=self._store.is_of_composite(key)):
            self._news.set()

    def set_clock_skewed(self, skewed: bool) -> None:
        """Whether our clock and the API server's disagree: then nothing starts on schedule."""
        if self._worker.set_clock_skewed(skewed):
            self.decide_all()

    def decide_all(self) -> None:
        """Decide about everything; first about the tasks whose next time has come meanwhile."""
        now = format_time(self._clock.now())
        for task in self._store.tasks():
            if task.status.next_run_time is not None and task.status.next_run_time <= now:
                self._backlog.add_due(key_of(task))
        self._store.mark_all()
        self._news.set()

    async def run(self) -> None:
        """Decide and do, for ever, until `stop`."""
        while not self._stopping:
            self._news.clear()
            for key in self._due.pop_due(self._clock.now()):
                if self._store.is_of_composite(key):
                    # With hundreds of tasks that are due at the same time, these would be late.
                    self._backlog.add_changed(key, of_composite=True)
                else:
                    self._backlog.add_due(key)
            self._warmth.begin(self._due)
            if self._start_workers():
                await asyncio.sleep(0)
            else:
                await self._wait_for_news()

    async def stop(self) -> None:
        """No new work; what is in flight finishes."""
        self._stopping = True
        self._worker.begin_to_stop()
        self._news.set()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        await self._worker.stop()
        await self._recorder.finish()

    async def _wait_for_news(self) -> None:
        seconds = self._longest_wait()
        if seconds is None:
            await self._news.wait()
            return
        waiting = asyncio.ensure_future(self._news.wait())
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((waiting, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            timer.cancel()

    def _longest_wait(self) -> float | None:
        """Seconds until there is something to do without news."""
        next_at = self._due.next_at()
        warm_at = self._warmth.begin_at(self._due)
        first = next_at if warm_at is None else warm_at
        until_due = (first - self._clock.now()).total_seconds() if first is not None else None
        if self._backlog.changed and self._holds_back():
            return _LOOK_AGAIN if until_due is None else min(_LOOK_AGAIN, until_due)
        if self._backlog.changed and self._begun and len(self._workers) < _AT_A_TIME:
            # There was no room: the oldest worker may hang.
            hangs_in = max(_LOOK_AGAIN, next(iter(self._begun.values())) + _HANGS - self._clock.monotonic())
            return hangs_in if until_due is None else min(hangs_in, until_due)
        return until_due

    def _start_workers(self) -> bool:
        """For keys whose time has come, then, as many as there is room for, for those that changed.

        Whether there is more to begin with now.
        """
        for _ in range(min(_BATCH, self._backlog.due)):
            self._start_worker(self._backlog.next_due())
        if self._backlog.due:
            return True
        room = self._room()
        for _ in range(min(_BATCH, self._backlog.changed, room)):
            self._start_worker(self._backlog.next_changed(), changed=True)
        if not room and self._few_launches():
            # What follows from the end of a part is a launch, sooner or later.
            for _ in range(min(_BATCH, self._backlog.of_composites, self._free())):
                self._start_worker(self._backlog.next_of_composites(), changed=True)
            if self._backlog.of_composites and self._free() > 0:
                return True
        if room and self._backlog.changed:
            # What is still to be decided may say more.
            self._recorder.write_some(1)
        elif room:
            self._recorder.write_some()
        return self._backlog.changed > 0 and self._room() > 0

    def _few_launches(self) -> bool:
        """Of parts, and of others, which are over only when the watch has delivered their pods."""
        if self._queue.under_way(Priority.PART) > _FEW_OF_PARTS:
            return False
        return self._queue.under_way(Priority.LAUNCH) + self._store.launched_unseen <= _FEW_LAUNCHES

    def _room(self) -> int:
        """How many keys that changed may be worked on beside those that are: none while launches are on their way."""
        return 0 if self._holds_back() else self._free()

    def _free(self) -> int:
        """The same, whatever is on its way. Those whose requests hang take no room from the others."""
        if len(self._begun) >= _CHANGED_AT_A_TIME:
            hanging_since = self._clock.monotonic() - _HANGS
            for key in [key for key, begun in self._begun.items() if begun <= hanging_since]:
                del self._begun[key]
        return min(_CHANGED_AT_A_TIME - len(self._begun), _AT_A_TIME - len(self._workers))

    def _holds_back(self) -> bool:
        """Whether launches are on their way, or the watch has not delivered all: what else is written delays both.

        But where that does not end, the others would wait for ever.
        """
        if not self._queue.launches and not self._store.pods_unseen:
            self._held_since = None
            return False
        now = self._clock.monotonic()
        self._held_since = now if self._held_since is None else self._held_since
        return now - self._held_since < _LONGEST_HOLD

    def _start_worker(self, key: ObjectKey, *, changed: bool = False) -> None:
        """But not for a key that is being worked on: it is looked at again at the end."""
        if key in self._workers or not self._backlog.remove(key):
            return
        if changed:
            self._begun[key] = self._clock.monotonic()
        self._workers[key] = asyncio.get_running_loop().create_task(self._work(key))

    async def _work(self, key: ObjectKey) -> None:
        """Decide a key and do it; whatever goes wrong is tried again later, with backoff."""
        try:
            following = await self._worker.work_on(key)
            self._failures.pop(key, None)
            if following.at_once:
                self.enqueue(key)
            else:
                self._wake(key, following.wake_at)
        except NotYetError as error:
            self._wake(key, self._clock.now() + timedelta(seconds=error.seconds))
        except LeaseLostError as error:
            # It may yet be renewed in time: then nobody else leads, and nobody else would do it.
            _log.warning("nothing is written: %s", error)
            self._retry_only(key)
        except ApiError as error:
            self._after_error(key, error)
        except UnsettledError as error:
            _log.error("the actions of %s/%s do not settle: %s", key.namespace, key.name, error)
            self._retry_only(key)
        except Exception:  # noqa: BLE001 - a fault in one decision must not end all others; it is logged and retried
            _log.exception("deciding %s %s/%s failed: a fault of crontask", key.kind.kind, key.namespace, key.name)
            self._retry_only(key)
        finally:
            del self._workers[key]
            self._begun.pop(key, None)
            if self._backlog.of_composites or (self._backlog.changed and not self._queue.launches):
                # There may be room now.
                self._news.set()
            if self._backlog.remove(key):
                # It changed while it was worked on, and was passed over.
                self.enqueue(key)

    def _after_error(self, key: ObjectKey, error: ApiError) -> None:
        if error.status != 429:
            # A write may have taken effect all the same, or met one that we do not know of yet.
            self._worker.distrust(key)
        if error.status in (404, 409):
            self._retry(key, error.retry_after)
        else:
            _log.warning("%s/%s will be tried again: %s", key.namespace, key.name, error)
            self._retry_only(key, error.retry_after)

    def _retry(self, key: ObjectKey, after: float | None = None) -> None:
        self._failures[key] += 1
        exponential = min(_LONGEST_RETRY, _FIRST_RETRY * 2 ** min(self._failures[key] - 1, 10))
        # Spread by the key, so that what failed together does not come back together.
        spread = 1 + (crc32(f"{key.namespace}/{key.name}".encode()) % 64) / 128
        self._wake(key, self._clock.now() + timedelta(seconds=max(after or 0.0, exponential * spread)))

    def _retry_only(self, key: ObjectKey, after: float | None = None) -> None:
        """Not at once, though what we did ourselves has changed it: that would spin."""
        self._backlog.remove(key)
        self._retry(key, after)

    def _wake(self, key: ObjectKey, at: datetime | None) -> None:
        self._due.set(key, at)
        if at is not None and self._due.next_at() == at:
            self._news.set()
