"""A run's life: builders of its task, of itself and of its pods, and what is decided about it again and again.

Callers: tests/unit/decide.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from crontask.api.base import format_time
from crontask.api.metadata import Metadata, OwnerReference
from crontask.api.names import ANNOTATION_STOP_REQUESTED_AT, ANNOTATION_STOPPED, pod_name
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
)
from crontask.api.scheduledrun import RunPhase, ScheduledRunStatus
from crontask.api.task_status import CronTaskStatus
from crontask.api.validate import validate_run, validate_task
from crontask.decide.decisions import RunDecisions
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.pod_state import NOT_MADE, PodState, Present
from crontask.decide.run.decide import decide_run
from crontask.decide.task.timing import hash_timing, make_timetable
from crontask.decide.views import RunView
from crontask.engine.write import changed_status

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NO_JITTER = {"jitterPercent": 0}


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


def runs(since: float) -> ContainerState:
    return ContainerState(running=Running(at(since)))
