"""Whether the args of a run, and its result, fit the schemas of its task.

Callers: readiness, stop; engine (the args of a pod).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from crontask.api.json_schema import violations
from crontask.api.pod import Pod
from crontask.api.scheduledrun import SUCCESSES, RunPhase
from crontask.api.validate import LONGEST_ARGS
from crontask.decide.outcome import Outcome, outcome_of
from crontask.decide.views import RunView

ARGS_INVALID, RESULT_INVALID = "ArgsInvalid", "ResultInvalid"


def merged_args(view: RunView) -> dict[str, Any]:
    """The args of the next attempt: the run's own, over those of its task as it is now."""
    of_task = view.task.spec.args if view.task is not None and view.task.spec is not None else {}
    own = view.run.spec.args if view.run.spec is not None else {}
    return {**of_task, **own}


def unfit_args(view: RunView) -> str | None:
    """What is wrong with the merged args, None if they can be handed over."""
    own = view.run.spec.args if view.run.spec is not None else {}
    schema = view.task.spec.args_schema if view.task is not None and view.task.spec is not None else None
    if schema is None and not own:
        return None
    judged = view.run.judged_args
    generation = (view.task.meta.uid, view.task.meta.generation) if view.task is not None else None
    if generation not in judged:
        judged[generation] = _what_is_wrong(merged_args(view), schema)
    return judged[generation]


def _what_is_wrong(args: dict[str, Any], schema: Any) -> str | None:
    size = len(orjson.dumps(args))
    if size > LONGEST_ARGS:
        return f"args have {size} bytes as JSON together with the task's, over {LONGEST_ARGS}"
    return _told("args", violations(schema, args)) if schema is not None else None


def fitting_outcome(view: RunView, pod: Pod) -> Outcome | None:
    """The end of the pod's attempt, None while it goes on. A success without the result that is asked for is none."""
    outcome = outcome_of(pod)
    schema = view.task.spec.result_schema if view.task is not None and view.task.spec is not None else None
    if outcome is None or schema is None or outcome.phase not in SUCCESSES:
        return outcome
    if outcome.result_truncated:
        unfit: str | None = "the result was too long to be handed over"
    else:
        unfit = _told("result", violations(schema, outcome.result))
    if unfit is None:
        return outcome
    return replace(outcome, phase=RunPhase.FAILED, reason=RESULT_INVALID, message=unfit)


def _told(what: str, found: Iterable[tuple[str, str]]) -> str | None:
    return "; ".join(f"{what}{path}: {message}" for path, message in found) or None
