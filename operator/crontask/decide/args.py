"""Whether the args of a run fit the schema of its task."""

import orjson

from crontask.api.json_schema import violations
from crontask.api.validate import LONGEST_ARGS
from crontask.decide.attempt.fit import violation_message
from crontask.decide.settings import RunSettings, settings
from crontask.decide.views import RunView

ARGS_INVALID = "ArgsInvalid"


def args_violation(view: RunView) -> str | None:
    """What is wrong with the args of the next attempt, None if they can be handed over. Judged once an edit."""
    found = settings(view)
    if found.args_schema is None and not found.own.args:
        return None
    memo = view.run.memo
    if memo.get("judged") is not found:
        memo["judged"], memo["args_violation"] = found, _violation(found)
    violation: str | None = memo["args_violation"]
    return violation


def _violation(found: RunSettings) -> str | None:
    size = len(orjson.dumps(found.args))
    if size > LONGEST_ARGS:
        return f"args have {size} bytes as JSON together with the task's, over {LONGEST_ARGS}"
    schema = found.args_schema
    return violation_message("args", violations(schema, found.args)) if schema is not None else None
