"""Whether the result of a run fits the schema of its task, and of a batch its cursor what there is room for."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from crontask.api.composite import LONGEST_CURSOR
from crontask.api.json_schema import violations
from crontask.api.phases import SUCCESSES, RunPhase
from crontask.api.pod import Pod
from crontask.api.written import shown
from crontask.decide.attempt.outcome import Outcome, outcome_of
from crontask.decide.attempt.reused import NOT_BEGUN, reuse_of, with_batches, without_any
from crontask.decide.settings import settings
from crontask.decide.views import RunView

RESULT_INVALID = "ResultInvalid"
# A number in a status has 64 bits, one of them for its sign.
_LARGEST = 2**63


def fitting_outcome(view: RunView, pod: Pod) -> Outcome | None:
    """The end of the pod's attempt, None while it goes on. A success without the result that is asked for is none."""
    outcome = outcome_of(pod)
    if outcome is not None and reuse_of(view.run) is not None:
        outcome = _of_batches(view, pod, outcome)
    if outcome is not None and is_batch(view) and outcome.phase in SUCCESSES:
        if (unfit := _why_too_long(outcome) or _why_rounded(outcome)) is not None:
            outcome = replace(outcome, batch=None, cursor=None)
            return replace(outcome, phase=RunPhase.FAILED, reason=RESULT_INVALID, message=unfit)
        if (wrong := _why_not_known_whether_done(outcome)) is not None:
            outcome = replace(outcome, batch=None, final=True)
            return replace(outcome, phase=RunPhase.FAILED, reason=RESULT_INVALID, message=wrong)
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


def _of_batches(view: RunView, pod: Pod, outcome: Outcome) -> Outcome:
    """The end of a pod that does one batch after the other. Nobody stops one that has not begun: it is lost."""
    found = with_batches(view.run, pod, outcome)
    if not without_any(found):
        return found
    message = "its pod was stopped before it began a batch"
    return replace(found, phase=RunPhase.FAILED, reason=NOT_BEGUN, message=message, lost=True)


def is_batch(view: RunView) -> bool:
    """Whether the run is a batch of another one."""
    return view.run.spec.parent is not None and view.run.spec.parent.batch is not None


def _why_too_long(outcome: Outcome) -> str | None:
    size = len(orjson.dumps(outcome.cursor)) if outcome.cursor is not None else 0
    if size <= LONGEST_CURSOR:
        return None
    return f"cursor has {size} bytes as JSON, over {LONGEST_CURSOR}; give back a shorter one, like the last key"


def _why_rounded(outcome: Outcome) -> str | None:
    """In a status it would be another number, and the next batch would begin there."""
    rounded = next((number for number in _numbers(outcome.cursor) if abs(number) >= _LARGEST), None)
    if rounded is None:
        return None
    return f"cursor has the number {shown(rounded)}, which is too large to be kept exactly; give it back as text"


def _numbers(value: Any) -> Iterator[int | float]:
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _numbers(inner)


def _why_not_known_whether_done(outcome: Outcome) -> str | None:
    """Where it said nothing at all of that, the run in batches says so."""
    given = outcome.is_done_given
    if given is None or isinstance(given, bool):
        return None
    return f"isDone is {shown(given)}, which is neither true nor false; give back true or false, as JSON has them"


def violation_message(what: str, found: Iterable[tuple[str, str]]) -> str | None:
    """The violations of a schema in one text, None if there are none."""
    return "; ".join(f"{what}{path}: {message}" for path, message in found) or None
