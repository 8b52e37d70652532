"""A fan-out that is decided over and over, by an operator that is killed at any point and sees ends in any order.

What has become of each item is kept here by itself, and counted from the items: the oracle of its totals.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from composite_views import NAME, UID, C, own
from run_life import at, attempt, recorded

from crontask.api.metadata import Condition, Metadata, OwnerReference
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import CompositeRunStatus, ScheduledRunSpec
from crontask.api.validate import validate_run
from crontask.decide.composite.letters import decoded
from crontask.decide.decisions import CancelPart, CreatePart, RunDecisions
from crontask.decide.model import ScheduledRun
from crontask.decide.pod_state import NOT_MADE
from crontask.decide.run.decide import decide_run
from crontask.decide.views import RunView
from crontask.engine.write import changed_status

PHASES = {
    "S": RunPhase.SUCCEEDED,
    "P": RunPhase.PARTIAL,
    "F": RunPhase.FAILED,
    "T": RunPhase.TIMED_OUT,
    "C": RunPhase.CANCELED,
}
WELL, BADLY = "SP", "FTC"


@dataclass
class Truth:
    """What has become of an item: a letter, - for what never began; what it counted, and what it gave back."""

    letter: str = "-"
    counted: int = 0
    result: Any = None


@dataclass
class Story:
    """The objects of a fan-out as the API server has them, and as the operator sees them. `once`: at most once."""

    total: int
    parallelism: int
    policy: str = "Continue"
    most: int = 0
    collects: bool = False
    once: bool = False
    run: ScheduledRun = field(init=False)
    there: dict[str, ScheduledRun] = field(default_factory=dict)
    seen: dict[str, ScheduledRun] = field(default_factory=dict)
    unmade: set[str] = field(default_factory=set)
    truth: list[Truth] = field(init=False)
    order: list[int] = field(default_factory=list)
    collected: list[dict[str, Any]] = field(default_factory=list)
    now: float = 0

    def __post_init__(self) -> None:
        each: dict[str, Any] = {"items": self.total, "handler": C, "parallelism": self.parallelism}
        each |= {"failurePolicy": self.policy, "maxFailed": self.most}
        each |= {"collect": C} if self.collects else {}
        each |= {"retry": {"onLost": "Fail"}} if self.once else {}
        parsed, problems = validate_run({"handler": {"forEach": each}})
        assert parsed is not None, problems
        meta = Metadata(name=NAME, uid=UID, namespace="n", creation_timestamp=at(0))
        self.run = ScheduledRun(meta, parsed, (), recorded(RunPhase.RUNNING, start_time=at(0), plan={"args": {}}))
        self.truth = [Truth() for _ in range(self.total)]

    @property
    def status(self) -> CompositeRunStatus:
        """What is recorded."""
        assert isinstance(self.run.status, CompositeRunStatus)
        return self.run.status

    @property
    def recorded_letters(self) -> str:
        """How the items are, as that is recorded."""
        items = self.status.items
        return decoded(items.ends if items is not None else "", self.total)

    def decide(self) -> RunDecisions:
        """What the operator decides by what it sees."""
        self.now += 1
        view = RunView(self.run, None, NOT_MADE, parts=tuple(self.seen.values()), unmade_parts=frozenset(self.unmade))
        return decide_run(view, at(self.now))

    def write(self, decided: RunDecisions) -> None:
        """The status is written, and comes back as the API server gives it."""
        document = changed_status(self.run.status, decided.status)
        if document is not None:
            status = CompositeRunStatus.model_validate(orjson.loads(orjson.dumps(document)))
            self.run = replace(self.run, status=status)

    def create(self, part: CreatePart) -> None:
        """The run of a part is made, unless it is there."""
        self.unmade.discard(part.name)
        if part.name in self.there:
            self.seen[part.name] = self.there[part.name]
            return
        owner = OwnerReference(api_version="v", kind="ScheduledRun", name=NAME, uid=UID, controller=True)
        meta = Metadata(
            name=part.name, uid=part.name, namespace="n", creation_timestamp=at(self.now), owner_references=(owner,)
        )
        status = recorded(RunPhase.RUNNING, attempt(1, self.now))
        made = ScheduledRun(meta, ScheduledRunSpec(parent=part.asked), (), status)
        self.there[part.name] = self.seen[part.name] = made
        if part.asked.item is None:
            self.collected.append(dict(part.args))
            return
        index = part.asked.item.index
        self.order.append(index)
        self.truth[index] = Truth("R")

    def cancel(self, part: CancelPart) -> None:
        """A part is asked to end."""
        name = part.run.meta.name
        if name in self.there:
            run = self.there[name]
            self.there[name] = replace(run, spec=run.spec.model_copy(update={"cancel": True}))
            if not self.seen[name].ended:
                self.seen[name] = replace(self.seen[name], spec=self.there[name].spec)

    def end(self, name: str, letter: str, counted: int = 0) -> None:
        """A part ends; the operator does not see it yet."""
        run, phase = self.there[name], PHASES[letter]
        kind = "Complete" if letter in WELL else "Failed"
        condition = Condition(type=kind, status="True", reason="Why", message="", last_transition_time=at(self.now))
        fields = {"completion_time": at(self.now), "conditions": (condition,), "processed_count": counted}
        result = {"of": name} if letter in WELL else None
        status = recorded(phase, attempt(1, 1, self.now), result=result, **fields)
        self.there[name] = replace(run, status=status)
        if (index := index_of(run)) is not None:
            self.truth[index] = Truth(letter, counted, result)

    def see(self, name: str) -> None:
        """The operator sees how a part is."""
        self.seen[name] = self.there[name]

    def remove(self, name: str) -> None:
        """Somebody removes the run of an item. Without a recorded end nobody knows what it did, if it is missed."""
        run = self.there.pop(name)
        self.seen.pop(name)
        index = index_of(run)
        assert index is not None, "of items alone"
        letter = self.recorded_letters[index]
        if letter in "-R":
            self.truth[index] = Truth("F" if letter == "R" else "-")

    def kill(self) -> None:
        """The operator is killed; the next one knows what the API server has."""
        self.unmade.clear()
        self.seen = dict(self.there)

        # What the status named, and was not made: nobody knows that it never was there.
        for letter, truth in zip(self.recorded_letters, self.truth, strict=True):
            if (letter, truth.letter) == ("R", "-"):
                truth.letter = "F"

    def ask_to_cancel(self) -> None:
        """Somebody cancels the whole."""
        self.run = replace(self.run, spec=self.run.spec.model_copy(update={"cancel": True}))

    def number(self, letters: str) -> int:
        """How many items have become one of these."""
        return sum(truth.letter in letters for truth in self.truth)

    def seen_letter(self, index: int) -> str:
        """What the operator can know of an item: what is recorded of its end, else how its run is that it sees."""
        letter = self.recorded_letters[index]
        if letter not in "-R":
            return letter
        run = self.seen.get(own(str(index)))
        if run is None:
            return "-" if letter == "-" or own(str(index)) in self.unmade else "F"
        return next((one for one, phase in PHASES.items() if run.status.phase is phase), "R")


def index_of(run: ScheduledRun) -> int | None:
    """The index of the item that a run looks after, None of what collects."""
    parent = run.spec.parent
    return parent.item.index if parent is not None and parent.item is not None else None
