"""Workflows, fan-outs and batches while the operator is killed in the middle of them, ten times each."""

import pytest
from bench import Bench
from killed import BATCHES, ITEMS, batches, fan_out, judge_batches, judge_fan_out, kill_at
from sagas import PARTS, judge_saga, kill_at_part, saga

pytestmark = [pytest.mark.usefixtures("healthy"), pytest.mark.alone]
TIMES = 10


def test_a_fan_out(bench: Bench) -> None:
    bench.apply(fan_out("many"))
    for time in range(TIMES):
        kill_at(bench, "many", (time + 1) * ITEMS // (TIMES + 1))
    judge_fan_out(bench, "many")


def test_batches(bench: Bench) -> None:
    bench.apply(batches("pages"))
    for time in range(TIMES):
        kill_at(bench, "pages", min(time + 1, BATCHES - 1))
    judge_batches(bench, "pages")


@pytest.mark.parametrize("at", PARTS[1:])
def test_a_saga(bench: Bench, at: str) -> None:
    bench.apply(saga("saga"))
    kill_at_part(bench, "saga", at)
    judge_saga(bench, "saga")
