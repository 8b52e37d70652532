"""What the process knows of the pod of a run's expected attempt: one of six."""

from dataclasses import dataclass

from crontask.api.pod import Pod
from crontask.decide.refusal import Refusal


@dataclass(frozen=True, slots=True)
class NotMade:
    """Nobody has made it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The API server did not take it."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Creating:
    """Its creation is on its way. `refusal`: of the try before."""

    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class CreationUnknown:
    """The answer to its creation was lost, or leaves open whether it was made. `refusal`: what that answer said."""

    refusal: Refusal | None = None


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


def refusal_of(state: PodState) -> Refusal | None:
    """The last refusal of a pod that is not there."""
    return state.refusal if isinstance(state, Refused | Creating | CreationUnknown) else None
