"""The handlers of one pod that a handler consists of: where each stands, and what it is given."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crontask.api.composite import TOTALS
from crontask.api.handler import Handler
from crontask.api.simple_handler import SimpleHandler


@dataclass(frozen=True, slots=True)
class SimplePart:
    """A handler of one pod, or a task or an approval instead. `args`: its own, None where it is given those of the run.

    `args_path`: where these stand or would; `beside`: what else it is given; `of`: how people call what it belongs to.
    """

    path: str
    handler: SimpleHandler
    args: Mapping[str, Any] | None
    args_path: str
    of: str = "the step"
    beside: tuple[str, ...] = ()


def simple_parts(handler: Handler, path: str) -> Iterator[SimplePart]:
    """Of a handler that consists of parts, those; of any other, itself."""
    if not handler.composite:
        yield SimplePart(path, handler, None, f"{path}.args", "the handler")
    for index, step in enumerate(handler.steps or ()):
        where = f"{path}.steps[{index}]"
        yield SimplePart(where, step, step.args, f"{where}.args")
        if step.compensate is not None:
            undo = f"{where}.compensate"
            yield SimplePart(undo, step.compensate, step.compensate.args, f"{undo}.args")
    each, batch = handler.for_each, handler.batch
    if each is not None:
        yield SimplePart(f"{path}.forEach.handler", each.handler, each.args, f"{path}.forEach.args", "forEach")
        if each.collect is not None:
            where = f"{path}.forEach.collect"
            # It is not given those of the run.
            own = each.collect.args or {}
            yield SimplePart(where, each.collect, own, f"{where}.args", "collect", TOTALS)
    if batch is not None:
        yield SimplePart(f"{path}.batch.handler", batch.handler, batch.args, f"{path}.batch.args", "batch")
