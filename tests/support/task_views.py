"""A task, its runs, and what is decided from the view of them at an instant.

Callers: tests/unit/decide.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from crontask.api.metadata import Metadata, OwnerReference
from crontask.api.names import run_name
from crontask.api.pod import Pod, PodMetadata, PodOwner, PodStatus
from crontask.api.scheduledrun import RunPhase, ScheduledRunStatus
from crontask.api.task_status import CronTaskStatus, TaskPhase, Timing
from crontask.api.validate import validate_run, validate_task
from crontask.decide.decisions import Act, TaskAction, Transition, Turns
from crontask.decide.model import UNUSABLE_RUN, Config, CronTask, ScheduledRun
from crontask.decide.pod_state import NOT_MADE, Present
from crontask.decide.task.decide import decide_task
from crontask.decide.views import RunView, TaskView
from crontask.engine.parse import observed_task

CREATED = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
UID = "task-uid"


def at(minute: int, second: float = 0) -> datetime:
    """So long after noon."""
    return datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=minute, seconds=second)


def make_task(status: dict[str, Any] | None = None, **spec: Any) -> CronTask:
    """A task that is due each minute, unless `spec` says otherwise, and active since its creation."""
    document = {"schedule": "* * * * *", "handler": {"container": {"image": "i"}}, **spec}
    parsed, problems = validate_task(document)
    meta = Metadata(name="t", namespace="n", uid=UID, resource_version="1", generation=1, creation_timestamp=CREATED)
    task = observed_task(meta, parsed, problems, CronTaskStatus())
    timing = Timing(hash=task.timing_hash, since=CREATED)
    known = CronTaskStatus(**{"phase": TaskPhase.ACTIVE, "timing": timing, "observed_generation": 1, **(status or {})})
    return replace(task, status=known)


def make_run(nominal: datetime, phase: RunPhase | None = None, *, pod: str | None = None, **spec: Any) -> RunView:
    """The run of a nominal time; `pod`: the phase of its pod."""
    name = run_name("t", nominal)
    document = {"taskRef": {"name": "t"}, "scheduledTime": nominal, **spec}
    parsed, problems = validate_run(document)
    owner = OwnerReference(api_version="v", kind="CronTask", name="t", uid=UID, controller=True)
    meta = Metadata(name=name, uid=name, creation_timestamp=nominal, owner_references=(owner,))
    status = ScheduledRunStatus(phase=phase, pod_name=f"{name}-1" if phase is RunPhase.RUNNING else None)
    pods = PodMetadata(f"{name}-1", "n", "p", "1", nominal, owner_references=(PodOwner(name, True),))
    observed = Pod(pods, status=PodStatus(phase=pod)) if pod else None
    run = ScheduledRun(meta, parsed or UNUSABLE_RUN, problems, status)
    return RunView(run, make_task(), Present(observed) if observed is not None else NOT_MADE)


@dataclass(frozen=True)
class Decided:
    """What is decided about a task, whichever it is; what actions leave for later is as it was."""

    status: CronTaskStatus
    actions: tuple[TaskAction, ...] = ()
    turns: Turns = field(default_factory=Turns)
    transitions: tuple[Transition, ...] = ()
    prune: tuple[ScheduledRun, ...] = ()
    wake_at: datetime | None = None


def decided_about(view: TaskView, config: Config, now: datetime) -> Decided:
    """The decision about a task of which that is known."""
    decided = decide_task(view, config, now)
    if isinstance(decided, Act):
        return Decided(view.task.status, decided.actions)
    return Decided(decided.status, (), decided.turns, decided.transitions, decided.prune, decided.wake_at)


def decide(task: CronTask, *runs: RunView, now: datetime, config: Config | None = None, **known: Any) -> Decided:
    """The decision about a task of which these runs, and what else is `known`, make the view."""
    open_ = tuple(run for run in runs if not run.run.ended)
    finished = tuple(run.run for run in runs if run.run.ended)
    return decided_about(TaskView(task, open_, finished=finished, **known), config or Config(), now)
