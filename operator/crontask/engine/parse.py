"""From an object's JSON to what decide knows of it. Objects parse once, here.

A bad object harms only itself: what cannot be used of a spec becomes its problems, and of a status whatever can be read
is kept. Callers: store.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

from crontask.api.base import Model
from crontask.api.metadata import Metadata
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.api.task_status import CronTaskStatus
from crontask.api.validate import validate_run, validate_task
from crontask.decide.timing import hash_timing, make_jitter, make_timetable
from crontask.decide.views import CronTask, ScheduledRun

S = TypeVar("S", bound=Model)
_log = logging.getLogger(__name__)


def parse_task(raw: bytes, lookup: Callable[[Metadata], CronTask | None]) -> CronTask:
    """A CronTask; spec and timetable of the one known are kept where they are of the same generation."""
    document = orjson.loads(raw)
    meta = Metadata.model_validate(document["metadata"])
    status = parse_status(CronTaskStatus, document.get("status"), meta)
    known = lookup(meta)
    if known is not None and (known.meta.uid, known.meta.generation) == (meta.uid, meta.generation):
        return replace(known, meta=meta, status=status)
    spec, problems = validate_task(document.get("spec"), f"{meta.namespace}/{meta.name}")
    return CronTask(
        meta, spec, problems, status, make_timetable(spec, meta), hash_timing(spec), make_jitter(spec, meta)
    )


def parse_run(raw: bytes, lookup: Callable[[Metadata], ScheduledRun | None]) -> ScheduledRun:
    """A ScheduledRun; the spec of the one known is kept where it is of the same generation."""
    document = orjson.loads(raw)
    meta = Metadata.model_validate(document["metadata"])
    status = parse_status(ScheduledRunStatus, document.get("status"), meta)
    known = lookup(meta)
    if known is not None and (known.meta.uid, known.meta.generation) == (meta.uid, meta.generation):
        return ScheduledRun(meta, known.spec, known.problems, status)
    spec, problems = validate_run(document.get("spec"))
    return ScheduledRun(meta, spec, problems, status)


def parse_status(model: type[S], status: Any, meta: Metadata) -> S:
    """The status; of a mangled one, the fields that can be read."""
    if not isinstance(status, dict):
        return model()
    try:
        return model.model_validate(status)
    except ValidationError as error:
        _log.warning("status of %s/%s cannot be read and is repaired: %s", meta.namespace, meta.name, error)
    readable = {key: value for key, value in status.items() if _readable(model, key, value)}
    return model.model_validate(readable)


def _readable(model: type[Model], key: str, value: Any) -> bool:
    try:
        model.model_validate({key: value})
    except ValidationError:
        return False
    return True
