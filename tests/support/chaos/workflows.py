"""Workflows in a world: what a seed makes of them, and what must never happen to their parts.

By the documents alone: nothing here asks the policy.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random
from typing import Any

from chaos.approvals import Approvals, with_approvals
from chaos.fan_outs import letters, make_fan_out, too_many_run, why_no_item, wrong_totals
from chaos.record import GOOD, TERMINAL
from crontask.ports import Document

_CONTAINER = {"container": {"image": "busybox:1.36"}}
# By the record of a step, who comes after it may start.
_LETS_ON = (*GOOD, "Reused", "Failed", "TimedOut")
_SHORT: Document = {"timeout": "20s", "startTimeout": "15s"}


def make_workflow(number: float, names: str = "abcd") -> Document:
    """A handler with steps of these names, in a list or a graph, some with an undo, tolerated, or for the end."""
    random = Random(number)
    if names == "abcd" and random.random() < 0.4:
        return make_fan_out(number)
    graph, names = random.random() < 0.5, names[: random.randint(2, 4)]
    steps = [_step(name, names[:index], random, graph=graph) for index, name in enumerate(names)]
    steps = with_approvals(steps, number)
    if random.random() < 0.3:
        steps.append({"name": "z", "always": True, **_CONTAINER, **_SHORT})
    handler: Document = {"steps": steps}
    if random.random() < 0.3:
        handler["onFailure"] = "Cancel"
    if random.random() < 0.3:
        handler["maxParallel"] = 1
    return handler


def _step(name: str, before: str, random: Random, *, graph: bool) -> Document:
    step: Document = {"name": name, **_CONTAINER, **_SHORT}
    if graph:
        step["dependsOn"] = [other for other in before if random.random() < 0.6]
    if random.random() < 0.6:
        # An undo that is tried again and again would not end while anybody looks.
        step["compensate"] = {**_CONTAINER, "timeout": "20s", "retry": {"limit": 0, "maxLost": 1}}
    if random.random() < 0.2:
        step["continueOnFailure"] = True
    if random.random() < 0.2:
        step["delay"] = f"{random.choice([1, 5])}s"
    if random.random() < 0.4:
        step["retry"] = {"limit": 1, "max": "2s", "onLost": random.choice(["Retry", "Fail"])}
    return step


class Workflows:
    """Watches the parts. `violate` is told what must not have happened."""

    def __init__(self, violate: Callable[[str], None], now: Callable[[], datetime]) -> None:
        self._violate = violate
        self._now = now
        self._approvals = Approvals(violate)
        # By UID: since when nothing new of a composite run starts.
        self._halted: dict[str, datetime] = {}
        # By UID: the composite runs as they are, or were last; and whether they are there.
        self._parents: dict[str, Document] = {}
        self._gone: set[str] = set()
        # By UID: the steps that had ended when it was decided what is undone.
        self._ended_then: dict[str, set[str]] = {}
        # By the parent's UID, by part: every run that was it, the last one last.
        self._parts: defaultdict[str, defaultdict[str, list[Document]]] = defaultdict(lambda: defaultdict(list))
        # Parts that were removed before the parent's status named them: they are made again.
        self._forgotten: set[str] = set()
        self._removed: set[str] = set()
        self._with_pod: set[str] = set()
        # The names of all runs that are no parts.
        self._others: set[str] = set()

    def see_run(self, before: Document | None, after: Document | None) -> None:
        """A change of a run."""
        document = after or before
        assert document is not None
        asked = document["spec"].get("parent")
        if asked is None:
            self._see_parent(before, after)
            return
        if "batch" in asked:
            # Batches are watched elsewhere.
            return
        mine = self._parts[asked["uid"]][_part(asked)]
        if before is None:
            self._part_created(document, asked, mine)
            mine.append(document)
            self._check_room(asked)
        elif after is None:
            self._part_gone(document, asked)
        else:
            mine[-1] = after

    def _see_parent(self, before: Document | None, after: Document | None) -> None:
        document = after or before
        assert document is not None
        uid, name = document["metadata"]["uid"], document["metadata"]["name"]
        self._others.add(name)
        if after is None:
            self._gone.add(uid)
            return
        was, now = ((each or {}).get("status") or {} for each in (self._parents.get(uid), after))
        if "plan" not in now:
            return
        self._approvals.see(self._parents.get(uid), after)
        self._parents[uid] = after
        if "plan" in was and was["plan"] != now["plan"]:
            self._violate(f"the plan of run {name} changes")
        if "undo" in was and not self._goes_on(uid, was["undo"], now.get("undo")):
            self._violate(f"run {name} was to undo {was['undo']}, and now {now.get('undo')}")
        if "halt" in now:
            self._halted.setdefault(uid, self._now())
        if "undo" not in was and "undo" in now:
            self._ended_then[uid] = {step["name"] for step in now["steps"] if "completionTime" in step}
        if now.get("undo") not in (None, was.get("undo")):
            self._check_order(name, now)
        if was.get("phase") not in TERMINAL and now.get("phase") in TERMINAL:
            self._parent_ended(uid, name, after)

    def _goes_on(self, uid: str, was: list[str], now: list[str] | None) -> bool:
        """Whether the same is undone, after parts that have turned up though the API server seemed to refuse them."""
        if now is None or now[len(now) - len(was) :] != was:
            return False
        return not self._ended_then[uid].intersection(now[: len(now) - len(was)])

    def _check_order(self, name: str, status: Document) -> None:
        """The last to end is undone first."""
        ends = {step["name"]: step.get("completionTime", "") for step in status["steps"]}
        times = [ends[step] for step in status["undo"]]
        if times != sorted(times, reverse=True):
            self._violate(f"run {name} undoes {status['undo']}, which ended at {times}")

    def _parent_ended(self, uid: str, name: str, document: Document) -> None:
        status = document["status"]
        for part, runs in self._parts[uid].items():
            last = runs[-1]
            if last["metadata"]["uid"] in self._removed or self._is_unseen(last):
                continue
            if _phase(last) not in TERMINAL:
                self._violate(f"run {name} is {status['phase']}, and its part {part} is {_phase(last)}")
        if "items" in status and status["items"].get("total"):
            for words in wrong_totals(status, self._parts[uid], self._removed):
                self._violate(f"run {name} has ended, and {words}")
        left = [entry["step"] for entry in status.get("notCompensated", ())]
        for step in status.get("undo", ()):
            undone = self._parts[uid].get(f"{step}/undo")
            if step not in left and not (undone and _phase(undone[-1]) in GOOD):
                self._violate(f"run {name} has ended, and {step} is neither undone nor said not to be")

    def _is_unseen(self, run: Document) -> bool:
        """Made just then, with an answer that was lost, and nothing has come of it: it will end without a pod."""
        return "status" not in run and run["metadata"]["uid"] not in self._with_pod

    def _part_created(self, document: Document, asked: Document, mine: list[Document]) -> None:
        name, parent = document["metadata"]["name"], self._parents.get(asked["uid"])
        if mine and mine[-1]["metadata"]["uid"] not in self._forgotten:
            self._violate(f"part {name} is made a second time")
        if parent is None:
            self._violate(f"part {name} is made, and its parent has no plan")
        elif "step" in asked:
            steps = {step["name"]: step for step in _steps(parent)}
            step = steps.get(asked["step"], {"always": True})
            before = _before(step, list(steps.values())) if not step.get("always") else []
            self._approvals.see_part(parent, asked["step"], before)

    def _check_room(self, asked: Document) -> None:
        parent = self._parents.get(asked["uid"])
        fan = _handler(parent).get("forEach") if parent is not None else None
        if fan is not None and too_many_run(fan, self._parts[asked["uid"]], self._removed):
            self._violate(f"more than {fan['parallelism']} items of run {asked['name']} are under way")

    def _part_gone(self, document: Document, asked: Document) -> None:
        """Somebody removed it: if the parent did not name it, and it had not ended, it is made again."""
        parent = self._parents.get(asked["uid"])
        self._removed.add(document["metadata"]["uid"])
        if "undo" in asked or not _is_named(document, asked, (parent or {}).get("status", {})):
            self._forgotten.add(document["metadata"]["uid"])

    def see_refused(self, name: str) -> None:
        """A run is not taken: a part that was asked for need not be there before those after it."""
        self._others.add(name)

    def see_pod(self, run: Document, *, late: bool, sent: datetime | None) -> None:
        """The pod of a run is made, which was on its way since `sent`.

        `late`: by an operator that had lost its lease, whose run is let go.
        """
        self._with_pod.add(run["metadata"]["uid"])
        asked = run["spec"].get("parent")
        if asked is None or late or "batch" in asked:
            return
        parent = self._parents.get(asked["uid"])
        if parent is None or asked["uid"] in self._gone:
            return
        for words in self._why_not(run, asked, parent, sent or self._now()):
            self._violate(f"the pod of part {run['metadata']['name']} is made, {words}")

    def _why_not(self, run: Document, asked: Document, parent: Document, sent: datetime) -> Iterator[str]:
        status, first = parent["status"], not (run.get("status") or {}).get("attempts")
        if status.get("phase") in TERMINAL:
            yield f"though its parent is {status['phase']}"
        if not first:
            return
        if "undo" in asked:
            yield from self._why_no_undo(asked, status)
            return
        fan = _handler(parent).get("forEach")
        if fan is not None:
            yield from why_no_item(asked, self._parts[asked["uid"]], self._removed, self._others, letters(status))
            if "item" in asked and sent > self._halted.get(asked["uid"], sent):
                yield "though nothing new starts"
            return
        steps = {step["name"]: step for step in _steps(parent)}
        step = steps.get(asked["step"])
        if step is None:
            yield "which is no step of the plan"
            return
        if step.get("always"):
            return
        if sent > self._halted.get(asked["uid"], sent):
            yield "though nothing new starts"
        for name in _before(step, list(steps.values())):
            runs = self._parts[asked["uid"]].get(name, [])
            recorded = {each["name"]: each["phase"] for each in status.get("steps", ())}
            phase = _phase(runs[-1]) if runs else recorded.get(name)
            tolerated = bool(steps[name].get("continueOnFailure")) and phase in TERMINAL
            if phase not in GOOD and not tolerated and recorded.get(name) not in _LETS_ON:
                yield f"though {name}, on which it depends, is {phase}"

    def _why_no_undo(self, asked: Document, status: Document) -> Iterator[str]:
        order, step = status.get("undo", []), asked["undo"]
        if step not in order:
            yield "and its step is not to be undone"
            return
        for name in order[: order.index(step)]:
            runs = self._parts[asked["uid"]].get(f"{name}/undo", [])
            left = [entry["step"] for entry in status.get("notCompensated", ())]
            if name not in left and not (runs and _phase(runs[-1]) in TERMINAL):
                yield f"though {name} is not undone yet"


def not_ended(run: Document) -> bool:
    """Whether it is a workflow that has started, and has not ended."""
    status: dict[str, Any] = run.get("status") or {}
    return "plan" in status and status.get("phase") not in TERMINAL


def _part(asked: Document) -> str:
    if "item" in asked:
        return str(asked["item"]["index"])
    if "collect" in asked:
        return "collect"
    return f"{asked['undo']}/undo" if "undo" in asked else str(asked["step"])


def _is_named(run: Document, asked: Document, status: Document) -> bool:
    """Whether the status of what it is a part of says that it is there."""
    if "item" in asked and "items" in status:
        return letters(status)[asked["item"]["index"]] != "-"
    known = [*status.get("steps", ()), status.get("items", {}).get("collect") or {}]
    return run["metadata"]["name"] in [each.get("run") for each in known]


def _handler(parent: Document) -> Document:
    found: Document = parent["spec"].get("handler") or parent["status"]["plan"]["handler"]
    return found


def _phase(run: Document) -> str | None:
    phase = (run.get("status") or {}).get("phase")
    return str(phase) if phase is not None else None


def _steps(parent: Document) -> list[Document]:
    return list(_handler(parent)["steps"])


def _before(step: Document, steps: list[Document]) -> list[str]:
    """What a step depends on, as it is written."""
    if any("dependsOn" in each for each in steps):
        return list(step.get("dependsOn", ()))
    names = [each["name"] for each in steps if not each.get("always")]
    index = names.index(step["name"])
    return names[max(0, index - 1) : index]
