"""A run's life: builders of its task, of itself, of its pods and of what is known of it, and what is decided about it.

Callers: tests/unit/decide.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from crontask.api.base import format_time
from crontask.api.metadata import Metadata, OwnerReference
from crontask.api.names import (
    ANNOTATION_STOP_REQUESTED_AT,
    ANNOTATION_STOPPED,
    ANNOTATION_TRIGGER,
    pod_name,
    run_name,
)
from crontask.api.phases import RunPhase
from crontask.api.pod import (
    DEADLINE_EXCEEDED,
    Container,
    ContainerState,
    ContainerStatus,
    Pod,
    PodMetadata,
    PodOwner,
    PodSpec,
    PodStatus,
    Running,
    Terminated,
    Waiting,
)
from crontask.api.problem import Problem
from crontask.api.scheduledrun import Attempt, ScheduledRunStatus, status_model
from crontask.api.task_status import CronTaskStatus, Timing
from crontask.api.trigger import Trigger, trigger_json
from crontask.api.validate import validate_run, validate_task
from crontask.decide.decisions import RunDecisions
from crontask.decide.model import UNUSABLE_RUN, UNUSABLE_TASK, CronTask, ScheduledRun
from crontask.decide.pod_state import NOT_MADE, PodState, Present
from crontask.decide.refusal import Refusal
from crontask.decide.run.decide import decide_run
from crontask.decide.task.timing import hash_timing, make_timetable
from crontask.decide.views import RunView
from crontask.engine.write import changed_status

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NO_JITTER: dict[str, Any] = {"jitterPercent": 0}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def make_task(**spec: Any) -> CronTask:
    parsed, problems = validate_task({"handler": {"container": {"image": "i"}}, **spec})
    assert parsed is not None, problems
    meta = Metadata(name="t", namespace="n", uid="t", generation=7, creation_timestamp=START)
    return CronTask(meta, parsed, (), CronTaskStatus(), make_timetable(parsed, meta), hash_timing(parsed))


def scheduled_run(
    name: str = "r", created: float = 0, status: ScheduledRunStatus | None = None, **spec: Any
) -> ScheduledRun:
    parsed, problems = validate_run({"taskRef": {"name": "t"}, **spec})
    assert parsed is not None, problems
    owner = OwnerReference(api_version="v", kind="CronTask", name="t", uid="t", controller=True)
    meta = Metadata(
        name=name, namespace="n", uid=name, generation=1, creation_timestamp=at(created), owner_references=(owner,)
    )
    return ScheduledRun(meta, parsed, (), status or ScheduledRunStatus())


def own_run(name: str = "r", created: float = 0, status: ScheduledRunStatus | None = None, **spec: Any) -> ScheduledRun:
    """A run with a handler of its own: it has no task, and no owner."""
    parsed, problems = validate_run({"handler": {"container": {"image": "i"}}, **spec})
    assert parsed is not None, problems
    meta = Metadata(name=name, namespace="n", uid=name, generation=1, creation_timestamp=at(created))
    return ScheduledRun(meta, parsed, (), status or ScheduledRunStatus())


def run_of_time(
    nominal: float, created: float | None = None, status: ScheduledRunStatus | None = None, **spec: Any
) -> ScheduledRun:
    """The run that the operator made for a nominal time, by default just then."""
    name = run_name("t", at(nominal))
    when = nominal if created is None else created
    return scheduled_run(name, when, status, scheduledTime=format_time(at(nominal)), **spec)


def annotated(run: ScheduledRun, **annotations: str) -> ScheduledRun:
    """The run with these annotations more: `replaced_by` stands for crontask.dev/replaced-by."""
    ours = {f"crontask.dev/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return replace(run, meta=run.meta.model_copy(update={"annotations": {**run.meta.annotations, **ours}}))


def owned(run: ScheduledRun, kind: str, uid: str, *, controller: bool | None = True) -> ScheduledRun:
    """The run with another owner."""
    owner = OwnerReference(api_version="v", kind=kind, name="mine", uid=uid, controller=controller)
    return replace(run, meta=run.meta.model_copy(update={"owner_references": (owner,)}))


def caused(run: ScheduledRun, depth: int = 1, cause: Literal["after", "onComplete"] = "after") -> ScheduledRun:
    """The run as the end of another one has caused it, in a chain that is so long up to it."""
    trigger = Trigger(
        cause=cause, task="t", run="x", run_uid="x", phase="Succeeded", completion_time=START, depth=depth
    )
    return replace(run, meta=run.meta.model_copy(update={"annotations": {ANNOTATION_TRIGGER: trigger_json(trigger)}}))


def invalid_run(run: ScheduledRun) -> ScheduledRun:
    """The run as it is observed where its spec cannot be used."""
    problems = (Problem("spec.at", "is no time", "write one"), Problem("spec.delay", "is no duration"))
    return replace(run, spec=UNUSABLE_RUN, problems=problems)


def invalid_task(task: CronTask) -> CronTask:
    """The task as it is observed where its spec cannot be used."""
    return replace(task, spec=UNUSABLE_TASK, problems=(Problem("spec.schedule", "is no expression"),))


def with_status(task: CronTask, since: float | None = None, watermark: float | None = None, **fields: Any) -> CronTask:
    """The task whose timing is effective since then, and whose times are decided up to `watermark`."""
    timing = Timing(hash=task.timing_hash, since=at(since)) if since is not None else None
    last = at(watermark) if watermark is not None else None
    return replace(task, status=CronTaskStatus(timing=timing, last_scheduled_time=last, **fields))


def attempt(number: int, started: float | None = None, ended: float | None = None, **fields: Any) -> Attempt:
    """An attempt as it is recorded; one without an end is open."""
    times = {"start_time": started, "completion_time": ended}
    known = {name: at(seconds) if seconds is not None else None for name, seconds in times.items()}
    return Attempt(**{"number": number, "pod": pod_name("r", number), **known, **fields})


def recorded(phase: RunPhase | None, *attempts: Attempt, **fields: Any) -> ScheduledRunStatus:
    """A status with that phase and these attempts."""
    model = status_model(fields)
    return model(phase=phase, attempts=attempts, **fields)


def refusal(retry_at: float = 8, since: float = 4, *, final: bool = False) -> Refusal:
    """The API server did not take the pod."""
    return Refusal("PodRejected", "exceeded quota", final, at(retry_at), at(since))


def known_of(
    run: ScheduledRun | None = None,
    task: CronTask | None = None,
    pod: Pod | None = None,
    pod_state: PodState = NOT_MADE,
    *,
    alone: bool = False,
    **known: Any,
) -> RunView:
    """What is known of a run: unless it is `alone`, its task, by default one that asks for nothing."""
    state = Present(pod) if pod is not None else pod_state
    of_task = None if alone else task or make_task()
    return RunView(run or scheduled_run(), of_task, state, **known)


@dataclass
class Life:
    """A run that is decided again and again, as the engine does, with the pod that the test puts there."""

    run: ScheduledRun = field(default_factory=scheduled_run)
    task: CronTask = field(default_factory=make_task)

    def decide(
        self, seconds: float, pod: Pod | None = None, pod_state: PodState = NOT_MADE, **known: Any
    ) -> RunDecisions:
        """Decide, and record the status as the API server would give it back."""
        state = Present(pod) if pod is not None else pod_state
        decided = decide_run(RunView(self.run, self.task, state, **known), at(seconds))
        stored = decided.status.model_dump(by_alias=True, mode="json", exclude_defaults=True)
        assert changed_status(ScheduledRunStatus.model_validate(stored), decided.status) is None
        self.run = replace(self.run, status=ScheduledRunStatus.model_validate(stored))
        return decided

    @property
    def status(self) -> ScheduledRunStatus:
        return self.run.status

    @property
    def phase(self) -> RunPhase | None:
        return self.status.phase

    def fails(self, number: int, created: float, ended: float, **end: Any) -> RunDecisions:
        """The attempt starts, and its container fails."""
        self.decide(created, pod(number, created))
        return self.decide(ended, pod(number, created, exited(ended, 1, **end)))


def pod(number: int, created: float, state: ContainerState | None = None, **fields: Any) -> Pod:
    """A pod with one container, in that state; `metadata` and `spec`: more of those, all else is its status."""
    metadata: dict[str, Any] = fields.pop("metadata", {})
    spec: dict[str, Any] = {"containers": (Container("main"),), **fields.pop("spec", {})}
    meta = PodMetadata(
        pod_name("r", number), "n", f"p{number}", "1", at(created), owner_references=(PodOwner("r", True),), **metadata
    )
    statuses = (ContainerStatus("main", state),) if state is not None else ()
    return Pod(meta, PodSpec(**spec), PodStatus(**{"container_statuses": statuses, **fields}))


def asked_to_stop(seconds: float, why: str, **spec: Any) -> dict[str, Any]:
    """Of a pod, as we have asked its kubelet to stop it."""
    said = {ANNOTATION_STOPPED: why, ANNOTATION_STOP_REQUESTED_AT: format_time(at(seconds))}
    return {"metadata": {"annotations": said}, "spec": {"active_deadline_seconds": 1, **spec}}


def stopped(seconds: float, code: int = 143) -> dict[str, Any]:
    """Of a pod, as its kubelet has stopped it by its deadline."""
    statuses = (ContainerStatus("main", exited(seconds, code)),)
    return {"phase": "Failed", "reason": DEADLINE_EXCEEDED, "container_statuses": statuses}


def exited(ended: float, code: int, message: str = "") -> ContainerState:
    reason = "Completed" if code == 0 else "Error"
    return ContainerState(terminated=Terminated(code, reason, message, at(ended - 1), at(ended)))


def waits(reason: str = "", message: str = "") -> ContainerState:
    return ContainerState(waiting=Waiting(reason, message))


def runs(since: float) -> ContainerState:
    return ContainerState(running=Running(at(since)))
