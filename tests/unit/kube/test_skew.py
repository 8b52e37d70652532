"""Clocks that disagree."""

from datetime import UTC, datetime, timedelta

from crontask.kube.skew import SkewMeter

THEIRS = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


class _Clock:
    def __init__(self) -> None:
        self.offset = timedelta(0)
        self.passed = 0.0

    def now(self) -> datetime:
        return THEIRS + self.offset

    def monotonic(self) -> float:
        self.passed += 2
        return self.passed

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a meter does not wait")


def test_clocks_that_disagree_are_told_once_and_once_again_when_they_agree() -> None:
    told: list[bool] = []
    clock = _Clock()
    meter = SkewMeter(clock, told.append)
    for offset in (0, 29, 31, -31, 40, 30, -30):
        clock.offset = timedelta(seconds=offset)
        meter.observe(DATE)
    assert told == [True, False]


def test_an_answer_without_a_date_says_nothing() -> None:
    told: list[bool] = []
    clock = _Clock()
    clock.offset = timedelta(days=1)
    meter = SkewMeter(clock, told.append)
    meter.observe(None)
    meter.observe("yesterday")
    assert told == []
    assert not meter.skewed
