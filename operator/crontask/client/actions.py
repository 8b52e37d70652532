"""The bodies and patches of what people do with tasks and runs. Pure, but for `drawn`: no clock, no requests.

    body = actions.trigger("sync", name=actions.name_by_key("sync", "deploy-42"), key="deploy-42", args={"full": True})
    cluster.create(SCHEDULED_RUN, body)
    cluster.patch(CRON_TASK, "sync", actions.pause(by="ann", reason="deploy"), manager=actions.MANAGER)

Used by the SDK and by the verbs of the command line, so that both do the same. A setting that is not given is left to
the task; one that is None counts as not given. Raises errors.BadInput for what cannot be meant.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict, Unpack

from crontask.api import resources
from crontask.api.names import (
    ANNOTATION_BACKFILL,
    ANNOTATION_RESUME,
    ANNOTATION_SUSPENDED_BY,
    DRAWN,
    drawn_name,
    keyed_name,
)
from crontask.api.numbers import NO_TEXT
from crontask.api.times import LATEST_PAST, format_micro_time, format_time, parse_duration
from crontask.client import values
from crontask.client.errors import BadInput
from crontask.client.requests import Document
from crontask.client.values import Duration, Instant
from crontask.runner.result import same_json

MANAGER = "crontask"
"""The field manager of pause and resume, whoever does it: they take turns."""

_LONGEST_KEY = 256
_DURATIONS = ("delay", "timeout", "startTimeout", "totalTimeout", "ttlAfterFinished")
_INSTANTS = ("at", "scheduledTime")
# What makes one request for a run another than the one before it with the same key; `allowPast` says nothing of it.
_ASKED = (
    *("args", "at", "delay", "scheduledTime", "suspend", "timeout", "startTimeout", "totalTimeout", "retry"),
    *("ttlAfterFinished", "onComplete", "cursor"),
)
# What is said of a run beside its settings, and what other schedulers call it.
_BESIDE = ("key", "namespace", "labels", "annotations", "missing_ok")
_HABITS = {"countdown": "delay", "eta": "at", "kwargs": "args", "task_id": "key", "idempotency_key": "key"}


RETRY_DEFAULTS: Mapping[str, Any] = {
    "limit": 0,
    "initial": "1s",
    "factor": 2,
    "max": "5m",
    "jitterPercent": 10,
    "maxLost": 3,
    "onLost": "Retry",
}
"""What the API server fills into `retry`: the CRD's own defaults, as a test says."""


class RunSettings(TypedDict, total=False):
    """What a run may say of itself, instead of its task."""

    args: Mapping[str, Any] | None
    """Its top-level keys replace the task's."""
    at: Instant | None
    delay: Duration | None
    allow_past: bool | None
    """Whether an `at` of more than a minute ago starts at once; otherwise it is refused."""
    scheduled_time: Instant | None
    """The nominal time that it stands for."""
    suspend: bool | None
    """Holds it until somebody lets it go."""
    timeout: Duration | None
    start_timeout: Duration | None
    total_timeout: Duration | None
    retry: Any
    """A `Retry`, or a mapping."""
    ttl_after_finished: Duration | None
    on_complete: Mapping[str, Any] | None
    cursor: Any


class What(TypedDict, total=False):
    """What runs: one of `handler`, `source`, `url` and `image`."""

    handler: Any
    """As in a manifest, or a `Handler`: for whatever the others do not say."""
    source: str
    """Python code with a function `handler(ctx, **args)`, or lines without any function; with `image`, in that one."""
    image: str
    command: Sequence[str]
    url: str
    method: str
    pod: Any
    """Beside the others: a partial pod template, like `{"spec": {"nodeSelector": ...}}`."""


class OneOff(What, RunSettings, total=False):
    """A one-off run: what runs, and its settings."""


WHAT = frozenset(What.__annotations__)


def name_by_key(task: str, key: str) -> str:
    """The name of the run of a task that is asked for by a key."""
    if not key or len(key) > _LONGEST_KEY:
        raise BadInput("key", f"has {len(key)} characters", f"write 1 to {_LONGEST_KEY}, like order-42")
    try:
        return keyed_name(task, key)
    except UnicodeEncodeError:
        raise BadInput("key", f"{key!r} {NO_TEXT[0]}", f"{NO_TEXT[1]}, like order-42") from None


def drawn(begin: str) -> str:
    """The name of any other run: the task's, and letters that nobody else draws."""
    return drawn_name(begin, os.urandom(DRAWN).hex()[:DRAWN])


def trigger(
    task: str,
    *,
    name: str,
    key: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **settings: Unpack[RunSettings],
) -> Document:
    """A run of a task."""
    keyed = {} if key is None else {"idempotencyKey": key}
    return _run({"taskRef": {"name": task}, **keyed, **_settings(settings)}, name, labels, annotations)


def one_off(
    handler: Document,
    *,
    name: str,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **settings: Unpack[RunSettings],
) -> Document:
    """A run of a handler of its own: see `handler`."""
    return _run({"handler": handler, **_settings(settings)}, name, labels, annotations)


def rerun(
    run: Document,
    *,
    name: str,
    from_: str | None = None,
    latest: bool = False,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **settings: Unpack[RunSettings],
) -> Document:
    """A finished run again. `from_`: Failed (the default), Start, or a step; `latest`: as its task is now."""
    spec = run.get("spec") or {}
    of_task = {"taskRef": spec["taskRef"]} if spec.get("taskRef") else {}
    asked = {"name": run["metadata"]["name"]}
    if from_ is not None:
        asked["from"] = from_
    if latest:
        asked["definition"] = "Latest"
    return _run({**of_task, "rerunOf": asked, **_settings(settings)}, name, labels, annotations)


def backfill(task: str, times: Sequence[datetime], *, name: str, only: str, parallel: int = 1) -> Document:
    """A run of a task for each of these nominal times, that have passed. `only`: which were chosen."""
    fan_out = {
        "items": [format_time(time) for time in times],
        "parallelism": parallel,
        "handler": {"task": task},
        "scheduledTime": "${item}",
    }
    return one_off({"forEach": fan_out}, name=name, annotations={ANNOTATION_BACKFILL: only})


def handler(**what: Unpack[What]) -> Document:
    """The handler of a one-off run, or of a task."""
    given: dict[str, Any] = {key: value for key, value in what.items() if value is not None}
    kinds: list[str] = [key for key in ("handler", "source", "url") if key in given]
    if not kinds and "image" in given:
        kinds = ["image"]
    if len(kinds) != 1 or ("image" in given and kinds[0] not in ("image", "source")):
        has = f"it has {', '.join(given)}" if given else "it has nothing"
        fix = "write one of source=, url=, image= (with command=) and handler="
        raise BadInput("handler", f"what runs is not said once: {has}", fix)
    kind = kinds[0]
    for key, of in (("command", ("image",)), ("method", ("url",)), ("pod", ("image", "source", "url"))):
        if key in given and kind not in of:
            raise BadInput(key, f"does not go with {kind}=", f"remove it, or write {' or '.join(of)}=")
    if isinstance(given.get("command"), str):
        raise BadInput("command", "is one text", 'write its parts, like ["python", "-m", "report"]')
    made: Document
    if kind == "handler":
        made = given["handler"]
    elif kind == "source":
        made = {"python": {**given, "source": _with_function(given["source"])}}
        made["python"].pop("pod", None)
    elif kind == "url":
        made = {"http": {key: given[key] for key in ("url", "method") if key in given}}
    else:
        made = {"container": {key: given[key] for key in ("image", "command") if key in given}}
    if "pod" in given:
        made = {**made, "pod": given["pod"]}
    result: Document = values.plain(made, "handler")
    return result


def parted(how: OneOff) -> tuple[What, RunSettings]:
    """What runs, and the settings of the run."""
    what: Any = {key: value for key, value in how.items() if key in WHAT}
    settings: Any = {key: value for key, value in how.items() if key not in WHAT}
    return what, settings


def pause(*, by: str, reason: str | None = None, until: Instant | None = None) -> Document:
    """The merge patch that pauses a task; with `until` it resumes by itself then, if nothing else pauses it."""
    how: Document = {"suspend": True, "suspendUntil": None} if until is None else {"suspendUntil": _until(until)}
    return {
        "metadata": {"annotations": {ANNOTATION_SUSPENDED_BY: by}},
        "spec": {**how, "suspendReason": reason},
    }


def resume(task: Document, now: datetime) -> Document:
    """The merge patch that resumes a task, whoever paused it, also one that failures in a row have suspended."""
    annotations: Document = {ANNOTATION_SUSPENDED_BY: None}
    if (task.get("spec") or {}).get("suspendAfterFailures") is not None:
        # Not only where the status says so: it may not say so yet.
        annotations[ANNOTATION_RESUME] = format_micro_time(now)
    return {
        "metadata": {"annotations": annotations},
        "spec": {"suspend": None, "suspendUntil": None, "suspendReason": None},
    }


def cancel(*, reason: str | None = None, immediate: bool = False) -> Document:
    """The merge patch that asks for the end of a run. `immediate`: of a workflow, nothing is undone."""
    spec: Document = {"cancel": True}
    if reason is not None:
        spec["cancelReason"] = reason
    if immediate:
        mode: Literal["Immediate"] = "Immediate"
        spec["cancelMode"] = mode
    return {"spec": spec}


def refuse_past(body: Document, now: datetime) -> None:
    """Raise BadInput for a run whose `at` has passed by more than a minute: the operator would fail it."""
    spec = body["spec"]
    if "at" not in spec or spec.get("allowPast"):
        return
    at = values.moment(spec["at"], "at")
    if at < now - LATEST_PAST:
        message = f"{format_time(at)} has passed: it is {format_time(now)}"
        raise BadInput("at", message, "write a time to come, or allow_past=True to start at once")


def differences(wanted: Document, there: Document) -> list[str]:
    """In what a run that is there is another than the one that the same key asks for now; empty if in nothing."""
    asked, found = wanted["spec"], there.get("spec") or {}
    if found.get("idempotencyKey") != asked.get("idempotencyKey"):
        return ["idempotencyKey"]
    if found.get("taskRef") != asked.get("taskRef"):
        return ["taskRef"]
    return [field for field in _ASKED if not _means_the_same(field, asked.get(field), found.get(field))]


def _means_the_same(field: str, asked: Any, found: Any) -> bool:
    if field == "suspend":
        # Somebody may have let it go since.
        return bool(asked) or not found
    return same_json(_meant(field, asked), _meant(field, found))


def _meant(field: str, value: Any) -> Any:
    """The value, where the same may be written in several ways."""
    if value is None or field == "args":
        return value or {}
    if field == "retry":
        whole = {**RETRY_DEFAULTS, **value}
        return {**whole, **{key: parse_duration(whole[key]).total_seconds() for key in ("initial", "max")}}
    if field in _DURATIONS:
        return parse_duration(value)
    return values.moment(value, field) if field in _INSTANTS else value


def _with_function(source: object) -> object:
    """The source. A few lines without any function run when they are loaded: all that is missing is one to call."""
    import ast

    if not isinstance(source, str):
        raise BadInput("source", "is not text", 'write the code, like source="print(1)"')
    try:
        lines = ast.parse(source).body
    except (SyntaxError, ValueError):
        # The operator's own message says at which line.
        return source
    # Whoever writes a function means it; where its name is not the one that is called, the operator says so.
    if any(isinstance(line, ast.FunctionDef | ast.AsyncFunctionDef) for line in lines):
        return source
    return f"{source.rstrip()}\n\n\ndef handler(ctx, **args):\n    pass\n"


def _until(until: Instant) -> str:
    return values.instant(until, "until")


def _settings(settings: RunSettings) -> Document:
    """As the spec has them."""
    for name in settings:
        if name not in RunSettings.__annotations__:
            raise BadInput(f"{name}=", "there is no such argument", _instead_of(name))
    given = {camel(key): value for key, value in settings.items() if value is not None}
    if "at" in given and "delay" in given:
        raise BadInput("at", "and delay are both given", "keep one of them")
    for field in _DURATIONS:
        if field in given:
            given[field] = values.duration(given[field], field)
    for field in _INSTANTS:
        if field in given:
            given[field] = values.instant(given[field], field)
    made: Document = values.plain(given, "spec")
    if not isinstance(made.get("args", {}), dict):
        raise BadInput("args", "is not a mapping of names to values", 'write args={"full": True}')
    return made


def _instead_of(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [*RunSettings.__annotations__, *_BESIDE], 1, cutoff=0.75)
    meant = _HABITS.get(name) or (near[0] if near else None)
    return f"did you mean {meant}=?" if meant else f'if it is one of the args of the task, write args={{"{name}": …}}'


def camel(name: str) -> str:
    """The name of a field as the API has it: `time_zone` is `timeZone`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _run(
    spec: Document, name: str, labels: Mapping[str, str] | None, annotations: Mapping[str, str] | None
) -> Document:
    metadata: Document = {"name": name}
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    kind = resources.SCHEDULED_RUN
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}
