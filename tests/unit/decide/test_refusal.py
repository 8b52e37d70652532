"""What the API server refuses of a part: tried again, and given up, as a table."""

from datetime import timedelta

import pytest
from run_life import at

from crontask.decide.refusal import Patience, Refusal, beside, of_part, pause_after

SOME = Patience(timedelta(seconds=100), "startTimeout")
ALONE, QUOTA = "spec.args: Invalid value", "exceeded quota"


def before(tries: int, *, alone: bool, since: float = 0, retry_at: float = 8) -> Refusal:
    return Refusal("RunRejected", "as before", False, at(retry_at), at(since), tries, alone)


# What was known before, whether the answer is about it alone, now; whether it is given up, the tries, and the pause.
ROWS = (
    ("the first answer about it alone", None, True, 9, False, 1, 2),
    ("the second", before(1, alone=True), True, 9, False, 2, 4),
    ("the third is enough", before(2, alone=True), True, 9, True, 3, 8),
    ("those before were about something else", before(7, alone=False), True, 9, False, 1, 2),
    ("the first that may pass", None, False, 9, False, 1, 2),
    ("the seventh", before(6, alone=False), False, 9, False, 7, 30),
    ("as long as its startTimeout", before(6, alone=False, retry_at=99), False, 100, True, 7, 30),
    ("just before", before(6, alone=False, retry_at=99), False, 99, False, 7, 30),
    ("not asked for meanwhile: that time does not count", before(6, alone=False), False, 1000, False, 1, 2),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_what_is_refused(row: tuple[str, Refusal | None, bool, float, bool, int, int]) -> None:
    _, known, alone, now, final, tries, pause = row
    found = of_part(known, ALONE if alone else QUOTA, at(now), SOME, alone=alone)
    assert (found.final, found.tries, found.alone) == (final, tries, alone)
    assert found.retry_at == at(now) + timedelta(seconds=pause)
    assert found.reason == "RunRejected"


def test_what_took_too_long_says_which_setting_that_is() -> None:
    found = of_part(before(6, alone=False, retry_at=99), QUOTA, at(100), SOME, alone=False)
    assert found.message == "the run was refused for 1m40s, its startTimeout: exceeded quota"


def test_what_is_not_asked_for_beside_another_is_asked_for_when_that_is() -> None:
    other = of_part(None, QUOTA, at(9), SOME, alone=False)
    held = beside(None, other, at(9), SOME)
    assert (held.final, held.message, held.since, held.retry_at) == (False, QUOTA, at(9), other.retry_at)
    assert beside(before(3, alone=False, retry_at=99), other, at(100), SOME).final


def test_who_is_given_up_beside_another_says_it_of_itself_once() -> None:
    waits = before(6, alone=False, retry_at=99)
    other = of_part(waits, QUOTA, at(100), Patience(timedelta(seconds=60), "totalTimeout"), alone=False)
    assert other.message == "the run was refused for 1m, its totalTimeout: exceeded quota"
    held = beside(waits, other, at(100), SOME)
    assert held.message == "the run was refused for 1m40s, its startTimeout: exceeded quota"
    assert beside(waits, held, at(100), SOME) == held


def test_a_long_message_fits() -> None:
    found = of_part(before(6, alone=False, retry_at=99), "x" * 5000, at(100), SOME, alone=False)
    assert len(found.message) <= 1024


def test_pauses_grow_up_to_a_bound() -> None:
    pauses = [pause_after(tries).total_seconds() for tries in range(1, 8)]
    assert pauses == [2, 4, 8, 16, 30, 30, 30]
    assert pause_after(10_000, timedelta(hours=1)) == timedelta(seconds=1024)
