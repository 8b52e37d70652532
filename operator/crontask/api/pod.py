"""The parts of a core/v1 Pod that the operator reads.

Parsed straight from JSON by msgspec: pods are the most frequent events. Callers: store, decide.
"""

from datetime import datetime
from typing import Annotated

import msgspec

from crontask.api.base import API_VERSION, LONGEST, within_reach

# kubectl logs and exec choose this container; so does the run's result.
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
RUN_KIND = "ScheduledRun"


# Never without a zone.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_LONGEST_GRACE = int(LONGEST.total_seconds())


def _bring_within_reach(part: msgspec.Struct, field: str, instant: datetime | None) -> None:
    """A kubelet tells times by its own clock, which may be anywhere: sums of them and durations stay possible."""
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


class ContainerName(msgspec.Struct, frozen=True, rename="camel"):
    """A container, by name."""

    name: str


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    """The containers, and the deadline that ends them."""

    containers: tuple[ContainerName, ...] = ()
    active_deadline_seconds: int | None = None


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
    """How one container is."""

    name: str
    state: ContainerState = ContainerState()


class PodCondition(msgspec.Struct, frozen=True, rename="camel"):
    """A condition: PodScheduled says why no node takes the pod."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    """How the pod is."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    conditions: tuple[PodCondition, ...] = ()


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
        """The status of that container, None before the kubelet has told any."""
        return next((status for status in self.status.container_statuses if status.name == self.main), None)

    @property
    def deleting(self) -> bool:
        """Whether the pod is being stopped."""
        return self.metadata.deletion_timestamp is not None


decode_pod = msgspec.json.Decoder(Pod).decode
