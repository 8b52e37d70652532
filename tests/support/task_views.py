"""A task, its runs, and what is decided from the view of them at an instant.

Callers: tests/unit/decide.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from crontask.api.metadata import Condition, Metadata, OwnerReference
from crontask.api.names import ANNOTATION_CATCH_UP, ANNOTATION_RESERVED, run_name
from crontask.api.phases import SUCCESSES, RunPhase
from crontask.api.pod import Pod, PodMetadata, PodOwner, PodStatus
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.api.task_status import CronTaskStatus, TaskPhase, Timing
from crontask.api.validate import validate_run, validate_task
from crontask.decide.decisions import Act, TaskAction, Transition, Turns
from crontask.decide.model import UNUSABLE_RUN, Config, CronTask, ScheduledRun
from crontask.decide.pod_state import NOT_MADE, PodState, Present, Refused
from crontask.decide.refusal import Refusal
from crontask.decide.task.decide import decide_task
from crontask.decide.views import RunRefusal, RunView, TaskView
from crontask.engine.parse import observed_task

CREATED = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
UID = "task-uid"
INSTANT = timedelta(microseconds=1)
"""The shortest time between two instants."""
QUOTA = "exceeded quota"


def at(minute: int, second: float = 0) -> datetime:
    """So long after noon."""
    return datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=minute, seconds=second)


def make_task(status: dict[str, Any] | None = None, meta: dict[str, Any] | None = None, **spec: Any) -> CronTask:
    """A task that is due each minute, unless `spec` says otherwise, and active since its creation."""
    by = {} if {"schedules", "interval", "delay", "after"} & spec.keys() else {"schedule": "* * * * *"}
    document = {**by, "handler": {"container": {"image": "i"}}, **spec}
    parsed, problems = validate_task(document)
    known_meta = {"name": "t", "namespace": "n", "uid": UID, "resource_version": "1", "generation": 1, **(meta or {})}
    observed = Metadata(**{"creation_timestamp": CREATED, **known_meta})
    task = observed_task(observed, parsed, problems, CronTaskStatus())
    timing = Timing(hash=task.timing_hash, since=CREATED)
    known = CronTaskStatus(**{"phase": TaskPhase.ACTIVE, "timing": timing, "observed_generation": 1, **(status or {})})
    return replace(task, status=known)


# One for all views of runs: timetables are compared as objects.
_TASK = make_task()


def make_run(
    nominal: datetime,
    phase: RunPhase | None = None,
    *,
    pod: str | None = None,
    task: str = "t",
    created: datetime | None = None,
    **spec: Any,
) -> RunView:
    """The run of a nominal time, created then unless `created` says otherwise; `pod`: the phase of its pod."""
    return _make_run(run_name(task, nominal), created or nominal, phase, pod, task, {"scheduledTime": nominal, **spec})


def manual_run(
    name: str,
    created: datetime,
    phase: RunPhase | None = None,
    *,
    pod: str | None = None,
    task: str = "t",
    **spec: Any,
) -> RunView:
    """A run that a person made, and the task owns; `pod`: the phase of its pod."""
    return _make_run(name, created, phase, pod, task, spec)


def _make_run(
    name: str, created: datetime, phase: RunPhase | None, pod: str | None, task: str, spec: dict[str, Any]
) -> RunView:
    parsed, problems = validate_run({"taskRef": {"name": task}, **spec})
    uid = UID if task == "t" else f"{task}-uid"
    owner = OwnerReference(api_version="v", kind="CronTask", name=task, uid=uid, controller=True)
    meta = Metadata(name=name, uid=name, creation_timestamp=created, owner_references=(owner,))
    status = ScheduledRunStatus(phase=phase, pod_name=f"{name}-1" if phase is RunPhase.RUNNING else None)
    pods = PodMetadata(f"{name}-1", "n", "p", "1", created, owner_references=(PodOwner(name, True),))
    observed = Pod(pods, status=PodStatus(phase=pod)) if pod else None
    run = ScheduledRun(meta, parsed or UNUSABLE_RUN, problems, status)
    return RunView(run, _TASK, Present(observed) if observed is not None else NOT_MADE)


def pre_created(run: RunView) -> RunView:
    """The same, made before its time."""
    return _with_meta(run, annotations={ANNOTATION_RESERVED: "true"})


def catching_up(run: RunView) -> RunView:
    """The same, for a missed time that is made up for."""
    return _with_meta(run, annotations={ANNOTATION_CATCH_UP: "true"})


def owned_by(run: RunView, uid: str | None) -> RunView:
    """The same with another owner, or None."""
    owner = OwnerReference(api_version="v", kind="CronTask", name="t", uid=uid, controller=True) if uid else None
    return _with_meta(run, owner_references=(owner,) if owner is not None else ())


def deleted(run: RunView) -> RunView:
    """The same, which is being removed."""
    return _with_meta(run, deletion_timestamp=run.run.meta.creation_timestamp)


def _with_meta(run: RunView, **fields: Any) -> RunView:
    return replace(run, run=replace(run.run, meta=run.run.meta.model_copy(update=fields)))


def known_of_pod(run: RunView, state: PodState) -> RunView:
    """The same with that known of its pod."""
    return replace(run, pod_state=state)


def refused(run: RunView, retry_at: datetime, *, since: datetime | None = None, final: bool = False) -> RunView:
    """The same with a pod that the API server refuses, by default since its time."""
    began = since or run.run.nominal or run.run.meta.creation_timestamp
    return known_of_pod(run, Refused(Refusal("PodRejected", QUOTA, final, retry_at, began)))


def run_refused(retry_at: datetime) -> RunRefusal:
    """The API server refuses to create a run of the task."""
    return RunRefusal(run_name("t", at(1)), QUOTA, retry_at, 5)


def ended(
    run: RunView,
    phase: RunPhase,
    end: datetime,
    *,
    recorded: datetime | None = None,
    reason: str | None = None,
    **status: Any,
) -> ScheduledRun:
    """The same once it has ended so, which was recorded at the end unless `recorded` says otherwise."""
    condition = Condition(
        type="Complete" if phase in SUCCESSES else "Failed",
        status="True",
        reason=reason or phase.value,
        last_transition_time=recorded or end,
    )
    fields = {"phase": phase, "completion_time": end, "conditions": (condition,), **status}
    return replace(run.run, status=ScheduledRunStatus(**fields))


def condition(
    type_: str, status: str = "True", reason: str = "", since: datetime = CREATED, **fields: Any
) -> Condition:
    """A condition of a task's status."""
    known = {"type": type_, "status": status, "reason": reason or type_, "last_transition_time": since}
    return Condition(**{**known, "observed_generation": 1, **fields})


def timing_of(task: CronTask) -> Timing:
    """The effective timing that its status says."""
    timing = task.status.timing
    assert timing is not None, "the status of a task that is made here has one, unless the test leaves it out"
    return timing


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
