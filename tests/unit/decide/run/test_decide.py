"""An end that causes a run which the API server refuses: the refusal and the time, and what is recorded."""

from dataclasses import replace
from typing import Any

import pytest
from run_life import at, exited, known_of, pod, runs, scheduled_run

from crontask.api.phases import RunPhase
from crontask.api.pod import Container, ContainerStatus
from crontask.decide.attempt.report import LONGEST_MESSAGE
from crontask.decide.decisions import StopLeftovers
from crontask.decide.run.decide import RULES_OF, decide_run
from crontask.decide.run.rules import RULES
from crontask.decide.stage import Stage
from crontask.decide.views import RunRefusal, RunView

MOMENT = 0.000001
ASKING: dict[str, Any] = {"onComplete": {"taskRef": {"name": "report"}}}
REFUSAL = RunRefusal("report-1", "exceeded quota", at(20), 1)
BESIDE = pod(
    1,
    0,
    container_statuses=(ContainerStatus("main", exited(5, 0)), ContainerStatus("side", runs(1))),
    spec={"containers": (Container("main"), Container("side"))},
)


def ended(refusal: RunRefusal | None = REFUSAL, code: int = 0, **spec: Any) -> RunView:
    return known_of(scheduled_run(**{**ASKING, **spec}), pod=pod(1, 0, exited(5, code)), follow_up_refusal=refusal)


@pytest.mark.parametrize(("now", "waits"), [(9, True), (20 - MOMENT, True), (20, False), (20 + MOMENT, False)], ids=str)
def test_an_end_is_recorded_once_what_it_causes_exists(now: float, waits: bool) -> None:
    decided = decide_run(ended(), at(now))
    if not waits:
        assert decided == decide_run(ended(None), at(now))
        assert (decided.status.phase, len(decided.follow_ups)) == (RunPhase.SUCCEEDED, 1)
        return
    assert decided.status == scheduled_run(**ASKING).status.model_copy(
        update={"message": "Succeeded; recorded once run report-1 exists, which the API server refuses: exceeded quota"}
    )
    assert (decided.follow_ups, decided.transitions, decided.wake_at) == ((), (), at(20))


def test_the_message_says_how_it_will_have_ended_and_has_a_bound() -> None:
    assert (decide_run(ended(code=1), at(9)).status.message or "").startswith("Failed; recorded once")
    long = decide_run(ended(replace(REFUSAL, message="x" * 2000)), at(9)).status.message or ""
    assert (len(long), long[-1]) == (LONGEST_MESSAGE, "…")


@pytest.mark.parametrize("spec", [{"onComplete": None}, {"retry": {"limit": 1}}], ids=["nothing follows", "no end yet"])
def test_an_end_that_causes_nothing_is_not_held_up(spec: dict[str, Any]) -> None:
    code = 1 if "retry" in spec else 0
    assert decide_run(ended(REFUSAL, code, **spec), at(9)) == decide_run(ended(None, code, **spec), at(9))


def test_leftovers_are_stopped_meanwhile() -> None:
    known = known_of(scheduled_run(**ASKING), pod=BESIDE, follow_up_refusal=REFUSAL)
    assert decide_run(known, at(9)).before == (StopLeftovers(BESIDE),)


def test_rules_are_asked_in_the_order_in_which_they_are_written() -> None:
    assert set(RULES_OF) == set(Stage)
    for stage, asked in RULES_OF.items():
        assert list(asked) == [rule.decide for rule in RULES if stage in rule.stages]
