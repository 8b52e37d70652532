"""What the process knows of the pod of a run's expected attempt: one of six."""

from dataclasses import dataclass
from datetime import datetime

from crontask.api.pod import Pod


@dataclass(frozen=True, slots=True)
class PodRefusal:
    """What the API server answered to the creation of a pod, where it was a refusal.

    `final`: it will never be taken. Otherwise it is tried again at `retry_at`; `tries` were made since `since`.
    """

    reason: str
    message: str
    final: bool
    retry_at: datetime
    since: datetime
    tries: int = 1


@dataclass(frozen=True, slots=True)
class NotMade:
    """Nobody has made it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The API server did not take it."""

    refusal: PodRefusal


@dataclass(frozen=True, slots=True)
class Creating:
    """Its creation is on its way. `refusal`: of the try before."""

    refusal: PodRefusal | None = None


@dataclass(frozen=True, slots=True)
class CreationUnknown:
    """The answer to its creation was lost, or leaves open whether it was made. `refusal`: what that answer said."""

    refusal: PodRefusal | None = None


@dataclass(frozen=True, slots=True)
class Present:
    """It is there."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class Vanished:
    """It was there, and is there no more."""


PodState = NotMade | Refused | Creating | CreationUnknown | Present | Vanished
NOT_MADE = NotMade()
VANISHED = Vanished()


def pod_of(state: PodState) -> Pod | None:
    """The pod, where it is there."""
    return state.pod if isinstance(state, Present) else None


def refusal_of(state: PodState) -> PodRefusal | None:
    """The last refusal of a pod that is not there."""
    return state.refusal if isinstance(state, Refused | Creating | CreationUnknown) else None
