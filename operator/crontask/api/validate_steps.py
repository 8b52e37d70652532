"""The validation of a workflow: its steps, their order, and what they refer to."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from crontask.api.composite import LONGEST_STEP_NAME, Compensation, Step, When
from crontask.api.handler import Handler
from crontask.api.names import DNS_LABEL
from crontask.api.problem import Problem
from crontask.api.reference import Found, Reference, references_in
from crontask.api.step_order import cycle_in, dependencies, is_graph, own_references, step_of
from crontask.api.validate_approval import approval_problems
from crontask.api.validate_handler import (
    ONE_HANDLER,
    ONE_OF_STEP,
    SIMPLE_VARIANTS,
    STEP_VARIANTS,
    simple_problems,
    task_problems,
    timeout_problems,
    variant_problems,
)
from crontask.api.validate_reference import root_problems
from crontask.api.written import one_of, shown

_OF_A_STEP = ("result", "phase", "message")
ROOTS_OF_STEPS = ("args", "run", "steps", "trigger")


def steps_problems(handler: Handler, path: str) -> Iterator[Problem]:
    """Everything that is wrong with the steps of a handler."""
    steps = handler.steps or ()
    yield from _name_problems(steps, f"{path}.steps")
    for index, step in enumerate(steps):
        yield from _step_problems(step, f"{path}.steps[{index}]")
    names = [step.name for step in steps]
    if handler.step_result_from is not None and handler.step_result_from not in names:
        yield _unknown_step(handler.step_result_from, names, f"{path}.stepResultFrom")
    yield from _order_problems(steps, f"{path}.steps")
    if len(set(names)) == len(names):
        yield from _cycle_problems(steps, f"{path}.steps")
        yield from _reference_problems(steps, f"{path}.steps")


def _name_problems(steps: Sequence[Step], path: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, step in enumerate(steps):
        where = f"{path}[{index}].name"
        if not DNS_LABEL.fullmatch(step.name):
            message = f"{shown(step.name)} is not a DNS label of at most {LONGEST_STEP_NAME} characters"
            yield Problem(where, message, "write lower case letters, digits and -")
        elif step.name in first:
            yield Problem(where, f"is that of steps[{first[step.name]}] as well", "rename one of them")
        first.setdefault(step.name, index)


def _step_problems(step: Step, path: str) -> Iterator[Problem]:
    yield from variant_problems(step, STEP_VARIANTS, ONE_OF_STEP, path)
    if step.task is not None:
        yield from task_problems(step, ("retry", "start_timeout"), path)
    yield from simple_problems(step, path)
    if step.approval is not None:
        yield from approval_problems(step, step.approval, path)
    else:
        yield from timeout_problems(step.timeout, f"{path}.timeout")
    if step.when is not None:
        yield from _when_problems(step.when, f"{path}.when")
    if step.always:
        for name, value in (("dependsOn", step.depends_on), ("compensate", step.compensate)):
            if value is not None:
                message = "does not go with always: the step runs last, whatever happens"
                yield Problem(f"{path}.{name}", message, "remove it")
    if step.compensate is not None:
        yield from _compensation_problems(step.compensate, f"{path}.compensate")


def _when_problems(when: When, path: str) -> Iterator[Problem]:
    if (when.in_ is None) == (when.not_in is None):
        fix = "write one of them, like in: [true]" if when.in_ is None else "keep one of in and notIn"
        yield Problem(path, "exactly one of in and notIn must be set", fix)


def _compensation_problems(compensation: Compensation, path: str) -> Iterator[Problem]:
    yield from variant_problems(compensation, SIMPLE_VARIANTS, ONE_HANDLER, path)
    yield from simple_problems(compensation, path)
    yield from timeout_problems(compensation.timeout, f"{path}.timeout")


def _order_problems(steps: Sequence[Step], path: str) -> Iterator[Problem]:
    if not is_graph(steps):
        return
    names, always = [step.name for step in steps], {step.name for step in steps if step.always}
    for index, step in enumerate(steps):
        where = f"{path}[{index}].dependsOn"
        if step.depends_on is None and not step.always:
            message = f"is missing: step {step.name} would now start at once, since another step has dependsOn"
            yield Problem(where, message, "name what it follows, or write dependsOn: [] for a start")
        for at, name in enumerate(step.depends_on or ()):
            if name not in names:
                yield _unknown_step(name, names, f"{where}[{at}]")
            elif name == step.name:
                yield Problem(f"{where}[{at}]", "is the step itself", "remove it")
            elif name in always:
                yield Problem(f"{where}[{at}]", f"step {name} has always, and runs after all others", "remove it")


def _cycle_problems(steps: Sequence[Step], path: str) -> Iterator[Problem]:
    cycle = cycle_in(dependencies(steps)) if is_graph(steps) else ()
    if len(set(cycle)) > 1:
        message = f"the steps {' → '.join(cycle)} wait for each other, by dependsOn or by references"
        yield Problem(path, message, "remove one of these")


def _reference_problems(steps: Sequence[Step], path: str) -> Iterator[Problem]:
    by_name = {step.name: step for step in steps}
    graph = is_graph(steps)
    for index, step in enumerate(steps):
        where = f"{path}[{index}]"
        before = [other.name for other in steps[:index]]
        if step.always:
            before = [other.name for other in steps if not other.always or other.name in before]
        for found in own_references(step, where):
            yield from _checked(found, by_name, before if step.always or not graph else None, step)
        if step.compensate is not None:
            for found in references_in(step.compensate.args, f"{where}.compensate.args"):
                yield from _checked(found, by_name, None, None)


def _checked(
    found: object, steps: Mapping[str, Step], before: Sequence[str] | None, own: Step | None
) -> Iterator[Problem]:
    """What is wrong with a reference. `before`: the steps that it may name, None for any but `own`."""
    if isinstance(found, Problem):
        yield found
    if not isinstance(found, Found):
        return
    reference, path = found.reference, found.path
    if reference.root != "steps":
        meant = _meant(reference, steps) if reference.root not in ROOTS_OF_STEPS else None
        yield from root_problems(reference, path, ROOTS_OF_STEPS, so_far=own is None or own.always, meant=meant)
        return
    name = step_of(reference)
    if name is None:
        yield Problem(path, f"{reference} names no step", 'name one, like "${steps.fetch.result}"')
    elif name not in steps:
        yield _unknown_step(name, list(steps), path)
    elif own is not None and name == own.name:
        yield Problem(path, f"{reference} refers to the step itself", "name a step before it")
    elif own is not None and not own.always and steps[name].always:
        yield Problem(path, f"{reference} refers to step {name}, which has always and runs last", "name another step")
    elif before is not None and name not in before:
        yield Problem(
            path, f"{reference} refers to step {name}, which comes later", "name a step before it, or reorder"
        )
    elif len(reference.path) < 2 or reference.path[1] not in _OF_A_STEP:
        said = f"write steps.{name}.{' or .'.join(_OF_A_STEP)}"
        yield Problem(path, f"{reference} names nothing that a step has", _meant(reference, steps) or said)


def _meant(reference: Reference, steps: Collection[str]) -> str | None:
    """What to write instead of a reference by the names of others."""
    # Only what is wrong needs it.
    from crontask.api.near_reference import in_quotes, translated

    better = translated(reference, steps)
    return f"write {in_quotes(better)}" if better != reference and better.root in ROOTS_OF_STEPS else None


def _unknown_step(name: str, names: Sequence[str], path: str) -> Problem:
    close = get_close_matches(name, names, 1)
    fix = f"did you mean {close[0]}?" if close else f"write {one_of(list(names))}"
    return Problem(path, f"there is no step {shown(name)}", fix)
