"""Whether the result of a run fits the schema of its task."""

from collections.abc import Iterable
from dataclasses import replace

from crontask.api.json_schema import violations
from crontask.api.pod import Pod
from crontask.api.scheduledrun import SUCCESSES, RunPhase
from crontask.decide.attempt.outcome import Outcome, outcome_of
from crontask.decide.settings import settings
from crontask.decide.views import RunView

RESULT_INVALID = "ResultInvalid"


def fitting_outcome(view: RunView, pod: Pod) -> Outcome | None:
    """The end of the pod's attempt, None while it goes on. A success without the result that is asked for is none."""
    outcome = outcome_of(pod)
    schema = settings(view).result_schema
    if outcome is None or schema is None or outcome.phase not in SUCCESSES:
        return outcome
    if outcome.result_truncated:
        violation: str | None = "the result was too long to be handed over"
    else:
        violation = violation_message("result", violations(schema, outcome.result))
    if violation is None:
        return outcome
    return replace(outcome, phase=RunPhase.FAILED, reason=RESULT_INVALID, message=violation)


def violation_message(what: str, found: Iterable[tuple[str, str]]) -> str | None:
    """The violations of a schema in one text, None if there are none."""
    return "; ".join(f"{what}{path}: {message}" for path, message in found) or None
