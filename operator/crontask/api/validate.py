"""One validation of a spec: for admission, for the Ready condition, for the command line.

`validate_task` and `validate_run` take a spec as parsed JSON and return every problem found; an empty tuple means that
the spec is good.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import orjson
from pydantic.alias_generators import to_camel

from crontask.api.base import FIRST_YEAR, OUTSIDE_DATE, OUTSIDE_TIME, Model
from crontask.api.crontask import CronTaskSpec
from crontask.api.names import DNS_LABEL
from crontask.api.parse import Rules, parse
from crontask.api.policies import ConcurrencyPolicy
from crontask.api.problem import Problem
from crontask.api.rerun import rerun_problems
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.api.validate_handler import handler_problems, timeout_problems
from crontask.api.validate_times import expressions_of, never_due_problems
from crontask.api.written import shown
from crontask.timetable import CronError, ZoneError, load_zone, parse_cron

LONGEST_NAME = 52
LONGEST_RUN_NAME = 60
# Fractions of a second count as the next one, and this has none.
_LAST_TIME = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
LONGEST_ARGS = 100 * 1024
TIMINGS = ("schedule", "schedules", "interval", "delay", "after")
CANCEL_MODE_ALONE = "goes with cancel: true only; add it, or remove cancelMode"
NOTHING_EXPECTED = "says nothing; write finishWithin or successWithin"
TOO_MANY_TIMINGS = "at most one of schedule, schedules, interval, delay and after can be set"

M = TypeVar("M", bound=Model)


def validate_task(spec: Any, identity: str = "") -> tuple[CronTaskSpec | None, tuple[Problem, ...]]:
    """The parsed spec (None if it cannot be used) and its problems. `identity` is `namespace/name`, for `H`."""
    return _validate(CronTaskSpec, spec, partial(_task_problems, identity=identity))


def validate_name(name: Any, longest: int = LONGEST_NAME) -> tuple[Problem, ...]:
    """The problems of an object's name, which its runs and pods build theirs from; by default of a CronTask's."""
    if isinstance(name, str) and len(name) <= longest and DNS_LABEL.fullmatch(name):
        return ()
    message = f"{shown(name)} is not a DNS label of at most {longest} characters"
    return (Problem("metadata.name", message, _label_like(name, longest)),)


def _label_like(name: Any, longest: int) -> str:
    """Advice with the nearest name that is one."""
    nearest = re.sub("[^a-z0-9]+", "-", str(name).lower()[:1000])[: longest + 1].strip("-")[:longest].rstrip("-")
    example = f", like {nearest}" if isinstance(name, str) and nearest else ""
    return f"write lower case letters, digits and -{example}"


def validate_run(spec: Any) -> tuple[ScheduledRunSpec | None, tuple[Problem, ...]]:
    """The parsed spec (None if it cannot be used) and its problems."""
    return _validate(ScheduledRunSpec, spec, _run_problems)


def _validate(model: type[M], spec: Any, rules: Rules[M]) -> tuple[M | None, tuple[Problem, ...]]:
    if spec is None:
        return None, (Problem("spec", "there is no spec", "write what to run and when under spec:"),)
    if not isinstance(spec, dict):
        message = f"must be an object, not {shown(spec)}"
        return None, (Problem("spec", message, "write what to run and when under spec:"),)
    return parse(model, spec, "spec", rules)


def _task_problems(spec: CronTaskSpec, identity: str) -> Iterator[Problem]:
    timing = (
        *_timing_problems(spec, identity),
        *_duration_problems(spec, "interval", "starting_deadline", "timeout"),
        *_time_problems(spec, "start_time", "end_time", "suspend_until"),
    )
    yield from _expect_problems(spec)
    # Times are computed of what can be computed with.
    yield from timing or never_due_problems(spec, identity)
    yield from handler_problems(spec.handler)
    if spec.handler.batch is not None:
        from crontask.api.validate_batch import continuing_problems

        yield from continuing_problems(spec)
    yield from _args_problems(spec.args)
    yield from _schema_problems(spec)


def _timing_problems(spec: CronTaskSpec, identity: str) -> Iterator[Problem]:
    given = [name for name in TIMINGS if getattr(spec, name) is not None]
    if len(given) > 1:
        yield Problem("spec", TOO_MANY_TIMINGS, f"keep one of {' and '.join(given)}")
    for path, text in expressions_of(spec):
        try:
            parse_cron(text, identity)
        except CronError as error:
            yield Problem(path, error.message, error.fix)
    try:
        load_zone(spec.time_zone)
    except ZoneError as error:
        yield Problem("spec.timeZone", error.message, error.fix)
    if spec.start_time is not None and spec.end_time is not None and spec.start_time >= spec.end_time:
        yield Problem(
            "spec.startTime", "is not before endTime, so that nothing would ever be due", "correct one of them"
        )
    for index, dates in enumerate(spec.skip):
        for name, date in (("from", dates.from_), ("to", dates.to)):
            if date is not None and date.year < FIRST_YEAR:
                yield Problem(f"spec.skip[{index}].{name}", *OUTSIDE_DATE)
        if dates.last < dates.from_:
            yield Problem(f"spec.skip[{index}].to", "is before from", "swap them")
    if spec.delay is not None:
        yield from _delay_problems(spec)
    if spec.after is not None and spec.after.task == identity.rpartition("/")[2]:
        yield Problem("spec.after.task", "a task cannot come after itself", "name another task")


def _delay_problems(spec: CronTaskSpec) -> Iterator[Problem]:
    for field in ("starting_deadline", "catch_up"):
        if field in spec.model_fields_set:
            yield Problem(f"spec.{to_camel(field)}", "has no meaning with delay, which is never missed", "remove it")
    if spec.concurrency.policy is not ConcurrencyPolicy.FORBID:
        yield Problem("spec.concurrency.policy", "can only be Forbid with delay", "remove it")


def _duration_problems(spec: CronTaskSpec | ScheduledRunSpec, *fields: str) -> Iterator[Problem]:
    for field in fields:
        yield from timeout_problems(getattr(spec, field), f"spec.{to_camel(field)}")


def _expect_problems(spec: CronTaskSpec) -> Iterator[Problem]:
    if spec.expect is None:
        return
    if spec.expect.finish_within is None and spec.expect.success_within is None:
        yield Problem("spec.expect", *NOTHING_EXPECTED.split("; "))
    for field in ("finish_within", "success_within"):
        yield from timeout_problems(getattr(spec.expect, field), f"spec.expect.{to_camel(field)}")


def _time_problems(spec: CronTaskSpec | ScheduledRunSpec, *fields: str) -> Iterator[Problem]:
    for field in fields:
        value = getattr(spec, field)
        if value is not None and (value.year < FIRST_YEAR or value > _LAST_TIME):
            yield Problem(f"spec.{to_camel(field)}", *OUTSIDE_TIME)


def _args_problems(args: dict[str, Any]) -> Iterator[Problem]:
    size = len(orjson.dumps(args))
    if size > LONGEST_ARGS:
        yield Problem("spec.args", f"has {size} bytes as JSON, over {LONGEST_ARGS}", "hand over a reference instead")


def starts_by_itself(spec: CronTaskSpec) -> bool:
    """Whether its timing starts runs; of any other each run is asked for, and may bring args."""
    return any(getattr(spec, field) is not None for field in TIMINGS)


def _schema_problems(spec: CronTaskSpec) -> Iterator[Problem]:
    if spec.args_schema is None and spec.result_schema is None:
        return
    # Few tasks have one, and the command line, which looks at one task and ends, loads what it needs.
    from crontask.api.json_schema import SchemaError, check_schema, violations

    usable = True
    for field, schema in (("argsSchema", spec.args_schema), ("resultSchema", spec.result_schema)):
        try:
            if schema is not None:
                check_schema(schema)
        except SchemaError as error:
            usable = False
            fix = "see https://json-schema.org for what a schema may say"
            yield from (Problem(f"spec.{field}{path}", message, fix) for path, message in error.violations)
    if usable and spec.args_schema is not None and starts_by_itself(spec):
        # Of a task that only people start, each run may bring what is missing.
        for path, message in violations(spec.args_schema, spec.args):
            yield Problem(f"spec.args{path}", message, "write what spec.argsSchema asks for")


def _run_problems(spec: ScheduledRunSpec) -> Iterator[Problem]:
    if spec.cancel_mode is not None and not spec.cancel:
        yield Problem("spec.cancelMode", *CANCEL_MODE_ALONE.split("; "))
    yield from rerun_problems(spec.rerun_of, has_handler=spec.handler is not None)
    if spec.rerun_of is None and (spec.task_ref is None) == (spec.handler is None):
        yield Problem("spec", "exactly one of taskRef and handler must be set", "name a CronTask or say what runs")
    follows = spec.on_complete.task_ref if spec.on_complete is not None else None
    for field, ref in (("taskRef", spec.task_ref), ("onComplete.taskRef", follows)):
        if ref is not None and validate_name(ref.name):
            message = f"{ref.name!r} is not the name of a CronTask: a DNS label of at most {LONGEST_NAME} characters"
            yield Problem(f"spec.{field}.name", message, "write lower case letters, digits and -")
    if spec.at is not None and spec.delay is not None:
        yield Problem("spec", "at and delay are both set", "keep one of them")
    yield from _duration_problems(spec, "timeout")
    yield from _time_problems(spec, "at", "scheduled_time")
    if spec.handler is not None:
        yield from handler_problems(spec.handler)
    yield from _batch_problems(spec)
    yield from _args_problems(spec.args)


def _batch_problems(spec: ScheduledRunSpec) -> Iterator[Problem]:
    """Of the few runs that are in batches, or are meant to be."""
    batch = spec.handler.batch if spec.handler is not None else None
    if batch is None and spec.cursor is None:
        return
    from crontask.api.validate_batch import cursor_problems, without_task_problems

    if batch is not None:
        yield from without_task_problems(batch, "spec.handler.batch")
    # Of a task nobody knows yet what it runs.
    yield from cursor_problems(spec.cursor, of_batch=spec.handler is None or batch is not None)
