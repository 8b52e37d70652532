"""Runs in batches in a world: how their pods go, and what must never happen to them.

By the documents alone: nothing here asks the policy.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from zlib import crc32

from chaos.given import given_to
from chaos.record import GOOD, TERMINAL
from crontask.ports import Document
from crontask.simulation.kubelet import Plan

# All is done after so many.
_PAGES = 5


def with_batches(plan: Callable[[Document], Plan]) -> Callable[[Document], Plan]:
    """How pods go; that of a batch says where the next begins, but for a few that say something else."""

    def planned(pod: Document) -> Plan:
        seen = given_to(pod)
        if "CRONTASK_BATCH" not in seen:
            return plan(pod)
        page = json.loads(seen.get("CRONTASK_CURSOR", "0")) + 1
        chance = crc32(pod["metadata"]["name"].encode()) % 100
        given: Document = {"cursor": page, "isDone": page == _PAGES, "processedCount": page}
        if chance < 3:
            given = {"cursor": page}
        elif chance < 5:
            given["cursor"] = page - 1 or None
        elif chance < 20:
            given["errorCount"] = 1
            given["status"] = "partial"
        return replace(plan(pod), message=json.dumps(given))

    return planned


class Batches:
    """Watches them. `violate` is told what must not have happened."""

    def __init__(self, violate: Callable[[str], None]) -> None:
        self._violate = violate
        # By UID: the runs in batches as they are, or were last; and by number, their parts.
        self._runs: dict[str, Document] = {}
        self._parts: defaultdict[str, dict[int, Document]] = defaultdict(dict)
        # What their status said of the batches when they began.
        self._begun: dict[str, Document] = {}
        # UIDs of parts that somebody removed before the status of their run named or counted them.
        self._forgotten: set[str] = set()
        self._removed: set[str] = set()
        # By the UID of a task: how far its last run came, and whether that is known for sure.
        self._last: dict[str, tuple[Any, bool]] = {}
        self._unsure: set[str] = set()

    def see_run(self, before: Document | None, after: Document | None) -> None:
        """A change of a run."""
        document = after or before
        assert document is not None
        asked = asked_of(document)
        if asked is None:
            self._see_whole(before, after)
            return
        mine, number = self._parts[document["spec"]["parent"]["uid"]], asked["number"]
        if before is None:
            for words in self._why_not(document, asked, mine):
                self._violate(f"batch {document['metadata']['name']} is made, {words}")
        elif after is None:
            self._part_gone(document)
        mine[number] = document

    def _why_not(self, document: Document, asked: Document, mine: dict[int, Document]) -> Iterator[str]:
        whole, number = self._runs.get(document["spec"]["parent"]["uid"]), asked["number"]
        if number in mine and mine[number]["metadata"]["uid"] not in self._forgotten:
            yield "a second time"
        if whole is None:
            yield "and its run has no plan"
            return
        begins = whole["status"]["plan"].get("cursor")
        if number > _first(whole["status"]) + 1:
            last = mine.get(number - 1)
            if last is None or _phase(last) not in GOOD:
                yield f"though the one before is {_phase(last) if last is not None else 'not there'}"
                return
            begins = last["status"]["batch"].get("cursor")
        if asked.get("cursor") != begins:
            yield f"and begins at {asked.get('cursor')}, and not at {begins}"

    def _part_gone(self, document: Document) -> None:
        self._removed.add(document["metadata"]["uid"])
        whole = self._runs.get(document["spec"]["parent"]["uid"])
        said = (whole or {}).get("status", {}).get("batch", {})
        counted = document["spec"]["parent"]["batch"]["number"] <= said.get("batches", 0)
        if not counted and said.get("run") != document["metadata"]["name"]:
            self._forgotten.add(document["metadata"]["uid"])

    def _see_whole(self, before: Document | None, after: Document | None) -> None:
        document = after or before
        assert document is not None
        uid, now = document["metadata"]["uid"], document.get("status") or {}
        if "batch" not in now or "plan" not in now:
            return
        name, task = document["metadata"]["name"], _owner(document)
        if after is None:
            if task is not None:
                # How far it came may not have been counted.
                self._unsure.add(task)
            return
        was = (self._runs.get(uid) or {}).get("status")
        self._runs[uid] = document
        self._begun.setdefault(uid, now["batch"])
        if was is None and task is not None:
            self._begins(name, task, now)
        self._check(name, now["batch"], (was or {}).get("batch"), uid, now["plan"].get("cursor"))
        if now.get("phase") in TERMINAL and (was or {}).get("phase") not in TERMINAL:
            self._ended(name, uid)
            if task is not None:
                self._last[task] = (now["batch"].get("cursor"), bool(now["batch"].get("done")))

    def _begins(self, name: str, task: str, status: Document) -> None:
        if task not in self._last or task in self._unsure:
            return
        cursor, done = self._last[task]
        if "rerun" in status and not _first(status):
            # Of what had not begun, or all anew.
            return
        wanted, found = None if done else cursor, status["plan"].get("cursor")
        if found != wanted:
            self._violate(f"run {name} begins at {found}, and the last one came to {cursor}, done: {done}")

    def _check(self, name: str, said: Document, before: Document | None, uid: str, begins: Any) -> None:
        """What is counted are the parts that ended well, each once, and the cursor is that of the last."""
        count, parts = said["batches"], self._parts[uid]
        if before is not None and count < before["batches"]:
            self._violate(f"run {name} counts {count} batches, and had counted {before['batches']}")
        known, first = self._runs[uid]["status"]["plan"].get("rerun", {}), self._begun[uid]
        counted = [parts[number] for number in range(known.get("first", 0) + 1, count + 1) if number in parts]
        if len(counted) < count - known.get("first", 0) or any(_phase(part) not in GOOD for part in counted):
            self._violate(f"run {name} counts {count} batches: {[_phase(part) for part in counted]}")
            return
        given = [part["status"]["batch"] for part in counted]
        for field in ("processedCount", "errorCount"):
            total = first.get(field, 0) + sum(each.get(field, 0) for each in given)
            if said.get(field, 0) != total:
                self._violate(f"run {name} says {field} {said.get(field)}, and its parts {total}")
        cursor = given[-1].get("cursor", None) if given else begins
        if cursor is not None and said.get("cursor") != cursor:
            self._violate(f"run {name} has the cursor {said.get('cursor')} after {count} batches, which gave {cursor}")

    def _ended(self, name: str, uid: str) -> None:
        for number, part in self._parts[uid].items():
            if _phase(part) not in TERMINAL and part["metadata"]["uid"] not in self._removed:
                self._violate(f"run {name} has ended, and its batch {number} is {_phase(part)}")

    def see_pod(self, run: Document, *, late: bool) -> None:
        """The pod of a run is made. `late`: by an operator that had lost its lease."""
        whole = self._runs.get((run["spec"].get("parent") or {}).get("uid", ""))
        if late or whole is None or asked_of(run) is None:
            return
        if _phase(whole) in TERMINAL:
            self._violate(f"the pod of batch {run['metadata']['name']} is made, and its run is {_phase(whole)}")


def asked_of(run: Document) -> Document | None:
    """Which batch a run is, None of any other."""
    batch = (run["spec"].get("parent") or {}).get("batch")
    return dict(batch) if batch is not None else None


def _first(status: Document) -> int:
    """How many batches were done by the run that is run again."""
    return int(status["plan"].get("rerun", {}).get("first", 0))


def _phase(run: Document) -> str | None:
    return (run.get("status") or {}).get("phase")


def _owner(run: Document) -> str | None:
    return next((str(owner["uid"]) for owner in run["metadata"].get("ownerReferences", ())), None)
