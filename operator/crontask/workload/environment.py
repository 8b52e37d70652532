"""The environment that every handler's containers are given."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from crontask.api.base import format_time
from crontask.api.scheduledrun import BatchPart, Parent, ReusedPod
from crontask.api.trigger import Trigger, trigger_json


@dataclass(frozen=True, slots=True)
class Interval:
    """The nominal times around a run's own: the data that it is about reaches from one to the next."""

    previous: datetime | None = None
    next: datetime | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Which run, of which task, and which attempt of it. `task` is empty for a run on its own.

    `group`: the concurrency group of the task, None without one. `parent`: of a part, what it is a part of. `key`: its
    idempotency key, where it is not its own: of a run that runs another again.
    """

    task: str
    namespace: str
    run: str
    run_uid: str
    attempt: int
    group: str | None = None
    parent: Parent | None = None
    key: str | None = None


def environment(
    identity: Identity,
    scheduled: datetime,
    interval: Interval,
    args: dict[str, Any],
    trigger: Trigger | None = None,
) -> list[dict[str, str]]:
    """The variables as core/v1 EnvVars. The idempotency key is the same in each attempt."""
    parent = identity.parent
    values = {
        "CRONTASK_NAME": identity.task,
        "CRONTASK_NAMESPACE": identity.namespace,
        "CRONTASK_RUN": identity.run,
        "CRONTASK_RUN_UID": identity.run_uid,
        "CRONTASK_ATTEMPT": str(identity.attempt),
        "CRONTASK_SCHEDULED_TIME": format_time(scheduled),
        "CRONTASK_PREVIOUS_SCHEDULED_TIME": format_time(interval.previous) if interval.previous else "",
        "CRONTASK_NEXT_SCHEDULED_TIME": format_time(interval.next) if interval.next else "",
        "CRONTASK_IDEMPOTENCY_KEY": parent.key if parent is not None else identity.key or identity.run_uid,
        "CRONTASK_ARGS": orjson.dumps(args, option=orjson.OPT_SORT_KEYS).decode(),
    }
    if parent is not None:
        values["CRONTASK_PARENT_RUN"] = parent.name
        values |= _of_part(parent)
    if trigger is not None:
        values["CRONTASK_TRIGGER"] = trigger_json(trigger)
    return [variable(name, value) for name, value in values.items()]


def _of_part(parent: Parent) -> dict[str, str]:
    """Which part of its parent it is."""
    if parent.item is not None:
        item = orjson.dumps(parent.item.value, option=orjson.OPT_SORT_KEYS).decode()
        return {"CRONTASK_ITEM": item, "CRONTASK_ITEM_INDEX": str(parent.item.index)}
    if parent.batch is not None:
        return _of_batch(parent.batch)
    step = parent.step or parent.undo
    return {"CRONTASK_STEP": step} if step is not None else {}


def _of_batch(batch: BatchPart) -> dict[str, str]:
    found = {"CRONTASK_BATCH": str(batch.number), "CRONTASK_BATCH_SIZE": str(batch.size)}
    if batch.reuse is not None:
        found["CRONTASK_REUSE"] = _of_pod(batch.reuse)
    if batch.cursor is None:
        return found
    return {**found, "CRONTASK_CURSOR": orjson.dumps(batch.cursor, option=orjson.OPT_SORT_KEYS).decode()}


def _of_pod(reuse: ReusedPod) -> str:
    """How the runner goes on with other batches, in seconds."""
    asked: dict[str, Any] = {"for": reuse.for_.total_seconds(), "most": reuse.most}
    if reuse.delay:
        asked["delay"] = reuse.delay.total_seconds()
    if reuse.timeout is not None:
        asked["timeout"] = reuse.timeout.total_seconds()
    if reuse.args:
        asked["args"] = reuse.args
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS).decode()


def variable(name: str, value: str) -> dict[str, str]:
    """A core/v1 EnvVar of that very value: a kubelet would put other variables where it has `$(NAME)`."""
    return {"name": name, "value": value.replace("$", "$$")}
