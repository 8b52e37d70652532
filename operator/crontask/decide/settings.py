"""By what a run goes: its own value, else its task's, else the default. Resolved here alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from crontask.api.crontask import CronTaskSpec
from crontask.api.handler import Handler
from crontask.api.policies import Retry
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.views import RunView

T = TypeVar("T")
START_TIMEOUT = timedelta(minutes=15)
TTL = timedelta(hours=168)
_RETRY = Retry()


@dataclass(frozen=True)
class RunSettings:
    """All that a run and its task say of how the run goes.

    `retry`: without any, none but for lost attempts. `timeout`: of an attempt, None without a limit, as `total_timeout`
    of the whole run. `ttl`: how long it is kept at most once it has finished. `usable`: whether its task's spec
    is; otherwise `handler`, where the task has it, is None.
    """

    own: ScheduledRunSpec
    of_task: CronTaskSpec | None
    usable: bool = True

    @cached_property
    def handler(self) -> Handler | None:
        """What it runs."""
        return self._resolve(lambda spec: spec.handler) if self.usable else self.own.handler

    @cached_property
    def retry(self) -> Retry:
        """Whether and when an attempt follows one that failed or was lost."""
        return self._resolve(lambda spec: spec.retry) or _RETRY

    @cached_property
    def timeout(self) -> timedelta | None:
        """How long an attempt may take."""
        return self._resolve(lambda spec: spec.timeout)

    @cached_property
    def start_timeout(self) -> timedelta:
        """How long an attempt may take to start."""
        return self._resolve(lambda spec: spec.start_timeout) or START_TIMEOUT

    @cached_property
    def total_timeout(self) -> timedelta | None:
        """How long the run may take with all its attempts and pauses."""
        return self._resolve(lambda spec: spec.total_timeout)

    @cached_property
    def ttl(self) -> timedelta:
        """How long the finished run is kept at most."""
        found = self._resolve(lambda spec: spec.ttl_after_finished)
        return found if found is not None else TTL

    @cached_property
    def args(self) -> dict[str, Any]:
        """The run's own args, over those of its task."""
        return {**(self.of_task.args if self.of_task is not None else {}), **self.own.args}

    @property
    def args_schema(self) -> dict[str, Any] | None:
        """What the args have to fit."""
        return self.of_task.args_schema if self.of_task is not None else None

    @property
    def result_schema(self) -> dict[str, Any] | None:
        """What the result has to fit."""
        return self.of_task.result_schema if self.of_task is not None else None

    @property
    def at_most_once(self) -> bool:
        """Whether an attempt is recorded before its pod is created, so that a lost one is never repeated."""
        return self.retry.on_lost == "Fail"

    def _resolve(self, of: Callable[[ScheduledRunSpec | CronTaskSpec], T | None]) -> T | None:
        own = of(self.own)
        return own if own is not None or self.of_task is None else of(self.of_task)


def settings_of(run: ScheduledRun, task: CronTask | None) -> RunSettings:
    """The settings of a run of that task; None for a run on its own. They are kept for as long as neither is edited."""
    of_task = task.spec if task is not None else None
    known: RunSettings | None = run.memo.get("settings")
    if known is None or known.of_task is not of_task:
        known = run.memo["settings"] = RunSettings(run.spec, of_task, task is None or task.valid)
    return known


def settings(view: RunView) -> RunSettings:
    """The settings of the run of a view."""
    return settings_of(view.run, view.task)
