"""`ctx`, the first argument of a Python handler."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from crontask.runner.given import Given

if TYPE_CHECKING:
    from crontask.runner.trigger import Runs, Triggers

MOST = 2**31 - 1


@dataclass(slots=True)
class Counts:
    """How far the work is, as the handler has reported."""

    processed: int | None = None
    errors: int | None = None


@dataclass(slots=True)
class Context:
    """Which run this is, where to report how far it is, and how to have other tasks run."""

    task: str
    namespace: str
    run: str
    run_uid: str
    attempt: int
    scheduled_time: datetime
    previous_scheduled_time: datetime | None
    next_scheduled_time: datetime | None
    idempotency_key: str
    args: dict[str, Any]
    cursor: Any
    batch: int | None
    batch_size: int | None
    cause: dict[str, Any] | None
    item: Any
    item_index: int | None
    logger: logging.Logger
    _counts: Counts = field(repr=False)
    _runs: "Callable[[], Runs]" = field(repr=False)
    _logged: float | None = field(default=None, repr=False)
    _triggers: "Triggers | None" = field(default=None, repr=False)

    @classmethod
    def for_test(cls, **fields: Any) -> "Context":
        """A context with which a test calls a function itself: `clean_up(Context.for_test(), max_age_days=30)`.

        `fields`: those that matter; the others are of a first attempt at a run of 2026. Triggers raise TriggerError:
        for those there is crontask.testing.Sandbox.
        """
        from crontask.runner.trigger import NoRuns

        known: dict[str, Any] = {
            "task": "test",
            "namespace": "default",
            "run": "test-1",
            "run_uid": "00000000-0000-0000-0000-000000000001",
            "attempt": 1,
            "scheduled_time": datetime(2026, 1, 1, tzinfo=UTC),
            "idempotency_key": "00000000-0000-0000-0000-000000000001",
            "args": {},
            "logger": logging.getLogger("handler"),
        }
        empty = ("previous_scheduled_time", "next_scheduled_time", "cursor", "batch", "batch_size", "cause")
        known |= dict.fromkeys((*empty, "item", "item_index"))
        for name in fields:
            if name not in known:
                raise TypeError(f"a context has no {name}; write one of {', '.join(known)}")
        why = "ctx.trigger: Context.for_test has no cluster; trigger within a crontask.testing.Sandbox"
        return cls(**known | fields, _counts=Counts(), _runs=lambda: NoRuns(why))

    def progress(self, processed: int | None = None, errors: int | None = None) -> None:
        """Report how many items are done, and how many of them failed, in all. One call a second at most is logged."""
        check_count("processed", processed)
        check_count("errors", errors)
        if processed is not None:
            self._counts.processed = processed
        if errors is not None:
            self._counts.errors = errors
        now = time.monotonic()
        if self._logged is None or now - self._logged >= 1:
            self._logged = now
            self.logger.info("progress", extra={"processed": self._counts.processed, "errors": self._counts.errors})

    def trigger(
        self,
        task: str,
        *,
        args: Mapping[str, Any] | None = None,
        at: datetime | str | None = None,
        delay: timedelta | str | None = None,
        key: str | None = None,
        missing_ok: bool = False,
    ) -> str:
        """Have a task of this namespace run: now, `at` a time, or after a `delay`. The name of that run.

        `key`: as of Client.trigger: who asks for the task by it again is given the same run, whoever asks, as long as
        that is kept. Without one, another attempt of this run that makes the same calls in the same order triggers
        nothing twice. `missing_ok`: also of a task that there is not, for which the run then waits. The pod needs a
        service account that may: see may_trigger. Raises TriggerError.
        """
        from crontask.runner.trigger import Triggers

        if self._triggers is None:
            self._triggers = Triggers(self._runs(), self.namespace, self.idempotency_key)
        return self._triggers.ask(task, args, at, delay, key, missing_ok)


def check_count(name: str, value: Any) -> None:
    """Raises TypeError and ValueError for what is no number of items; None is none."""
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} has to be an int, not {type(value).__name__}")
    if not 0 <= value <= MOST:
        raise ValueError(f"{name} has to be from 0 to {MOST}, not {value}")


def runs_of_the_cluster() -> "Runs":
    """Where a pod makes runs."""
    from crontask.runner.api_server import ApiServer

    return ApiServer(os.environ)


def make_context(given: Given, counts: Counts, runs: "Callable[[], Runs]" = runs_of_the_cluster) -> Context:
    """The context of a run. `runs`: where it triggers others."""
    return Context(
        task=given.task,
        namespace=given.namespace,
        run=given.run,
        run_uid=given.run_uid,
        attempt=given.attempt,
        scheduled_time=given.scheduled_time,
        previous_scheduled_time=given.previous_scheduled_time,
        next_scheduled_time=given.next_scheduled_time,
        idempotency_key=given.idempotency_key,
        args=given.args,
        cursor=given.cursor,
        batch=given.batch,
        batch_size=given.batch_size,
        cause=given.trigger,
        item=given.item,
        item_index=given.item_index,
        logger=logging.getLogger("handler"),
        _counts=counts,
        _runs=runs,
    )
