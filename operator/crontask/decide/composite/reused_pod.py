"""What a pod that does one batch after the other has to know of those that come: until when, and with which args."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from crontask.api.composite import Batch
from crontask.api.reference import DEFAULT, REF, Reference, parse_reference
from crontask.api.scheduledrun import ReusedPod

# What is another one for each batch. All else that args refer to the whole run has.
_OF_EACH = ("cursor", "batch")


def reused_pod(asked: Batch, most: int) -> ReusedPod:
    """How such a pod goes. `most`: so many batches."""
    assert asked.reuse_pod_for is not None, "asked of those that reuse pods"
    late = list(_late(asked.args, ()))
    document = {"for": asked.reuse_pod_for, "delay": asked.delay, "timeout": asked.timeout, "most": most}
    return ReusedPod.model_validate({**document, "args": late or None})


def longest_of_pod(asked: Batch) -> timedelta | None:
    """How long such a pod may take, should its runner not end a batch that takes too long."""
    reuse = asked.reuse_pod_for
    return reuse + asked.timeout if reuse is not None and asked.timeout is not None else None


def _late(value: Any, at: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    """What in the args each batch has for itself: where it stands, and what it is a part of."""
    if isinstance(value, str):
        reference = parse_reference(value) if "${" in value else None
        if _is_late(reference):
            yield _written(at, reference)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _late(item, (*at, index))
    elif isinstance(value, dict):
        reference = (
            parse_reference(value[REF]) if set(value) == {REF, DEFAULT} and isinstance(value[REF], str) else None
        )
        if reference is None:
            for key, inner in value.items():
                yield from _late(inner, (*at, key))
        elif _is_late(reference):
            yield {**_written(at, reference), "default": value[DEFAULT]}


def _is_late(reference: Reference | None) -> bool:
    return reference is not None and reference.root in _OF_EACH


def _written(at: tuple[str | int, ...], reference: Reference | None) -> dict[str, Any]:
    assert reference is not None, "one that each batch has for itself"
    return {"at": list(at), "value": [reference.root, *reference.path]}
