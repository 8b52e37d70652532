"""The manifest of a task, from whatever a program has: a mapping, a model, keyword arguments. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from crontask.api import resources
from crontask.client import actions, values
from crontask.client.actions import What
from crontask.client.requests import Document, checked_name
from crontask.client.values import Duration, Instant
from crontask.sdk.errors import BadInput, InvalidTask
from crontask.sdk.service_account import with_service_account

if TYPE_CHECKING:
    from crontask.api.problem import Problem

TIMINGS = ("schedule", "schedules", "interval", "delay", "after")
_PAUSE = ("suspend", "suspendUntil", "suspendReason")
_WRITTEN = ("name", "namespace", "labels", "annotations")
_DURATIONS = (
    *("interval", "delay", "jitter", "startingDeadline"),
    *("timeout", "startTimeout", "totalTimeout", "ttlAfterFinished"),
)
_INSTANTS = ("startTime", "endTime")
_CLIENT_SIDE = "kubectl.kubernetes.io/last-applied-configuration"


class TaskSettings(TypedDict, total=False):
    """A task's spec without its handler, each as in a manifest, or as the model of its name. None: left out."""

    schedule: str | None
    schedules: Sequence[str] | None
    interval: Duration | None
    delay: Duration | None
    after: Any
    time_zone: str | None
    dst: Any
    start_time: Instant | None
    end_time: Instant | None
    max_runs: int | None
    jitter: Duration | None
    skip: Sequence[Mapping[str, str | date]] | None
    suspend_after_failures: int | None
    concurrency: Any
    starting_deadline: Duration | None
    catch_up: Any
    args: Mapping[str, Any] | None
    args_schema: Mapping[str, Any] | None
    result_schema: Mapping[str, Any] | None
    timeout: Duration | None
    start_timeout: Duration | None
    total_timeout: Duration | None
    retry: Any
    may_trigger: bool | str | None
    """Give its pods a service account that may trigger tasks: crontask-trigger, or the one that is named."""
    history: Any
    expect: Any
    ttl_after_finished: Duration | None


class TaskFields(What, TaskSettings, total=False):
    """The fields of a task's spec."""


def manifest(
    task: Any,
    spec: Any,
    fields: TaskFields,
    namespace: tuple[str | None, str],
    *,
    on_demand: bool,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """What is applied. `namespace`: that is asked for, and by default. Raises BadInput, InvalidTask, InvalidName."""
    given = _given(task)
    metadata = given["metadata"]
    whole = {**_spec_of(given.get("spec"), "the manifest"), **_spec_of(spec, "spec")}
    _check_arguments(str(metadata.get("name")), fields)
    what = {key: value for key, value in fields.items() if key in actions.WHAT and value is not None}
    if what:
        whole["handler"] = actions.handler(**what)  # type: ignore[arg-type]
    may_trigger = fields.get("may_trigger")
    if may_trigger is not None and may_trigger is not False:
        whole["handler"] = with_service_account(whole.get("handler"), may_trigger)
    for key, value in fields.items():
        if key not in actions.WHAT and key != "may_trigger":
            whole[actions.camel(key)] = _as_field(actions.camel(key), value)
    made = {key: value for key, value in values.plain(whole, "spec").items() if value is not None}
    _leave_pause_out(made)
    name = checked_name(str(metadata.get("name") or ""), resources.CRON_TASK)
    _check_timing(name, made, on_demand)
    where = {**metadata, "name": name, "namespace": _namespace(metadata.get("namespace"), *namespace)}
    for key, more in (("labels", labels), ("annotations", annotations)):
        if more:
            where[key] = {**(where.get(key) or {}), **more}
    _check(where, made, [actions.camel(key) for key in fields])
    kind = resources.CRON_TASK
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": where, "spec": made}


def _given(task: Any) -> Document:
    """The manifest, with what people write of its metadata; of a name alone, an empty one."""
    if isinstance(task, str):
        return {"metadata": {"name": task}}
    if not isinstance(task, Mapping):
        problem = f"is a {type(task).__name__}"
        raise BadInput("task", problem, "write the name of the task, or its manifest as a dict")
    kind, version = task.get("kind", "CronTask"), task.get("apiVersion", resources.CRON_TASK.api_version)
    if kind != "CronTask" or version != resources.CRON_TASK.api_version:
        fix = f"write kind: CronTask and apiVersion: {resources.CRON_TASK.api_version}"
        raise BadInput("kind", f"is {kind} of {version}, and not a CronTask", fix)
    metadata = task.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("name"):
        raise BadInput("metadata.name", "is missing", "write metadata: {name: my-task}")
    # The rest of what stands in an object that was read is the API server's.
    kept = {key: metadata[key] for key in _WRITTEN if metadata.get(key)}
    if "annotations" in kept:
        kept["annotations"] = {key: text for key, text in kept["annotations"].items() if key != _CLIENT_SIDE}
    return {"metadata": values.plain(kept, "metadata"), "spec": task.get("spec")}


def _namespace(written: str | None, asked: str | None, default: str) -> str:
    if written and asked and written != asked:
        problem = f"is {written!r} in the manifest, but {asked!r} is asked for"
        raise BadInput("metadata.namespace", problem, "leave one of them out")
    return written or asked or default


def _spec_of(spec: Any, what: str) -> Document:
    if spec is None:
        return {}
    if hasattr(spec, "model_dump") or isinstance(spec, Mapping):
        return dict(values.plain(spec, "spec"))
    raise BadInput("spec", f"of {what} is a {type(spec).__name__}", "write a dict, or a CronTaskSpec")


def _as_field(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "schedule" and isinstance(value, int | float | timedelta):
        fix = 'write a cron expression, like "30 2 * * *"; or at a fixed rate, interval="15m"'
        raise BadInput(f"spec.{name}", f"is {value!r:.60}, which is no cron expression", fix)
    if name in _DURATIONS:
        return values.duration(value, f"spec.{name}")
    if name in _INSTANTS:
        return values.instant(value, f"spec.{name}")
    return value


def _leave_pause_out(spec: Document) -> None:
    """A redeploy neither pauses nor resumes: that is for pause() and resume()."""
    for field in _PAUSE:
        if spec.get(field):
            fix = "write paused=True for a task that begins so, or call pause() and resume()"
            raise BadInput(f"spec.{field}", "is never written by register, which would undo what others decide", fix)
        spec.pop(field, None)


def _check_timing(name: str, spec: Document, on_demand: bool) -> None:
    given = [field for field in TIMINGS if spec.get(field) is not None]
    if not given and not on_demand:
        problem = "has no schedule (or schedules), interval, delay or after, so that nothing would ever start it"
        raise BadInput(f"CronTask {name}", problem, "write one of them, or on_demand=True")
    if given and on_demand:
        raise BadInput(f"CronTask {name}", f"is on_demand, and has {' and '.join(given)}", "keep one of them")


def _check_arguments(name: str, fields: Mapping[str, Any]) -> None:
    """Raises InvalidTask for those that there are not. A field of a newer API may stand in `spec`."""
    strangers = {key: value for key, value in fields.items() if key not in TaskFields.__annotations__}
    if strangers:
        from crontask.sdk.in_python import unknown_arguments

        known = unknown_in({"spec": {actions.camel(key): value for key, value in strangers.items()}})
        raise InvalidTask(name, tuple(unknown_arguments(strangers, TaskFields.__annotations__, known)))


def _check(metadata: Document, spec: Document, arguments: Sequence[str]) -> None:
    """What only our own code sees: cron expressions, zones, Python; and fields within arguments that there are not.

    Of a manifest and of `spec` unknown fields are for the API server to judge, which may be newer.
    """
    from crontask.api.validate import validate_name, validate_task

    name = metadata["name"]
    problems = (*validate_name(name), *validate_task(spec, f"{metadata['namespace']}/{name}")[1])
    strangers = unknown_in({"spec": spec})
    if problems or strangers:
        from crontask.sdk.in_python import in_python, within_arguments, without_echoes

        ours = strangers if problems else within_arguments(strangers, arguments)
        said = (*ours, *without_echoes(problems, ours))
        if said:
            raise InvalidTask(name, tuple(in_python(problem, arguments) for problem in said))


def unknown_in(body: Document) -> "tuple[Problem, ...]":
    """The fields of a manifest that there are not, as far as it is known here, with what may be meant."""
    from crontask.api.crontask import CronTaskSpec
    from crontask.api.scheduledrun import ScheduledRunSpec
    from crontask.api.unknown import unknown_fields

    of_run = body.get("kind") == resources.SCHEDULED_RUN.kind
    return tuple(unknown_fields(body["spec"], ScheduledRunSpec if of_run else CronTaskSpec, "spec"))
