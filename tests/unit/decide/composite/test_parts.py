"""Which runs may start as parts of a composite run: those that it wants, while it does."""

from dataclasses import replace
from typing import Any

import pytest
from composite_views import C, fan_out, flow, part, step
from run_life import at, known_of, recorded

from crontask.api.composite_status import Halt, StepPhase, StepStatus
from crontask.api.phases import RunPhase
from crontask.decide.model import ScheduledRun
from crontask.decide.readiness import Ends, hindrance

HALT = Halt(phase="Failed", reason="StepFailed", message="no")
SAID = (StepStatus(name="a", phase=StepPhase.RUNNING), StepStatus(name="z", phase=StepPhase.PENDING))
UNDO: dict[str, Any] = {"compensate": C}
FLOW = flow(step("a", **UNDO), step("z", always=True), said=SAID).run
HALTED = flow(step("a", **UNDO), step("z", always=True), said=SAID, halt=HALT, undo=("a",)).run
# A step that asks for approval; one that was skipped, one that was refused, and one that another run has done.
ASKS = flow({"name": "a", "approval": {}}, step("z"), said=SAID).run
SKIPPED = flow(step("z"), step("a"), said=(StepStatus(name="a", phase=StepPhase.SKIPPED),)).run
REFUSED = flow(step("z"), step("a"), said=(StepStatus(name="a", phase=StepPhase.FAILED, reason="RunRejected"),)).run
REUSED = flow(step("z"), step("a"), said=(StepStatus(name="a", phase=StepPhase.REUSED, run="before-a"),)).run
FAN = fan_out(3).run
COLLECTED = {"collect": StepStatus(name="collect", phase=StepPhase.PENDING)}
COLLECTS = fan_out(3, "S3", each={"collect": C}, said=COLLECTED, halt=HALT).run


def ended(run: ScheduledRun) -> ScheduledRun:
    return replace(run, status=run.status.model_copy(update={"phase": RunPhase.FAILED}))


# (the part, of what, the reason for which it ends; None: it may start)
PARTS: list[tuple[str, ScheduledRun, str | None]] = [
    ("a", FLOW, None),
    ("b", FLOW, "NotAPart"),
    ("a", HALTED, "Stale"),
    ("a/undo", HALTED, None),
    ("a/undo", FLOW, "NotAPart"),
    ("z/undo", HALTED, "NotAPart"),
    ("a", ASKS, "NotAPart"),
    ("a/undo", ASKS, "NotAPart"),
    ("a", SKIPPED, "NotAPart"),
    ("a", REFUSED, "NotAPart"),
    ("a", REUSED, "NotAPart"),
    ("0", FLOW, "NotAPart"),
    ("collect", FLOW, "NotAPart"),
    ("a", ended(FLOW), "Stale"),
    ("0", FAN, None),
    ("2", FAN, None),
    ("3", FAN, "NotAPart"),
    ("999", FAN, "NotAPart"),
    ("a", FAN, "NotAPart"),
    ("a/undo", FAN, "NotAPart"),
    # What collects is recorded before it is made.
    ("collect", FAN, "NotAPart"),
    ("collect", COLLECTS, None),
    ("0", COLLECTS, "Stale"),
    ("collect", ended(COLLECTS), "Stale"),
]


@pytest.mark.parametrize(("name", "parent", "reason"), PARTS)
def test_a_part_starts_if_it_is_wanted(name: str, parent: ScheduledRun, reason: str | None) -> None:
    _, run = part(name)
    found = hindrance(known_of(replace(run, status=recorded(None)), alone=True, parent=parent), at(9))
    assert (found.reason if isinstance(found, Ends) else found) == reason


@pytest.mark.parametrize("name", ["a", "0"])
def test_nor_does_one_whose_parent_is_gone_or_another(name: str) -> None:
    _, run = part(name)
    made = replace(run, status=recorded(None))
    parent = FLOW if name == "a" else FAN
    another = replace(parent, meta=parent.meta.model_copy(update={"uid": "another"}))
    for gone in (None, another):
        found = hindrance(known_of(made, alone=True, parent=gone), at(9))
        assert isinstance(found, Ends)
        assert found.reason == "Stale"


@pytest.mark.parametrize("name", ["a", "0"])
def test_nor_one_that_the_operator_has_not_made(name: str) -> None:
    _, run = part(name)
    made = replace(run, status=recorded(None))
    parent = FLOW if name == "a" else FAN
    for change in ({"name": "forged"}, {"owner_references": ()}):
        forged = replace(made, meta=made.meta.model_copy(update=change))
        found = hindrance(known_of(forged, alone=True, parent=parent), at(9))
        assert isinstance(found, Ends)
        assert found.reason == "NotAPart"
