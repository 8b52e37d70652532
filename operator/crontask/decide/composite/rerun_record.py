"""What a rerun has taken over at its start from the run that it runs again, which may go: so it is in its status."""

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from crontask.api.base import Duration, Model, Time
from crontask.api.handler import Handler
from crontask.api.names import ANNOTATION_TRIGGER
from crontask.api.policies import Retry
from crontask.api.problem import Problem
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.decide.model import ScheduledRun

_SETTINGS = ("retry", "timeout", "start_timeout", "total_timeout")
_UNREADABLE = Problem("status.rerun", "what it has taken over can no longer be read", "create another ScheduledRun")


class _Record(Model):
    """As it is written. `handler`: only of what has no CronTask and no plan; `key`: with which its pod begins."""

    name: str
    uid: str
    key: str | None = None
    scheduled_time: Time | None = None
    handler: Handler | None = None
    trigger: str | None = None
    retry: Retry | None = None
    timeout: Duration | None = None
    start_timeout: Duration | None = None
    total_timeout: Duration | None = None


def record_of(run: ScheduledRun, source: ScheduledRun, key: str | None, handler: Handler | None) -> dict[str, Any]:
    """What a run, which is as it will run, has taken over. `handler`: what nothing else would say any more."""
    spec = run.spec
    record = _Record(
        name=source.meta.name,
        uid=source.meta.uid,
        key=key,
        scheduled_time=spec.scheduled_time,
        trigger=source.meta.annotations.get(ANNOTATION_TRIGGER),
        retry=spec.retry,
        timeout=spec.timeout,
        start_timeout=spec.start_timeout,
        total_timeout=spec.total_timeout,
    )
    # Null is a value in args, and in what a handler has.
    found = {**record.model_dump(mode="json", by_alias=True, exclude_none=True), "args": spec.args}
    if handler is not None:
        found["handler"] = handler.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return found


def with_record(run: ScheduledRun) -> ScheduledRun:
    """The run as it goes: of one that runs another again, with what it has taken over."""
    document = run.status.rerun
    if document is None or run.spec.rerun_of is None:
        return run
    args = document.get("args", {})
    try:
        record = _Record.model_validate({name: value for name, value in document.items() if name != "args"})
    except ValidationError:
        record = None
    if record is None or not isinstance(args, dict):
        return replace(run, problems=(*run.problems, _UNREADABLE))
    known = {name: getattr(record, name) for name in ("scheduled_time", "handler", *_SETTINGS)}
    taken = {name: value for name, value in known.items() if value is not None}
    spec = run.spec.model_copy(update={**taken, "args": args})
    return with_trigger(replace(run, spec=spec), record.trigger)


def with_trigger(run: ScheduledRun, trigger: str | None) -> ScheduledRun:
    """The run as if that had caused it which has caused the other."""
    if trigger is None:
        return run
    annotations = {ANNOTATION_TRIGGER: trigger, **run.meta.annotations}
    return replace(run, meta=run.meta.model_copy(update={"annotations": annotations}))


def key_of_record(document: dict[str, Any] | None) -> str | None:
    """The idempotency key that a run without parts has from the one that it runs again."""
    key = (document or {}).get("key")
    return key if isinstance(key, str) else None


def settings_from(spec: ScheduledRunSpec, other: Any) -> dict[str, Any]:
    """What a run does not say itself of how it goes, as the other says it."""
    own = {name: getattr(spec, name) for name in _SETTINGS}
    return {name: getattr(other, name) if value is None else value for name, value in own.items()}
