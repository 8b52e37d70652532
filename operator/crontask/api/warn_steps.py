"""Warnings about a good composite: what has no effect, what is never there, what looks like a reference and is none."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from crontask.api.composite import ForEach, Step, When
from crontask.api.crontask import CronTaskSpec
from crontask.api.handler import Handler
from crontask.api.problem import Problem
from crontask.api.reference import Found, MissingError, Reference, references_in, resolve, value_at
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.api.simple_handler import SimpleHandler
from crontask.api.simple_parts import simple_parts
from crontask.api.step_order import is_graph
from crontask.api.trigger import Trigger
from crontask.api.unread_reference import in_a_handler, in_args, in_data
from crontask.api.validate import starts_by_itself
from crontask.api.warn_known import condition_warnings, items_warnings, phase_warnings, times_warnings
from crontask.api.written import one_of

_NEAR = 0.7
_EXAMPLE = "${steps.fetch.result.id}"
_EXAMPLES = {"forEach": "${item.id}", "collect": "${args.id}", "batch": "${cursor.page}"}
_TRIGGER = tuple(field.alias or name for name, field in Trigger.model_fields.items())


def workflow_warnings(spec: CronTaskSpec | ScheduledRunSpec, *, triggered: bool = False) -> Iterator[Problem]:
    """Of a task or a run that consists of parts. `triggered`: the run says what has caused it."""
    handler = spec.handler
    if handler is None or not handler.composite:
        return
    if handler.steps is not None:
        yield from _beside_steps(handler, "spec.handler")
    if handler.pod is not None:
        yield from in_a_handler(SimpleHandler(pod=handler.pod), "spec.handler", _whole(handler))
    for index, step in enumerate(handler.steps or ()):
        path = f"spec.handler.steps[{index}]"
        yield from _without_effect(step, path)
        if step.when is not None:
            yield from _of_a_condition(step.when, f"{path}.when")
            if isinstance(spec, ScheduledRunSpec):
                yield from condition_warnings(step.when, spec.args, f"{path}.when")
    if handler.for_each is not None:
        yield from _of_items(handler.for_each, spec, "spec.handler.forEach")
    for part in simple_parts(handler, "spec.handler"):
        yield from in_args(part.args, part.args_path, _EXAMPLES.get(part.of, _EXAMPLE))
        yield from in_a_handler(part.handler, part.path, part.of)
    for found in _references(handler, "spec.handler"):
        yield from _never_there(found, spec, triggered=triggered)
    why, fix = "args of the whole are data", f"write it into args of {_who_needs_it(handler)}"
    yield from in_data(spec.args, "spec.args", why, fix)


def _of_items(asked: ForEach, spec: CronTaskSpec | ScheduledRunSpec, path: str) -> Iterator[Problem]:
    """Of items that are written out, or that args are which no other run brings."""
    args = spec.args if isinstance(spec, ScheduledRunSpec) or starts_by_itself(spec) else None
    if args is not None:
        where = " where no ScheduledRun brings another" if isinstance(spec, CronTaskSpec) else ""
        yield from items_warnings(asked, args, path, where)
    yield from times_warnings(asked, args, path)


def _whole(handler: Handler) -> str:
    """How people call what the pod beside it is the default of."""
    if handler.for_each is not None:
        return "forEach"
    return "batch" if handler.batch is not None else "the step"


def _who_needs_it(handler: Handler) -> str:
    return "the steps that need it" if handler.steps is not None else _whole(handler)


def _beside_steps(handler: Handler, path: str) -> Iterator[Problem]:
    """Of the fields beside steps."""
    steps = handler.steps or ()
    if not is_graph(steps):
        one_by_one = "without dependsOn in the steps, which run one after the other"
        if handler.max_parallel is not None:
            yield _no_effect(f"{path}.maxParallel", one_by_one, "write dependsOn in each step, or remove it")
        if handler.on_failure == "Cancel":
            yield _no_effect(f"{path}.onFailure", one_by_one, "write dependsOn in each step, or remove it")
    if any(step.always and step.name == handler.step_result_from for step in steps):
        message = "names a step that has always: the run ends without a result"
        yield Problem(f"{path}.stepResultFrom", message, "name another step")


def _without_effect(step: Step, path: str) -> Iterator[Problem]:
    if step.compensate_when == "Started" and step.compensate is None:
        fix = "write compensate, with what undoes the step, or remove it"
        yield _no_effect(f"{path}.compensateWhen", "without compensate", fix)
    if step.always and step.continue_on_failure:
        why = "with always: if the step fails, so does a workflow that had succeeded"
        yield _no_effect(f"{path}.continueOnFailure", why, "remove it")
    if step.always and step.delay is not None:
        yield _no_effect(f"{path}.delay", "with always: the step runs when all others have ended", "remove it")


def _no_effect(path: str, why: str, fix: str) -> Problem:
    return Problem(path, f"has no effect {why}", fix)


def _of_a_condition(when: When, path: str) -> Iterator[Problem]:
    yield from in_args(when.value, f"{path}.value")
    for name, values in (("in", when.in_), ("notIn", when.not_in)):
        why = "it is compared with, and no reference is read in it"
        yield from in_data(list(values or ()), f"{path}.{name}", why, "write it as value, and what it may be here")
    yield from phase_warnings(when, path)
    if any(references_in(when.value, path)):
        return
    outcome = "always runs" if when.holds(resolve(when.value, _nothing)) else "never runs"
    message = f"is the same in each run, as it has no reference: the step {outcome}"
    yield Problem(f"{path}.value", message, 'write a reference, like value: "${args.full}", or remove when')


def _nothing(reference: Reference, has_default: bool) -> Any:
    raise MissingError(str(reference))


# --- references to what is not there ---------------------------------------------------------------------------------


def _references(handler: Handler, path: str) -> Iterator[Found]:
    found: list[Found | object] = []
    for index, step in enumerate(handler.steps or ()):
        if step.when is not None:
            found += references_in(step.when.value, f"{path}.steps[{index}].when.value")
    if handler.for_each is not None:
        found += references_in(handler.for_each.items, f"{path}.forEach.items")
        found += references_in(handler.for_each.scheduled_time, f"{path}.forEach.scheduledTime")
    for part in simple_parts(handler, path):
        found += references_in(part.args, part.args_path)
    yield from (each for each in found if isinstance(each, Found) and not each.has_default)


def _never_there(found: Found, spec: CronTaskSpec | ScheduledRunSpec, *, triggered: bool) -> Iterator[Problem]:
    """What a reference without a default names, and is not in a run that is known to come."""
    reference = found.reference
    if reference.root == "trigger" and reference.path and reference.path[0] not in _TRIGGER:
        yield Problem(found.path, f"{reference} is not there", f"write trigger.{one_of(_TRIGGER)}")
        return
    if isinstance(spec, CronTaskSpec) and not starts_by_itself(spec):
        # Whoever starts a run of it may bring what is missing.
        return
    if reference.root == "args":
        yield from _missing_args(found, spec)
    elif reference.root == "trigger":
        yield from _missing_trigger(found, spec, triggered=triggered)


def _missing_args(found: Found, spec: CronTaskSpec | ScheduledRunSpec) -> Iterator[Problem]:
    reference, args, in_schema = found.reference, spec.args, _known_to_schema(spec)
    top = reference.path[0] if reference.path else None
    if top not in args and (in_schema is None or top in in_schema):
        return
    try:
        value_at(args, reference)
    except MissingError as error:
        missing = f"{reference} is missing"
        why = str(error).removeprefix(missing)
        where = " where no ScheduledRun brings it" if isinstance(spec, CronTaskSpec) else ""
        close = get_close_matches(str(top), [*args, *(in_schema or ())], 1, _NEAR) if top not in args else []
        fix = f"did you mean args.{close[0]}?" if close else "add it to spec.args, or write a default"
        yield Problem(found.path, f"{missing}{where}{why}", fix)


def _known_to_schema(spec: CronTaskSpec | ScheduledRunSpec) -> frozenset[str] | None:
    """The args that argsSchema mentions, whatever it says of them; None where it may be any."""
    schema = spec.args_schema if isinstance(spec, CronTaskSpec) else None
    names = set[str]()
    open_: list[Any] = [schema]
    while open_:
        part = open_.pop()
        if isinstance(part, list):
            open_ += part
        if not isinstance(part, dict):
            continue
        if part.keys() & {"$ref", "$dynamicRef", "patternProperties", "propertyNames"}:
            return None
        for name in ("properties", "dependentSchemas"):
            names |= part.get(name, {}).keys() if isinstance(part.get(name), dict) else set()
        required = part.get("required")
        names |= {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
        open_ += [part.get(name) for name in ("allOf", "anyOf", "oneOf", "if", "then", "else", "not")]
    return frozenset(names)


def _missing_trigger(found: Found, spec: CronTaskSpec | ScheduledRunSpec, *, triggered: bool) -> Iterator[Problem]:
    """Of a task's runs, those that its timing starts; another run that ends may start one more by onComplete."""
    of_a_task = isinstance(spec, CronTaskSpec)
    caused = spec.after is not None if isinstance(spec, CronTaskSpec) else triggered
    # As a whole it is null there.
    if caused or (of_a_task and not found.reference.path):
        return
    where = " in the runs that the task starts by itself" if of_a_task else ""
    message = f"{found.reference} is missing{where}: only what after or onComplete has started has a trigger"
    yield Problem(found.path, message, "write a default, or another reference")
