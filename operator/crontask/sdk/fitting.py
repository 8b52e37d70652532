"""Whether a run that is asked for fits its task, looked at before it is sent. Called by the clients.

An API server takes a run of a task that there is not, which waits for it, and args that do not fit, of which the
operator says so when it starts. Whoever has mistyped either should know at once.
"""

from collections.abc import Mapping
from typing import Any

from crontask.api.resources import CRON_TASK
from crontask.client.requests import Document
from crontask.runner.fitting import misfit, no_such_task
from crontask.sdk import errors
from crontask.sdk.asking import Asking


async def check_fits(
    asking: Asking, name: str, args: Mapping[str, Any] | None, namespace: str | None, *, missing_ok: bool
) -> None:
    """Raises UnknownTask, and BadInput for args. Without the right to read tasks nothing is checked here."""
    try:
        task = await asking.get(CRON_TASK, name, namespace)
    except errors.Forbidden:
        return
    except errors.NotFound as error:
        if error.unknown_resource:
            raise
        if missing_ok:
            return
        there = [found["metadata"]["name"] for found in await _tasks(asking, namespace)]
        problem, fix = no_such_task(name, asking.inside(namespace), there)
        raise errors.UnknownTask(error, f"{problem}; {fix}") from None
    check_args(task, args or {})


def check_args(task: Document, args: Mapping[str, Any]) -> None:
    """Raises BadInput for args that do not fit the argsSchema of the task, together with those that it has itself."""
    found = misfit(task, args)
    if found is not None:
        raise errors.BadInput(*found)
    schema = task["spec"].get("argsSchema")
    if schema is None:
        return
    from crontask.api.json_schema import SchemaError, check_schema, violations

    try:
        check_schema(schema)
    except SchemaError:
        # The operator says what is wrong with the task; that is not what is asked for here.
        return
    for path, message in violations(schema, {**(task["spec"].get("args") or {}), **args}):
        raise errors.BadInput(f"args{path}", message, f"write what the argsSchema of {task['metadata']['name']} says")


async def _tasks(asking: Asking, namespace: str | None) -> list[Document]:
    try:
        return await asking.list(CRON_TASK, namespace)
    except errors.Forbidden:
        return []
