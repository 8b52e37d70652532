"""The ScheduledRun that is a part of a composite run: a run with a handler and args of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crontask.api.base import format_duration, format_time
from crontask.api.handler import Handler
from crontask.api.names import LABEL_PARENT, LABEL_TASK
from crontask.api.policies import Retry
from crontask.api.rerun import RerunOf
from crontask.api.scheduledrun import Parent
from crontask.api.simple_handler import SimpleHandler
from crontask.api.simple_parts import simple_parts
from crontask.api.validate_handler import SIMPLE_VARIANTS
from crontask.workload.merge import merged
from crontask.workload.pod import owner_reference
from crontask.workload.run import KIND, Document, build_run


@dataclass(frozen=True, slots=True)
class PartOf:
    """What is a part, and of what. `task`: of the run at the top, None without one. `scheduled`: its nominal time."""

    parent: Parent
    namespace: str
    task: str | None
    scheduled: datetime


def build_part(
    name: str,
    of: PartOf,
    handler: SimpleHandler | str,
    pod: Mapping[str, Any] | None,
    args: Mapping[str, Any],
    retry: Retry | None,
    timeout: timedelta | None,
    start_timeout: timedelta,
    annotations: Mapping[str, str] | None = None,
    rerun_of: RerunOf | None = None,
) -> Document:
    """A ScheduledRun to create. `handler`: what it runs, or whose run it is: of a CronTask with settings of its own.

    `pod`: a partial template over which the handler's own is merged. `rerun_of`: the run of that CronTask that it runs
    again.
    """
    spec: dict[str, Any] = {"parent": _parent(of.parent), "scheduledTime": format_time(of.scheduled)}
    if isinstance(handler, str):
        spec["taskRef"] = {"name": handler}
        if rerun_of is not None:
            spec["rerunOf"] = _dumped(rerun_of)
    else:
        spec["handler"] = _with_pod(_dumped(handler), pod, has_template=handler.pod_template is not None)
        spec["startTimeout"] = format_duration(start_timeout)
    if args:
        spec["args"] = dict(args)
    if retry is not None:
        spec["retry"] = _dumped(retry)
    if timeout is not None:
        spec["timeout"] = format_duration(timeout)
    body = build_run(of.namespace, name, spec, owner_reference(KIND, of.parent.name, of.parent.uid), annotations)
    named = handler if isinstance(handler, str) else of.task
    task = {LABEL_TASK: named} if named is not None else {}
    body["metadata"]["labels"] = {LABEL_PARENT: of.parent.name, **task}
    return body


def pod_handlers(handler: Handler) -> Iterator[tuple[str, SimpleHandler]]:
    """Each handler of a pod that a handler consists of, and where it stands; the whole, if that is one."""
    if not handler.composite:
        yield "", handler
        return
    for part in simple_parts(handler, ""):
        if any(getattr(part.handler, variant) is not None for variant in SIMPLE_VARIANTS):
            yield part.path.removeprefix("."), _beside(part.handler, handler.pod)


def _parent(parent: Parent) -> Document:
    document = _dumped(parent)
    if parent.item is not None:
        # As it was written: what is null in it is not left out.
        document["item"]["value"] = parent.item.value
    if parent.batch is not None and parent.batch.cursor is not None:
        document["batch"]["cursor"] = parent.batch.cursor
    if parent.batch is not None and parent.batch.reuse is not None and parent.batch.reuse.args is not None:
        document["batch"]["reuse"]["args"] = parent.batch.reuse.args
    return document


def _beside(handler: SimpleHandler, pod: Document | None) -> SimpleHandler:
    document = _with_pod(_dumped(handler), pod, has_template=handler.pod_template is not None)
    return SimpleHandler.model_validate(document)


def _dumped(model: Parent | SimpleHandler | Retry | RerunOf) -> Document:
    document: Document = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return document


def _with_pod(handler: Document, pod: Mapping[str, Any] | None, *, has_template: bool) -> Document:
    if pod is None or has_template:
        return handler
    own = handler.get("pod")
    return {**handler, "pod": merged(dict(pod), own) if own is not None else dict(pod)}
