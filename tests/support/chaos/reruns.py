"""Runs that are run again in a world, and what must never happen to them.

By the documents alone: nothing here asks the policy.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

from chaos.fan_outs import letters
from chaos.record import GOOD, TERMINAL
from crontask.ports import Document

_DONE = (*GOOD, "Reused")


class Reruns:
    """Watches them. `violate` is told what must not have happened."""

    def __init__(self, violate: Callable[[str], None]) -> None:
        self._violate = violate
        # By UID, as they are, or were last.
        self._runs: dict[str, Document] = {}
        # By the UID of a run: those that have run it again.
        self._again: defaultdict[str, set[str]] = defaultdict(set)
        # The runs of steps that have been undone, whichever run did it.
        self._undone: set[str] = set()
        # By idempotency key: the parts with it that are there and ended well.
        self._well: defaultdict[str, set[str]] = defaultdict(set)

    def see_run(self, before: Document | None, after: Document | None) -> None:
        """A change of a run."""
        document = after or before
        assert document is not None
        uid, asked = document["metadata"]["uid"], document["spec"].get("parent")
        if before is None and asked is not None:
            for words in self._why_no_part(asked):
                self._violate(f"part {document['metadata']['name']} is made, {words}")
        if after is None:
            if asked is not None:
                self._well[asked["key"]].discard(uid)
            return
        was, self._runs[uid] = (self._runs.get(uid) or {}).get("status") or {}, after
        now = after.get("status") or {}
        if asked is not None and now.get("phase") in ("Succeeded", "Partial"):
            self._well[asked["key"]].add(uid)
        self._undone |= {step["run"] for step in now.get("steps", ()) if step.get("compensated") and "run" in step}
        if "rerun" in now and "plan" in now and "plan" not in was:
            for words in self._what_is_wrong(now):
                self._violate(f"run {after['metadata']['name']} starts, {words}")
        if "rerun" in now and ("plan" in now or now.get("attempts")):
            started = self._again[now["rerun"]["uid"]]
            started.add(uid)
            if len(started) > 1 and not was.get("attempts") and "plan" not in was:
                self._violate(f"run {now['rerun']['name']} is run again more than once, by {after['metadata']['name']}")

    def _what_is_wrong(self, status: Document) -> Iterator[str]:
        """What it keeps had succeeded, and was not undone."""
        source = self._runs.get(status["rerun"]["uid"], {}).get("status") or {}
        if source.get("phase") not in TERMINAL:
            yield f"and run {status['rerun']['name']} is {source.get('phase')}"
            return
        before = {step["name"]: step for step in source.get("steps", ())}
        for step in status.get("steps", ()):
            if step["phase"] != "Reused":
                continue
            known = before.get(step["name"], {})
            if known.get("phase") not in _DONE or known.get("compensated"):
                yield f"and reuses {step['name']}, which is {known.get('phase')}, undone: {known.get('compensated')}"
            if step.get("run") in self._undone:
                yield f"and reuses {step['name']}, which was undone"
        if "U" in status.get("items", {}).get("ends", ""):
            pairs = zip(letters(status), letters(source), strict=True)
            if any(now == "U" and then not in "SPU" for now, then in pairs):
                yield f"and keeps {status['items']['ends']} of {source['items']['ends']}"
        # One that had not begun had done none.
        had = source.get("batch", {}).get("batches", 0)
        if "batch" in status and status["batch"]["batches"] not in (0, had):
            yield f"and counts {status['batch']['batches']} batches of {had}"

    def _why_no_part(self, asked: Document) -> Iterator[str]:
        """Nothing is done that is reused, and nothing a second time with the key with which it went well."""
        parent = (self._runs.get(asked["uid"]) or {}).get("status") or {}
        reused = {step["name"] for step in parent.get("steps", ()) if step["phase"] == "Reused"}
        if asked.get("step") in reused:
            yield "though its step is reused"
        if "item" in asked and "items" in parent and letters(parent)[asked["item"]["index"]] == "U":
            yield "though its item is kept"
        if self._well[asked["key"]]:
            yield f"and with key {asked['key']} it went well before"
