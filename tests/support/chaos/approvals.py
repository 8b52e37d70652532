"""Approvals in a world: steps that wait for a person, and what must never happen to them.

By the documents alone: nothing here asks the policy.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from random import Random

from chaos.record import GOOD
from crontask.ports import Document

APPROVE, REJECT = "crontask.dev/approve", "crontask.dev/reject"
_OPEN = ("Pending", "Waiting")


def with_approvals(steps: list[Document], number: float) -> list[Document]:
    """Sometimes one of the steps waits for a person. By chances of its own: the others are as they would be."""
    random = Random(f"approvals {number}")
    asked = random.choice([step["name"] for step in steps if not step.get("always")])
    if random.random() < 0.5:
        return steps
    approval = {"approval": {"timeout": f"{random.choice([12, 40])}s"}}
    kept = ("name", "dependsOn", "delay", "continueOnFailure")
    return [
        {**{name: step[name] for name in kept if name in step}, **approval} if step["name"] == asked else step
        for step in steps
    ]


class Approvals:
    """Watches them. `violate` is told what must not have happened."""

    def __init__(self, violate: Callable[[str], None]) -> None:
        self._violate = violate
        # By the run's UID and the step: which answers the annotations have ever had.
        self._given: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def see(self, before: Document | None, after: Document) -> None:
        """A workflow that has its plan, as it was and as it is."""
        uid, name = after["metadata"]["uid"], after["metadata"]["name"]
        was = {step["name"]: step for step in ((before or {}).get("status") or {}).get("steps", ())}
        now = {step["name"]: step for step in after["status"].get("steps", ())}
        for step in approvals_of(after):
            for annotation in (APPROVE, REJECT):
                text = (after["metadata"].get("annotations") or {}).get(annotation) or ""
                if step["name"] in {entry.strip().partition(" ")[0] for entry in text.split(",")}:
                    self._given[uid, step["name"]].add(annotation)
            known = now.get(step["name"])
            if known is not None:
                for words in self._what_is_wrong(was.get(step["name"], {}), known, self._given[uid, step["name"]]):
                    self._violate(f"approval {step['name']} of run {name} {words}")

    def _what_is_wrong(self, was: Document, now: Document, given: set[str]) -> Iterator[str]:
        phase, answer = now["phase"], now.get("answer")
        if phase == "Reused":
            # Another run was answered.
            return
        if "run" in now:
            yield f"has run {now['run']}"
        if was.get("phase") not in (None, *_OPEN, "NotReached") and (was["phase"], was.get("answer")) != (
            phase,
            answer,
        ):
            yield f"was {was['phase']}, {was.get('answer')}, and is {phase}, {answer}"
        if "startTime" in was and was["startTime"] != now.get("startTime"):
            yield f"waited since {was['startTime']}, and now since {now.get('startTime')}"
        if "answer" in was and (answer is None or (answer["approved"] and not was["answer"]["approved"])):
            yield f"was answered {was['answer']}, and now {answer}"
        if answer is not None and (APPROVE if answer["approved"] else REJECT) not in given:
            yield f"is answered {answer}, and nobody said so"
        if phase == "Succeeded" and not (answer is not None and answer["approved"] and now["result"]["approved"]):
            yield f"is {phase}, and its answer is {answer}"
        if phase == "Failed" and (answer is None or answer["approved"]):
            yield f"is {phase}, and its answer is {answer}"

    def see_part(self, parent: Document, step: str, before: list[str]) -> None:
        """The run of a step is made, which comes after those of these names."""
        recorded = {each["name"]: each["phase"] for each in parent["status"].get("steps", ())}
        for asked in approvals_of(parent):
            phase, tolerated = recorded.get(asked["name"]), asked.get("continueOnFailure", False)
            if asked["name"] == step:
                self._violate(f"a run is made of {step} of {parent['metadata']['name']}, which waits for a person")
            ended = phase in (*GOOD, "Reused") or (tolerated and phase in ("Failed", "TimedOut"))
            if asked["name"] in before and not ended:
                self._violate(
                    f"{step} of {parent['metadata']['name']} begins, and {asked['name']} is recorded as {phase}"
                )


def approvals_of(run: Document) -> list[Document]:
    """The steps which wait for a person, of a run that has its plan."""
    plan = (run.get("status") or {}).get("plan")
    if plan is None:
        return []
    handler = run["spec"].get("handler") or plan.get("handler") or {}
    return [step for step in handler.get("steps", ()) if "approval" in step]
