"""What the API server refuses to create: what is known of that, whether it is tried again, and until when."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crontask.api.base import cut, format_duration

POD_REJECTED, RUN_REJECTED = "PodRejected", "RunRejected"
LONGEST_PAUSE = timedelta(seconds=30)
# What is put before them still fits in the status of an attempt, or of a step.
LONGEST_MESSAGE = 900
# An end is for good, and an undo that is given up is money not paid back. So one such answer is not enough: while a CRD
# or a policy is being rolled out, API servers refuse for a moment what they take before and after.
_ENOUGH = 3
# It was not asked for so long after it might have been: paused, or nobody could ask. That time does not count.
_FORGOTTEN = timedelta(minutes=5)
# As admission says it.
_NO_ACCOUNT = re.compile(r"error looking up service account ([-a-z0-9]+)/([-a-z0-9.]+): .*not found")
# That of may_trigger, and the role of the chart for it.
_MAY_TRIGGER = "crontask-trigger"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the API server answered to the creation of a pod, or of the run of a part, where it was a refusal.

    `final`: it will never be taken. Otherwise it is tried again at `retry_at`; `tries` were made since `since`.
    `alone`: the answer is about this object; whatever else is to be created may be taken. `said`: the answer, where the
    message says more.
    """

    reason: str
    message: str
    final: bool
    retry_at: datetime
    since: datetime
    tries: int = 1
    alone: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the run of a part is tried again, and which setting says so."""

    longest: timedelta
    setting: str


def with_advice(message: str) -> str:
    """What the API server says of a pod, with the commands that help where its service account is not there."""
    found = _NO_ACCOUNT.search(message)
    if found is None:
        return message
    namespace, name = found.groups()
    fix = f"write kubectl create serviceaccount {name} -n {namespace}"
    if name == _MAY_TRIGGER:
        bound = f"--clusterrole={name} --serviceaccount={namespace}:{name}"
        fix = f"{fix}; and kubectl create rolebinding {name} -n {namespace} {bound}"
    return f"{message}; {fix}"


def pause_after(tries: int, longest: timedelta = LONGEST_PAUSE) -> timedelta:
    """How long to wait after so many tries in vain."""
    return min(longest, timedelta(seconds=2 ** min(tries, 10)))


def of_part(before: Refusal | None, message: str, now: datetime, patience: Patience, *, alone: bool) -> Refusal:
    """The run of a part was refused, once more: what no retry mends is given up soon, the rest in the end."""
    before = _still(before, now)
    since = before.since if before is not None else now
    # As often in a row, and for the same kind of reason.
    tries = before.tries + 1 if before is not None and before.alone == alone else 1
    said, retry_at = cut(message, LONGEST_MESSAGE), now + pause_after(tries)
    if alone and tries >= _ENOUGH:
        return Refusal(RUN_REJECTED, said, True, retry_at, since, tries, alone)
    if now - since >= patience.longest:
        words = f"the run was refused for {format_duration(patience.longest)}, its {patience.setting}: {said}"
        return Refusal(RUN_REJECTED, words, True, retry_at, since, tries, alone, said)
    return Refusal(RUN_REJECTED, said, False, retry_at, since, tries, alone)


def beside(before: Refusal | None, other: Refusal, now: datetime, patience: Patience) -> Refusal:
    """What is not asked for, since the answer to another says that it would not be taken either."""
    said = other.said or other.message
    return replace(of_part(before, said, now, patience, alone=False), retry_at=other.retry_at)


def _still(before: Refusal | None, now: datetime) -> Refusal | None:
    return before if before is not None and now - before.retry_at < _FORGOTTEN else None
