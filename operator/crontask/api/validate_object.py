"""The validation of a whole object as somebody wrote it: its metadata, its spec, and fields that there are not.

An API server sees most of this itself, and says it in its own way.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from crontask.api.base import Model
from crontask.api.crontask import CronTaskSpec
from crontask.api.metadata import WrittenMetadata
from crontask.api.names import DNS_LABEL
from crontask.api.parse import Rules, parse, said_anyway, within
from crontask.api.problem import Problem
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.api.unknown import unknown_fields
from crontask.api.validate import LONGEST_NAME, LONGEST_RUN_NAME, validate_name, validate_run, validate_task
from crontask.api.warn import run_warnings, task_warnings
from crontask.api.warn_past import passed_times
from crontask.api.written import as_yaml, shown

SPECS: dict[str, type[Model]] = {"CronTask": CronTaskSpec, "ScheduledRun": ScheduledRunSpec}
_LONGEST = {"CronTask": LONGEST_NAME, "ScheduledRun": LONGEST_RUN_NAME}
# The API server adds five letters and digits.
_GENERATED = 5
_LONGEST_NAMESPACE = _LONGEST_LABEL = 63
_LONGEST_PREFIX = 253
# What is said of these is about which of their fields go together.
_HOLDER = re.compile(r"spec|.*\.(?:handler|compensate|collect)|.*\.steps(?:\[\d+\])?")
_BEGIN_OF_NAME = re.compile(r"[a-z0-9][-a-z0-9]*", re.ASCII)
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?", re.ASCII)
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)

M = TypeVar("M", bound=Model)


class _Manifest(Model):
    """The fields of an object."""

    api_version: Any = None
    kind: Any = None
    metadata: WrittenMetadata | None = None
    # Looked at by its kind; a status is the operator's.
    spec: Any = None
    status: Any = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with an object, and what has no effect in it, or another one than it seems."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def validate_object(document: dict[str, Any], kind: str, now: datetime) -> Verdict:
    """What is to be said at an instant about an object of the kind, CronTask or ScheduledRun."""
    metadata, spec = document.get("metadata"), document.get("spec")
    found = (
        *unknown_fields(document, _Manifest, ""),
        *_metadata_problems(metadata, kind),
        *unknown_fields(spec, SPECS[kind], "spec"),
    )
    if kind == "CronTask":
        problems = validate_task(spec, identity_of(document))[1]
        warnings = _warnings(CronTaskSpec, spec, lambda task: (*task_warnings(task), *passed_times(task, now)))
    else:
        problems = validate_run(spec)[1]
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        known = annotations if isinstance(annotations, dict) else {}
        warnings = _warnings(ScheduledRunSpec, spec, lambda run: (*run_warnings(run, known), *passed_times(run, now)))
    named = [problem.path for problem in problems if not _HOLDER.fullmatch(problem.path)]
    # Of what is wrong itself nobody knows what effect it has.
    return Verdict((*found, *problems), tuple(w for w in warnings if not any(within(w.path, path) for path in named)))


def _warnings(model: type[M], spec: Any, rules: Rules[M]) -> tuple[Problem, ...]:
    return said_anyway(model, spec, rules) if isinstance(spec, dict) else ()


def identity_of(document: dict[str, Any]) -> str:
    """`namespace/name`, as far as they are there."""
    metadata = document.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return f"{known.get('namespace') or 'default'}/{known.get('name')}"


def patch_problems(patch: dict[str, Any], kind: str) -> tuple[Problem, ...]:
    """The fields of a merge patch that there are not."""
    fields = {field.alias or name for name, field in SPECS[kind].model_fields.items()}
    misplaced = {str(key) for key in patch if key in fields and key not in ("metadata", "spec", "status")}
    outside = unknown_fields({key: value for key, value in patch.items() if key not in misplaced}, _Manifest, "")
    return (
        *(
            Problem(key, "belongs into spec", f"write spec: {{{key}: {as_yaml(patch[key])}}}")
            for key in sorted(misplaced)
        ),
        *outside,
        *unknown_fields(patch.get("spec"), SPECS[kind], "spec"),
    )


def _metadata_problems(metadata: Any, kind: str) -> tuple[Problem, ...]:
    if metadata is None:
        return (Problem("metadata", "is missing", "write metadata: {name: my-task}"),)
    if not isinstance(metadata, dict):
        message = f"must be an object, not {shown(metadata)}"
        name = metadata if isinstance(metadata, str) and not validate_name(metadata) else "my-task"
        return (Problem("metadata", message, f"write metadata: {{name: {as_yaml(name)}}}"),)
    return parse(WrittenMetadata, metadata, "metadata", partial(_rules, longest=_LONGEST[kind]))[1]


def _rules(metadata: WrittenMetadata, longest: int) -> Iterator[Problem]:
    if metadata.name is not None:
        yield from validate_name(metadata.name, longest)
    elif metadata.generate_name is None:
        yield Problem("metadata.name", "is missing", "write name: my-task")
    else:
        yield from _begin_problems(metadata.generate_name, longest - _GENERATED)
    if metadata.namespace is not None and not _fits(metadata.namespace, DNS_LABEL, _LONGEST_NAMESPACE):
        message = f"{shown(metadata.namespace)} is not the name of a namespace"
        yield Problem("metadata.namespace", message, "write lower case letters, digits and -, at most 63")
    for key, value in (metadata.labels or {}).items():
        yield from _key_problems(key, f"metadata.labels.{key}")
        if not _fits(value, _LABEL, _LONGEST_LABEL):
            message = f"{shown(value)} is not the value of a label"
            yield Problem(f"metadata.labels.{key}", message, "write letters, digits, -, _ and ., at most 63")
    for key in metadata.annotations or {}:
        yield from _key_problems(key, f"metadata.annotations.{key}")


def _begin_problems(begin: str, longest: int) -> Iterator[Problem]:
    if not _fits(begin, _BEGIN_OF_NAME, longest):
        message = f"{shown(begin)} is not the beginning of a name of at most {longest} characters"
        yield Problem("metadata.generateName", message, "write lower case letters, digits and -, like my-task-")


def _key_problems(key: str, path: str) -> Iterable[Problem]:
    prefix, slash, name = key.rpartition("/")
    if name and _fits(name, _LABEL, _LONGEST_LABEL) and (not slash or _fits(prefix, _PREFIX, _LONGEST_PREFIX)):
        return
    yield Problem(
        path, f"{shown(key)} is not a key of labels and annotations", "write it like team or example.com/team"
    )


def _fits(text: str, form: "re.Pattern[str]", longest: int) -> bool:
    return len(text) <= longest and form.fullmatch(text) is not None
