"""Warnings about a good spec: what has no effect, or another one than it seems, where its writer would be surprised.

A warning refuses nothing. A default that the API server has filled in is like a field left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from crontask.api.base import format_duration
from crontask.api.crontask import CronTaskSpec
from crontask.api.names import ANNOTATION_TRIGGER
from crontask.api.policies import CatchUpPolicy, ConcurrencyPolicy, Retry
from crontask.api.problem import Problem
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.api.validate import TIMINGS
from crontask.api.validate_handler import handler_warnings
from crontask.api.validate_times import expressions_of
from crontask.api.warn_url import url_warnings
from crontask.timetable import CronError, parse_cron
from crontask.timetable.notes import uneven_steps

_REMOVE = "remove it"
_ON_DEMAND = ("on a task that runs on demand only", "add schedule, interval, delay or after, or remove it")
_DEFAULTS = {name: field.get_default(call_default_factory=True) for name, field in CronTaskSpec.model_fields.items()}
# For what each kind of timing has no use.
_USELESS = {
    "schedule": (),
    "interval": ("dst",),
    "delay": ("dst",),
    "after": ("dst", "time_zone", "jitter", "skip", "starting_deadline", "catch_up"),
    "on demand": (
        *("dst", "time_zone", "jitter", "skip", "starting_deadline", "catch_up"),
        *("start_time", "end_time", "max_runs", "suspend", "suspend_until", "suspend_after_failures"),
    ),
}


def task_warnings(spec: CronTaskSpec) -> tuple[Problem, ...]:
    """What has no effect in a valid spec of a CronTask, and which of its steps begin anew before they come round."""
    return (
        *_step_warnings(spec),
        *handler_warnings(spec.handler),
        # A task that only people start may be given by each run what is missing.
        *url_warnings(spec.handler, spec.args if _timing_of(spec) != "on demand" else None),
        *_workflow_warnings(spec),
        *_timing_warnings(spec),
        *_policy_warnings(spec),
        *_expect_warnings(spec),
        *_run_setting_warnings(spec),
    )


def run_warnings(spec: ScheduledRunSpec, annotations: Mapping[str, Any] | None = None) -> tuple[Problem, ...]:
    """What has no effect in a valid spec of a ScheduledRun, which has those annotations."""
    found = list(_run_setting_warnings(spec))
    if spec.handler is not None:
        found += handler_warnings(spec.handler)
        found += url_warnings(spec.handler, spec.args)
        found += _workflow_warnings(spec, triggered=ANNOTATION_TRIGGER in (annotations or ()))
    if spec.rerun_of is not None and spec.rerun_of.definition == "Latest" and spec.task_ref is None:
        why = "without taskRef: a run with a handler of its own has no CronTask that says anything now"
        found.append(
            _without_effect("rerunOf.definition", why, "write taskRef, with the task of that run, or remove it")
        )
    if spec.allow_past and spec.at is None:
        found.append(_without_effect("allowPast", "without at", _REMOVE))
    if spec.cancel_reason is not None and not spec.cancel:
        found.append(_without_effect("cancelReason", "without cancel: true", "add cancel: true, or remove it"))
    return tuple(found)


def _without_effect(field: str, why: str, fix: str) -> Problem:
    return Problem(f"spec.{field}", f"has no effect {why}", fix)


def _workflow_warnings(spec: CronTaskSpec | ScheduledRunSpec, *, triggered: bool = False) -> Iterator[Problem]:
    if spec.handler is not None and spec.handler.composite:
        # Few have them: the others do not wait for what looks at them.
        from crontask.api.warn_steps import workflow_warnings

        yield from workflow_warnings(spec, triggered=triggered)


def _timing_of(spec: CronTaskSpec) -> str:
    if spec.schedule is not None or spec.schedules is not None:
        return "schedule"
    given = (name for name in ("interval", "delay", "after") if getattr(spec, name) is not None)
    return next(given, "on demand")


def _timing_warnings(spec: CronTaskSpec) -> Iterator[Problem]:
    timing = _timing_of(spec)
    if sum(getattr(spec, name) is not None for name in TIMINGS) > 1:
        # Which of them is to stay is not known.
        return
    why, fix = _ON_DEMAND if timing == "on demand" else (f"beside {timing}", _REMOVE)
    for field in _USELESS[timing]:
        if getattr(spec, field) != _DEFAULTS[field]:
            yield _without_effect(to_camel(field), why, fix)
    if timing in ("interval", "delay") and spec.time_zone != _DEFAULTS["time_zone"] and not spec.skip:
        yield _without_effect("timeZone", f"beside {timing}: it is the zone of schedule, schedules and skip", _REMOVE)
    if timing == "schedule" and spec.dst != _DEFAULTS["dst"] and spec.time_zone == _DEFAULTS["time_zone"]:
        why = "in UTC, whose clock never changes"
        yield _without_effect("dst", why, "write timeZone, like timeZone: Europe/Berlin, or remove it")
    if spec.suspend and spec.suspend_until is not None and timing != "on demand":
        why = "while suspend is true: the task does not resume by itself"
        yield _without_effect("suspendUntil", why, "remove suspend, or remove suspendUntil")


def _step_warnings(spec: CronTaskSpec) -> Iterator[Problem]:
    for path, text in expressions_of(spec):
        try:
            notes = tuple(uneven_steps(parse_cron(text)))
        except CronError:
            # As is said of it as a problem.
            continue
        yield from (Problem(path, note) for note in notes)


def _policy_warnings(spec: CronTaskSpec) -> Iterator[Problem]:
    concurrency, catch_up, history = spec.concurrency, spec.catch_up, spec.history
    if concurrency.queue_limit != 10 and concurrency.policy is not ConcurrencyPolicy.QUEUE:
        yield _without_effect("concurrency.queueLimit", "without policy: Queue", "write policy: Queue, or remove it")
    if catch_up.limit != 10 and catch_up.policy is not CatchUpPolicy.ALL:
        yield _without_effect("catchUp.limit", "without policy: All", "write policy: All, or remove it")
    if concurrency.group is not None and concurrency.limit is None:
        message = "without max: with policy Allow nothing limits the runs of the group"
        yield _without_effect("concurrency.group", message, "write max, like max: 1, or another policy")
    if history.failed == 0:
        message = "is 0: a failed run is removed ten minutes after its end, with its message and its pod's log"
        yield Problem("spec.history.failed", message, "write failed: 1 or more to be able to look at it")


def _expect_warnings(spec: CronTaskSpec) -> Iterator[Problem]:
    if spec.expect is not None:
        # Few have it: the others do not wait for what looks at it.
        from crontask.api.warn_expect import expect_warnings

        yield from expect_warnings(spec, spec.expect)


def _run_setting_warnings(spec: CronTaskSpec | ScheduledRunSpec) -> Iterator[Problem]:
    total = spec.total_timeout
    # Not of startTimeout: while a pod is refused it counts alone.
    if total is not None and spec.timeout is not None and spec.timeout > total:
        message = f"as it is longer than totalTimeout, {format_duration(total)}"
        yield _without_effect("timeout", message, "write a shorter one, or a longer totalTimeout")
    if spec.retry is not None:
        yield from _retry_warnings(spec.retry)


def _retry_warnings(retry: Retry) -> Iterator[Problem]:
    default = Retry()
    written = [name for name in ("initial", "factor", "max") if getattr(retry, name) != getattr(default, name)]
    if retry.limit == 0 and (written or retry.non_retryable_exit_codes):
        field = to_camel(written[0]) if written else "nonRetryableExitCodes"
        message = "on failures while retry.limit is 0: only lost attempts are tried again"
        yield _without_effect(f"retry.{field}", message, "write limit, like limit: 3")
    if retry.initial > retry.max:
        message = f"beyond retry.max, {format_duration(retry.max)}: no pause is longer"
        yield _without_effect("retry.initial", message, "write a shorter one, or a longer max")
    if retry.on_lost == "Fail" and retry.max_lost != default.max_lost:
        yield _without_effect("retry.maxLost", "with onLost: Fail, which tries no lost attempt again", _REMOVE)
