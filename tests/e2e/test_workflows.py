"""Workflows, fan-outs and batches when the operator is killed in the middle of them, on the real cluster."""

import pytest
from bench import Bench
from killed import batches, fan_out, judge_batches, judge_fan_out, kill_at
from sagas import judge_saga, kill_at_part, saga

pytestmark = [pytest.mark.usefixtures("healthy"), pytest.mark.kills]


@pytest.mark.parametrize("at", ["three", "four/undo"])
def test_a_saga_goes_on_where_it_was_when_the_operator_is_killed(bench: Bench, at: str) -> None:
    bench.apply(saga("saga"))
    kill_at_part(bench, "saga", at)
    judge_saga(bench, "saga")


def test_a_fan_out_goes_on_where_it_was_when_the_operator_is_killed(bench: Bench) -> None:
    bench.apply(fan_out("many"))
    for done in (15, 60):
        kill_at(bench, "many", done)
    judge_fan_out(bench, "many")


def test_batches_go_on_where_they_were_when_the_operator_is_killed(bench: Bench) -> None:
    bench.apply(batches("pages"))
    for done in (2, 7):
        kill_at(bench, "pages", done)
    judge_batches(bench, "pages")
