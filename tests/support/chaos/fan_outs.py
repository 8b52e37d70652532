"""Fan-outs in a world: what a seed makes of them, and what must never be so of their items.

By the documents alone: nothing here asks the policy.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from random import Random

from chaos.given import given_to
from chaos.record import TERMINAL
from crontask.ports import Document
from crontask.simulation.kubelet import Plan

_CONTAINER = {"container": {"image": "busybox:1.36"}}
_LETTERS = {"Succeeded": "S", "Partial": "P", "Failed": "F", "TimedOut": "T", "Canceled": "C", "Skipped": "N"}


def make_fan_out(number: float) -> Document:
    """A handler with a few items, some of which may fail, and sometimes something that collects."""
    random = Random(number)
    fan: Document = {
        "items": random.choice([0, 1, 3, ["a", "b", "c", "d"], 6]),
        "parallelism": random.choice([1, 2, 10]),
        "failurePolicy": random.choice(["Continue", "Stop", "FailFast"]),
        "maxFailed": random.choice([0, 1, "50%"]),
        "handler": dict(_CONTAINER),
        "timeout": "20s",
    }
    if random.random() < 0.4:
        fan["retry"] = {"limit": 1, "max": "2s", "onLost": random.choice(["Retry", "Fail"])}
    if random.random() < 0.4:
        fan["collect"] = {**_CONTAINER, "timeout": "20s", "retry": {"limit": 0, "maxLost": 1}}
    return {"forEach": fan}


def with_counts(plan: Callable[[Document], Plan]) -> Callable[[Document], Plan]:
    """How pods go; that of an item says that it has processed as many as its place in the list says, and one more."""

    def planned(pod: Document) -> Plan:
        seen = given_to(pod)
        if "CRONTASK_ITEM_INDEX" not in seen:
            return plan(pod)
        return replace(plan(pod), message=json.dumps({"processedCount": int(seen["CRONTASK_ITEM_INDEX"]) + 1}))

    return planned


def letters(status: Document) -> str:
    """A letter an item."""
    found = re.findall(r"([A-Z-])(\d*)", status["items"]["ends"])
    return "".join(letter * int(times or 1) for letter, times in found)


def why_no_item(
    asked: Document, parts: Mapping[str, list[Document]], removed: set[str], taken: set[str], ends: str
) -> Iterator[str]:
    """Why the pod of an item, or of what collects, should not be made. `taken`: of runs that are no parts, or refused.

    `ends`: the letters of the items, as they are recorded.
    """
    if "item" not in asked:
        last = {part: runs[-1] for part, runs in parts.items() if part != "collect"}
        known = {part: run for part, run in last.items() if run["metadata"]["uid"] not in removed}
        open_ = [part for part, run in known.items() if not _has_ended(run)]
        if open_:
            yield f"though items {', '.join(open_)} have not ended"
        return
    index = asked["item"]["index"]
    skipped = [str(other) for other in range(index) if str(other) not in parts and ends[other] != "U"]
    skipped = [other for other in skipped if not _is_refused(asked["name"], other, taken, ends)]
    if skipped:
        yield f"though items {', '.join(skipped)} have not started"


def _is_refused(fan_out: str, item: str, taken: set[str], ends: str) -> bool:
    """Whether its run was not taken; or it was given up because that of another was not, and nobody asked for it."""
    refused = [name for name in taken if name.startswith(f"{fan_out}-")]
    return any(name.startswith(f"{fan_out}-{item}-") for name in refused) or (bool(refused) and ends[int(item)] == "F")


def too_many_run(fan: Document, parts: Mapping[str, list[Document]], removed: set[str]) -> bool:
    """Whether more items are under way than may be."""
    last = [runs[-1] for part, runs in parts.items() if part != "collect"]
    open_ = [run for run in last if run["metadata"]["uid"] not in removed and not _has_ended(run)]
    most: int = fan.get("parallelism", 10)
    return len(open_) > most


def wrong_totals(status: Document, parts: Mapping[str, list[Document]], removed: set[str]) -> Iterator[str]:
    """What is wrong with the totals of a fan-out that has ended."""
    said = letters(status)
    items = status["items"]
    sums = {name: sum(map(said.count, of)) for name, of in (("succeeded", "SPU"), ("failed", "FT"), ("canceled", "C"))}
    for name, count in sums.items():
        if items.get(name, 0) != count:
            yield f"{name} is {items.get(name)}, and {said} has {count}"
    if items["total"] != len(said) or set(said) & set("R-"):
        yield f"{said} are the ends of {items['total']} items"
    counted = [runs[-1] for part, runs in parts.items() if part != "collect" and said[int(part)] == _letter(runs[-1])]
    processed = sum((run.get("status") or {}).get("processedCount", 0) for run in counted)
    if status.get("processedCount", 0) != processed:
        yield f"processedCount is {status.get('processedCount')}, and its items have processed {processed}"
    for part, runs in parts.items():
        last = runs[-1]
        if part == "collect" or last["metadata"]["uid"] in removed:
            continue
        if said[int(part)] != _letter(last):
            yield f"item {part} is {_phase(last)}, and the totals say {said[int(part)]}"


def _letter(run: Document) -> str:
    return _LETTERS.get(_phase(run), "?")


def _has_ended(run: Document) -> bool:
    return _phase(run) in TERMINAL


def _phase(run: Document) -> str:
    return str((run.get("status") or {}).get("phase"))
