"""What the end of a run means for whoever waits for it: a result, or an error. Pure."""

from typing import Any

from crontask.sdk import errors
from crontask.sdk.objects import RunView

_ERRORS: dict[str, tuple[type[errors.RunError], str]] = {
    "Failed": (errors.RunFailed, "failed"),
    "TimedOut": (errors.RunTimedOut, "took too long"),
    "Canceled": (errors.RunCanceled, "was canceled"),
    "Skipped": (errors.RunSkipped, "was skipped"),
    "Missed": (errors.RunSkipped, "was missed"),
}


def failure_of(run: RunView, counted: str | None = None) -> errors.RunError:
    """The error of a run that ended without success. `counted`: of one that was skipped, the run in its way."""
    kind, said = _ERRORS[run.phase]
    about = (run.name, said, run.phase, run.message, run.attempts)
    return errors.RunSkipped(*about, counted) if kind is errors.RunSkipped else kind(*about)


def gone(run: RunView) -> errors.RunGone:
    """The error of a run that was deleted before its end was seen."""
    return errors.RunGone(run.name, "was deleted before its end was seen", run.phase, "", run.attempts)


def too_long(run: RunView, seconds: float) -> errors.WaitTimeout:
    """The error of a run that has not ended in time."""
    phase = run.phase
    said = f"has not ended within {seconds:g} s; it is {phase} and goes on"
    return errors.WaitTimeout(run.name, said, phase, run.message, run.attempts)


def counts_instead(run: RunView, others: list[RunView]) -> str | None:
    """Of the runs of its task, the one with its key that started first."""
    key = run.spec.get("idempotencyKey")
    started = [
        other
        for other in others
        if key is not None
        and other.spec.get("idempotencyKey") == key
        and other.task == run.task
        and other.uid != run.uid
        and other.start_time is not None
    ]
    first = min(started, key=lambda other: (other.start_time, other.name), default=None)
    return first.name if first is not None else None


def result_as(run: RunView, type_: Any) -> Any:
    """The result of a run that succeeded, as that type; Any: as it is in JSON. Raises ResultMismatch."""
    status = run.status
    if status.get("resultTruncated"):
        raise _mismatch(run, "did not fit into what a pod can give back; write it elsewhere, and give back where")
    result = status.get("result")
    if type_ is Any:
        return result
    import orjson
    from pydantic import PydanticUserError, ValidationError

    from crontask.runner.convert import adapter_of

    try:
        return adapter_of(type_).validate_json(orjson.dumps(result), strict=True)
    except PydanticUserError as error:
        raise errors.BadInput("type_", f"cannot be read from JSON: {error.message}", "write another type") from error
    except ValidationError as error:
        found = error.errors(include_url=False)
        what = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the result'}: {each['msg']}" for each in found[:5])
        raise _mismatch(run, f"is not a {getattr(type_, '__name__', type_)}: {what}") from error


def _mismatch(run: RunView, why: str) -> errors.ResultMismatch:
    return errors.ResultMismatch(run.name, f"succeeded, but its result {why}", run.phase, "", run.attempts)
