"""Until when a run, and an attempt that does not start, may take: what is known of it, and the instant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from run_life import Life, at, known_of, make_task, own_run, pod, recorded, refusal, scheduled_run

from crontask.api.phases import RunPhase
from crontask.decide.limits import gives_up_at, total_deadline
from crontask.decide.pod_state import NOT_MADE, VANISHED, Creating, CreationUnknown, Refused
from crontask.decide.refusal import Refusal
from crontask.decide.views import RunView


@dataclass(frozen=True)
class Row:
    """A name, what is known of a run, and the instant; None without one."""

    name: str
    known: RunView
    wanted: datetime | None


TOTAL: dict[str, Any] = {"totalTimeout": "30s"}
STARTED = recorded(RunPhase.RUNNING, start_time=at(7))
POD = pod(1, 9)

TOTALS = (
    Row("no limit", known_of(scheduled_run(status=STARTED), pod=POD), None),
    Row("a limit, and nothing has started", known_of(scheduled_run(**TOTAL)), None),
    Row("a limit, and a pod that is not recorded", known_of(scheduled_run(**TOTAL), pod=POD), at(9 + 30)),
    Row("a limit, and a start that is recorded", known_of(scheduled_run(status=STARTED, **TOTAL)), at(7 + 30)),
    Row("what is recorded goes before the pod", known_of(scheduled_run(status=STARTED, **TOTAL), pod=POD), at(7 + 30)),
    Row("the task's limit", known_of(scheduled_run(status=STARTED), make_task(totalTimeout="20s")), at(7 + 20)),
    Row(
        "its own limit goes before the task's, also where it is longer",
        known_of(scheduled_run(status=STARTED, **TOTAL), make_task(totalTimeout="20s")),
        at(7 + 30),
    ),
    Row("a pod that is gone", known_of(scheduled_run(**TOTAL), pod_state=VANISHED), None),
)


@pytest.mark.parametrize("row", TOTALS, ids=lambda row: str(row.name))
def test_until_when_the_whole_run_may_take(row: Row) -> None:
    assert total_deadline(row.known) == row.wanted


MINUTE = scheduled_run(startTimeout="1m")
REFUSED = refusal(retry_at=8, since=4)
GIVES_UP = (
    Row("nobody has made it", known_of(MINUTE, pod_state=NOT_MADE), None),
    Row("it is there", known_of(MINUTE, pod=POD), None),
    Row("it is gone", known_of(MINUTE, pod_state=VANISHED), None),
    Row(
        "refused: counted from the first refusal, not the next try",
        known_of(MINUTE, pod_state=Refused(REFUSED)),
        at(64),
    ),
    Row("refused, and tried again at this moment", known_of(MINUTE, pod_state=Creating(REFUSED)), at(64)),
    Row("tried for the first time", known_of(MINUTE, pod_state=Creating()), None),
    Row("refused, and now nobody knows", known_of(MINUTE, pod_state=CreationUnknown(REFUSED)), at(64)),
    Row("nobody knows", known_of(MINUTE, pod_state=CreationUnknown()), None),
    Row("the default", known_of(own_run(), pod_state=Refused(REFUSED), alone=True), at(4 + 15 * 60)),
    Row(
        "the task's",
        known_of(scheduled_run(), make_task(startTimeout="2m"), pod_state=Refused(REFUSED)),
        at(4 + 2 * 60),
    ),
)


@pytest.mark.parametrize("row", GIVES_UP, ids=lambda row: str(row.name))
def test_until_when_a_refused_pod_is_tried_again(row: Row) -> None:
    assert gives_up_at(row.known) == row.wanted


def test_a_pod_that_is_refused_for_longer_than_it_may_take_to_start_fails() -> None:
    life = Life(scheduled_run(startTimeout="1m"))
    refused = Refusal("PodRejected", "exceeded quota", False, at(8), at(4), 3)
    assert life.decide(5, pod_state=Refused(refused)).wake_at == at(64)
    assert (life.phase, life.status.message) == (RunPhase.PENDING, "the pod is refused: exceeded quota")
    life.decide(64, pod_state=Refused(refused))
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.FAILED, "PodRejected")
