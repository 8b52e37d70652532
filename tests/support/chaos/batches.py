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
from crontask.simulation.batches import PlayedBatches, batches_in
from crontask.simulation.kubelet import Plan

# All is done after so many, or where a run begins behind them.
_PAGES = 5


def with_batches(plan: Callable[[Document], Plan]) -> Callable[[Document], Plan]:
    """How pods go; that of a batch says where the next begins, but for a few that say something else."""

    def planned(pod: Document) -> Plan:
        seen = given_to(pod)
        if "CRONTASK_BATCH" not in seen:
            return plan(pod)
        name, several = pod["metadata"]["name"], batches_in(pod)
        if several is not None:
            return _one_after_the_other(plan(pod), name, several)
        return replace(plan(pod), message=json.dumps(_given_back(name, json.loads(seen.get("CRONTASK_CURSOR", "0")))))

    return planned


def _given_back(name: str, cursor: int | None) -> Document:
    """What a batch says, by its name."""
    page, chance = (cursor or 0) + 1, crc32(name.encode()) % 100
    given: Document = {"cursor": page, "isDone": page >= _PAGES, "processedCount": page}
    if chance < 3:
        given = {"cursor": page}
    elif chance < 5:
        given["cursor"] = page - 1 or None
    elif chance < 20:
        given["errorCount"] = 1
        given["status"] = "partial"
    return given


def _one_after_the_other(plan: Plan, name: str, several: PlayedBatches) -> Plan:
    """How a pod goes that does several; one that was to fail does so in one of them, and says what it did before."""
    if plan.runs is None:
        # Its runner ends a batch that takes too long.
        said = {"status": "failed", "batches": 0, "isDone": False, "timedOut": True}
        limit = float(several.reuse["timeout"])
        return replace(plan, runs=limit, exit_code=124, writes=((limit, json.dumps(said)),))
    takes = plan.runs / 2

    def gives(cursor: int | None, number: int) -> Document:
        given = _given_back(f"{name}/{number}", cursor)
        return {key: value for key, value in given.items() if key != "status"}

    writes = tuple(several.messages(gives, takes, takes))
    if plan.exit_code:
        before = crc32(f"{name} fails".encode()) % len(writes)
        said = json.loads(writes[before - 1][1]) if before else {"batches": 0, "isDone": False}
        writes = (*writes[:before], (writes[before][0], json.dumps({**said, "status": "failed"})))
    return replace(plan, runs=writes[-1][0], writes=writes)


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
        # By the UID of a part: its last pod, of those that do several batches, and whether that is gone.
        self._pods: dict[str, tuple[Document, bool]] = {}
        # By the UID of a task: how far its last run came, and whether that is known for sure.
        self._last: dict[str, tuple[Any, bool]] = {}
        self._unsure: set[str] = set()
        # By the name of a task, the UID of its run that ended last.
        self._ended_last: dict[str, str] = {}
        # UIDs of runs that have ended, and nobody has adopted yet.
        self._alone: set[str] = set()

    def see_run(self, before: Document | None, after: Document | None) -> None:
        """A change of a run."""
        document = after or before
        assert document is not None
        asked = asked_of(document)
        if asked is None:
            self._see_whole(before, after)
            return
        mine, own = self._parts[document["spec"]["parent"]["uid"]], _own(asked)
        if before is None:
            for words in self._why_not(document, asked, mine):
                self._violate(f"batch {document['metadata']['name']} is made, {words}")
        elif after is None:
            self._part_gone(document)
        mine[own] = document

    def _why_not(self, document: Document, asked: Document, mine: dict[int, Document]) -> Iterator[str]:
        whole, own = self._runs.get(document["spec"]["parent"]["uid"]), _own(asked)
        if own in mine and mine[own]["metadata"]["uid"] not in self._forgotten:
            yield "a second time"
        if whole is None:
            yield "and its run has no plan"
            return
        first = _first(whole["status"])
        begins, number = whole["status"]["plan"].get("cursor"), first + 1
        if own > first + 1:
            last = mine.get(own - 1)
            if last is None or _phase(last) not in GOOD:
                yield f"though the one before is {_phase(last) if last is not None else 'not there'}"
                return
            did = last["status"]["batch"]
            begins, number = did.get("cursor"), last["spec"]["parent"]["batch"]["number"] + did["batches"]
        if asked.get("cursor") != begins:
            yield f"and begins at {asked.get('cursor')}, and not at {begins}"
        if asked["number"] != number:
            yield f"and has the number {asked['number']}, and not {number}"

    def _part_gone(self, document: Document) -> None:
        self._removed.add(document["metadata"]["uid"])
        whole = self._runs.get(document["spec"]["parent"]["uid"])
        said = (whole or {}).get("status", {}).get("batch", {})
        counted = _own(document["spec"]["parent"]["batch"]) <= _parts_of(said)
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
            self._begins(document, task)
        self._check(name, now["batch"], (was or {}).get("batch"), uid, now["plan"].get("cursor"))
        if now.get("phase") in TERMINAL and (was or {}).get("phase") not in TERMINAL:
            self._ended(name, uid)
            self._ended_last[_task_name(document)] = uid
            if task is None:
                self._alone.add(uid)
        if now.get("phase") in TERMINAL and task is not None:
            # Somebody made it by hand, and it may have ended before it was adopted.
            self._alone.discard(uid)
            if self._ended_last[_task_name(document)] == uid:
                self._last[task] = (now["batch"].get("cursor"), bool(now["batch"].get("done")))

    def _begins(self, document: Document, task: str) -> None:
        name, status = document["metadata"]["name"], document["status"]
        unsure = task in self._unsure or self._ended_last.get(_task_name(document)) in self._alone
        if task not in self._last or unsure:
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
        first_part, last_part = known.get("first", 0) + 1, _parts_of(said)
        counted = [parts[own] for own in range(first_part, last_part + 1) if own in parts]
        if (
            len(counted) < last_part - first_part + 1
            or not all(map(_counts, counted))
            or not all(_phase(part) in GOOD for part in counted[:-1])
        ):
            self._violate(f"run {name} counts {last_part} parts: {[_phase(part) for part in counted]}")
            return
        given = [part["status"]["batch"] for part in counted]
        for field in ("processedCount", "errorCount", "batches", "partial"):
            total = first.get(field, 0) + sum(each.get(field, 0) for each in given)
            if said.get(field, 0) != total:
                self._violate(f"run {name} says {field} {said.get(field)}, and its parts {total}")
        cursor = given[-1].get("cursor", None) if given else begins
        if cursor is not None and said.get("cursor") != cursor:
            self._violate(f"run {name} has the cursor {said.get('cursor')} after {count} batches, which gave {cursor}")
        # Each batch does a page, but for the last of a run, which may have given back another cursor.
        done, pages = count - first["batches"], (said.get("cursor") or 0) - (first.get("cursor") or 0)
        status = self._runs[uid]["status"]
        ends = bool(said.get("done")) or "halt" in status or status.get("phase") in TERMINAL
        if not done - ends <= pages <= done:
            self._violate(f"run {name} counts {done} batches, and its cursor has moved by {pages}")

    def _ended(self, name: str, uid: str) -> None:
        for number, part in self._parts[uid].items():
            if _phase(part) not in TERMINAL and part["metadata"]["uid"] not in self._removed:
                self._violate(f"run {name} has ended, and its batch {number} is {_phase(part)}")

    def see_pod(self, run: Document, pod: Document, *, late: bool) -> None:
        """The pod of a run is made. `late`: by an operator that had lost its lease."""
        whole, asked = self._runs.get((run["spec"].get("parent") or {}).get("uid", "")), asked_of(run)
        if late or whole is None or asked is None:
            return
        if _phase(whole) in TERMINAL:
            self._violate(f"the pod of batch {run['metadata']['name']} is made, and its run is {_phase(whole)}")
        several = batches_in(pod)
        if several is None:
            return
        name, uid = pod["metadata"]["name"], run["metadata"]["uid"]
        did = (run.get("status") or {}).get("batch") or {"batches": 0, "cursor": asked.get("cursor")}
        begins = asked["number"] + did["batches"], did.get("cursor")
        if (several.number, several.cursor) != begins:
            self._violate(f"pod {name} begins at {several.number}, {several.cursor}, and what is recorded at {begins}")
        before, gone = self._pods.get(uid, (None, True))
        if before is not None:
            known = batches_in(before)
            assert known is not None, "of those that do several"
            ended_at = known.number + _said(before).get("batches", 0)
            # One that is gone may have gone unseen.
            if several.number > ended_at or (several.number < ended_at and not gone):
                self._violate(f"pod {name} begins with batch {several.number}, and the one before came to {ended_at}")
        self._pods[uid] = (pod, False)

    def see_end(self, run: Document, pod: Document) -> None:
        """A change of a pod."""
        known = self._pods.get(run["metadata"]["uid"])
        if known is not None and known[0]["metadata"]["uid"] == pod["metadata"]["uid"]:
            self._pods[run["metadata"]["uid"]] = (pod, False)

    def see_gone(self, run: Document, pod: Document) -> None:
        """A pod is gone."""
        known = self._pods.get(run["metadata"]["uid"])
        if known is not None and known[0]["metadata"]["uid"] == pod["metadata"]["uid"]:
            self._pods[run["metadata"]["uid"]] = (known[0], True)


def _own(asked: Document) -> int:
    """The number of a part."""
    return int(asked["part"] if "part" in asked else asked["number"])


def _parts_of(said: Document) -> int:
    """How many parts are counted."""
    return int(said["parts"] if "parts" in said else said.get("batches", 0))


def _counts(part: Document) -> bool:
    """Whether what a part did counts: it ended well, or had done some batches before."""
    several = "reuse" in part["spec"]["parent"]["batch"] and _phase(part) in TERMINAL
    return _phase(part) in GOOD or (several and part["status"].get("batch", {}).get("batches", 0) > 0)


def _said(pod: Document) -> Document:
    """What the container of a pod that has ended has said; nothing where nobody knows."""
    for container in pod.get("status", {}).get("containerStatuses", ()):
        text = container["state"].get("terminated", {}).get("message", "")
        return dict(json.loads(text)) if text else {}
    return {}


def asked_of(run: Document) -> Document | None:
    """Which batch a run is, None of any other."""
    batch = (run["spec"].get("parent") or {}).get("batch")
    return dict(batch) if batch is not None else None


def _first(status: Document) -> int:
    """How many batches were done by the run that is run again."""
    return int(status["plan"].get("rerun", {}).get("first", 0))


def _phase(run: Document) -> str | None:
    return (run.get("status") or {}).get("phase")


def _task_name(run: Document) -> str:
    return str((run["spec"].get("taskRef") or {}).get("name", ""))


def _owner(run: Document) -> str | None:
    return next((str(owner["uid"]) for owner in run["metadata"].get("ownerReferences", ())), None)
