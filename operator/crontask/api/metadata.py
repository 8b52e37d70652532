"""Object metadata and conditions, as far as the operator reads them."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from crontask.api.base import Model, RecordedTime, Time
from crontask.api.names import ANNOTATION_RESUME, shortened

LONGEST_RESUME = 1024


class OwnerReference(Model):
    """A reference to an owner: garbage collection follows it."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


def _ours(annotations: object) -> object:
    """Only annotations of crontask are kept: others can be large, and nothing here reads them."""
    if not isinstance(annotations, dict):
        return annotations
    ours = {key: value for key, value in annotations.items() if key.startswith("crontask.dev/")}
    resume = ours.get(ANNOTATION_RESUME)
    if isinstance(resume, str) and len(resume) > LONGEST_RESUME:
        # A status that keeps it has a bound.
        ours[ANNOTATION_RESUME] = shortened(resume, LONGEST_RESUME)
    return ours


class Metadata(Model):
    """What identifies an object and says whose it is."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: Annotated[dict[str, str], BeforeValidator(_ours)] = Field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()

    @cached_property
    def controller(self) -> OwnerReference | None:
        """The controlling owner, None without one."""
        return next((owner for owner in self.owner_references if owner.controller), None)

    @cached_property
    def owner_uid(self) -> str | None:
        """The UID of the controlling owner, None without one."""
        return self.controller.uid if self.controller is not None else None


class WrittenMetadata(Model):
    """The metadata of a manifest: what somebody writes, and what an object has that was read from a cluster."""

    name: str | None = Field(default=None, examples=["my-task"])
    generate_name: str | None = Field(default=None, examples=["my-task-"])
    namespace: str | None = Field(default=None, examples=["default"])
    labels: dict[str, str] | None = Field(default=None, examples=[{"team": "data"}])
    annotations: dict[str, str] | None = Field(default=None, examples=[{"team": "data"}])
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    deletion_grace_period_seconds: int | None = None
    finalizers: tuple[str, ...] | None = None
    generation: int | None = None
    managed_fields: tuple[dict[str, Any], ...] | None = None
    owner_references: tuple[dict[str, Any], ...] | None = None
    resource_version: str | None = None
    self_link: str | None = None
    uid: str | None = None


class Condition(Model):
    """One observation of an object, as in the Kubernetes API conventions."""

    type: str = Field(max_length=64, description="What the condition is about.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: str = Field(max_length=64, description="Why, in one CamelCase word for programs.")
    message: str = Field(default="", max_length=4096, description="Why, for people, and what to do about it.")
    last_transition_time: RecordedTime = Field(description="When status last changed.")
    observed_generation: int | None = Field(
        default=None, description="The generation of the spec that the condition is about."
    )


def find_condition(conditions: tuple[Condition, ...], type_: str) -> Condition | None:
    """The condition of that type, None without one."""
    return next((condition for condition in conditions if condition.type == type_), None)


def merge_conditions(old: tuple[Condition, ...], new: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The new conditions, each keeping the old transition time where its status did not change."""
    result = []
    for condition in new:
        before = find_condition(old, condition.type)
        if before is not None and before.status == condition.status:
            condition = condition.model_copy(update={"last_transition_time": before.last_transition_time})
        result.append(condition)
    return tuple(result)
