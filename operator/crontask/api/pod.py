"""The parts of a core/v1 Pod that the operator reads.

Parsed straight from JSON by msgspec: pods are the most frequent events.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from crontask.api.base import API_VERSION, LONGEST, within_reach
from crontask.api.names import ANNOTATION_STOP_REQUESTED_AT, ANNOTATION_STOPPED

# kubectl logs and exec choose this container; so does the run's result.
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
# The kubelet's reason for a pod that its own deadline has ended.
DEADLINE_EXCEEDED = "DeadlineExceeded"
# The deadline with which we have a kubelet stop a pod: the nearest that a pod can be created with.
STOP_NOW = 1
# Bytes of termination messages: of one container, and of all containers of a pod together.
MESSAGE_BYTES, _MESSAGES = 4096, 12 * 1024
RUN_KIND = "ScheduledRun"


# Never without a zone.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_LONGEST_GRACE = int(LONGEST.total_seconds())
_DEFAULT_GRACE = 30


def message_bytes(containers: int) -> int:
    """How many bytes of each termination message are kept in a pod of so many containers, those of its start included.

    A kubelet reads the last 4,096 bytes that a container wrote; of those it keeps the first, if a pod has more than
    three containers.
    """
    return min(MESSAGE_BYTES, _MESSAGES // max(1, containers))


def _bring_within_reach(part: msgspec.Struct, field: str, instant: datetime | None) -> None:
    """A kubelet takes times from its own clock, which may be anywhere: sums of them and durations stay possible."""
    if instant is not None and (near := within_reach(instant)) is not instant:
        msgspec.structs.force_setattr(part, field, near)


class PodOwner(msgspec.Struct, frozen=True, rename="camel"):
    """An owner reference."""

    uid: str
    controller: bool = False
    kind: str = ""
    api_version: str = ""


class PodMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """What identifies a pod and says whose it is."""

    name: str
    namespace: str
    uid: str
    resource_version: str
    creation_timestamp: Instant
    deletion_timestamp: Instant | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[PodOwner, ...] = ()

    def __post_init__(self) -> None:
        # Whoever deletes a pod, or writes its template, may give it billions of years.
        if self.deletion_grace_period_seconds is not None and self.deletion_grace_period_seconds > _LONGEST_GRACE:
            msgspec.structs.force_setattr(self, "deletion_grace_period_seconds", _LONGEST_GRACE)


class Container(msgspec.Struct, frozen=True, rename="camel"):
    """A container as it was asked for."""

    name: str
    restart_policy: str | None = None
    termination_message_policy: str = "File"
    image: str = ""
    startup_probe: dict[str, Any] | None = None

    @property
    def is_sidecar(self) -> bool:
        """Of an init container: whether it runs beside the others, and is started again when it ends."""
        return self.restart_policy == "Always"


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    """The containers, where they run, and what ends them."""

    containers: tuple[Container, ...] = ()
    active_deadline_seconds: int | None = None
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    termination_grace_period_seconds: int | None = None
    node_name: str = ""


class Terminated(msgspec.Struct, frozen=True, rename="camel"):
    """How a container ended."""

    exit_code: int
    reason: str = ""
    message: str = ""
    started_at: Instant | None = None
    finished_at: Instant | None = None

    def __post_init__(self) -> None:
        _bring_within_reach(self, "started_at", self.started_at)
        _bring_within_reach(self, "finished_at", self.finished_at)


class Running(msgspec.Struct, frozen=True, rename="camel"):
    """Since when a container runs."""

    started_at: Instant | None = None

    def __post_init__(self) -> None:
        _bring_within_reach(self, "started_at", self.started_at)


class Waiting(msgspec.Struct, frozen=True, rename="camel"):
    """Why a container does not run yet."""

    reason: str = ""
    message: str = ""


class ContainerState(msgspec.Struct, frozen=True, rename="camel"):
    """One of three."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True, rename="camel"):
    """How one container is. `last_state`: how it ended before it was started again; `started`: its startup probe."""

    name: str
    state: ContainerState = ContainerState()
    restart_count: int = 0
    started: bool | None = None
    last_state: ContainerState = ContainerState()

    @property
    def has_started(self) -> bool:
        """Whether it runs, or has run."""
        return self.state.running is not None or self.state.terminated is not None


class PodCondition(msgspec.Struct, frozen=True, rename="camel"):
    """A condition: PodScheduled says why no node takes the pod."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: Instant | None = None


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    """How the pod is."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    conditions: tuple[PodCondition, ...] = ()
    start_time: Instant | None = None

    def __post_init__(self) -> None:
        _bring_within_reach(self, "start_time", self.start_time)


class Pod(msgspec.Struct, frozen=True, rename="camel"):
    """A pod as observed."""

    metadata: PodMetadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def owner_uid(self) -> str | None:
        """The UID of the controlling owner, None without one."""
        return next((owner.uid for owner in self.metadata.owner_references if owner.controller), None)

    @property
    def is_of_a_run(self) -> bool:
        """Whether a ScheduledRun is its controller. Labels alone say nothing: they are copied along with a template."""
        return any(
            owner.controller and (owner.kind, owner.api_version) == (RUN_KIND, API_VERSION)
            for owner in self.metadata.owner_references
        )

    @property
    def main(self) -> str:
        """The container whose end is the pod's result."""
        named = self.metadata.annotations.get(DEFAULT_CONTAINER)
        return named or (self.spec.containers[0].name if self.spec.containers else "")

    @property
    def main_status(self) -> ContainerStatus | None:
        """The status of that container, None before the kubelet has reported any."""
        return next((status for status in self.status.container_statuses if status.name == self.main), None)

    @property
    def deleting(self) -> bool:
        """Whether somebody has deleted the pod; its containers may still run."""
        return self.metadata.deletion_timestamp is not None

    @property
    def finished(self) -> bool:
        """Whether none of its containers runs, or will: the kubelet reports these phases no sooner."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def has_started(self) -> bool:
        """Whether one of its containers runs, or has run: then there may be a log."""
        statuses = (*self.status.init_container_statuses, *self.status.container_statuses)
        return any(status.has_started for status in statuses)

    @property
    def stop_request(self) -> str | None:
        """Why we have asked its kubelet to stop it, None if we have not."""
        deadline = self.spec.active_deadline_seconds
        asked = deadline is not None and deadline <= STOP_NOW
        return self.metadata.annotations.get(ANNOTATION_STOPPED) if asked else None

    @property
    def stop_requested_at(self) -> datetime:
        """When we asked for that; when it was created, where somebody has mangled the record."""
        try:
            at = datetime.fromisoformat(self.metadata.annotations.get(ANNOTATION_STOP_REQUESTED_AT, ""))
        except ValueError:
            return self.metadata.creation_timestamp
        return within_reach(at) if at.tzinfo is not None else self.metadata.creation_timestamp

    @property
    def grace_seconds(self) -> int:
        """How long its containers are given to end."""
        grace = self.spec.termination_grace_period_seconds
        return _DEFAULT_GRACE if grace is None else max(0, min(grace, _LONGEST_GRACE))

    @property
    def message_bytes(self) -> int:
        """How many bytes of each termination message are kept."""
        spec = self.spec
        return message_bytes(len(spec.containers) + len(spec.init_containers) + len(spec.ephemeral_containers))


decode_pod = msgspec.json.Decoder(Pod).decode
