"""What caused a run that nobody scheduled and no person made: kept as JSON in an annotation, handed to its pod."""

import json
from typing import Any, Literal

from pydantic import Field, ValidationError

from crontask.api.base import Model, Time
from crontask.api.metadata import Metadata
from crontask.api.names import ANNOTATION_TRIGGER
from crontask.api.phases import Origin


class Trigger(Model):
    """The end of another run. `depth`: how many runs the chain has up to this one. `cause`: the field that asked."""

    cause: Literal["after", "onComplete"] = "after"
    task: str = Field(max_length=63)
    run: str = Field(max_length=63)
    run_uid: str = Field(max_length=64)
    phase: str = Field(max_length=32)
    completion_time: Time
    message: str | None = None
    result: Any = None
    depth: int = Field(ge=1)

    @property
    def origin(self) -> Origin:
        """The origin of the run that is caused."""
        return Origin.AFTER if self.cause == "after" else Origin.ON_COMPLETE


def trigger_of(meta: Metadata) -> Trigger | None:
    """The cause of a run; None for a run without one, or whose annotation somebody has mangled."""
    text = meta.annotations.get(ANNOTATION_TRIGGER)
    try:
        return Trigger.model_validate_json(text) if text is not None else None
    except ValidationError:
        return None


def trigger_json(trigger: Trigger) -> str:
    """As the annotation and the pod have it."""
    document = trigger.model_dump(mode="json", by_alias=True, exclude_none=True)
    if trigger.result is not None:
        # As the handler gave it: what is null in it is not left out.
        document["result"] = trigger.result
    # Not every number and depth that a result may have would orjson write.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
