"""In which order the steps of a workflow come: what each depends on, by the list, by dependsOn, and by references."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from crontask.api.composite import Step
from crontask.api.reference import Found, Reference, references_in


def is_graph(steps: Sequence[Step]) -> bool:
    """Whether the steps say themselves what they depend on; otherwise they go in list order."""
    return any(step.depends_on is not None for step in steps)


def dependencies(steps: Sequence[Step]) -> Mapping[str, tuple[str, ...]]:
    """What each step but `always` ones depends on, in list order. Names that there are not are left out."""
    graph = is_graph(steps)
    names = [step.name for step in steps if not step.always]
    found: dict[str, tuple[str, ...]] = {}
    for step in steps:
        if not step.always:
            before = names[max(0, len(found) - 1) : len(found)]
            asked = {*(step.depends_on or ()), *steps_referred_to(step)} if graph else set(before)
            found[step.name] = tuple(name for name in names if name in asked)
    return found


def steps_referred_to(step: Step) -> Iterator[str]:
    """The steps to whose results the args, or the condition, of a step refer."""
    for found in own_references(step, ""):
        if isinstance(found, Found) and (name := step_of(found.reference)) is not None:
            yield name


def own_references(step: Step, path: str) -> Iterator[Found | object]:
    """The references in what a step is given, and by which it is decided whether it runs."""
    yield from references_in(step.args, f"{path}.args")
    if step.when is not None:
        yield from references_in(step.when.value, f"{path}.when.value")


def step_of(reference: Reference) -> str | None:
    """The step that a reference is about, None for another root."""
    if reference.root != "steps" or not reference.path or not isinstance(reference.path[0], str):
        return None
    return reference.path[0]


def cycle_in(order: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Steps that wait for each other, the first of them at both ends; empty if there are none."""
    try:
        TopologicalSorter(order).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def topological(order: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The steps so that each comes after what it depends on."""
    return tuple(TopologicalSorter(order).static_order())
