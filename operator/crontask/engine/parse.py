"""From an object's JSON to what decide knows of it. Objects parse once, here.

A bad object harms only itself: what cannot be used of a spec becomes its problems, and of a status whatever can be read
is kept.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import orjson
from pydantic import ValidationError

from crontask.api.base import Model, cut
from crontask.api.crontask import CronTaskSpec
from crontask.api.metadata import Metadata
from crontask.api.names import pod_name
from crontask.api.phases import RunPhase
from crontask.api.problem import TOO_DEEP, Problem
from crontask.api.scheduledrun import ScheduledRunStatus, status_model
from crontask.api.task_status import CronTaskStatus
from crontask.api.validate import validate_run, validate_task
from crontask.decide.composite.rerun_record import with_record
from crontask.decide.model import UNUSABLE_RUN, UNUSABLE_TASK, CronTask, ScheduledRun
from crontask.decide.task.timing import hash_timing, make_jitter, make_timetable
from crontask.ports import Document

S = TypeVar("S", bound=Model)
_decode_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
# Together with their paths they fit in a condition's message.
_MOST_PROBLEMS, _LONGEST_PROBLEM = 10, 200
_OF_ITS_RUNS = ("retry", "timeout", "startTimeout", "totalTimeout", "resultSchema")
_MINIMAL: Document = {"handler": {"container": {"image": "none"}}}
_log = logging.getLogger(__name__)


def parse_task(raw: bytes, lookup: Callable[[Metadata], CronTask | None]) -> CronTask:
    """A CronTask; spec and timetable of the one known are kept where they are of the same generation."""
    document, too_deep = _read(raw)
    meta = Metadata.model_validate(document["metadata"])
    status = parse_status(CronTaskStatus, document.get("status"), meta)
    known = lookup(meta)
    if known is not None and (known.meta.uid, known.meta.generation) == (meta.uid, meta.generation):
        return replace(known, meta=meta, status=status)
    spec, problems = validate_task(document.get("spec"), f"{meta.namespace}/{meta.name}")
    task = observed_task(meta, spec, (TOO_DEEP,) if too_deep else problems, status)
    return task if task.valid else replace(task, spec=_for_its_runs(task.spec, document.get("spec")))


def _for_its_runs(unusable: CronTaskSpec, written: Any) -> CronTaskSpec:
    """By what its runs that are under way go on, whatever else is wrong with its spec: what can be read of that."""
    if not isinstance(written, dict):
        return unusable
    concurrency = written.get("concurrency")
    asked = {name: written[name] for name in _OF_ITS_RUNS if name in written}
    if isinstance(concurrency, dict) and "group" in concurrency:
        asked["concurrency"] = {"group": concurrency["group"]}
    found: dict[str, Any] = {}
    for name, value in asked.items():
        alone, _ = validate_task({**_MINIMAL, name: value})
        if alone is not None:
            found |= {field: getattr(alone, field) for field in alone.model_fields_set - {"handler"}}
    return unusable.model_copy(update=found)


def observed_task(
    meta: Metadata, spec: CronTaskSpec | None, problems: tuple[Problem, ...], status: CronTaskStatus
) -> CronTask:
    """A CronTask with the timetable of its spec; one with problems has none."""
    if spec is None or problems:
        return CronTask(meta, UNUSABLE_TASK, _cut(problems), status, make_timetable(UNUSABLE_TASK, meta), "")
    return CronTask(meta, spec, (), status, make_timetable(spec, meta), hash_timing(spec), make_jitter(spec, meta))


def parse_run(raw: bytes, lookup: Callable[[Metadata], ScheduledRun | None]) -> ScheduledRun:
    """A ScheduledRun; the spec of the one known is kept where it is of the same generation.

    That of a rerun is with what it has taken over.
    """
    document, too_deep = _read(raw)
    meta = Metadata.model_validate(document["metadata"])
    written = document.get("status")
    status = parse_status(status_model(written), written, meta)
    known = lookup(meta)
    begun = status.phase in (RunPhase.RUNNING, RunPhase.RETRYING)
    if begun and not status.attempts and status.composite is None and status.pod_name != pod_name(meta.name, 1):
        # Not by the operator, which records an attempt with these. As if nothing had been written.
        status = ScheduledRunStatus()
    if known is not None and (known.meta.uid, known.meta.generation) == (meta.uid, meta.generation):
        return with_record(ScheduledRun(meta, known.spec, known.problems, status))
    spec, problems = validate_run(document.get("spec"))
    if too_deep or spec is None:
        return ScheduledRun(meta, UNUSABLE_RUN, (TOO_DEEP,) if too_deep else _cut(problems), status)
    return with_record(ScheduledRun(meta, spec, (), status))


def _read(raw: bytes) -> tuple[Document, bool]:
    """The object, and whether its spec is nested more deeply than can be read: then what can be is there."""
    try:
        document: Document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        parts = _decode_parts(raw)
        read = {name: _shallow(part) for name, part in parts.items() if name in ("metadata", "spec", "status")}
        return read, len(read.get("spec", ())) < len(_decode_parts(parts.get("spec", b"{}")))
    return document, False


def _shallow(raw: bytes) -> Document:
    """The fields of an object that can be read."""
    found: Document = {}
    for name, part in _decode_parts(raw).items():
        try:
            found[name] = orjson.loads(bytes(part))
        except orjson.JSONDecodeError:
            _log.warning("field %s is nested too deeply, and not read", name)
    return found


def _cut(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """As many problems, and as much of each, as a status has room for."""
    return tuple(
        replace(problem, message=cut(problem.message, _LONGEST_PROBLEM)) for problem in problems[:_MOST_PROBLEMS]
    )


def parse_status(model: type[S], status: Any, meta: Metadata) -> S:
    """The status; of a mangled one, the fields that can be read, and written again."""
    if not isinstance(status, dict):
        return model()
    try:
        parsed = model.model_validate(status)
        _write_again(status)
    except (ValidationError, TypeError) as error:
        _log.warning("status of %s/%s cannot be read and is repaired: %s", meta.namespace, meta.name, error)
        return model.model_validate({key: value for key, value in status.items() if _readable(model, key, value)})
    return parsed


def _write_again(status: Document) -> None:
    """Raises TypeError for what could only be read: of a status, a result and a cursor are nested as somebody likes."""
    if "result" in status:
        orjson.dumps([[status["result"]]])
    if isinstance(status.get("batch"), dict):
        orjson.dumps([[[status["batch"].get("cursor")]]])


def _readable(model: type[Model], key: str, value: Any) -> bool:
    try:
        model.model_validate({key: value})
        _write_again({key: value})
    except (ValidationError, TypeError):
        return False
    return True
