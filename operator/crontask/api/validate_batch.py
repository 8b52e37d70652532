"""The validation of batches: what runs for each, what it is given, and where the first one begins."""

from collections.abc import Iterator
from typing import Any

import orjson

from crontask.api.composite import LONGEST_CURSOR, Batch
from crontask.api.crontask import CronTaskSpec
from crontask.api.policies import ConcurrencyPolicy
from crontask.api.problem import Problem
from crontask.api.reference import references_in
from crontask.api.simple_handler import SimpleHandler
from crontask.api.validate_handler import simple_problems, timeout_problems, variant_problems
from crontask.api.validate_reference import found_problems

_VARIANTS = ("container", "pod_template", "python")
ONE_BATCH_HANDLER = "exactly one of container, podTemplate, python must be set"
NO_HTTP = ("an answer has no cursor", "write python, and make the call there")
ONLY_PYTHON = ("goes with handler.python only, which can be called again", "remove it, or write python")
ONE_AT_A_TIME = ("with continueFrom: LastRun one run is at a time", "write max: 1")
ONLY_OF_TASKS = (
    "LastRun is of the runs of a CronTask, and this run has none",
    "remove it, or write where to begin as spec.cursor",
)
_ROOTS = ("args", "run", "trigger", "cursor", "batch", "size")


def batch_problems(asked: Batch, path: str) -> Iterator[Problem]:
    """Everything that is wrong with it."""
    yield from timeout_problems(asked.timeout, f"{path}.timeout")
    if asked.reuse_pod_for is not None and asked.handler.python is None:
        yield Problem(f"{path}.reusePodFor", *ONLY_PYTHON)
    yield from _handler_problems(asked.handler, f"{path}.handler")
    for found in references_in(asked.args, f"{path}.args"):
        yield from found_problems(found, _ROOTS, so_far=False)


def _handler_problems(handler: SimpleHandler, path: str) -> Iterator[Problem]:
    if handler.http is not None:
        yield Problem(f"{path}.http", *NO_HTTP)
        handler = handler.model_copy(update={"http": None})
    else:
        yield from variant_problems(handler, _VARIANTS, ONE_BATCH_HANDLER, path)
    yield from simple_problems(handler, path, pod_goes_too=handler.pod_template is None)


def continuing_problems(spec: CronTaskSpec) -> Iterator[Problem]:
    """Of a task whose runs go on where the one before ended: two at a time would both begin there."""
    batch, concurrency = spec.handler.batch, spec.concurrency
    if batch is None or batch.continue_from != "LastRun":
        return
    if (concurrency.max or 1) > 1 or (concurrency.policy is ConcurrencyPolicy.ALLOW and concurrency.max is None):
        yield Problem("spec.concurrency", *ONE_AT_A_TIME)


def without_task_problems(asked: Batch, path: str) -> Iterator[Problem]:
    """Of a run with a handler of its own: no run came before it."""
    if asked.continue_from == "LastRun":
        yield Problem(f"{path}.continueFrom", *ONLY_OF_TASKS)


def cursor_problems(cursor: Any, *, of_batch: bool, path: str = "spec.cursor") -> Iterator[Problem]:
    """What is wrong with where a run is to begin. `of_batch`: it may be one in batches."""
    if cursor is None:
        return
    if not of_batch:
        yield Problem(path, "is where a batch begins, and the run is none", "remove it, or write handler.batch")
    size = len(orjson.dumps(cursor))
    if size > LONGEST_CURSOR:
        message = f"has {size} bytes as JSON, over {LONGEST_CURSOR}"
        yield Problem(path, message, "write a shorter one, like the key of the last item")
