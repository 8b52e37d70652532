"""The values that args of parts refer to: of the run, and of the steps that have ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic_core import from_json

from crontask.api.base import format_time
from crontask.api.composite_status import StepPhase
from crontask.api.phases import RunPhase
from crontask.api.pod import MESSAGE_BYTES
from crontask.api.reference import MissingError, Reference, resolve, value_at
from crontask.api.trigger import trigger_json, trigger_of
from crontask.api.validate import LONGEST_ARGS
from crontask.decide.composite.model import StepState
from crontask.decide.model import ScheduledRun

TRUNCATED = "ResultTruncated"
REFERENCE_MISSING = "ReferenceMissing"
ARGS_TOO_LONG = "ArgsTooLong"
_WITHOUT_RESULT = (StepPhase.SKIPPED, StepPhase.NOT_REACHED)


class SourceSkippedError(MissingError):
    """The step that a reference names was skipped: so is who refers to it without a default."""


class TruncatedError(MissingError):
    """The result that a reference names did not fit."""


class ArgsTooLongError(MissingError):
    """What is handed over is longer, or nested more deeply, than the args of a run may be."""


def reason_of(error: MissingError) -> str:
    """Why a part cannot be made, in CamelCase."""
    if isinstance(error, ArgsTooLongError):
        return ARGS_TOO_LONG
    return TRUNCATED if isinstance(error, TruncatedError) else REFERENCE_MISSING


def handed_over(args: dict[str, Any]) -> dict[str, Any]:
    """The args of a part, if a run may have them: references make them as long as somebody likes.

    Raises ArgsTooLongError.
    """
    try:
        # As the run is read that they stand in: neither what writes nor what reads it takes any depth.
        size = len(orjson.dumps(args))
        from_json(orjson.dumps({"args": args}))
    except (TypeError, ValueError):
        raise ArgsTooLongError("args: are nested more than 190 levels deep; hand over a reference instead") from None
    if size > LONGEST_ARGS:
        raise ArgsTooLongError(f"args: have {size} bytes as JSON, over {LONGEST_ARGS}; hand over a reference instead")
    return args


@dataclass(frozen=True, slots=True)
class Values:
    """What can be referred to. `steps`: of a workflow, None of others.

    `forgiving`: what is missing is null, as for a step that always runs. `so_far`: how the run will end, known once
    nothing new starts. `others`: what there is for this part alone, by root.
    """

    run: ScheduledRun
    args: Mapping[str, Any]
    steps: Mapping[str, StepState] | None = None
    forgiving: bool = False
    so_far: tuple[RunPhase, str | None] | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    def resolved(self, value: Any) -> Any:
        """The value with what it refers to. Raises MissingError."""
        return resolve(value, self._lookup)

    def _lookup(self, reference: Reference, has_default: bool) -> Any:
        try:
            return self._value(reference)
        except MissingError:
            if self.forgiving and not has_default:
                return None
            raise

    def _value(self, reference: Reference) -> Any:
        if reference.root == "steps" and self.steps is not None:
            return self._of_step(reference, self.steps)
        roots: dict[str, Any] = {
            "args": dict(self.args),
            "run": self._of_run(),
            "trigger": self._trigger(),
            **self.others,
        }
        if reference.root not in roots:
            names = (*roots, "steps") if self.steps is not None else tuple(roots)
            raise MissingError(f"{reference} is missing: there are {', '.join(names)}")
        return value_at(roots[reference.root], reference)

    def _of_run(self) -> dict[str, Any]:
        scheduled = self.run.spec.scheduled_time or self.run.due_at
        known: dict[str, Any] = {"name": self.run.meta.name, "scheduledTime": format_time(scheduled)}
        if self.so_far is not None:
            known |= {"phase": self.so_far[0].value, "message": self.so_far[1]}
        return known

    def _trigger(self) -> Any:
        import json

        trigger = trigger_of(self.run.meta)
        return json.loads(trigger_json(trigger)) if trigger is not None else None

    def _of_step(self, reference: Reference, steps: Mapping[str, StepState]) -> Any:
        name = reference.path[0] if reference.path else ""
        state = steps.get(str(name))
        if state is None:
            raise MissingError(f"{reference} is missing: there is no step {name}")
        known: dict[str, Any] = {"phase": state.phase.value, "message": state.message}
        if state.done:
            if state.result_truncated and reference.path[1:2] == ("result",):
                why = f"did not fit into its termination message, of at most {MESSAGE_BYTES} bytes"
                raise TruncatedError(f"{reference} is missing: the result of step {name} {why}")
            known["result"] = state.result
        elif reference.path[1:2] == ("result",):
            kind = SourceSkippedError if state.phase in _WITHOUT_RESULT else MissingError
            raise kind(f"{reference} is missing: step {name} is {state.phase.value}")
        return value_at(known, reference, 1)
